//! A store of its own for a test, and people in it who did not have to register.

use std::sync::Arc;

use tempfile::TempDir;
use vibetalk::clock::Clock;
use vibetalk::model::account::{Account, Session, User};
use vibetalk::model::id::{SessionId, UserId};
use vibetalk::store::sqlite::{SqliteConfig, SqliteStore, Synchronous};

use super::chat::NOW_MS;

/// Longer than any test lasts on its clock.
const SESSION_MS: u64 = 10_000_000;

/// An empty store, which is as long there as its folder.
pub fn open_store(clock: Clock, readers: Option<usize>) -> (Arc<SqliteStore>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = SqliteConfig::new(folder.path().join("test.db"));
    settings.synchronous = Synchronous::Off;
    settings.readers = readers.unwrap_or(settings.readers);
    (Arc::new(SqliteStore::open(&settings, clock).unwrap()), folder)
}

/// Without a password.
pub fn account(user_id: UserId, username: &str) -> Account {
    let user = User {
        id: user_id,
        username: username.to_owned(),
        display_name: username.to_owned(),
        avatar: None,
    };
    Account { user, password_hash: String::new(), operator: false, created_at_ms: NOW_MS }
}

/// Somebody's sign-in.
pub fn session(id: SessionId, user_id: UserId) -> Session {
    Session {
        id,
        user_id,
        refresh_hash: [0; 32],
        created_at_ms: NOW_MS,
        last_used_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + SESSION_MS,
        user_agent: String::new(),
    }
}
