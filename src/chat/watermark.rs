//! Up to when everything that was stored has been announced, here and to the sessions of this node.
//!
//! Clients ask for what they missed since a time (`session:sync`), and the answer is the smaller the later that is. They
//! cannot tell it themselves from what they see: pushes of several nodes come in no common order, and of two
//! messages the older may be the one that was lost. So each node says in its signs of life up to when
//! what it stored has been announced; a sign arrives after the announcements that were before it. The earliest of
//! all nodes is what this node's sessions have been told of, and that they are told now and then (`sync:mark`).
//!
//! It stands still while a node owes an announcement or is not heard, and until sessions are opened anew after one
//! has died. By the clock of whoever stored something, as its id is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::chat::Chat;
use crate::chat::debts::Debts;
use crate::clock::UnixMs;

/// This node's own.
#[derive(Debug)]
pub struct Watermark {
    /// What is stored has been announced after so long, or is owed.
    settled_ms: u64,
    until_ms: AtomicU64,
}

impl Watermark {
    pub const fn new(settled_ms: u64) -> Self {
        Self { settled_ms, until_ms: AtomicU64::new(0) }
    }

    /// What this node stored before has been announced. Goes back with the clock.
    pub fn own(&self, debts: &Debts, now_ms: UnixMs) -> UnixMs {
        let settled_ms = now_ms.saturating_sub(self.settled_ms);
        // What was announced late is on its way to the sessions here for as long as anything else is.
        if debts
            .history_settled_for()
            .is_some_and(|it| it >= Duration::from_millis(self.settled_ms))
        {
            self.until_ms.store(settled_ms, Ordering::Relaxed);
        }
        self.until_ms.load(Ordering::Relaxed).min(settled_ms)
    }
}

impl Chat {
    /// What any node stored before has been announced to this node's sessions, but for those that
    /// are to be opened anew. `None` if nobody knows.
    pub fn settled_until_ms(&self) -> Option<UnixMs> {
        let others = self.peers.settled_until_ms()?;
        Some(self.watermark.own(&self.debts, self.clock.now_ms()).min(others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::envelope::Entity;
    use crate::chat::debts::Owed;
    use crate::model::event::Push;
    use crate::model::id::{ChannelId, GroupId};
    use crate::model::time_budget::SETTLED_MS;

    const NOW_MS: UnixMs = 1_795_000_000_000;

    #[tokio::test(start_paused = true)]
    async fn it_stands_still_while_something_is_owed_and_for_as_long_again() {
        let (debts, watermark) = (Debts::default(), Watermark::new(SETTLED_MS));
        let own = async |after_ms| {
            tokio::time::advance(Duration::from_millis(after_ms)).await;
            watermark.own(&debts, NOW_MS + after_ms)
        };
        assert_eq!(watermark.own(&debts, NOW_MS), NOW_MS - SETTLED_MS);
        debts.note(Owed::Current(Push::GroupUpdated, Entity::Group(GroupId::new(1))));
        assert_eq!(own(1_000).await, NOW_MS + 1_000 - SETTLED_MS, "a sync does not answer names");
        let owed = Owed::Missed(ChannelId::new(1));
        debts.note(owed);
        assert_eq!(own(60_000).await, NOW_MS + 1_000 - SETTLED_MS);
        debts.strike(&owed);
        assert_eq!(own(SETTLED_MS - 1).await, NOW_MS + 1_000 - SETTLED_MS);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(watermark.own(&debts, NOW_MS + 90_000), NOW_MS + 90_000 - SETTLED_MS);
        assert_eq!(watermark.own(&debts, NOW_MS), NOW_MS - SETTLED_MS, "the clock went back");
    }
}
