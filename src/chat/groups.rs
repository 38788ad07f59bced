//! Groups: making, changing, leaving, deleting.

use serde::Deserialize;

use crate::bus::envelope::{Changed, Effect, Entity, Topic};
use crate::chat::cache::GroupSnapshot;
use crate::chat::changes::Changes;
use crate::chat::debts::{Debt, Owed};
use crate::chat::error::Noun;
use crate::chat::turns::Subject;
use crate::chat::views::{GroupRefView, GroupView, JoinedGroupView};
use crate::chat::{Caller, Chat, ChatError, push};
use crate::model::channel::{Channel, ChannelKind};
use crate::model::event::Push;
use crate::model::group::{FIRST_CHANNEL_NAME, Group, GroupPatch, Member, built_in_roles};
use crate::model::id::{ChannelId, GroupId, UserId};
use crate::model::name::{self, NAME_CHARS_MAX};
use crate::model::permission::Permissions;
use crate::model::text;

#[derive(Deserialize)]
pub struct CreateGroup {
    pub name: String,
    pub icon: Option<String>,
}

#[derive(Deserialize)]
pub struct UpdateGroup {
    pub name: Option<String>,
    /// null removes it.
    #[serde(default, deserialize_with = "crate::chat::given")]
    pub icon: Option<Option<String>>,
}

impl Chat {
    /// Makes a group with the caller as its owner and a first channel.
    ///
    /// # Errors
    ///
    /// `conflict` for somebody who is in too many groups.
    pub async fn create_group(
        &self,
        caller: Caller,
        request: CreateGroup,
    ) -> Result<JoinedGroupView, ChatError> {
        let name = parse_name(request.name)?;
        let icon = request.icon.map(parse_icon).transpose()?;
        self.limit_making(caller)?;
        let (id, created_at_ms) = self.next_id_and_time()?;
        let group = Group {
            id: GroupId::new(id),
            name,
            icon,
            owner_id: Some(caller.user_id),
            official: false,
            created_at_ms,
        };
        let channel = first_channel(ChannelId::new(self.next_id()?), group.id);
        let chat = self.clone();
        let subject = Subject::Memberships(caller.user_id);
        self.in_turn(subject, async move { chat.store_group(caller.user_id, group, channel).await })
            .await
    }

    async fn store_group(
        &self,
        owner_id: UserId,
        group: Group,
        channel: Channel,
    ) -> Result<JoinedGroupView, ChatError> {
        self.require_room_for_a_group(owner_id).await?;
        let owner = Member::new(group.id, owner_id, group.created_at_ms);
        let (roles, channels, members) = (built_in_roles(), [channel], [owner]);
        // Whoever is told that it failed makes the group again, and must not have two then.
        let debt = self.owe(Owed::GroupUndone(group.id, owner_id));
        let stored = self.store.insert_group(&group, &roles, &channels, &members).await;
        let changed = [Changed::Group(group.id), Changed::Membership(group.id, owner_id)];
        let changes = self.changed(changed);
        let made = match stored {
            Ok(()) => self.announce_made(owner_id, group.id, changes, &debt).await,
            Err(error) => Err(error.into()),
        };
        match &made {
            Ok(_) => debt.paid(),
            Err(_) => {
                if let Err(error) = self.undo_group(owner_id, group.id, debt).await {
                    tracing::warn!(%error, group.id = %group.id, "a group is to be undone once that is possible");
                }
            }
        }
        made
    }

    async fn announce_made(
        &self,
        owner_id: UserId,
        group_id: GroupId,
        changes: Changes,
        debt: &Debt,
    ) -> Result<JoinedGroupView, ChatError> {
        let view = self.joined_group(owner_id, group_id).await?;
        let content = push(Push::GroupCreated, &view);
        self.apply_joined(owner_id, group_id, changes, content, debt).await?;
        Ok(view)
    }

    /// Deletes a group that could not be announced, or of which nobody knows whether it was stored. If this
    /// fails, it is owed.
    pub(crate) async fn undo_group(
        &self,
        owner_id: UserId,
        group_id: GroupId,
        debt: Debt,
    ) -> Result<(), ChatError> {
        let deleted = self.store.delete_group(group_id).await;
        let changed = [Changed::Group(group_id), Changed::Membership(group_id, owner_id)];
        let changes = self.changed(changed);
        let deleted = deleted?;
        debt.paid();
        if deleted {
            // Its owner may have heard of it all the same.
            self.announce_closed(group_id, changes, self.owe(Owed::GroupClosed(group_id))).await?;
        }
        Ok(())
    }

    /// Changes name and icon; a request that changes nothing announces nothing.
    pub async fn update_group(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: UpdateGroup,
    ) -> Result<GroupView, ChatError> {
        let standing = self.group_access(caller, group_id).await?;
        standing.require(Permissions::MANAGE_GROUP)?;
        let patch = GroupPatch {
            name: request.name.map(parse_name).transpose()?,
            icon: request.icon.map(|icon| icon.map(parse_icon).transpose()).transpose()?,
        };
        if patch == GroupPatch::default() {
            return self.group_view(&standing.group).await;
        }
        self.limit_changes(caller, Some(group_id))?;
        let chat = self.clone();
        self.in_turn(Subject::Group(group_id), async move {
            chat.store_group_patch(group_id, patch).await
        })
        .await
    }

    async fn store_group_patch(
        &self,
        group_id: GroupId,
        patch: GroupPatch,
    ) -> Result<GroupView, ChatError> {
        let member_count = self.count_members(group_id).await?;
        let (push, entity) = (Push::GroupUpdated, Entity::Group(group_id));
        let update = self.store.update_group(group_id, &patch);
        let updated = self.owing(Owed::Current(push, entity), update).await;
        let changes = self.changed([Changed::Group(group_id)]);
        let (updated, debt) = updated?;
        let Some(group) = updated else {
            debt.void();
            return Err(ChatError::NotFound(Noun::Group));
        };
        let view = GroupView::new(&group, member_count);
        let envelope = self.envelope([Topic::Group(group_id)], self.current(push, entity, &view));
        self.announce(debt, envelope.with_changes(changes)).await;
        Ok(view)
    }

    /// Deletes a group with all that is in it. Only its owner may.
    pub async fn delete_group(&self, caller: Caller, group_id: GroupId) -> Result<(), ChatError> {
        let standing = match self.group_access(caller, group_id).await {
            Err(missing @ ChatError::NotFound(_)) => {
                self.repeat_group_deletion(group_id).await?;
                return Err(missing);
            }
            standing => standing?,
        };
        if standing.group.group.official {
            return Err(ChatError::Forbidden("nobody deletes the official group"));
        }
        if standing.group.group.owner_id != Some(caller.user_id) {
            return Err(ChatError::Forbidden("only its owner deletes a group"));
        }
        let chat = self.clone();
        self.in_turn(Subject::Group(group_id), async move {
            chat.store_group_deletion(&standing.group).await
        })
        .await
    }

    async fn store_group_deletion(&self, group: &GroupSnapshot) -> Result<(), ChatError> {
        let group_id = group.group.id;
        let owed = Owed::GroupClosed(group_id);
        let (deleted, debt) = self.owing(owed, self.store.delete_group(group_id)).await?;
        let channels = group.channels.iter().map(|channel| Changed::Channel(channel.id));
        let changes = self.changed([Changed::Group(group_id)].into_iter().chain(channels));
        self.announce_closed(group_id, changes, debt).await?;
        if deleted { Ok(()) } else { Err(ChatError::NotFound(Noun::Group)) }
    }

    /// Tells whoever is in the room of a group that is gone, and closes the room.
    pub(crate) async fn announce_closed(
        &self,
        group_id: GroupId,
        changes: Changes,
        debt: Debt,
    ) -> Result<(), ChatError> {
        let content = push(Push::GroupDeleted, &GroupRefView { group_id });
        let envelope = self
            .envelope([Topic::Group(group_id)], content)
            .with_changes(changes)
            .with_effect(Effect::CloseGroup { group_id });
        self.announce_applied(&debt, envelope).await?;
        debt.paid();
        Ok(())
    }

    /// Completes the deletion of a group, should it have failed half way. For anybody who asks, so it does
    /// nothing unless something is owed.
    async fn repeat_group_deletion(&self, group_id: GroupId) -> Result<(), ChatError> {
        let chat = self.clone();
        let work = async move { chat.settle_group(group_id).await };
        self.in_turn(Subject::Group(group_id), work).await
    }

    pub async fn leave_group(&self, caller: Caller, group_id: GroupId) -> Result<(), ChatError> {
        let standing = match self.group_access(caller, group_id).await {
            Err(missing @ ChatError::NotFound(_)) => {
                self.repeat_leaving(caller.user_id, group_id).await?;
                return Err(missing);
            }
            standing => standing?,
        };
        if standing.group.group.official {
            return Err(ChatError::Forbidden("nobody leaves the official group"));
        }
        if standing.group.group.owner_id == Some(caller.user_id) {
            return Err(ChatError::Forbidden("owners cannot leave, only delete their group"));
        }
        let chat = self.clone();
        self.in_turn(Subject::Memberships(caller.user_id), async move {
            chat.store_departure(caller.user_id, group_id, Noun::Group).await
        })
        .await
    }

    /// Completes somebody's own leaving, should it have failed half way. For anybody who asks, so it does
    /// nothing unless something is owed.
    async fn repeat_leaving(&self, user_id: UserId, group_id: GroupId) -> Result<(), ChatError> {
        let chat = self.clone();
        let work = async move { chat.settle_membership(group_id, user_id).await };
        self.in_turn(Subject::Memberships(user_id), work).await
    }
}

/// The channel that a group starts with.
pub(crate) fn first_channel(id: ChannelId, group_id: GroupId) -> Channel {
    Channel {
        id,
        group_id: Some(group_id),
        kind: ChannelKind::Text,
        name: FIRST_CHANNEL_NAME.to_owned(),
        topic: String::new(),
        position: 0,
        slow_mode_seconds: 0,
        recipients: Vec::new(),
    }
}

fn parse_name(name: String) -> Result<String, ChatError> {
    name::name(name, NAME_CHARS_MAX).map_err(ChatError::text("name"))
}

fn parse_icon(icon: String) -> Result<String, ChatError> {
    text::image_url(icon).map_err(ChatError::text("icon"))
}
