//! What is stored and was not announced: remembered until it is.
//!
//! A command that stores and then fails to announce answers `unavailable`, or `ok` where only others miss
//! something, and nobody is sure to ask again. So what is owed is paid by the node itself, or by the
//! caller's next try if that comes first. Only who is owed is remembered, not what: it is made anew from
//! the store, whatever has happened since. So it is owed as well where nobody knows whether something was
//! stored. What was changed in a channel is not told anew: who sees it is told to sync. Of messages that would not
//! do: who has seen later ones does not ask for those before.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::bus::envelope::{Changed, Content, Entity, Topic};
use crate::bus::node_event::NodeEvent;
use crate::chat::turns::Subject;
use crate::chat::views::{ChannelView, MemberView, SyncRequiredView};
use crate::chat::{Chat, ChatError, audience, push};
use crate::model::event::Push;
use crate::model::id::{ChannelId, GroupId, MessageId, UserId};
use crate::telemetry::{self, log_seldom};

/// More is owed only by a bus that takes nothing, and then other nodes will have to begin anew.
const OWED_MAX: usize = 10_000;
/// Between two tries, the second after failures.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Of what the sessions that it concerns may not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owed {
    /// Whether somebody is in a group.
    Membership(GroupId, UserId),
    /// A message that may be there.
    Message(ChannelId, MessageId),
    /// Something of what changed in a channel.
    Missed(ChannelId),
    /// What a member may do, and is called.
    Member(GroupId, UserId),
    /// That a group is gone.
    GroupClosed(GroupId),
    /// That a group is not there: its owner was told that it could not be made.
    GroupUndone(GroupId, UserId),
    /// That a channel is there, has changed, or is gone: what its push would have said.
    Channel { channel_id: ChannelId, group_id: Option<GroupId>, push: Push },
}

#[derive(Debug, Default)]
pub struct Repairs {
    owed: Mutex<OwedInOrder>,
}

#[derive(Debug, Default)]
struct OwedInOrder {
    numbers: HashMap<Owed, u64>,
    last: u64,
    /// They were too many.
    is_gap: bool,
}

impl OwedInOrder {
    fn put_last(&mut self, owed: Owed) {
        self.last += 1;
        self.numbers.insert(owed, self.last);
    }
}

impl Repairs {
    pub fn is_owed(&self, owed: &Owed) -> bool {
        self.owed.lock().numbers.contains_key(owed)
    }

    /// Notes how an announcement ended.
    pub fn note(&self, owed: Owed, announced: bool) {
        let mut all = self.owed.lock();
        if announced {
            all.numbers.remove(&owed);
            return;
        }
        if all.numbers.len() < OWED_MAX || all.numbers.contains_key(&owed) {
            return all.put_last(owed);
        }
        all.is_gap = true;
        drop(all);
        log_seldom!(error, "too many announcements are owed: other nodes will begin anew");
    }

    /// One that fails each time does not keep those behind it waiting for ever.
    fn put_last(&self, owed: Owed) {
        let mut all = self.owed.lock();
        if all.numbers.contains_key(&owed) {
            all.put_last(owed);
        }
    }

    fn is_gap(&self) -> bool {
        self.owed.lock().is_gap
    }

    /// Whether everything that is stored was announced, as far as this node knows.
    pub fn is_empty(&self) -> bool {
        let owed = self.owed.lock();
        owed.numbers.is_empty() && !owed.is_gap
    }

    fn gap_told(&self) {
        self.owed.lock().is_gap = false;
    }

    /// Those that were owed or failed first come first.
    fn all(&self) -> Vec<Owed> {
        let owed = self.owed.lock();
        let mut all: Vec<(u64, Owed)> =
            owed.numbers.iter().map(|(it, number)| (*number, *it)).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, owed)| owed).collect()
    }
}

impl Chat {
    /// Stores, or reads what is told of what was stored. If nobody knows whether that was done, because the store
    /// did not answer in time, `owed` is settled later from what is there then.
    pub(crate) async fn owing<T, E: Into<ChatError>>(
        &self,
        owed: Owed,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ChatError> {
        let done = step.await.map_err(Into::into);
        if done.as_ref().is_err_and(ChatError::is_fault) {
            self.repairs.note(owed, false);
        }
        done
    }

    /// Announces what is owed. False if some still is.
    pub async fn pay(&self) -> bool {
        if self.repairs.is_gap() {
            if !self.tell_nodes(NodeEvent::Gap).await {
                return false;
            }
            self.repairs.gap_told();
        }
        for owed in self.repairs.all() {
            match self.pay_one(owed).await {
                Ok(()) => metrics::counter!(telemetry::ANNOUNCEMENTS_LATE).increment(1),
                // The bus takes nothing yet, so it need not be asked for each.
                Err(error) if error.is_fault() => {
                    self.repairs.put_last(owed);
                    tracing::debug!(%error, ?owed, "something is still not announced");
                    return false;
                }
                // It is gone since, and with it who would have to know.
                Err(_) => self.repairs.note(owed, true),
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
                let work = async move { chat.undo_group(owner_id, group_id).await };
                self.in_turn(Subject::Memberships(owner_id), work).await
            }
            Owed::Channel { channel_id, group_id, push } => {
                let work =
                    async move { chat.announce_channel_anew(channel_id, group_id, push).await };
                self.in_turn(Subject::Channel(channel_id), work).await
            }
        }
    }

    /// Announces whether somebody is in a group, if that is owed. In their turn.
    pub(crate) async fn settle_membership(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<(), ChatError> {
        if !self.repairs.is_owed(&Owed::Membership(group_id, user_id)) {
            return Ok(());
        }
        match self.store.find_member(group_id, user_id).await? {
            Some(_) => self.announce_joined(user_id, group_id).await.map(drop),
            None => self.announce_left(user_id, group_id).await,
        }
    }

    /// Announces that a group is gone, if that is owed and it is. In its turn.
    pub(crate) async fn settle_group(&self, group_id: GroupId) -> Result<(), ChatError> {
        let owed = Owed::GroupClosed(group_id);
        if !self.repairs.is_owed(&owed) {
            return Ok(());
        }
        let changes = self.changed([Changed::Group(group_id)]);
        if self.find_group(group_id).await?.is_some() {
            self.repairs.note(owed, true);
            return Ok(());
        }
        self.announce_closed(group_id, changes).await
    }

    async fn announce_message_anew(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<(), ChatError> {
        let channel = self.find_channel(channel_id).await?;
        let message = self.store.find_message(channel_id, message_id).await?;
        if let (Some(channel), Some(message)) = (channel, message) {
            unless_lost(self.announce_stored(&channel, &message).await?)?;
        }
        self.repairs.note(Owed::Message(channel_id, message_id), true);
        Ok(())
    }

    async fn announce_missed(&self, channel_id: ChannelId) -> Result<(), ChatError> {
        let changes = self.changed([Changed::History(channel_id)]);
        let announced = match self.find_channel(channel_id).await? {
            Some(channel) => {
                let body = SyncRequiredView { channel_ids: [channel_id], reason: "lost" };
                let content = push(Push::SyncRequired, &body);
                let envelope = self.envelope(audience(&channel), content);
                self.announce(envelope.with_changes(changes)).await
            }
            None => true,
        };
        self.repairs.note(Owed::Missed(channel_id), announced);
        unless_lost(announced)
    }

    async fn announce_member_anew(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<(), ChatError> {
        let changes = self.changed([Changed::Membership(group_id, user_id)]);
        // Who is in already gets the permissions of today.
        self.apply_joined(user_id, group_id, changes, Content::None).await?;
        if let Some(member) = self.find_member(group_id, user_id).await?
            && !self.is_official(group_id)
        {
            let view = MemberView::new(&member, self.user(user_id).await?);
            let entity = Entity::Member(group_id, user_id);
            let content = self.current(Push::MemberUpdated, entity, &view);
            let envelope = self.envelope([Topic::Group(group_id)], content);
            unless_lost(self.announce(envelope).await)?;
        }
        self.repairs.note(Owed::Member(group_id, user_id), true);
        Ok(())
    }

    async fn announce_channel_anew(
        &self,
        channel_id: ChannelId,
        group_id: Option<GroupId>,
        kind: Push,
    ) -> Result<(), ChatError> {
        let changes = self.channel_changed(channel_id, group_id);
        let announced = match (self.store.find_channel(channel_id).await?, group_id) {
            (Some(_), _) if kind == Push::ChannelDeleted => true,
            (Some(channel), None) => self.announce_direct(&channel).await,
            (Some(channel), Some(group_id)) => {
                let last_message_id = self.newest_message(channel_id).await?;
                let view =
                    ChannelView { last_message_id, ..ChannelView::new(&channel, None, None) };
                self.announce_channel(kind, &view, group_id, changes).await
            }
            (None, Some(group_id)) if kind == Push::ChannelDeleted => {
                self.announce_channel_deleted(channel_id, group_id, changes).await
            }
            (None, _) => true, // What is gone needs no news of having come.
        };
        self.repairs.note(Owed::Channel { channel_id, group_id, push: kind }, announced);
        unless_lost(announced)
    }

    pub(crate) fn is_official(&self, group_id: GroupId) -> bool {
        self.official_group() == Some(group_id)
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
