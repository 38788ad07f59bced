//! The shared secret: a setting, as text.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::secret::Secret;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::statement::statements;
use crate::store::{KeyStore, StoreError};

statements! {
    offer: decide "INSERT INTO ks.settings (name, value) VALUES ('shared_secret', ?) IF NOT EXISTS";
    find: read "SELECT value FROM ks.settings WHERE name = 'shared_secret'";
}

#[async_trait]
impl KeyStore for ScyllaStore {
    async fn shared_secret(&self, offered: &Secret) -> Result<Secret, StoreError> {
        let cql = &self.cql().keys;
        self.call("shared_secret", async {
            // There is one already but for the first time.
            if let Some(found) = self.db().value::<String>(&cql.find, ()).await? {
                return decode(&found);
            }
            let decision =
                self.db().decide(&cql.offer, (URL_SAFE_NO_PAD.encode(offered.expose()),)).await?;
            match decision.found::<String>("value")?.filter(|_| !decision.applied()) {
                Some(found) => decode(&found),
                None => Ok(*offered),
            }
        })
        .await
    }
}

fn decode(text: &str) -> Result<Secret, StoreError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    // The cause would quote it.
    bytes.map(Secret::new).ok_or_else(|| StoreError::Failed("the shared secret is damaged".into()))
}
