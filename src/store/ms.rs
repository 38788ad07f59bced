//! Times as stores keep them, in columns with a sign.

use crate::clock::UnixMs;

/// A point in time, or a span; beyond `i64::MAX` it is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ms(pub UnixMs);
