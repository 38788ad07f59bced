//! Presence: what others see of whether somebody is there.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::id::UserId;

/// Characters of a status text at most.
pub const STATUS_TEXT_CHARS_MAX: usize = 128;

/// What a person chooses for a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChosenStatus {
    #[default]
    Online,
    Idle,
    Dnd,
    /// Looks like offline, to the person's own sessions too.
    Invisible,
}

/// What others see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Online,
    Idle,
    Dnd,
    Offline,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    pub user_id: UserId,
    pub status: Status,
    /// Empty when offline.
    pub text: String,
}

impl Presence {
    pub fn offline(user_id: UserId) -> Self {
        Self { user_id, status: Status::Offline, text: String::new() }
    }
}
