//! Groups: one partition each, of which the group is the static columns, and its channels are the rows.
//!
//! A group is there while `created_at_ms` is. Rows without it are of one that is not there yet, or not any more.

use async_trait::async_trait;
use scylla::DeserializeRow;
use scylla::value::MaybeUnset;

use crate::model::channel::Channel;
use crate::model::group::{Group, GroupPatch, Member, Role};
use crate::model::id::{GroupId, UserId};
use crate::model::permission::{Permissions, Rank};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::errors::failed;
use crate::store::scylla::garbage::Garbage;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::Ms;
use crate::store::{ChannelsSize, GroupHead, GroupStore, StoreError};

statements! {
    kind: read "SELECT DISTINCT group_id, created_at_ms, official FROM ks.groups WHERE group_id = ?";
    find: read "SELECT name, icon, owner_id, official, created_at_ms, roles, channel_name, topic FROM ks.groups
                WHERE group_id = ?";
    insert: decide "INSERT INTO ks.groups (group_id, name, icon, owner_id, official, created_at_ms, roles)
                    VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS";
    update: decide "UPDATE ks.groups SET name = ?, icon = ? WHERE group_id = ? IF created_at_ms >= 0";
    delete: decide "DELETE name, icon, owner_id, official, created_at_ms, roles FROM ks.groups
                    WHERE group_id = ? IF created_at_ms >= 0 AND official = false";
    take_back: decide "DELETE name, icon, owner_id, official, created_at_ms, roles FROM ks.groups
                       WHERE group_id = ? IF official = true";
    find_claim: read "SELECT value FROM ks.settings WHERE name = 'official_group'";
    claim: decide "INSERT INTO ks.settings (name, value) VALUES ('official_group', ?) IF NOT EXISTS";
}

/// What decides where its members are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupKind {
    Ordinary,
    Official,
}

/// Name, permissions, rank.
pub(super) type RoleValue = (String, i64, i32);

/// The group, and what of a channel its size depends on.
#[derive(DeserializeRow)]
struct GroupRow {
    name: Option<String>,
    icon: Option<String>,
    owner_id: Option<UserId>,
    official: Option<bool>,
    created_at_ms: Option<Ms>,
    roles: Option<Vec<RoleValue>>,
    channel_name: Option<String>,
    topic: Option<String>,
}

impl GroupRow {
    /// None if the group is not there.
    fn group(&mut self, id: GroupId) -> Option<(Group, Vec<Role>)> {
        let Ms(created_at_ms) = self.created_at_ms?;
        let group = Group {
            id,
            name: self.name.take().unwrap_or_default(),
            icon: self.icon.take(),
            owner_id: self.owner_id,
            official: self.official.unwrap_or_default(),
            created_at_ms,
        };
        let mut roles: Vec<Role> =
            self.roles.take().unwrap_or_default().into_iter().map(role).collect();
        roles.sort_by(|a, b| (a.rank, &a.name).cmp(&(b.rank, &b.name)));
        Some((group, roles))
    }

    fn measure(&self, size: &mut ChannelsSize) -> Result<(), StoreError> {
        let Some(name) = &self.channel_name else { return Ok(()) };
        let as_json =
            |text: &str| serde_json::to_string(text).map(|json| json.len()).map_err(failed);
        size.count += 1;
        size.text_bytes += as_json(name)? + as_json(self.topic.as_deref().unwrap_or_default())?;
        Ok(())
    }
}

pub(super) fn role((name, permissions, rank): RoleValue) -> Role {
    let bits = u32::try_from(permissions).unwrap_or_default();
    Role { name, permissions: Permissions::from_bits(bits), rank: Rank(rank.unsigned_abs()) }
}

fn role_value(role: &Role) -> RoleValue {
    let rank = i32::try_from(role.rank.0).unwrap_or(i32::MAX);
    (role.name.clone(), i64::from(role.permissions.bits()), rank)
}

impl ScyllaStore {
    /// None if there is no such group (any more). What belongs to one is looked at together with this: of a deleted
    /// group everything may still be there.
    pub(super) async fn kind_of(&self, group_id: GroupId) -> Result<Option<GroupKind>, StoreError> {
        if self.0.official.get() == Some(&group_id) {
            return Ok(Some(GroupKind::Official)); // It stays for ever.
        }
        type GroupRow = (GroupId, Option<Ms>, Option<bool>);
        let row: Option<GroupRow> = self.db().row(&self.cql().groups.kind, (group_id,)).await?;
        Ok(match row {
            Some((_, Some(_), Some(true))) => Some(GroupKind::Official),
            Some((_, Some(_), _)) => Some(GroupKind::Ordinary),
            _ => None,
        })
    }

    pub(super) async fn official_id(&self) -> Result<Option<GroupId>, StoreError> {
        if let Some(group_id) = self.0.official.get() {
            return Ok(Some(*group_id));
        }
        let claim: Option<String> = self.db().value(&self.cql().groups.find_claim, ()).await?;
        let Some(claim) = claim else { return Ok(None) };
        let group_id = claim.parse().map_err(failed)?;
        Ok(Some(*self.0.official.get_or_init(|| group_id)))
    }

    async fn head_of(&self, group_id: GroupId) -> Result<Option<GroupHead>, StoreError> {
        let mut rows: Vec<GroupRow> = self.db().rows(&self.cql().groups.find, (group_id,)).await?;
        let mut channels = ChannelsSize::default();
        for row in &rows {
            row.measure(&mut channels)?;
        }
        let found = rows.first_mut().and_then(|row| row.group(group_id));
        Ok(found.map(|(group, roles)| GroupHead { group, roles, channels }))
    }

    async fn find_group(&self, group_id: GroupId) -> Result<Option<Group>, StoreError> {
        Ok(self.head_of(group_id).await?.map(|head| head.group))
    }

    /// All that is in it; without the group nothing of it is found.
    async fn insert_contents(
        &self,
        group: &Group,
        channels: &[Channel],
        members: &[Member],
    ) -> Result<(), StoreError> {
        for channel in channels {
            self.insert_first_channel(group.id, channel).await?;
        }
        let members = if group.official { &[] } else { members };
        for_all(members, |member| self.insert_first_member(member)).await.map(drop)
    }

    async fn insert_group_row(&self, group: &Group, roles: &[Role]) -> Result<(), StoreError> {
        let Group { id, name, icon, owner_id, official, created_at_ms } = group;
        let icon = MaybeUnset::from_option(icon.as_ref());
        let owner_id = MaybeUnset::from_option(owner_id.as_ref());
        let roles: Vec<RoleValue> = roles.iter().map(role_value).collect();
        let values = (id, name, icon, owner_id, official, Ms(*created_at_ms), roles);
        self.db().decide(&self.cql().groups.insert, values).await.map(drop)
    }

    /// # Errors
    ///
    /// [`StoreError::Conflict`] if another group is the official one; this one is gone then.
    async fn claim_official(&self, group_id: GroupId) -> Result<(), StoreError> {
        let cql = &self.cql().groups;
        let claim = self.db().decide(&cql.claim, (group_id.to_string(),)).await?;
        if claim.applied() || self.official_id().await? == Some(group_id) {
            self.0.official.get_or_init(|| group_id);
            return Ok(());
        }
        self.note_garbage(Garbage::Group(group_id)).await?;
        self.db().decide(&cql.take_back, (group_id,)).await?;
        Err(StoreError::Conflict)
    }
}

#[async_trait]
impl GroupStore for ScyllaStore {
    async fn insert_group(
        &self,
        group: &Group,
        roles: &[Role],
        channels: &[Channel],
        members: &[Member],
    ) -> Result<(), StoreError> {
        let steps = self.steps("insert_group");
        self.call("insert_group", async {
            if group.official && self.official_id().await?.is_some_and(|id| id != group.id) {
                return Err(StoreError::Conflict);
            }
            // The group is last: of one that is there all is.
            if self.kind_of(group.id).await?.is_none() {
                self.insert_contents(group, channels, members).await?;
                steps.done()?;
                self.insert_group_row(group, roles).await?;
            }
            if group.official { self.claim_official(group.id).await } else { Ok(()) }
        })
        .await
    }

    async fn find_groups(&self, group_ids: &[GroupId]) -> Result<Vec<GroupHead>, StoreError> {
        self.call("find_groups", async {
            let heads =
                for_all(group_ids.iter().copied(), |group_id| self.head_of(group_id)).await?;
            Ok(heads.into_iter().flatten().collect())
        })
        .await
    }

    async fn find_official_group(&self) -> Result<Option<Group>, StoreError> {
        self.call("find_official_group", async {
            match self.official_id().await? {
                Some(group_id) => self.find_group(group_id).await,
                None => Ok(None),
            }
        })
        .await
    }

    async fn update_group(
        &self,
        group_id: GroupId,
        patch: &GroupPatch,
    ) -> Result<Option<Group>, StoreError> {
        self.call("update_group", async {
            if *patch != GroupPatch::default() {
                let name = MaybeUnset::from_option(patch.name.as_ref());
                let icon = MaybeUnset::from_option(patch.icon.as_ref());
                let values = (name, icon, group_id);
                self.db().decide(&self.cql().groups.update, values).await?;
            }
            self.find_group(group_id).await
        })
        .await
    }

    async fn delete_group(&self, group_id: GroupId) -> Result<bool, StoreError> {
        let steps = self.steps("delete_group");
        self.call("delete_group", async {
            if self.kind_of(group_id).await? != Some(GroupKind::Ordinary) {
                return Ok(false);
            }
            self.note_garbage(Garbage::Group(group_id)).await?;
            steps.done()?;
            let deleted = self.db().decide(&self.cql().groups.delete, (group_id,)).await?;
            deleted.once()
        })
        .await
    }
}
