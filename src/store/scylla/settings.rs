//! What clients keep for a person: one JSON text each.

use async_trait::async_trait;

use crate::model::id::UserId;
use crate::model::settings::{SETTINGS_BYTES_MAX, Settings};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::errors::failed;
use crate::store::scylla::statement::statements;
use crate::store::{SettingsStore, StoreError};

statements! {
    find: read "SELECT settings, version FROM ks.user_settings WHERE user_id = ?";
    insert: decide "INSERT INTO ks.user_settings (settings, version, user_id) VALUES (?, 1, ?) IF NOT EXISTS";
    update: decide "UPDATE ks.user_settings SET settings = ?, version = ? WHERE user_id = ? IF version = ?";
}

impl ScyllaStore {
    /// With the version, if something was kept.
    async fn find_settings(&self, user_id: UserId) -> Result<(Settings, Option<i32>), StoreError> {
        let row: Option<(String, i32)> =
            self.db().row(&self.cql().settings.find, (user_id,)).await?;
        let Some((json, version)) = row else { return Ok((Settings::default(), None)) };
        Ok((serde_json::from_str(&json).map_err(failed)?, Some(version)))
    }
}

#[async_trait]
impl SettingsStore for ScyllaStore {
    async fn get_settings(&self, user_id: UserId) -> Result<Settings, StoreError> {
        self.call("get_settings", async { Ok(self.find_settings(user_id).await?.0) }).await
    }

    async fn update_settings(
        &self,
        user_id: UserId,
        patch: &Settings,
    ) -> Result<Option<Settings>, StoreError> {
        let cql = &self.cql().settings;
        self.call("update_settings", async {
            let _turn = self.turn(("settings", user_id)).await;
            // Merging once more what was merged already changes nothing.
            loop {
                let (before, version) = self.find_settings(user_id).await?;
                let merged = before.merged(patch.clone());
                let json = merged.to_json();
                if json.len() > SETTINGS_BYTES_MAX {
                    return Ok(None);
                }
                let decision = match version {
                    None => self.db().decide(&cql.insert, (json, user_id)).await?,
                    Some(version) => {
                        let values = (json, version.wrapping_add(1), user_id, version);
                        self.db().decide(&cql.update, values).await?
                    }
                };
                if decision.applied() {
                    return Ok(Some(merged));
                }
            }
        })
        .await
    }
}
