//! People: what everybody sees of them, their accounts, and their signed-in sessions.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::UnixMs;
use crate::model::id::{SessionId, UserId};

/// What everybody may see of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub display_name: String,
    /// An https URL, a path of our own attachments, or null.
    pub avatar: Option<String>,
}

/// A person's account. The hash never leaves the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    pub user: User,
    /// Argon2id, in PHC string format.
    pub password_hash: String,
    /// Runs this installation: may run the official group.
    pub operator: bool,
    pub created_at_ms: UnixMs,
}

/// `Some(None)` removes the avatar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserPatch {
    pub display_name: Option<String>,
    pub avatar: Option<Option<String>>,
}

/// SHA-256 of a refresh token's secret part.
pub type TokenHash = [u8; 32];

/// One signed-in device. Ends by logout, by its owner, by a password change, by a refresh token that
/// is used again after its successor, or when it expires.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    pub refresh_hash: TokenHash,
    pub created_at_ms: UnixMs,
    /// When it began, or its refresh token was last replaced.
    pub last_used_at_ms: UnixMs,
    pub expires_at_ms: UnixMs,
    /// At most 256 characters.
    pub user_agent: String,
}
