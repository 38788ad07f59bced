//! Joining and leaving, as every node and every member learns of it.
//!
//! Both are applied everywhere before they return: what is published after a removal does not reach
//! the person, and what is published after a joining does.

use crate::bus::envelope::{Changed, Content, Effect, Entity, Topic};
use crate::chat::changes::Changes;
use crate::chat::debts::{Debt, Owed};
use crate::chat::error::Noun;
use crate::chat::turns::Subject;
use crate::chat::views::{ChannelView, GroupRefView, JoinedGroupView, MemberRefView};
use crate::chat::{Chat, ChatError, push};
use crate::model::channel::Channel;
use crate::model::event::Push;
use crate::model::id::{ChannelId, GroupId, UserId};

/// Groups of one person at most, besides the official one; bounds what `ready` carries. Somebody who
/// joins through several nodes at the same moment may exceed it by as many.
pub const GROUPS_PER_PERSON_MAX: usize = 200;

impl Chat {
    /// To be asked in the person's turn: of many who ask at once, all would be let in.
    ///
    /// # Errors
    ///
    /// `conflict` for somebody who is in [`GROUPS_PER_PERSON_MAX`] groups already.
    pub(crate) async fn require_room_for_a_group(&self, user_id: UserId) -> Result<(), ChatError> {
        // One of them is the official group.
        if self.store.list_memberships(user_id).await?.len() > GROUPS_PER_PERSON_MAX {
            return Err(ChatError::Conflict("you are in too many groups"));
        }
        Ok(())
    }

    /// Brings a new member's sockets into the group and tells them and the other members.
    ///
    /// # Errors
    ///
    /// `group_not_found` if the group was deleted, or the person removed, at the same time.
    pub(crate) async fn announce_joined(
        &self,
        user_id: UserId,
        group_id: GroupId,
        debt: Debt,
    ) -> Result<JoinedGroupView, ChatError> {
        let changes = self.changed([Changed::Membership(group_id, user_id)]);
        let joined = self.bring_in(user_id, group_id, changes, &debt).await;
        match &joined {
            Ok(view) if !view.group.official => {
                let entity = Entity::Member(group_id, user_id);
                let joined = self.current(Push::MemberJoined, entity, &view.me);
                self.announce(debt, self.envelope([Topic::Group(group_id)], joined)).await;
            }
            _ => debt.settled_by(&joined),
        }
        joined
    }

    /// Brings a new member's sockets into the group and tells them.
    async fn bring_in(
        &self,
        user_id: UserId,
        group_id: GroupId,
        changes: Changes,
        debt: &Debt,
    ) -> Result<JoinedGroupView, ChatError> {
        let view = self.joined_group(user_id, group_id).await?;
        let content = push(Push::GroupCreated, &view);
        self.apply_joined(user_id, group_id, changes, content, debt).await?;
        self.owe_what_was_overtaken(user_id, &view).await?;
        Ok(view)
    }

    /// What changed in a group after it was read for somebody who joins, and before they were in its room, was told to
    /// neither. It is told to the room once more.
    async fn owe_what_was_overtaken(
        &self,
        user_id: UserId,
        told: &JoinedGroupView,
    ) -> Result<(), ChatError> {
        let group_id = told.group.id;
        self.caches.forget(&Changed::Group(group_id));
        let Some(now) = self.standing_of(user_id, group_id).await? else { return Ok(()) };
        for (channel_id, push) in differing(&told.channels, &now.group.channels) {
            let owed = Owed::Channel { channel_id, group_id: Some(group_id), push };
            drop(self.owe(owed));
        }
        let group = &now.group.group;
        if (&group.name, &group.icon) != (&told.group.name, &told.group.icon) {
            drop(self.owe(Owed::Current(Push::GroupUpdated, Entity::Group(group_id))));
        }
        Ok(())
    }

    /// Makes sure that every node has a member's sockets in the group, and sends them `content`.
    pub(crate) async fn apply_joined(
        &self,
        user_id: UserId,
        group_id: GroupId,
        changes: Changes,
        content: Content,
        debt: &Debt,
    ) -> Result<(), ChatError> {
        let missing = ChatError::NotFound(Noun::Group);
        if self.group_permissions(user_id, group_id).await?.is_none() {
            return Err(missing);
        }
        let effect = Effect::Membership { user_id, group_id, is_member: true };
        let envelope = self.envelope([Topic::User(user_id)], content);
        self.announce_applied(debt, envelope.with_changes(changes).with_effect(effect)).await?;
        // A group that was deleted meanwhile may have been closed before this person came in.
        if self.find_group(group_id).await?.is_none() {
            let changes = self.changed([Changed::Membership(group_id, user_id)]);
            self.apply_left(user_id, group_id, changes, debt).await?;
            return Err(missing);
        }
        Ok(())
    }

    /// Takes a former member's sockets out of the group and tells them and the members.
    pub(crate) async fn announce_left(
        &self,
        user_id: UserId,
        group_id: GroupId,
        debt: Debt,
    ) -> Result<(), ChatError> {
        let changes = self.changed([Changed::Membership(group_id, user_id)]);
        self.apply_left(user_id, group_id, changes, &debt).await?;
        if self.is_official(group_id) {
            debt.paid();
            return Ok(());
        }
        let left = MemberRefView { group_id, user_id };
        let content = self.current(Push::MemberLeft, Entity::Member(group_id, user_id), &left);
        self.announce(debt, self.envelope([Topic::Group(group_id)], content)).await;
        Ok(())
    }

    /// Makes sure that no node has the sockets of somebody in the group who is not a member. Nobody is told that
    /// they left, unless that is owed. `debt` is that of their absence.
    pub(crate) async fn apply_absent(
        &self,
        user_id: UserId,
        group_id: GroupId,
        debt: Debt,
    ) -> Result<(), ChatError> {
        let departure = Owed::Membership(group_id, user_id);
        if self.debts.is_owed(&departure) {
            debt.void(); // That they left says more.
            return self.announce_left(user_id, group_id, self.owe(departure)).await;
        }
        let changes = self.changed([Changed::Membership(group_id, user_id)]);
        let effect = Effect::Membership { user_id, group_id, is_member: false };
        let envelope = self.envelope([Topic::User(user_id)], Content::None);
        let envelope = envelope.with_changes(changes).with_effect(effect);
        self.announce_applied(&debt, envelope).await?;
        debt.paid();
        Ok(())
    }

    async fn apply_left(
        &self,
        user_id: UserId,
        group_id: GroupId,
        changes: Changes,
        debt: &Debt,
    ) -> Result<(), ChatError> {
        let content = push(Push::GroupDeleted, &GroupRefView { group_id });
        let effect = Effect::Membership { user_id, group_id, is_member: false };
        let envelope = self.envelope([Topic::User(user_id)], content);
        self.announce_applied(debt, envelope.with_changes(changes).with_effect(effect)).await
    }

    /// Ends a membership of an ordinary group; `missing` is what is not found if it has ended before.
    pub(crate) async fn store_departure(
        &self,
        user_id: UserId,
        group_id: GroupId,
        missing: Noun,
    ) -> Result<(), ChatError> {
        let owed = Owed::Membership(group_id, user_id);
        let deletion = self.store.delete_member(group_id, user_id);
        let (deleted, debt) = self.owing(owed, deletion).await?;
        if deleted.is_none() {
            debt.void();
            let debt = self.owe(Owed::Absence(group_id, user_id));
            self.apply_absent(user_id, group_id, debt).await?;
            return Err(ChatError::NotFound(missing));
        }
        self.announce_left(user_id, group_id, debt).await
    }

    /// Completes the departure of somebody who is no member any more, should it have failed half way,
    /// and says that there is none.
    pub(crate) async fn repeat_departure(
        &self,
        user_id: UserId,
        group_id: GroupId,
        missing: Noun,
    ) -> Result<(), ChatError> {
        let chat = self.clone();
        self.in_turn(Subject::Memberships(user_id), async move {
            if chat.store.find_member(group_id, user_id).await?.is_none() {
                let debt = chat.owe(Owed::Absence(group_id, user_id));
                chat.apply_absent(user_id, group_id, debt).await?;
            }
            Err(ChatError::NotFound(missing))
        })
        .await
    }
}

/// The channels of a group that came, changed or went, and the pushes that say so.
fn differing(told: &[ChannelView], now: &[Channel]) -> Vec<(ChannelId, Push)> {
    let is_told = |channel: &Channel| told.iter().find(|told| told.id == channel.id);
    let is_same = |told: &ChannelView, channel: &Channel| {
        (&told.name, &told.topic, told.position, told.slow_mode_seconds)
            == (&channel.name, &channel.topic, channel.position, channel.slow_mode_seconds)
    };
    let newer = now.iter().filter_map(|channel| match is_told(channel) {
        None => Some((channel.id, Push::ChannelCreated)),
        Some(told) => (!is_same(told, channel)).then_some((channel.id, Push::ChannelUpdated)),
    });
    let gone = told.iter().filter(|told| now.iter().all(|channel| channel.id != told.id));
    newer.chain(gone.map(|told| (told.id, Push::ChannelDeleted))).collect()
}
