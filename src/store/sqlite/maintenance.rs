//! What the writer does between commits: checkpoints, and deleting what nobody can see any more.
//!
//! All of it in steps of milliseconds, so that no caller waits for it noticeably, and all of it goes
//! on after a restart. Nothing depends on its being done: expired rows are invisible before.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::clock::Clock;
use crate::model::id::{ChangeId, ChannelId, GroupId};
use crate::model::time_budget::EMBEDDED_LOCK_MAX;
use crate::store::sqlite::mentions;
use crate::store::sqlite::statement::{Ms, UserList, execute, exists, find, list};
use crate::store::{CHANGES_KEPT_MS, SLOW_MODE_KEPT_MS};
use crate::telemetry::log_seldom;

/// Pages that the write-ahead log grows by before it is copied into the database: 16 MiB.
const LOG_PAGES_MAX: i64 = 2048;
/// Pages beyond which the log is begun anew even if readers have to be waited for: 32 MiB. Without
/// that, readers that overlap each other all the time would let it grow for ever.
const LOG_PAGES_RESTART: i64 = 2 * LOG_PAGES_MAX;
/// How long the writer waits for such readers.
const READERS_TIMEOUT: Duration = Duration::from_millis(100);
/// How long the writer must have had nothing to do to count as idle. Then it also looks at its files,
/// so that their loss is noticed within a second.
const IDLE: Duration = Duration::from_millis(500);
/// Expired rows are looked for this often.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(60);
/// While there is more to delete, a step each this often, under load: a commit every 100 ms.
const STEP_INTERVAL: Duration = Duration::from_millis(100);
/// The same for a writer that has nothing else to do.
const IDLE_STEP_INTERVAL: Duration = Duration::from_millis(5);
/// Rows of a deleted channel that one step deletes at most. They lie side by side.
const STEP_ROWS_MAX: usize = 1000;
/// Expired rows, and rows of deleted groups, of each table that one step deletes at most. Each may be
/// in a page of its own, or its index entries.
const EXPIRED_ROWS_MAX: usize = 500;

/// Deletes `?2` rows of a table at most, found by a condition on `?1`. SQLite as it is compiled by default has
/// no `DELETE … LIMIT`.
macro_rules! some_rows {
    ($table:literal, $key:literal, $condition:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE (",
            $key,
            ") IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $condition,
            " LIMIT ?2)"
        )
    };
}

/// Expired rows of one table: `?1` the time.
const EXPIRED: &[&str] = &[
    some_rows!("sessions", "session_id", "expires_at_ms <= ?1"),
    some_rows!("password_attempts", "attempt_id", "expires_at_ms <= ?1"),
    some_rows!("invites", "code", "expires_at_ms <= ?1"),
    some_rows!("nonces", "author_id, channel_id, nonce", "expires_at_ms <= ?1"),
];

const EXPIRED_SLOW_MODE: &str = some_rows!("slow_mode", "channel_id, user_id", "sent_at_ms <= ?1");

const EXPIRED_CHANGES: &str =
    some_rows!("channel_changes", "channel_id, change_id", "change_id < ?1");

/// Rows of a channel that is gone: `?1` the channel. Mentions and messages have gone before; nonces and
/// slow mode expire by themselves.
const OF_CHANNEL: &[&str] = &[
    some_rows!("everyone_mentions", "channel_id, message_id", "channel_id = ?1"),
    some_rows!("reactions", "channel_id, message_id, emoji, user_id", "channel_id = ?1"),
    some_rows!("reaction_counts", "channel_id, message_id, emoji", "channel_id = ?1"),
    some_rows!("channel_changes", "channel_id, change_id", "channel_id = ?1"),
    some_rows!("read_states", "user_id, channel_id", "channel_id = ?1"),
];

/// Rows of a group that is gone: `?1` the group.
const OF_GROUP: &[&str] = &[
    some_rows!("member_words", "group_id, user_id, word", "group_id = ?1"),
    some_rows!("members", "group_id, user_id", "group_id = ?1"),
    some_rows!("bans", "group_id, user_id", "group_id = ?1"),
    some_rows!("invites", "code", "group_id = ?1"),
    some_rows!("roles", "group_id, name", "group_id = ?1"),
];

/// Who used an invite that is gone: `?1` its code.
const OF_INVITE: &str = some_rows!("invite_uses", "code, user_id", "code = ?1");

pub struct Maintenance {
    clock: Clock,
    expiry_due: Instant,
    garbage_due: Instant,
    /// Something is left that the last step did not delete.
    has_garbage: bool,
    has_expired: bool,
    /// Pages of the log when it was last copied.
    copied_pages: i64,
}

impl Maintenance {
    pub fn new(clock: Clock) -> Self {
        let now = Instant::now();
        Self {
            clock,
            expiry_due: now,
            garbage_due: now,
            has_garbage: true,
            has_expired: true,
            copied_pages: 0,
        }
    }

    /// How long the writer waits for calls before it asks for [`when_idle`](Self::when_idle).
    pub fn patience(&self) -> Duration {
        if self.has_garbage || self.has_expired { IDLE_STEP_INTERVAL } else { IDLE }
    }

    /// After every batch.
    pub fn after_commit(&mut self, conn: &Connection) {
        let now = Instant::now();
        if now >= self.garbage_due {
            self.delete_garbage(conn);
        }
        if now >= self.expiry_due {
            self.delete_expired(conn);
        }
        logged("checkpoint", self.copy_long_log(conn));
    }

    pub fn when_idle(&mut self, conn: &Connection) {
        self.delete_garbage(conn);
        if self.has_expired || Instant::now() >= self.expiry_due {
            self.delete_expired(conn);
        }
        logged(
            "checkpoint",
            match self.patience() {
                IDLE => checkpoint(conn, "PASSIVE"),
                _ => self.copy_long_log(conn),
            },
        );
    }

    /// Leaves one file, without a log beside it.
    pub fn at_close(&mut self, conn: &Connection) {
        logged("checkpoint", checkpoint(conn, "TRUNCATE"));
    }

    fn delete_garbage(&mut self, conn: &Connection) {
        self.garbage_due = Instant::now() + STEP_INTERVAL;
        let step = in_transaction(conn, garbage_step);
        self.has_garbage = logged("deletion of garbage", step).unwrap_or(false);
    }

    fn delete_expired(&mut self, conn: &Connection) {
        let now_ms = self.clock.now_ms();
        let step = in_transaction(conn, |conn| expiry_step(conn, now_ms));
        self.has_expired = logged("deletion of expired rows", step).unwrap_or(false);
        let interval = if self.has_expired { STEP_INTERVAL } else { EXPIRY_INTERVAL };
        self.expiry_due = Instant::now() + interval;
    }

    /// Copying lets the next write begin the log anew, unless a reader still needs what is in it.
    fn copy_long_log(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let pages = log_pages(conn)?;
        if pages < self.copied_pages {
            self.copied_pages = 0; // It was begun anew.
        }
        if pages - self.copied_pages <= LOG_PAGES_MAX {
            return Ok(());
        }
        self.copied_pages = pages;
        if pages <= LOG_PAGES_RESTART {
            return checkpoint(conn, "PASSIVE");
        }
        conn.busy_timeout(READERS_TIMEOUT)?;
        let restarted = checkpoint(conn, "RESTART");
        conn.busy_timeout(EMBEDDED_LOCK_MAX)?;
        restarted
    }
}

/// Nobody waits for maintenance: it is logged when it fails, and tried again when it is due again.
fn logged<T>(what: &str, outcome: rusqlite::Result<T>) -> Option<T> {
    outcome.inspect_err(|error| log_seldom!(warn, %error, "{what} failed")).ok()
}

fn in_transaction<T>(
    conn: &Connection,
    step: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    execute(conn, "BEGIN IMMEDIATE", [])?;
    let outcome = step(conn).and_then(|done| execute(conn, "COMMIT", []).map(|_rows| done));
    if outcome.is_err() && !conn.is_autocommit() {
        execute(conn, "ROLLBACK", [])?;
    }
    outcome
}

/// True if there is more.
fn expiry_step(conn: &Connection, now_ms: u64) -> rusqlite::Result<bool> {
    let mut more = false;
    for sql in EXPIRED {
        let deleted = execute(conn, sql, params![Ms(now_ms), EXPIRED_ROWS_MAX as i64])?;
        more |= deleted == EXPIRED_ROWS_MAX;
    }
    let sent_by = Ms(now_ms.saturating_sub(SLOW_MODE_KEPT_MS));
    more |= execute(conn, EXPIRED_SLOW_MODE, params![sent_by, EXPIRED_ROWS_MAX as i64])?
        == EXPIRED_ROWS_MAX;
    let oldest_kept = ChangeId::first_at(now_ms.saturating_sub(CHANGES_KEPT_MS));
    let deleted = execute(conn, EXPIRED_CHANGES, params![oldest_kept, EXPIRED_ROWS_MAX as i64])?;
    Ok(more || deleted == EXPIRED_ROWS_MAX)
}

/// True if there is more.
fn garbage_step(conn: &Connection) -> rusqlite::Result<bool> {
    let group = "SELECT group_id FROM garbage_groups LIMIT 1";
    if let Some(group_id) = find(conn, group, [], |row| row.get(0))? {
        delete_of_group(conn, group_id)?;
        return Ok(true);
    }
    let invite = "SELECT code FROM garbage_invites LIMIT 1";
    if let Some(code) = find(conn, invite, [], |row| row.get::<_, String>(0))? {
        let deleted = execute(conn, OF_INVITE, params![code, STEP_ROWS_MAX as i64])?;
        if deleted < STEP_ROWS_MAX {
            execute(conn, "DELETE FROM garbage_invites WHERE code = ?1", [code])?;
        }
        return Ok(true);
    }
    let channel = "SELECT channel_id FROM garbage LIMIT 1";
    let Some(channel_id) = find(conn, channel, [], |row| row.get(0))? else { return Ok(false) };
    if delete_messages(conn, channel_id)? {
        return Ok(true);
    }
    for sql in OF_CHANNEL {
        if execute(conn, sql, params![channel_id, STEP_ROWS_MAX as i64])? == STEP_ROWS_MAX {
            return Ok(true);
        }
    }
    execute(conn, "DELETE FROM garbage WHERE channel_id = ?1", [channel_id])?;
    exists(conn, "SELECT 1 FROM garbage", [])
}

/// Deletes some rows of a group, at last the note that something is left.
fn delete_of_group(conn: &Connection, group_id: GroupId) -> rusqlite::Result<()> {
    for sql in OF_GROUP {
        let deleted = execute(conn, sql, params![group_id, EXPIRED_ROWS_MAX as i64])?;
        if deleted == EXPIRED_ROWS_MAX {
            return Ok(());
        }
    }
    execute(conn, "DELETE FROM garbage_groups WHERE group_id = ?1", [group_id])?;
    Ok(())
}

/// Deletes the oldest messages of a channel with their mentions by name. True if there may be more.
fn delete_messages(conn: &Connection, channel_id: ChannelId) -> rusqlite::Result<bool> {
    let oldest = list(
        conn,
        "SELECT message_id, mentions FROM messages WHERE channel_id = ?1
         ORDER BY message_id LIMIT ?2",
        params![channel_id, STEP_ROWS_MAX as i64],
        |row| Ok((row.get(0)?, row.get::<_, UserList>(1)?)),
    )?;
    for (message_id, UserList(mentions)) in &oldest {
        mentions::forget(conn, channel_id, *message_id, mentions)?;
    }
    if let Some((last, _)) = oldest.last() {
        let sql = "DELETE FROM messages WHERE channel_id = ?1 AND message_id <= ?2";
        execute(conn, sql, params![channel_id, last])?;
    }
    Ok(oldest.len() == STEP_ROWS_MAX)
}

/// Pages of the write-ahead log in use.
fn log_pages(conn: &Connection) -> rusqlite::Result<i64> {
    conn.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row([], |row| row.get(1))
}

/// Copies the log into the database, as far as no reader still needs the older state.
/// Finding others at work is no failure.
fn checkpoint(conn: &Connection, mode: &str) -> rusqlite::Result<()> {
    conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_row| Ok(()))
}
