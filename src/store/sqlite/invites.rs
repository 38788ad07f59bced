//! Codes that let people into a group.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::clock::UnixMs;
use crate::model::group::{Invite, Member};
use crate::model::id::{GroupId, UserId};
use crate::store::sqlite::parents::is_official;
use crate::store::sqlite::statement::{Ms, execute, exists, find, list, rows};
use crate::store::sqlite::{SqliteStore, member_lists, members};
use crate::store::{InviteStore, REDEEMED_AGAIN_MS, Redemption, StoreError};

macro_rules! invite_columns {
    () => {
        "code, group_id, creator_id, uses, uses_max, expires_at_ms, created_at_ms"
    };
}

/// The invites of a deleted group are still there for a while.
macro_rules! group_exists {
    () => {
        " EXISTS (SELECT 1 FROM groups WHERE groups.group_id = invites.group_id)"
    };
}

pub fn invite(row: &Row<'_>) -> rusqlite::Result<Invite> {
    let (expires_at, Ms(created_at_ms)): (Option<Ms>, Ms) = (row.get(5)?, row.get(6)?);
    Ok(Invite {
        code: row.get(0)?,
        group_id: row.get(1)?,
        creator_id: row.get(2)?,
        uses: row.get(3)?,
        uses_max: row.get(4)?,
        expires_at_ms: expires_at.map(|Ms(at_ms)| at_ms),
        created_at_ms,
    })
}

/// Repeating it is a no-op; another invite with this code is a conflict.
pub fn insert(conn: &Connection, invite: &Invite) -> Result<(), StoreError> {
    let repeated = "SELECT 1 FROM invites
                    WHERE code = ?1 AND group_id = ?2 AND creator_id = ?3 AND created_at_ms = ?4";
    let Invite { code, group_id, creator_id, uses, uses_max, .. } = invite;
    let created = Ms(invite.created_at_ms);
    if exists(conn, repeated, params![code, group_id, creator_id, created])? {
        return Ok(());
    }
    let sql = concat!(
        "INSERT INTO invites (",
        invite_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    );
    let expires = invite.expires_at_ms.map(Ms);
    execute(conn, sql, params![code, group_id, creator_id, uses, uses_max, expires, created])?;
    Ok(())
}

pub fn find_one(conn: &Connection, code: &str) -> rusqlite::Result<Option<Invite>> {
    let sql =
        concat!("SELECT ", invite_columns!(), " FROM invites WHERE code = ?1 AND", group_exists!());
    find(conn, sql, [code], invite)
}

pub fn delete(conn: &Connection, code: &str) -> rusqlite::Result<bool> {
    let sql = concat!("DELETE FROM invites WHERE code = ?1 AND", group_exists!());
    Ok(execute(conn, sql, [code])? == 1)
}

/// When somebody got in by it.
fn used_at(conn: &Connection, code: &str, user_id: UserId) -> rusqlite::Result<Option<UnixMs>> {
    let sql = "SELECT used_at_ms FROM invite_uses WHERE code = ?1 AND user_id = ?2";
    Ok(find(conn, sql, params![code, user_id], |row| row.get(0))?.map(|Ms(at_ms)| at_ms))
}

fn note_use(
    conn: &Connection,
    code: &str,
    user_id: UserId,
    now_ms: UnixMs,
) -> rusqlite::Result<()> {
    execute(conn, "UPDATE invites SET uses = uses + 1 WHERE code = ?1", [code])?;
    let sql = "INSERT INTO invite_uses (code, user_id, used_at_ms) VALUES (?1, ?2, ?3)";
    execute(conn, sql, params![code, user_id, Ms(now_ms)])?;
    Ok(())
}

pub fn open_ones(
    conn: &Connection,
    group_id: GroupId,
    creator: Option<UserId>,
    now_ms: UnixMs,
    limit: usize,
) -> rusqlite::Result<Vec<Invite>> {
    let sql = concat!(
        "SELECT ",
        invite_columns!(),
        " FROM invites
         WHERE group_id = ?1 AND EXISTS (SELECT 1 FROM groups WHERE groups.group_id = ?1)
           AND (?2 IS NULL OR creator_id = ?2)
           AND (uses_max IS NULL OR uses < uses_max)
           AND (expires_at_ms IS NULL OR expires_at_ms > ?3)
         ORDER BY created_at_ms DESC, code LIMIT ?4"
    );
    list(conn, sql, params![group_id, creator, Ms(now_ms), rows(limit)], invite)
}

/// Membership is looked at before uses are, so that a repetition after a lost answer finds the person
/// in, also when that was the last use.
pub fn redeem(
    conn: &Connection,
    code: &str,
    member: &Member,
    now_ms: UnixMs,
) -> Result<Redemption, StoreError> {
    let is_valid = |invite: &Invite| {
        let expired = invite.expires_at_ms.is_some_and(|expires_at_ms| expires_at_ms <= now_ms);
        invite.group_id == member.group_id && !expired
    };
    let Some(invite) = find_one(conn, code)?.filter(is_valid) else {
        return Ok(Redemption::NotFound);
    };
    if member_lists::find_one(conn, member.group_id, member.user_id)?.is_some() {
        return Ok(Redemption::AlreadyMember);
    }
    let used_at_ms = used_at(conn, code, member.user_id)?;
    let repeats = used_at_ms.is_some_and(|at_ms| now_ms < at_ms.saturating_add(REDEEMED_AGAIN_MS));
    if !invite.is_open(now_ms) && !repeats {
        return Ok(Redemption::NotFound);
    }
    if members::is_banned(conn, member.group_id, member.user_id)? {
        return Ok(Redemption::Banned);
    }
    if is_official(conn, member.group_id)? == Some(true) {
        return Ok(Redemption::NotFound); // Only somebody without an account is not in it.
    }
    if used_at_ms.is_none() {
        note_use(conn, code, member.user_id, now_ms)?;
    }
    members::insert(conn, member)?;
    Ok(Redemption::Joined)
}

#[async_trait]
impl InviteStore for SqliteStore {
    async fn insert_invite(&self, invite: &Invite) -> Result<(), StoreError> {
        let invite = invite.clone();
        self.write("insert_invite", 128, move |conn| insert(conn, &invite)).await
    }

    async fn find_invite(&self, code: &str) -> Result<Option<Invite>, StoreError> {
        let code = code.to_owned();
        self.read("find_invite", move |conn| Ok(find_one(conn, &code)?)).await
    }

    async fn list_invites(
        &self,
        group_id: GroupId,
        creator: Option<UserId>,
        now_ms: UnixMs,
        limit: usize,
    ) -> Result<Vec<Invite>, StoreError> {
        self.read("list_invites", move |conn| {
            Ok(open_ones(conn, group_id, creator, now_ms, limit)?)
        })
        .await
    }

    async fn delete_invite(&self, code: &str) -> Result<bool, StoreError> {
        let code = code.to_owned();
        self.write("delete_invite", 16, move |conn| Ok(delete(conn, &code)?)).await
    }

    async fn redeem_invite(
        &self,
        code: &str,
        member: &Member,
        now_ms: UnixMs,
    ) -> Result<Redemption, StoreError> {
        let (code, member) = (code.to_owned(), member.clone());
        self.write("redeem_invite", 128, move |conn| redeem(conn, &code, &member, now_ms)).await
    }
}
