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

    /// What this node stored before has been announced. Never goes back.
    pub fn own(&self, debts: &Debts, now_ms: UnixMs) -> UnixMs {
        if debts.is_empty() {
            self.until_ms.fetch_max(now_ms.saturating_sub(self.settled_ms), Ordering::Relaxed);
        }
        self.until_ms.load(Ordering::Relaxed)
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
    use crate::chat::debts::Owed;
    use crate::model::id::ChannelId;
    use crate::model::time_budget::SETTLED_MS;

    const NOW_MS: UnixMs = 1_795_000_000_000;

    #[test]
    fn it_stands_still_while_something_is_owed() {
        let (debts, watermark) = (Debts::default(), Watermark::new(SETTLED_MS));
        assert_eq!(watermark.own(&debts, NOW_MS), NOW_MS - SETTLED_MS);
        let owed = Owed::Missed(ChannelId::new(1));
        debts.note(owed);
        assert_eq!(watermark.own(&debts, NOW_MS + 60_000), NOW_MS - SETTLED_MS);
        debts.strike(&owed);
        assert_eq!(watermark.own(&debts, NOW_MS + 60_000), NOW_MS + 60_000 - SETTLED_MS);
        assert_eq!(
            watermark.own(&debts, NOW_MS),
            NOW_MS + 60_000 - SETTLED_MS,
            "a clock went back"
        );
    }
}
