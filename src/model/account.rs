//! People: what everybody sees of them, their accounts, and their signed-in sessions.

use std::net::IpAddr;

use serde::Serialize;

use crate::clock::UnixMs;
use crate::model::id::{AttemptId, SessionId, UserId};

/// What everybody may see of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

/// Who shows a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// Somebody who signs in, under a name that may be anybody's.
    Stranger,
    /// Somebody who is signed in and shows their own once more.
    SignedIn,
}

/// A password that is shown, before it is known whether it is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordAttempt {
    pub id: AttemptId,
    /// As it was given, in any case; perhaps nobody's.
    pub username: String,
    pub asker: Asker,
    /// Whose address it is; see [`network`](crate::model::address::network).
    pub network: IpAddr,
    /// A failure counts until then.
    pub expires_at_ms: UnixMs,
}
