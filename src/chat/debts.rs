//! What commands have stored, or may have, and not announced: who is to be told of it is owed that.
//!
//! Nothing can be announced without a [`Debt`], and a debt that is dropped before it is paid is noted: by a bus
//! that refuses, a store that fails between storing and announcing, a panic. So no command can forget it.
//! `repairs.rs` pays what is noted. Only what is owed is remembered, not what would have been said.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::bus::envelope::Entity;
use crate::chat::{Chat, ChatError};
use crate::model::event::Push;
use crate::model::id::{ChannelId, GroupId, MessageId, UserId};
use crate::telemetry::log_seldom;

/// More is owed only by a bus that takes nothing, and then other nodes will have to begin anew.
const OWED_MAX: usize = 10_000;

/// Of what the sessions that it concerns may not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owed {
    /// Whether somebody is in a group.
    Membership(GroupId, UserId),
    /// That somebody is not in a group in which they were not before, as far as this node knows.
    Absence(GroupId, UserId),
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
    /// That a channel's message mentions everyone, to the nodes that tell those of them who are there.
    EveryoneMentioned(ChannelId),
    /// The same, to those of them who are here.
    EveryoneHere(ChannelId),
    /// What something is by now that is changed as a whole, and no more than that.
    Current(Push, Entity),
}

impl Owed {
    /// Whether each command tells its own of it, and no other's.
    const fn is_told_piecemeal(&self) -> bool {
        matches!(self, Self::Missed(_) | Self::EveryoneMentioned(_) | Self::EveryoneHere(_))
    }
}

/// Everything that is owed.
#[derive(Debug, Default)]
pub struct Debts {
    noted: Mutex<NotedInOrder>,
    /// Of those that are noted: mostly none, and then paying takes no lock.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct NotedInOrder {
    numbers: HashMap<Owed, u64>,
    last: u64,
    /// They were too many.
    is_gap: bool,
    /// When it was last that something was owed which a sync would answer.
    history_owed_at: Option<Instant>,
}

impl NotedInOrder {
    fn put_last(&mut self, owed: Owed) {
        self.last += 1;
        self.numbers.insert(owed, self.last);
    }

    fn owes_history(&self) -> bool {
        let of_history = |owed: &Owed| matches!(owed, Owed::Message(..) | Owed::Missed(_));
        self.is_gap || self.numbers.keys().any(of_history)
    }
}

impl Debts {
    pub fn is_owed(&self, owed: &Owed) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.noted.lock().numbers.contains_key(owed)
    }

    pub fn note(&self, owed: Owed) {
        let mut noted = self.noted.lock();
        if noted.numbers.len() < OWED_MAX || noted.numbers.contains_key(&owed) {
            noted.put_last(owed);
            return self.count.store(noted.numbers.len(), Ordering::Release);
        }
        noted.is_gap = true;
        drop(noted);
        log_seldom!(error, "too many announcements are owed: other nodes will begin anew");
    }

    /// Whoever had to know does, or is gone.
    pub fn strike(&self, owed: &Owed) {
        self.strike_if(owed, |_| true);
    }

    /// Likewise, unless it was noted once more since `number` was its number.
    pub fn strike_noted(&self, owed: &Owed, number: Option<u64>) {
        self.strike_if(owed, |noted| Some(noted) == number);
    }

    fn strike_if(&self, owed: &Owed, is_told: impl Fn(u64) -> bool) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut noted = self.noted.lock();
        if noted.numbers.get(owed).is_some_and(|number| is_told(*number)) {
            if noted.owes_history() {
                noted.history_owed_at = Some(Instant::now());
            }
            noted.numbers.remove(owed);
        }
        self.count.store(noted.numbers.len(), Ordering::Release);
    }

    /// When it was noted, if it is.
    pub fn number(&self, owed: &Owed) -> Option<u64> {
        self.noted.lock().numbers.get(owed).copied()
    }

    /// One that fails each time does not keep those behind it waiting for ever.
    pub fn put_last(&self, owed: Owed) {
        let mut noted = self.noted.lock();
        if noted.numbers.contains_key(&owed) {
            noted.put_last(owed);
        }
    }

    pub fn is_gap(&self) -> bool {
        self.noted.lock().is_gap
    }

    /// For how long nothing has been owed that a sync would answer; `None` if something is.
    pub fn history_settled_for(&self) -> Option<Duration> {
        let noted = self.noted.lock();
        let settled_for = noted.history_owed_at.map_or(Duration::MAX, |at| at.elapsed());
        (!noted.owes_history()).then_some(settled_for)
    }

    pub fn gap_told(&self) {
        let mut noted = self.noted.lock();
        noted.history_owed_at = Some(Instant::now());
        noted.is_gap = false;
    }

    /// Those that were owed or failed first come first.
    pub fn all(&self) -> Vec<Owed> {
        let noted = self.noted.lock();
        let mut all: Vec<(u64, Owed)> =
            noted.numbers.iter().map(|(it, number)| (*number, *it)).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, owed)| owed).collect()
    }
}

/// What a command has stored, or is about to, until it is announced. Dropping it leaves that to
/// [`run_repairs`](crate::chat::repairs::run_repairs).
#[derive(Debug)]
#[must_use = "it belongs to the announcement"]
pub struct Debt {
    /// `None` once it is settled.
    open: Option<(Owed, Arc<Debts>)>,
}

impl Debt {
    /// For announcements that the store itself keeps until they are made, or that say nothing new.
    pub const fn none() -> Self {
        Self { open: None }
    }

    /// Everybody whom it concerns has been told, and so also what was owed of the same before: it was told as it is
    /// now. But of what happens in a channel each command tells its own.
    pub fn paid(mut self) {
        if let Some((owed, debts)) = self.open.take()
            && !owed.is_told_piecemeal()
        {
            debts.strike(&owed);
        }
    }

    /// Nothing was stored that somebody would have to be told of.
    pub fn void(mut self) {
        self.open = None;
    }

    /// A refusal is paid, too: what there was to tell is gone.
    pub fn settled_by<T>(self, result: &Result<T, ChatError>) {
        match result {
            Err(error) if error.is_fault() => drop(self),
            _ => self.paid(),
        }
    }
}

impl Drop for Debt {
    fn drop(&mut self) {
        if let Some((owed, debts)) = self.open.take() {
            debts.note(owed);
        }
    }
}

impl Chat {
    /// For what is stored already, or cannot but be.
    pub(crate) fn owe(&self, owed: Owed) -> Debt {
        Debt { open: Some((owed, self.debts.clone())) }
    }

    /// Stores something, and hands out what is owed for it. If nobody knows whether that was done, because the
    /// store did not answer in time, it is owed as well, and settled from what is there then.
    pub(crate) async fn owing<T, E: Into<ChatError>>(
        &self,
        owed: Owed,
        storing: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Debt), ChatError> {
        let debt = self.owe(owed);
        match storing.await.map_err(Into::into) {
            Ok(stored) => Ok((stored, debt)),
            Err(error) => {
                if !error.is_fault() {
                    debt.void();
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWED: Owed = Owed::Message(ChannelId::new(1), MessageId::new(2));
    const MISSED: Owed = Owed::Missed(ChannelId::new(1));

    fn debt(debts: &Arc<Debts>) -> Debt {
        Debt { open: Some((OWED, debts.clone())) }
    }

    #[test]
    fn a_debt_that_is_dropped_is_owed_until_it_is_paid() {
        let debts = Arc::new(Debts::default());
        drop(debt(&debts));
        assert!(debts.is_owed(&OWED));
        debt(&debts).void();
        assert!(debts.is_owed(&OWED), "it is another one");
        debt(&debts).paid();
        assert!(!debts.is_owed(&OWED) && debts.all().is_empty());
        debt(&debts).void();
        drop(Debt::none());
        assert!(debts.all().is_empty());
    }

    #[test]
    fn a_fault_leaves_it_owed_and_a_refusal_does_not() {
        let debts = Arc::new(Debts::default());
        debt(&debts).settled_by::<()>(&Err(ChatError::Unavailable));
        assert!(debts.is_owed(&OWED));
        debt(&debts).settled_by::<()>(&Err(ChatError::Unauthorized));
        assert!(!debts.is_owed(&OWED));
    }

    #[test]
    fn too_many_are_a_gap() {
        let debts = Arc::new(Debts::default());
        let owed = |number| Owed::Missed(ChannelId::new(number));
        for number in 0..=OWED_MAX as u64 {
            drop(Debt { open: Some((owed(number), debts.clone())) });
        }
        assert!(debts.is_gap() && !debts.is_owed(&owed(OWED_MAX as u64)));
        debts.put_last(owed(0));
        assert_eq!((debts.all()[0], debts.all().pop()), (owed(1), Some(owed(0))));
    }

    #[test]
    fn what_one_command_tells_of_a_channel_does_not_tell_what_another_could_not() {
        let debts = Arc::new(Debts::default());
        let missed = || Debt { open: Some((MISSED, debts.clone())) };
        drop(missed());
        missed().paid();
        assert!(debts.is_owed(&MISSED));
        let number = debts.number(&MISSED);
        drop(missed());
        debts.strike_noted(&MISSED, number);
        assert!(debts.is_owed(&MISSED), "one more could not since");
        debts.strike_noted(&MISSED, debts.number(&MISSED));
        assert!(!debts.is_owed(&MISSED));
    }
}
