//! Groups and their roles.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::model::channel::Channel;
use crate::model::group::{Group, GroupPatch, Member, Role};
use crate::model::id::GroupId;
use crate::model::permission::{Permissions, Rank};
use crate::store::sqlite::channels::{delete_channels_of, insert_channel_row};
use crate::store::sqlite::parents::{group_exists, group_is_there};
use crate::store::sqlite::statement::{Ms, execute, find, list};
use crate::store::sqlite::{SqliteStore, members};
use crate::store::{GroupStore, StoreError};

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
            ", member_count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, iif(?5, (SELECT count(*) FROM users), 0))"
        );
        execute(conn, sql, params![id, name, icon, owner_id, official, Ms(*created_at_ms)])?;
        Ok(())
    }
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
    if execute(conn, "DELETE FROM groups WHERE group_id = ?1 AND official = 0", [group_id])? == 0 {
        return Ok(false);
    }
    delete_channels_of(conn, group_id)?;
    let sql = "INSERT INTO garbage_groups (group_id) VALUES (?1) ON CONFLICT DO NOTHING";
    execute(conn, sql, [group_id])?;
    Ok(true)
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
}
