//! Groups and their roles.

use std::collections::HashMap;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::model::channel::Channel;
use crate::model::group::{Group, GroupPatch, Member, Role};
use crate::model::id::GroupId;
use crate::model::permission::{Permissions, Rank};
use crate::store::sqlite::channels::{delete_channels_of, insert_channel_row, measure_channels};
use crate::store::sqlite::parents::group_exists;
use crate::store::sqlite::statement::{Ms, execute, find, group_list, list};
use crate::store::sqlite::{SqliteStore, members};
use crate::store::{GroupHead, GroupStore, StoreError};

macro_rules! group_columns {
    () => {
        "group_id, name, icon, owner_id, official, created_at_ms"
    };
}

pub fn group(row: &Row<'_>) -> rusqlite::Result<Group> {
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

/// Whose it is, and the role.
fn role(row: &Row<'_>) -> rusqlite::Result<(GroupId, Role)> {
    let role = Role {
        name: row.get(1)?,
        permissions: Permissions::from_bits(row.get(2)?),
        rank: Rank(row.get(3)?),
    };
    Ok((row.get(0)?, role))
}

/// One statement for each kind of row, whatever the number of groups: `group_ids` is a JSON array.
fn find_groups(conn: &Connection, group_ids: &str) -> rusqlite::Result<Vec<GroupHead>> {
    let sql = concat!(
        "SELECT ",
        group_columns!(),
        " FROM groups WHERE group_id IN (SELECT value FROM json_each(?1))"
    );
    let groups = list(conn, sql, [group_ids], group)?;
    let sql = "SELECT group_id, name, permissions, rank FROM roles
               WHERE group_id IN (SELECT value FROM json_each(?1)) ORDER BY rank, name";
    let mut roles: HashMap<GroupId, Vec<Role>> = HashMap::with_capacity(groups.len());
    for (group_id, role) in list(conn, sql, [group_ids], role)? {
        roles.entry(group_id).or_default().push(role);
    }
    let mut sizes = measure_channels(conn, group_ids)?;
    let head = |group: Group| GroupHead {
        roles: roles.remove(&group.id).unwrap_or_default(),
        channels: sizes.remove(&group.id).unwrap_or_default(),
        group,
    };
    Ok(groups.into_iter().map(head).collect())
}

/// In their order.
pub fn roles_of(conn: &Connection, group_id: GroupId) -> rusqlite::Result<Vec<Role>> {
    let sql = "SELECT group_id, name, permissions, rank FROM roles WHERE group_id = ?1 ORDER BY rank, name";
    let roles = list(conn, sql, [group_id], role)?;
    Ok(roles.into_iter().map(|(_, role)| role).collect())
}

/// A group without channels and members; repeating it is a no-op.
pub fn insert_empty(conn: &Connection, group: &Group, roles: Vec<Role>) -> Result<(), StoreError> {
    let group = group.clone();
    NewGroup { group, roles, channels: Vec::new(), members: Vec::new() }.insert(conn)
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

    async fn find_groups(&self, group_ids: &[GroupId]) -> Result<Vec<GroupHead>, StoreError> {
        let group_ids = group_list(group_ids);
        self.read("find_groups", move |conn| Ok(find_groups(conn, &group_ids)?)).await
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
}
