//! Settings: what clients keep for the caller, the same on all their devices.

use serde::{Deserialize, Serialize};

use crate::bus::envelope::{Entity, Topic};
use crate::chat::debts::Owed;
use crate::chat::turns::Subject;
use crate::chat::{Caller, Chat, ChatError};
use crate::model::event::Push;
use crate::model::settings::{SETTINGS_BYTES_MAX, Settings};

#[derive(Debug, Deserialize)]
pub struct UpdateSettings {
    /// Merged by key; null removes one.
    pub settings: Settings,
}

#[derive(Clone, Debug, Serialize)]
pub struct SettingsView {
    /// An object of the client's own keys.
    pub settings: Settings,
}

impl Chat {
    pub async fn get_settings(&self, caller: Caller) -> Result<SettingsView, ChatError> {
        Ok(SettingsView { settings: self.store.get_settings(caller.user_id).await? })
    }

    /// Changes the given keys; answers all of them.
    ///
    /// # Errors
    ///
    /// `too_large` if the request, or what would come of it, has more than [`SETTINGS_BYTES_MAX`]: then
    /// nothing changes.
    pub async fn update_settings(
        &self,
        caller: Caller,
        request: UpdateSettings,
    ) -> Result<SettingsView, ChatError> {
        let patch = request.settings;
        if patch.to_json().len() > SETTINGS_BYTES_MAX {
            return Err(too_large());
        }
        if patch.0.is_empty() {
            return self.get_settings(caller).await;
        }
        self.limit_changes(caller, None)?;
        let chat = self.clone();
        self.in_turn(Subject::Settings(caller.user_id), async move {
            let (push, entity) = (Push::SettingsUpdated, Entity::Settings(caller.user_id));
            let update = chat.store.update_settings(caller.user_id, &patch);
            let (settings, debt) = chat.owing(Owed::Current(push, entity), update).await?;
            let Some(settings) = settings else {
                debt.void();
                return Err(too_large());
            };
            let view = SettingsView { settings };
            let content = chat.current(push, entity, &view);
            chat.announce(debt, chat.envelope([Topic::User(caller.user_id)], content)).await;
            Ok(view)
        })
        .await
    }
}

fn too_large() -> ChatError {
    let message = format!("have more than {SETTINGS_BYTES_MAX} bytes of JSON").into();
    ChatError::TooLarge { field: "settings", message }
}
