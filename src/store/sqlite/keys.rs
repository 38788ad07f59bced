//! The shared secret: a row of `settings`, as text.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;

use crate::model::secret::Secret;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::statement::{execute, find};
use crate::store::{KeyStore, StoreError};

fn shared_secret(conn: &Connection, offered: &Secret) -> Result<Secret, StoreError> {
    execute(
        conn,
        "INSERT INTO settings (name, value) VALUES ('shared_secret', ?1) ON CONFLICT DO NOTHING",
        [URL_SAFE_NO_PAD.encode(offered.expose())],
    )?;
    let sql = "SELECT value FROM settings WHERE name = 'shared_secret'";
    let stored: Option<String> = find(conn, sql, [], |row| row.get(0))?;
    let bytes = stored.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let secret = bytes.and_then(|bytes| bytes.try_into().ok()).map(Secret::new);
    // The cause would quote it.
    secret.ok_or_else(|| StoreError::Failed("the shared secret is damaged".into()))
}

#[async_trait]
impl KeyStore for SqliteStore {
    async fn shared_secret(&self, offered: &Secret) -> Result<Secret, StoreError> {
        let offered = *offered;
        self.write("shared_secret", 64, move |conn| shared_secret(conn, &offered)).await
    }
}
