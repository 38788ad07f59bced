//! The secret that the nodes of one store share.

use async_trait::async_trait;

use crate::model::secret::Secret;
use crate::store::StoreError;

#[async_trait]
pub trait KeyStore: Send + Sync {
    /// The secret from which the keys of all nodes of this store derive: the first one that was offered, for ever.
    ///
    /// Every call offers one. Of racing first calls one stores what it offered, and all, also from other nodes, return that.
    async fn shared_secret(&self, offered: &Secret) -> Result<Secret, StoreError>;
}
