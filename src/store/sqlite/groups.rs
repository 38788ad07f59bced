//! Groups with their roles, members, bans and invites.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::clock::UnixMs;
use crate::model::channel::Channel;
use crate::model::group::{Ban, Group, GroupPatch, Invite, Member, MemberPatch, Role};
use crate::model::id::{GroupId, UserId};
use crate::model::permission::{Permissions, Rank};
use crate::store::sqlite::channels::{delete_channels_of, insert_channel_row};
use crate::store::sqlite::members::group_is_there;
use crate::store::sqlite::statement::{Ms, count, execute, exists, find, list, rows, user_list};
use crate::store::sqlite::{SqliteStore, invites, members};
use crate::store::{GroupStore, Redemption, StoreError};

macro_rules! group_columns {
    () => {
        "group_id, name, icon, owner_id, official, created_at_ms"
    };
}

fn group(row: &Row<'_>) -> rusqlite::Result<Group> {
    let Ms(created_at_ms) = row.get(5)?;
    Ok(Group {
        id: row.get(0)?,
        name: row.get(1)?,
        icon: row.get(2)?,
        owner_id: row.get(3)?,
        official: row.get(4)?,
        created_at_ms,
    })
}

fn role(row: &Row<'_>) -> rusqlite::Result<Role> {
    Ok(Role {
        name: row.get(0)?,
        permissions: Permissions::from_bits(row.get(1)?),
        rank: Rank(row.get(2)?),
    })
}

fn ban(row: &Row<'_>) -> rusqlite::Result<Ban> {
    let Ms(created_at_ms) = row.get(3)?;
    Ok(Ban { group_id: row.get(0)?, user_id: row.get(1)?, reason: row.get(2)?, created_at_ms })
}

/// What [`GroupStore::insert_group`] inserts.
struct NewGroup {
    group: Group,
    roles: Vec<Role>,
    channels: Vec<Channel>,
    members: Vec<Member>,
}

impl NewGroup {
    fn insert(&self, conn: &Connection) -> Result<(), StoreError> {
        if group_exists(conn, self.group.id)? {
            return Ok(()); // A repetition: the rest came with it.
        }
        self.insert_group_row(conn)?;
        for role in &self.roles {
            let sql =
                "INSERT INTO roles (group_id, name, permissions, rank) VALUES (?1, ?2, ?3, ?4)";
            let values = params![self.group.id, role.name, role.permissions.bits(), role.rank.0];
            execute(conn, sql, values)?;
        }
        for channel in &self.channels {
            insert_channel_row(conn, channel)?;
        }
        for member in &self.members {
            members::insert(conn, member)?;
        }
        Ok(())
    }

    fn insert_group_row(&self, conn: &Connection) -> Result<(), StoreError> {
        let Group { id, name, icon, owner_id, official, created_at_ms } = &self.group;
        let sql = concat!(
            "INSERT INTO groups (",
            group_columns!(),
            ", member_count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)"
        );
        execute(conn, sql, params![id, name, icon, owner_id, official, Ms(*created_at_ms)])?;
        Ok(())
    }
}

pub fn group_exists(conn: &Connection, group_id: GroupId) -> rusqlite::Result<bool> {
    exists(conn, "SELECT 1 FROM groups WHERE group_id = ?1", [group_id])
}

fn update_group(
    conn: &Connection,
    group_id: GroupId,
    patch: &GroupPatch,
) -> Result<Option<Group>, StoreError> {
    let sql = concat!(
        "UPDATE groups SET name = coalesce(?2, name), icon = iif(?3, ?4, icon)
         WHERE group_id = ?1 RETURNING ",
        group_columns!()
    );
    let icon = patch.icon.as_ref();
    let values = params![group_id, patch.name, icon.is_some(), icon.and_then(Option::as_ref)];
    Ok(find(conn, sql, values, group)?)
}

/// From here on nothing in the group is found. Its channels, which are few, go at once; what is in
/// them, members, bans, invites and roles go later, a batch at a time.
fn delete_group(conn: &Connection, group_id: GroupId) -> Result<bool, StoreError> {
    if execute(conn, "DELETE FROM groups WHERE group_id = ?1", [group_id])? == 0 {
        return Ok(false);
    }
    delete_channels_of(conn, group_id)?;
    let sql = "INSERT INTO garbage_groups (group_id) VALUES (?1) ON CONFLICT DO NOTHING";
    execute(conn, sql, [group_id])?;
    Ok(true)
}

fn insert_ban(conn: &Connection, ban: &Ban) -> Result<(), StoreError> {
    if !group_exists(conn, ban.group_id)? {
        return Ok(());
    }
    execute(
        conn,
        "INSERT INTO bans (group_id, user_id, reason, created_at_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        params![ban.group_id, ban.user_id, ban.reason, Ms(ban.created_at_ms)],
    )?;
    members::delete(conn, ban.group_id, ban.user_id)?;
    Ok(())
}

#[async_trait]
impl GroupStore for SqliteStore {
    async fn insert_group(
        &self,
        group: &Group,
        roles: &[Role],
        channels: &[Channel],
        members: &[Member],
    ) -> Result<(), StoreError> {
        let new = NewGroup {
            group: group.clone(),
            roles: roles.to_vec(),
            channels: channels.to_vec(),
            members: members.to_vec(),
        };
        self.write("insert_group", 1024, move |conn| new.insert(conn)).await
    }

    async fn find_group(&self, group_id: GroupId) -> Result<Option<Group>, StoreError> {
        self.read("find_group", move |conn| {
            let sql = concat!("SELECT ", group_columns!(), " FROM groups WHERE group_id = ?1");
            Ok(find(conn, sql, [group_id], group)?)
        })
        .await
    }

    async fn find_official_group(&self) -> Result<Option<Group>, StoreError> {
        self.read("find_official_group", move |conn| {
            let sql = concat!("SELECT ", group_columns!(), " FROM groups WHERE official = 1");
            Ok(find(conn, sql, [], group)?)
        })
        .await
    }

    async fn update_group(
        &self,
        group_id: GroupId,
        patch: &GroupPatch,
    ) -> Result<Option<Group>, StoreError> {
        let patch = patch.clone();
        self.write("update_group", 512, move |conn| update_group(conn, group_id, &patch)).await
    }

    async fn delete_group(&self, group_id: GroupId) -> Result<bool, StoreError> {
        self.write("delete_group", 0, move |conn| delete_group(conn, group_id)).await
    }

    async fn list_roles(&self, group_id: GroupId) -> Result<Vec<Role>, StoreError> {
        self.read("list_roles", move |conn| {
            let sql = concat!(
                "SELECT name, permissions, rank FROM roles WHERE group_id = ?1 AND",
                group_is_there!(),
                "ORDER BY rank, name"
            );
            Ok(list(conn, sql, [group_id], role)?)
        })
        .await
    }

    async fn insert_member(&self, member: &Member) -> Result<bool, StoreError> {
        let member = member.clone();
        self.write("insert_member", 128, move |conn| {
            Ok(group_exists(conn, member.group_id)? && members::insert(conn, &member)?)
        })
        .await
    }

    async fn delete_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError> {
        let delete = move |conn: &Connection| Ok(members::delete(conn, group_id, user_id)?);
        self.write("delete_member", 16, delete).await
    }

    async fn find_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError> {
        let read = move |conn: &Connection| Ok(members::find_one(conn, group_id, user_id)?);
        self.read("find_member", read).await
    }

    async fn update_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
        patch: &MemberPatch,
    ) -> Result<Option<Member>, StoreError> {
        let patch = patch.clone();
        self.write("update_member", 256, move |conn| {
            Ok(members::update(conn, group_id, user_id, &patch)?)
        })
        .await
    }

    async fn list_members(
        &self,
        group_id: GroupId,
        prefix: Option<&str>,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        let prefix = prefix.map(str::to_owned);
        self.read("list_members", move |conn| {
            Ok(match &prefix {
                None => members::page(conn, group_id, after, limit)?,
                Some(prefix) => members::page_of_prefix(conn, group_id, prefix, after, limit)?,
            })
        })
        .await
    }

    async fn filter_members(
        &self,
        group_id: GroupId,
        user_ids: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        let user_ids = user_list(user_ids);
        self.read("filter_members", move |conn| {
            let sql = concat!(
                "SELECT user_id FROM members
                 WHERE group_id = ?1 AND user_id IN (SELECT value FROM json_each(?2)) AND",
                group_is_there!()
            );
            Ok(list(conn, sql, params![group_id, user_ids], |row| row.get(0))?)
        })
        .await
    }

    async fn count_members(&self, group_id: GroupId) -> Result<u64, StoreError> {
        self.read("count_members", move |conn| {
            let sql = "SELECT coalesce(max(member_count), 0) FROM groups WHERE group_id = ?1";
            Ok(count(conn, sql, [group_id])?)
        })
        .await
    }

    async fn list_memberships(&self, user_id: UserId) -> Result<Vec<Member>, StoreError> {
        let read = move |conn: &Connection| Ok(members::of_user(conn, user_id)?);
        self.read("list_memberships", read).await
    }

    async fn insert_ban(&self, ban: &Ban) -> Result<(), StoreError> {
        let ban = ban.clone();
        self.write("insert_ban", 512, move |conn| insert_ban(conn, &ban)).await
    }

    async fn delete_ban(&self, group_id: GroupId, user_id: UserId) -> Result<bool, StoreError> {
        self.write("delete_ban", 16, move |conn| {
            let sql = concat!(
                "DELETE FROM bans WHERE group_id = ?1 AND user_id = ?2 AND",
                group_is_there!()
            );
            Ok(execute(conn, sql, params![group_id, user_id])? == 1)
        })
        .await
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

    async fn insert_invite(&self, invite: &Invite) -> Result<(), StoreError> {
        let invite = invite.clone();
        self.write("insert_invite", 128, move |conn| invites::insert(conn, &invite)).await
    }

    async fn find_invite(&self, code: &str) -> Result<Option<Invite>, StoreError> {
        let code = code.to_owned();
        self.read("find_invite", move |conn| Ok(invites::find_one(conn, &code)?)).await
    }

    async fn list_invites(
        &self,
        group_id: GroupId,
        creator: Option<UserId>,
        now_ms: UnixMs,
        limit: usize,
    ) -> Result<Vec<Invite>, StoreError> {
        self.read("list_invites", move |conn| {
            Ok(invites::open_ones(conn, group_id, creator, now_ms, limit)?)
        })
        .await
    }

    async fn delete_invite(&self, code: &str) -> Result<bool, StoreError> {
        let code = code.to_owned();
        self.write("delete_invite", 16, move |conn| Ok(invites::delete(conn, &code)?)).await
    }

    async fn redeem_invite(
        &self,
        code: &str,
        member: &Member,
        now_ms: UnixMs,
    ) -> Result<Redemption, StoreError> {
        let (code, member) = (code.to_owned(), member.clone());
        self.write("redeem_invite", 128, move |conn| invites::redeem(conn, &code, &member, now_ms))
            .await
    }
}
