//! What nodes tell each other, and no client.

use crate::bus::envelope::Changed;

/// Goes to every other node, whatever it bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEvent {
    /// This has changed, and no announcement that the other nodes get says so.
    Changed(Vec<Changed>),
    /// So much has changed that anything may have.
    ForgetAll,
}
