//! What clients keep for a person.

use async_trait::async_trait;

use crate::model::id::UserId;
use crate::model::settings::Settings;
use crate::store::StoreError;

#[async_trait]
pub trait SettingsStore: Send + Sync {
    /// Empty if nothing was kept yet.
    async fn get_settings(&self, user_id: UserId) -> Result<Settings, StoreError>;

    /// Merges `patch` as [`Settings::merged`] does: racing patches of different keys all hold, of one key
    /// one of them. Returns all settings after the change; `None`, and nothing changes, if they would have more
    /// than [`SETTINGS_BYTES_MAX`](crate::model::settings::SETTINGS_BYTES_MAX).
    async fn update_settings(
        &self,
        user_id: UserId,
        patch: &Settings,
    ) -> Result<Option<Settings>, StoreError>;
}
