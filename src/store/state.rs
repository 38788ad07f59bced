//! The store as a whole.

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::store::StoreError;

#[async_trait]
pub trait StateStore: Send + Sync {
    /// Stores something small in place of what the last probe stored: fails while nothing can be stored,
    /// such as on a full disk.
    async fn probe(&self, now_ms: UnixMs) -> Result<(), StoreError>;

    /// The highest id that is kept of anything, of whatever kind; 0 in an empty store. New ids have to lie
    /// above it, or they would sort before what is there. May take minutes.
    async fn newest_id(&self) -> Result<u64, StoreError>;
}
