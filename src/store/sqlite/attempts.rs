//! Passwords that were shown: each counts as wrong until it is known to be right.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use crate::clock::UnixMs;
use crate::model::account::{Asker, PasswordAttempt};
use crate::model::id::AttemptId;
use crate::model::name::folded_username;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::statement::{Ms, execute, exists, find};
use crate::store::{AttemptLimits, AttemptStore, Reservation, StoreError};

/// When there is room for one more attempt of some kind: the `max`th of those that count, from the one
/// that counts longest, has to cease first. None while there is room.
macro_rules! full_until {
    ($kind:literal) => {
        concat!(
            "SELECT expires_at_ms FROM password_attempts
             WHERE username_folded = ?1 AND expires_at_ms > ?2 AND ",
            $kind,
            " ORDER BY expires_at_ms DESC LIMIT 1 OFFSET ?3 - 1"
        )
    };
}

/// In the writer's turn, so that nothing comes between counting and inserting.
pub fn reserve(
    conn: &Connection,
    attempt: &PasswordAttempt,
    limits: AttemptLimits,
    now_ms: UnixMs,
) -> rusqlite::Result<Reservation> {
    let repeated = "SELECT 1 FROM password_attempts WHERE attempt_id = ?1";
    if exists(conn, repeated, [attempt.id])? {
        return Ok(Reservation::Reserved);
    }
    let name = folded_username(&attempt.username);
    let network = attempt.network.to_string();
    let signed_in = attempt.asker == Asker::SignedIn;
    let (now, own_max, name_max) = (Ms(now_ms), limits.own_max, limits.name_max);
    let expiry = |row: &rusqlite::Row<'_>| row.get(0).map(|Ms(expires_at_ms)| expires_at_ms);
    let full_until = if signed_in {
        let sql = full_until!("signed_in = 1");
        find(conn, sql, params![name, now, own_max], expiry)?
    } else {
        let own = full_until!("network = ?4");
        let own = find(conn, own, params![name, now, own_max, network], expiry)?;
        own.max(find(conn, full_until!("true"), params![name, now, name_max], expiry)?)
    };
    if let Some(until_ms) = full_until {
        return Ok(Reservation::TooMany { until_ms });
    }
    execute(
        conn,
        "INSERT INTO password_attempts (attempt_id, username_folded, network, signed_in, expires_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![attempt.id, name, network, signed_in, Ms(attempt.expires_at_ms)],
    )?;
    Ok(Reservation::Reserved)
}

#[async_trait]
impl AttemptStore for SqliteStore {
    async fn reserve_attempt(
        &self,
        attempt: &PasswordAttempt,
        limits: AttemptLimits,
        now_ms: UnixMs,
    ) -> Result<Reservation, StoreError> {
        let attempt = attempt.clone();
        self.write("reserve_attempt", 128, move |conn| Ok(reserve(conn, &attempt, limits, now_ms)?))
            .await
    }

    async fn release_attempt(&self, attempt_id: AttemptId) -> Result<(), StoreError> {
        self.write("release_attempt", 16, move |conn| {
            execute(conn, "DELETE FROM password_attempts WHERE attempt_id = ?1", [attempt_id])?;
            Ok(())
        })
        .await
    }
}
