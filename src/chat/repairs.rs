//! Pays what is owed: announces what was stored and not announced.
//!
//! A command that stores and then fails to announce answers `unavailable`, or `ok` where only others miss
//! something, and nobody is sure to ask again. So what is owed is paid by the node itself, or by the
//! caller's next try if that comes first. It is made anew from the store, whatever has happened since. What was
//! changed in a channel is not told anew: who sees it is told to sync. Of messages that would not do: who has seen
//! later ones does not ask for those before.

use std::sync::Arc;
use std::time::Duration;

use smallvec::{SmallVec, smallvec};

use crate::bus::envelope::{About, Changed, Content, Entity, Topic};
use crate::bus::node_event::{EveryoneMentioned, NodeEvent};
use crate::chat::debts::Owed;
use crate::chat::mentions::MentionNews;
use crate::chat::turns::Subject;
use crate::chat::views::{ChannelView, MemberView, SyncRequiredView};
use crate::chat::{Chat, ChatError, audience, push};
use crate::model::channel::Channel;
use crate::model::event::Push;
use crate::model::id::{ChannelId, GroupId, MessageId, UserId};
use crate::telemetry;

/// Between two tries, the second after failures.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

impl Chat {
    /// Announces what is owed. False if some still is.
    pub async fn pay(&self) -> bool {
        if self.debts.is_gap() {
            if !self.tell_nodes(NodeEvent::Gap).await {
                return false;
            }
            self.debts.gap_told();
        }
        for owed in self.debts.all() {
            match self.pay_one(owed).await {
                Ok(()) => metrics::counter!(telemetry::ANNOUNCEMENTS_LATE).increment(1),
                // The bus takes nothing yet, so it need not be asked for each.
                Err(error) if error.is_fault() => {
                    self.debts.put_last(owed);
                    tracing::debug!(%error, ?owed, "something is still not announced");
                    return false;
                }
                // It is gone since, and with it who would have to know.
                Err(_) => self.debts.strike(&owed),
            }
        }
        true
    }

    async fn pay_one(&self, owed: Owed) -> Result<(), ChatError> {
        let chat = self.clone();
        match owed {
            Owed::Membership(group_id, user_id) => {
                let work = async move { chat.settle_membership(group_id, user_id).await };
                self.in_turn(Subject::Memberships(user_id), work).await
            }
            Owed::Absence(group_id, user_id) => {
                let work = async move { chat.settle_absence(group_id, user_id).await };
                self.in_turn(Subject::Memberships(user_id), work).await
            }
            Owed::Message(channel_id, message_id) => {
                self.announce_message_anew(channel_id, message_id).await
            }
            Owed::Missed(channel_id) => self.announce_missed(channel_id).await,
            Owed::Member(group_id, user_id) => {
                let work = async move { chat.announce_member_anew(group_id, user_id).await };
                self.in_turn(Subject::Memberships(user_id), work).await
            }
            Owed::GroupClosed(group_id) => {
                let work = async move { chat.settle_group(group_id).await };
                self.in_turn(Subject::Group(group_id), work).await
            }
            Owed::GroupUndone(group_id, owner_id) => {
                let debt = self.owe(owed);
                let work = async move { chat.undo_group(owner_id, group_id, debt).await };
                self.in_turn(Subject::Memberships(owner_id), work).await
            }
            Owed::Channel { channel_id, group_id, push } => {
                let work =
                    async move { chat.announce_channel_anew(channel_id, group_id, push).await };
                self.in_turn(Subject::Channel(channel_id), work).await
            }
            Owed::EveryoneMentioned(channel_id) => self.tell_everyone_mentioned(channel_id).await,
            Owed::EveryoneHere(channel_id) => self.tell_everyone_here(channel_id).await,
            Owed::Current(push, entity) => {
                let work = async move { chat.announce_current_anew(push, entity).await };
                self.in_turn(subject(entity), work).await
            }
        }
    }

    /// Announces whether somebody is in a group, if that is owed. In their turn.
    pub(crate) async fn settle_membership(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<(), ChatError> {
        let owed = Owed::Membership(group_id, user_id);
        if !self.debts.is_owed(&owed) {
            return Ok(());
        }
        let debt = self.owe(owed);
        match self.store.find_member(group_id, user_id).await? {
            Some(_) => self.announce_joined(user_id, group_id, debt).await.map(drop),
            None => self.announce_left(user_id, group_id, debt).await,
        }
    }

    async fn settle_absence(&self, group_id: GroupId, user_id: UserId) -> Result<(), ChatError> {
        let owed = Owed::Absence(group_id, user_id);
        if self.store.find_member(group_id, user_id).await?.is_some() {
            self.debts.strike(&owed);
            return Ok(());
        }
        self.apply_absent(user_id, group_id, self.owe(owed)).await?;
        self.debts.strike(&owed);
        Ok(())
    }

    /// Announces that a group is gone, if that is owed and it is. In its turn.
    pub(crate) async fn settle_group(&self, group_id: GroupId) -> Result<(), ChatError> {
        let owed = Owed::GroupClosed(group_id);
        if !self.debts.is_owed(&owed) {
            return Ok(());
        }
        let changes = self.changed([Changed::Group(group_id)]);
        if self.find_group(group_id).await?.is_some() {
            self.debts.strike(&owed);
            return Ok(());
        }
        self.announce_closed(group_id, changes, self.owe(owed)).await
    }

    async fn announce_message_anew(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<(), ChatError> {
        let debt = self.owe(Owed::Message(channel_id, message_id));
        let channel = self.find_channel(channel_id).await?;
        let message = self.store.find_message(channel_id, message_id).await?;
        let (Some(channel), Some(message)) = (channel, message) else {
            debt.paid();
            return Ok(());
        };
        unless_lost(self.announce_stored(&channel, &message, debt).await?)
    }

    async fn announce_missed(&self, channel_id: ChannelId) -> Result<(), ChatError> {
        let owed = Owed::Missed(channel_id);
        let number = self.debts.number(&owed);
        let debt = self.owe(owed);
        let changes = self.changed([Changed::History(channel_id)]);
        match self.find_channel(channel_id).await? {
            Some(channel) => {
                let body = SyncRequiredView { channel_ids: [channel_id], reason: "lost" };
                let envelope = self.envelope(audience(&channel), push(Push::SyncRequired, &body));
                unless_lost(self.announce(debt, envelope.with_changes(changes)).await)?;
            }
            None => debt.paid(),
        }
        self.debts.strike_noted(&owed, number);
        Ok(())
    }

    pub(crate) async fn announce_member_anew(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<(), ChatError> {
        let debt = self.owe(Owed::Member(group_id, user_id));
        let changes = self.changed([Changed::Membership(group_id, user_id)]);
        // Who is in already gets the permissions of today.
        self.apply_joined(user_id, group_id, changes, Content::None, &debt).await?;
        match self.find_member(group_id, user_id).await? {
            Some(member) if !self.is_official(group_id) => {
                let view = MemberView::new(&member, self.user(user_id).await?);
                let entity = Entity::Member(group_id, user_id);
                let content = self.current(Push::MemberUpdated, entity, &view);
                let envelope = self.envelope([Topic::Group(group_id)], content);
                unless_lost(self.announce(debt, envelope).await)
            }
            _ => {
                debt.paid();
                Ok(())
            }
        }
    }

    async fn announce_channel_anew(
        &self,
        channel_id: ChannelId,
        group_id: Option<GroupId>,
        kind: Push,
    ) -> Result<(), ChatError> {
        let debt = self.owe(Owed::Channel { channel_id, group_id, push: kind });
        let changes = self.channel_changed(channel_id, group_id);
        let announced = match (self.store.find_channel(channel_id).await?, group_id) {
            (Some(channel), None) => self.announce_direct(&channel, debt).await,
            (Some(channel), Some(group_id)) if kind != Push::ChannelDeleted => {
                let last_message_id = self.newest_message(channel_id).await?;
                let view =
                    ChannelView { last_message_id, ..ChannelView::new(&channel, None, None) };
                self.announce_channel(kind, &view, group_id, changes, debt).await
            }
            (None, Some(group_id)) if kind == Push::ChannelDeleted => {
                self.announce_channel_deleted(channel_id, group_id, changes, debt).await
            }
            // What is gone needs no news of having come, nor what is there of having gone.
            _ => {
                debt.paid();
                true
            }
        };
        unless_lost(announced)
    }

    async fn announce_current_anew(&self, kind: Push, entity: Entity) -> Result<(), ChatError> {
        let debt = self.owe(Owed::Current(kind, entity));
        let changes = self.changed(changed(entity));
        let content = match self.bus.is_alone() {
            true => self.read_content(kind, entity).await?,
            false => Content::Current { push: kind, entity },
        };
        let envelope = self.envelope(self.told_of(entity).await?, content);
        let envelope = envelope.about(about(entity)).with_changes(changes);
        unless_lost(self.announce(debt, envelope).await)
    }

    /// Who knows already is told the same.
    async fn tell_everyone_mentioned(&self, channel_id: ChannelId) -> Result<(), ChatError> {
        let owed = Owed::EveryoneMentioned(channel_id);
        let number = self.debts.number(&owed);
        if let Some(mentioned) = self.everyone_mentioned(channel_id).await? {
            unless_lost(self.tell_nodes(NodeEvent::EveryoneMentioned(mentioned)).await)?;
        }
        self.debts.strike_noted(&owed, number);
        Ok(())
    }

    /// Likewise. Should they not be told this time either, it is owed anew.
    async fn tell_everyone_here(&self, channel_id: ChannelId) -> Result<(), ChatError> {
        let owed = Owed::EveryoneHere(channel_id);
        let number = self.debts.number(&owed);
        // Who is with a node that stops goes with it.
        if !self.lifecycle.is_stopping()
            && let Some(mentioned) = self.everyone_mentioned(channel_id).await?
        {
            unless_lost(self.tell_mentioned(MentionNews::of_everyone(mentioned)))?;
        }
        self.debts.strike_noted(&owed, number);
        Ok(())
    }

    /// By whichever message; `None` if its channel is gone.
    async fn everyone_mentioned(
        &self,
        channel_id: ChannelId,
    ) -> Result<Option<EveryoneMentioned>, ChatError> {
        let channel = self.find_channel(channel_id).await?;
        let mentioned = |channel: Arc<Channel>| EveryoneMentioned {
            channel: (*channel).clone(),
            author: UserId::ZERO,
            named: Vec::new(),
        };
        Ok(channel.map(mentioned))
    }

    /// Whom it concerns; nobody if it is gone.
    async fn told_of(&self, entity: Entity) -> Result<SmallVec<[Topic; 2]>, ChatError> {
        Ok(match entity {
            Entity::Group(group_id) | Entity::Member(group_id, _) => {
                smallvec![Topic::Group(group_id)]
            }
            Entity::Channel(channel_id) | Entity::Message(channel_id, _) => {
                let channel = self.find_channel(channel_id).await?;
                channel.map(|channel| audience(&channel)).unwrap_or_default()
            }
            Entity::User(user_id) => smallvec![Topic::User(user_id), Topic::Watchers(user_id)],
            Entity::ChannelOf(user_id, _)
            | Entity::Settings(user_id)
            | Entity::ReadState(user_id, _) => smallvec![Topic::User(user_id)],
        })
    }

    pub(crate) fn is_official(&self, group_id: GroupId) -> bool {
        self.official_group() == Some(group_id)
    }
}

/// What commands take turns for that change it.
fn subject(entity: Entity) -> Subject {
    match entity {
        Entity::Group(group_id) => Subject::Group(group_id),
        Entity::Channel(channel_id) => Subject::Channel(channel_id),
        Entity::ChannelOf(user_id, _) | Entity::Member(_, user_id) => Subject::Memberships(user_id),
        Entity::Message(_, message_id) => Subject::Message(message_id),
        Entity::User(user_id) => Subject::User(user_id),
        Entity::Settings(user_id) => Subject::Settings(user_id),
        Entity::ReadState(user_id, channel_id) => Subject::ReadState(user_id, channel_id),
    }
}

/// What nodes may remember of it.
fn changed(entity: Entity) -> Option<Changed> {
    match entity {
        Entity::Group(group_id) => Some(Changed::Group(group_id)),
        Entity::Channel(channel_id) => Some(Changed::Channel(channel_id)),
        Entity::Member(group_id, user_id) => Some(Changed::Membership(group_id, user_id)),
        Entity::Message(channel_id, _) => Some(Changed::History(channel_id)),
        Entity::User(user_id) => Some(Changed::Person(user_id)),
        Entity::ChannelOf(..) | Entity::Settings(_) | Entity::ReadState(..) => None,
    }
}

fn about(entity: Entity) -> About {
    match entity {
        Entity::Channel(channel_id) => About::Channel(channel_id),
        Entity::Message(_, message_id) => About::Message(message_id),
        _ => About::Nothing,
    }
}

fn unless_lost(announced: bool) -> Result<(), ChatError> {
    if announced { Ok(()) } else { Err(ChatError::Unavailable) }
}

/// Pays what is owed until the node stops.
pub async fn run_repairs(chat: Chat) {
    let mut pause = PAUSE_MIN;
    // Not all nodes at the same time.
    let share = 0.5 + f64::from(chat.node.get() % 8) / 16.0;
    loop {
        tokio::select! {
            () = chat.lifecycle.stopping() => return,
            () = tokio::time::sleep(pause.mul_f64(share)) => {}
        }
        pause = if chat.pay().await { PAUSE_MIN } else { (2 * pause).min(PAUSE_MAX) };
    }
}
