//! Who is kept out of a group.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::model::group::Ban;
use crate::model::id::{GroupId, UserId};
use crate::store::sqlite::parents::{group_is_there, is_official};
use crate::store::sqlite::statement::{Ms, execute, find, list, rows};
use crate::store::sqlite::{SqliteStore, members};
use crate::store::{BanStore, StoreError};

pub fn ban(row: &Row<'_>) -> rusqlite::Result<Ban> {
    let Ms(created_at_ms) = row.get(3)?;
    Ok(Ban { group_id: row.get(0)?, user_id: row.get(1)?, reason: row.get(2)?, created_at_ms })
}

pub fn insert_ban(conn: &Connection, ban: &Ban) -> Result<(), StoreError> {
    let Some(official) = is_official(conn, ban.group_id)? else { return Ok(()) };
    let inserted = execute(
        conn,
        "INSERT INTO bans (group_id, user_id, reason, created_at_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        params![ban.group_id, ban.user_id, ban.reason, Ms(ban.created_at_ms)],
    )?;
    if !official {
        members::delete(conn, ban.group_id, ban.user_id)?;
    } else if inserted == 1 {
        members::leave_official(conn, ban.group_id, ban.user_id)?;
    }
    Ok(())
}

fn delete_ban(conn: &Connection, group_id: GroupId, user_id: UserId) -> Result<bool, StoreError> {
    let Some(official) = is_official(conn, group_id)? else { return Ok(false) };
    let sql = "DELETE FROM bans WHERE group_id = ?1 AND user_id = ?2";
    let deleted = execute(conn, sql, params![group_id, user_id])? == 1;
    if deleted && official {
        members::count_registered(conn, user_id)?;
    }
    Ok(deleted)
}

#[async_trait]
impl BanStore for SqliteStore {
    async fn insert_ban(&self, ban: &Ban) -> Result<(), StoreError> {
        let ban = ban.clone();
        self.write("insert_ban", 512, move |conn| insert_ban(conn, &ban)).await
    }

    async fn delete_ban(&self, group_id: GroupId, user_id: UserId) -> Result<bool, StoreError> {
        let delete = move |conn: &Connection| delete_ban(conn, group_id, user_id);
        self.write("delete_ban", 16, delete).await
    }

    async fn find_ban(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Ban>, StoreError> {
        self.read("find_ban", move |conn| {
            let sql = concat!(
                "SELECT group_id, user_id, reason, created_at_ms FROM bans
                 WHERE group_id = ?1 AND user_id = ?2 AND",
                group_is_there!()
            );
            Ok(find(conn, sql, params![group_id, user_id], ban)?)
        })
        .await
    }

    async fn list_bans(
        &self,
        group_id: GroupId,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Ban>, StoreError> {
        self.read("list_bans", move |conn| {
            let sql = concat!(
                "SELECT group_id, user_id, reason, created_at_ms FROM bans
                 WHERE group_id = ?1 AND user_id > ?2 AND",
                group_is_there!(),
                "ORDER BY user_id LIMIT ?3"
            );
            Ok(list(conn, sql, params![group_id, after, rows(limit)], ban)?)
        })
        .await
    }
}
