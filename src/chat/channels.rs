//! Channels of groups. Those between people are in `direct.rs`.

use serde::Deserialize;

use crate::bus::envelope::{About, Changed, Content, Entity, Topic};
use crate::chat::access::ChannelStanding;
use crate::chat::changes::Changes;
use crate::chat::debts::{Debt, Owed};
use crate::chat::error::Noun;
use crate::chat::joined::group_channel_views;
use crate::chat::turns::Subject;
use crate::chat::views::{ChannelRefView, ChannelView, Channels};
use crate::chat::{Caller, Chat, ChatError, push, to_raw};
use crate::model::channel::{
    CHANNELS_PER_GROUP_MAX, Channel, ChannelKind, ChannelPatch, SLOW_MODE_SECONDS_MAX,
};
use crate::model::event::Push;
use crate::model::id::{ChannelId, GroupId};
use crate::model::name::{self, NAME_CHARS_MAX};
use crate::model::permission::Permissions;
use crate::model::text;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateChannel {
    pub name: String,
    pub topic: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<ChannelKind>,
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub position: Option<i32>,
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub slow_mode_seconds: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateChannel {
    pub name: Option<String>,
    pub topic: Option<String>,
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub position: Option<i32>,
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub slow_mode_seconds: Option<u32>,
}

impl Chat {
    /// Adds a channel to a group; without a position it comes last.
    ///
    /// # Errors
    ///
    /// `conflict` for a group that has [`CHANNELS_PER_GROUP_MAX`] channels.
    pub async fn create_channel(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: CreateChannel,
    ) -> Result<ChannelView, ChatError> {
        let standing = self.group_access(caller, group_id).await?;
        standing.require(Permissions::MANAGE_CHANNELS)?;
        let kind = request.kind.unwrap_or(ChannelKind::Text);
        if kind == ChannelKind::Direct {
            return Err(ChatError::invalid("type", "must be text or announcement"));
        }
        let settings = ChannelFields {
            name: Some(request.name),
            topic: request.topic,
            position: request.position,
            slow_mode_seconds: request.slow_mode_seconds,
        };
        let patch = settings.parse()?;
        self.limit_making(caller)?;
        let channel_id = ChannelId::new(self.next_id()?);
        let chat = self.clone();
        let channel = self
            .in_turn(Subject::Group(group_id), async move {
                chat.store_channel(channel_id, group_id, kind, patch).await
            })
            .await?;
        let permissions = Some(standing.permissions.in_channel(kind));
        Ok(ChannelView { permissions, ..channel })
    }

    async fn store_channel(
        &self,
        id: ChannelId,
        group_id: GroupId,
        kind: ChannelKind,
        patch: ChannelPatch,
    ) -> Result<ChannelView, ChatError> {
        let missing = ChatError::NotFound(Noun::Group);
        let Some(group) = self.find_group(group_id).await? else { return Err(missing) };
        if group.channels.len() >= CHANNELS_PER_GROUP_MAX {
            return Err(ChatError::Conflict("the group has too many channels"));
        }
        let channel = Channel {
            id,
            group_id: Some(group_id),
            kind,
            name: patch.name.unwrap_or_default(),
            topic: patch.topic.unwrap_or_default(),
            position: patch.position.unwrap_or_else(|| position_behind(&group.channels)),
            slow_mode_seconds: patch.slow_mode_seconds.unwrap_or(0),
            recipients: Vec::new(),
        };
        let owed = owed(Push::ChannelCreated, id, group_id);
        let inserted = self.owing(owed, self.store.insert_channel(&channel)).await;
        let changes = self.channel_changed(id, Some(group_id));
        let (inserted, debt) = inserted?;
        if !inserted {
            debt.void();
            return Err(missing);
        }
        let view = ChannelView::new(&channel, None, None);
        self.announce_channel(Push::ChannelCreated, &view, group_id, changes, debt).await;
        Ok(view)
    }

    /// Changes settings; they hold from the next request on. A request that changes nothing announces
    /// nothing.
    pub async fn update_channel(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        request: UpdateChannel,
    ) -> Result<ChannelView, ChatError> {
        let (standing, group_id) = self.channel_to_manage(caller, channel_id).await?;
        let settings = ChannelFields {
            name: request.name,
            topic: request.topic,
            position: request.position,
            slow_mode_seconds: request.slow_mode_seconds,
        };
        let patch = settings.parse()?;
        if patch == ChannelPatch::default() {
            return self.get_channel(caller, channel_id).await;
        }
        self.limit_changes(caller, Some(group_id))?;
        let chat = self.clone();
        let channel = self
            .in_turn(Subject::Channel(channel_id), async move {
                chat.store_channel_patch(channel_id, group_id, patch).await
            })
            .await?;
        Ok(ChannelView { permissions: Some(standing.permissions), ..channel })
    }

    async fn store_channel_patch(
        &self,
        channel_id: ChannelId,
        group_id: GroupId,
        patch: ChannelPatch,
    ) -> Result<ChannelView, ChatError> {
        let last_message_id = self.newest_message(channel_id).await?;
        let owed = owed(Push::ChannelUpdated, channel_id, group_id);
        let updated = self.owing(owed, self.store.update_channel(channel_id, &patch)).await;
        let changes = self.channel_changed(channel_id, Some(group_id));
        let (updated, debt) = updated?;
        let Some(updated) = updated else {
            debt.void();
            return Err(ChatError::NotFound(Noun::Channel));
        };
        let view = ChannelView { last_message_id, ..ChannelView::new(&updated, None, None) };
        self.announce_channel(Push::ChannelUpdated, &view, group_id, changes, debt).await;
        Ok(view)
    }

    /// Deletes a channel with its messages.
    pub async fn delete_channel(
        &self,
        caller: Caller,
        channel_id: ChannelId,
    ) -> Result<(), ChatError> {
        let (_, group_id) = self.channel_to_manage(caller, channel_id).await?;
        let chat = self.clone();
        self.in_turn(Subject::Channel(channel_id), async move {
            chat.store_channel_deletion(channel_id, group_id).await
        })
        .await
    }

    async fn store_channel_deletion(
        &self,
        channel_id: ChannelId,
        group_id: GroupId,
    ) -> Result<(), ChatError> {
        let owed = owed(Push::ChannelDeleted, channel_id, group_id);
        let deleted = self.owing(owed, self.store.delete_channel(channel_id)).await;
        let changes = self.channel_changed(channel_id, Some(group_id));
        let (deleted, debt) = deleted?;
        if !deleted {
            debt.void();
            return Err(ChatError::NotFound(Noun::Channel));
        }
        self.announce_channel_deleted(channel_id, group_id, changes, debt).await;
        Ok(())
    }

    pub async fn get_channel(
        &self,
        caller: Caller,
        channel_id: ChannelId,
    ) -> Result<ChannelView, ChatError> {
        let ChannelStanding { channel, permissions } =
            self.channel_access(caller, channel_id).await?;
        let recipients = match channel.group_id {
            Some(_) => None,
            None => Some(self.users(&channel.recipients).await?),
        };
        let last_message_id = self.newest_message(channel_id).await?;
        let view = ChannelView::new(&channel, recipients, Some(permissions));
        Ok(ChannelView { last_message_id, ..view })
    }

    pub async fn list_channels(
        &self,
        caller: Caller,
        group_id: GroupId,
    ) -> Result<Channels, ChatError> {
        let standing = self.group_access(caller, group_id).await?;
        let channels = &standing.group.channels;
        let last = self.last_messages(caller.user_id, channels).await?;
        Ok(Channels { channels: group_channel_views(channels, standing.permissions, &last) })
    }

    /// A channel whose settings the caller may change, and its group.
    async fn channel_to_manage(
        &self,
        caller: Caller,
        channel_id: ChannelId,
    ) -> Result<(ChannelStanding, GroupId), ChatError> {
        let standing = self.channel_access(caller, channel_id).await?;
        let group_id = standing.channel.group_id;
        let group_id = group_id.ok_or(ChatError::Forbidden("a direct channel stays as it is"))?;
        standing.require(Permissions::MANAGE_CHANNELS)?;
        Ok((standing, group_id))
    }

    /// To be called once it was made, changed or deleted.
    pub(crate) fn channel_changed(
        &self,
        channel_id: ChannelId,
        group_id: Option<GroupId>,
    ) -> Changes {
        let group = group_id.map(Changed::Group);
        self.changed([Changed::Channel(channel_id)].into_iter().chain(group))
    }

    /// `channel` is without permissions, which each receiver has their own of. False if the bus did not take
    /// it.
    pub(crate) async fn announce_channel(
        &self,
        push: Push,
        channel: &ChannelView,
        group_id: GroupId,
        changes: Changes,
        debt: Debt,
    ) -> bool {
        let is_new = push == Push::ChannelCreated;
        let content = match is_new || self.bus.is_alone() {
            true => Content::ChannelPush { push, kind: channel.kind, body: to_raw(channel) },
            false => Content::Current { push, entity: Entity::Channel(channel.id) },
        };
        let envelope = self.envelope([Topic::Group(group_id)], content);
        let envelope = envelope.about(About::Channel(channel.id)).with_changes(changes);
        self.announce(debt, envelope).await
    }

    /// False if the bus did not take it.
    pub(crate) async fn announce_channel_deleted(
        &self,
        channel_id: ChannelId,
        group_id: GroupId,
        changes: Changes,
        debt: Debt,
    ) -> bool {
        let content = push(Push::ChannelDeleted, &ChannelRefView { channel_id, group_id });
        let envelope = self.envelope([Topic::Group(group_id)], content);
        let envelope = envelope.about(About::DeletedChannel(channel_id)).with_changes(changes);
        self.announce(debt, envelope).await
    }
}

fn owed(push: Push, channel_id: ChannelId, group_id: GroupId) -> Owed {
    Owed::Channel { channel_id, group_id: Some(group_id), push }
}

/// What creating and updating have in common, as it came.
struct ChannelFields {
    name: Option<String>,
    topic: Option<String>,
    position: Option<i32>,
    slow_mode_seconds: Option<u32>,
}

impl ChannelFields {
    fn parse(self) -> Result<ChannelPatch, ChatError> {
        let name = |name| name::name(name, NAME_CHARS_MAX).map_err(ChatError::text("name"));
        let topic =
            |topic| text::at_most(topic, text::TOPIC_CHARS_MAX).map_err(ChatError::text("topic"));
        if self.position.is_some_and(|position| position < 0) {
            return Err(ChatError::invalid("position", "must not be negative"));
        }
        if self.slow_mode_seconds.is_some_and(|seconds| seconds > SLOW_MODE_SECONDS_MAX) {
            return Err(ChatError::invalid("slowModeSeconds", "must be 0 to 21600"));
        }
        Ok(ChannelPatch {
            name: self.name.map(name).transpose()?,
            topic: self.topic.map(topic).transpose()?,
            position: self.position,
            slow_mode_seconds: self.slow_mode_seconds,
        })
    }
}

/// The position after the last of `channels`.
fn position_behind(channels: &[Channel]) -> i32 {
    let last = channels.iter().map(|channel| channel.position).max();
    last.map_or(0, |last| last.saturating_add(1))
}
