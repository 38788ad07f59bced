//! Channels of groups: rows of their group's partition, inserted and changed if the group is there. What people have
//! between them is in `direct_channels.rs`, and both are found by the channel's place.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use scylla::DeserializeRow;
use scylla::value::MaybeUnset;

use crate::model::channel::{Channel, ChannelKind, ChannelPatch};
use crate::model::id::{ChannelId, GroupId, UserId};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::direct_channels::direct_channel;
use crate::store::scylla::errors::failed;
use crate::store::scylla::garbage::Garbage;
use crate::store::scylla::places::ChannelOwner;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{KEYS_AT_A_TIME, Ms};
use crate::store::{Activity, ChannelPlace, ChannelStore, DirectOpening, OpeningQuota, StoreError};

statements! {
    place: write "INSERT INTO ks.channel_places (channel_id, group_id) VALUES (?, ?)";
    first: decide "INSERT INTO ks.groups (group_id, channel_id, kind, channel_name, topic, position, slow_mode_seconds)
                   VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS";
    insert: decide "UPDATE ks.groups SET kind = ?, channel_name = ?, topic = ?, position = ?, slow_mode_seconds = ?
                    WHERE group_id = ? AND channel_id = ? IF created_at_ms >= 0 AND kind = null";
    find: read "SELECT created_at_ms, channel_id, kind, channel_name, topic, position, slow_mode_seconds FROM ks.groups
                WHERE group_id = ? AND channel_id IN ?";
    list: read "SELECT created_at_ms, channel_id, kind, channel_name, topic, position, slow_mode_seconds FROM ks.groups
                WHERE group_id = ?";
    update: decide "UPDATE ks.groups SET channel_name = ?, topic = ?, position = ?, slow_mode_seconds = ?
                    WHERE group_id = ? AND channel_id = ? IF created_at_ms >= 0 AND kind > ''";
    delete: decide "DELETE FROM ks.groups WHERE group_id = ? AND channel_id = ?
                    IF created_at_ms >= 0 AND kind > ''";
}

/// The group may be gone, or have no channel.
#[derive(DeserializeRow)]
struct ChannelRow {
    created_at_ms: Option<Ms>,
    channel_id: Option<ChannelId>,
    kind: Option<String>,
    channel_name: Option<String>,
    topic: Option<String>,
    position: Option<i32>,
    slow_mode_seconds: Option<i32>,
}

impl ChannelRow {
    fn channel(self, group_id: GroupId) -> Result<Option<Channel>, StoreError> {
        let (Some(_), Some(id), Some(kind)) = (self.created_at_ms, self.channel_id, self.kind)
        else {
            return Ok(None);
        };
        let unknown = || failed(format!("unknown kind of channel: {kind}"));
        Ok(Some(Channel {
            id,
            group_id: Some(group_id),
            kind: ChannelKind::from_name(&kind).ok_or_else(unknown)?,
            name: self.channel_name.unwrap_or_default(),
            topic: self.topic.unwrap_or_default(),
            position: self.position.unwrap_or_default(),
            slow_mode_seconds: self.slow_mode_seconds.unwrap_or_default().unsigned_abs(),
            recipients: Vec::new(),
        }))
    }
}

fn seconds(seconds: u32) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

fn channels_of(group_id: GroupId, rows: Vec<ChannelRow>) -> Result<Vec<Channel>, StoreError> {
    let channels = rows.into_iter().map(|row| row.channel(group_id));
    let mut channels: Vec<Channel> =
        channels.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    channels.sort_unstable_by_key(|channel| (channel.position, channel.id));
    Ok(channels)
}

impl ScyllaStore {
    /// Of a group that is not there yet.
    pub(super) async fn insert_first_channel(
        &self,
        group_id: GroupId,
        channel: &Channel,
    ) -> Result<(), StoreError> {
        let cql = &self.cql().channels;
        self.db().write(&cql.place, (channel.id, group_id)).await?;
        let Channel { id, kind, name, topic, position, slow_mode_seconds, .. } = channel;
        let values =
            (group_id, id, kind.as_str(), name, topic, position, seconds(*slow_mode_seconds));
        self.db().decide(&cql.first, values).await.map(drop)
    }

    /// Those of `channel_ids` that are in the group.
    async fn channels_in(
        &self,
        group_id: GroupId,
        channel_ids: &[ChannelId],
    ) -> Result<Vec<Channel>, StoreError> {
        let find = &self.cql().channels.find;
        let some = |ids: &[ChannelId]| {
            let values = (group_id, ids.to_vec());
            async move { self.db().rows::<ChannelRow>(find, values).await }
        };
        let rows = for_all(channel_ids.chunks(KEYS_AT_A_TIME), some).await?;
        channels_of(group_id, rows.into_iter().flatten().collect())
    }

    pub(super) async fn channel_in(
        &self,
        group_id: GroupId,
        channel_id: ChannelId,
    ) -> Result<Option<Channel>, StoreError> {
        Ok(self.channels_in(group_id, &[channel_id]).await?.pop())
    }

    async fn list_channels_of(&self, group_id: GroupId) -> Result<Vec<Channel>, StoreError> {
        let rows = self.db().rows(&self.cql().channels.list, (group_id,)).await?;
        channels_of(group_id, rows)
    }

    async fn group_of(&self, channel_id: ChannelId) -> Result<Option<GroupId>, StoreError> {
        Ok(match self.place_of(channel_id).await?.as_deref() {
            Some(ChannelOwner::Group(group_id)) => Some(*group_id),
            _ => None,
        })
    }
}

/// The channels between people, and by group the others.
type Placed = (Vec<Channel>, BTreeMap<GroupId, Vec<ChannelId>>);

fn by_group(placed: Vec<(ChannelId, Option<Arc<ChannelOwner>>)>) -> Placed {
    let (mut direct, mut of_groups) = Placed::default();
    for (channel_id, place) in placed {
        match place.as_deref() {
            Some(ChannelOwner::Direct(people)) => direct.push(direct_channel(channel_id, people)),
            Some(ChannelOwner::Group(group_id)) => {
                of_groups.entry(*group_id).or_default().push(channel_id)
            }
            None => {}
        }
    }
    (direct, of_groups)
}

#[async_trait]
impl ChannelStore for ScyllaStore {
    async fn insert_channel(&self, channel: &Channel) -> Result<bool, StoreError> {
        let cql = &self.cql().channels;
        self.call("insert_channel", async {
            let Some(group_id) = channel.group_id else { return Ok(false) };
            if self.kind_of(group_id).await?.is_none() {
                return Ok(false);
            }
            // The place first: a channel without it would be listed and not found.
            self.db().write(&cql.place, (channel.id, group_id)).await?;
            let Channel { id, kind, name, topic, position, slow_mode_seconds, .. } = channel;
            let slow_mode_seconds = seconds(*slow_mode_seconds);
            let values = (kind.as_str(), name, topic, position, slow_mode_seconds, group_id, id);
            let inserted = self.db().decide(&cql.insert, values).await?.applied();
            Ok(inserted || self.channel_in(group_id, channel.id).await?.is_some())
        })
        .await
    }

    async fn find_channel(&self, channel_id: ChannelId) -> Result<Option<Channel>, StoreError> {
        self.call("find_channel", async {
            match self.place_of(channel_id).await?.as_deref() {
                Some(ChannelOwner::Group(group_id)) => self.channel_in(*group_id, channel_id).await,
                Some(ChannelOwner::Direct(people)) => Ok(Some(direct_channel(channel_id, people))),
                None => Ok(None),
            }
        })
        .await
    }

    async fn find_channels(&self, channel_ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError> {
        self.call("find_channels", async {
            let place = |id| async move { Ok((id, self.place_of(id).await?)) };
            let placed = for_all(channel_ids.iter().copied(), place).await?;
            let (mut channels, of_groups) = by_group(placed);
            let find = |(group_id, ids): (GroupId, Vec<ChannelId>)| async move {
                self.channels_in(group_id, &ids).await
            };
            channels.extend(for_all(of_groups, find).await?.into_iter().flatten());
            Ok(channels)
        })
        .await
    }

    async fn list_channels(&self, group_ids: &[GroupId]) -> Result<Vec<Channel>, StoreError> {
        self.call("list_channels", async {
            let list = |group_id| self.list_channels_of(group_id);
            let listed = for_all(group_ids.iter().copied(), list).await?;
            Ok(listed.into_iter().flatten().collect())
        })
        .await
    }

    async fn update_channel(
        &self,
        channel_id: ChannelId,
        patch: &ChannelPatch,
    ) -> Result<Option<Channel>, StoreError> {
        self.call("update_channel", async {
            let Some(group_id) = self.group_of(channel_id).await? else { return Ok(None) };
            if *patch != ChannelPatch::default() {
                let values = (
                    MaybeUnset::from_option(patch.name.as_ref()),
                    MaybeUnset::from_option(patch.topic.as_ref()),
                    MaybeUnset::from_option(patch.position),
                    MaybeUnset::from_option(patch.slow_mode_seconds.map(seconds)),
                    group_id,
                    channel_id,
                );
                self.db().decide(&self.cql().channels.update, values).await?;
            }
            self.channel_in(group_id, channel_id).await
        })
        .await
    }

    /// Nobody deletes what people have between them.
    async fn delete_channel(&self, channel_id: ChannelId) -> Result<bool, StoreError> {
        let steps = self.steps("delete_channel");
        self.call("delete_channel", async {
            let Some(group_id) = self.group_of(channel_id).await? else { return Ok(false) };
            if self.channel_in(group_id, channel_id).await?.is_none() {
                return Ok(false);
            }
            self.note_garbage(Garbage::Channel(channel_id)).await?;
            steps.done()?;
            let delete = &self.cql().channels.delete;
            self.db().decide(delete, (group_id, channel_id)).await?.once()
        })
        .await
    }

    async fn open_direct_channel(
        &self,
        candidate: &Channel,
        quota: OpeningQuota,
    ) -> Result<DirectOpening, StoreError> {
        let steps = self.steps("open_direct_channel");
        let mut people = candidate.recipients.clone();
        people.sort_unstable();
        people.dedup();
        self.call("open_direct_channel", async {
            self.open_direct(candidate.id, &people, quota, &steps).await
        })
        .await
    }

    async fn list_direct_channels(
        &self,
        user_id: UserId,
        limit: usize,
    ) -> Result<Vec<Channel>, StoreError> {
        self.call("list_direct_channels", self.direct_channels_of(user_id, limit)).await
    }

    async fn list_activity(
        &self,
        reader: UserId,
        channels: &[ChannelPlace],
    ) -> Result<Vec<Activity>, StoreError> {
        self.call("list_activity", self.activity_in(reader, channels)).await
    }
}
