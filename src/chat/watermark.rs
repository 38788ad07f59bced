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
use crate::telemetry;

/// By so much more than usual something is behind that stands still: what others say is a second old, and by their
/// clocks.
const STANDS_STILL_MS: u64 = 10_000;

/// This node's own.
#[derive(Debug)]
pub struct Watermark {
    /// What is stored has been announced after so long, or is owed.
    settled_ms: u64,
    until_ms: AtomicU64,
    /// The latest that sessions here may have been told; at first what they would have been when the node began.
    told_ms: AtomicU64,
}

impl Watermark {
    pub const fn new(settled_ms: u64, now_ms: UnixMs) -> Self {
        let told_ms = AtomicU64::new(now_ms.saturating_sub(settled_ms));
        Self { settled_ms, until_ms: AtomicU64::new(0), told_ms }
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

    /// Shows how old it is for this node's sessions, and what it waits for.
    fn measure(&self, own_ms: UnixMs, others_ms: Option<UnixMs>, now_ms: UnixMs) {
        if let Some(others_ms) = others_ms {
            self.told_ms.fetch_max(own_ms.min(others_ms), Ordering::Relaxed);
        }
        let age =
            Duration::from_millis(now_ms.saturating_sub(self.told_ms.load(Ordering::Relaxed)));
        metrics::gauge!(telemetry::SYNC_MARK_AGE).set(age);
        let usual_ms = now_ms.saturating_sub(self.settled_ms);
        let stands_still = |ms: UnixMs| ms.saturating_add(STANDS_STILL_MS) < usual_ms;
        for (reason, holds) in [
            ("debt", stands_still(own_ms)),
            ("peer", others_ms.is_some_and(stands_still)),
            ("gap", others_ms.is_none()),
        ] {
            metrics::gauge!(telemetry::SYNC_MARK_HELD, "reason" => reason).set(u8::from(holds));
        }
    }
}

impl Chat {
    /// What any node stored before has been announced to this node's sessions, but for those that
    /// are to be opened anew. `None` if nobody knows.
    pub fn settled_until_ms(&self) -> Option<UnixMs> {
        let (now_ms, others_ms) = (self.clock.now_ms(), self.peers.settled_until_ms());
        let own_ms = self.watermark.own(&self.debts, now_ms);
        self.watermark.measure(own_ms, others_ms, now_ms);
        Some(own_ms.min(others_ms?))
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::bus::envelope::Entity;
    use crate::chat::debts::Owed;
    use crate::model::event::Push;
    use crate::model::id::{ChannelId, GroupId};
    use crate::model::time_budget::SETTLED_MS;

    const NOW_MS: UnixMs = 1_795_000_000_000;

    #[tokio::test(start_paused = true)]
    async fn it_stands_still_while_something_is_owed_and_for_as_long_again() {
        let (debts, watermark) = (Debts::default(), Watermark::new(SETTLED_MS, NOW_MS));
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

    /// The age in seconds, and what it waits for.
    fn measured(watermark: &Watermark, own_ms: UnixMs, others_ms: Option<UnixMs>) -> Vec<String> {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || watermark.measure(own_ms, others_ms, NOW_MS));
        let shown = recorder.handle().render();
        let lines = shown.lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0"));
        let mut lines: Vec<String> =
            lines.map(|line| line.replace("vibetalk_sync_mark_", "")).collect();
        lines.retain(|line| !line.is_empty());
        lines.sort_unstable();
        lines
    }

    #[test]
    fn operators_see_how_old_it_is_and_why() {
        let usual_ms = NOW_MS - SETTLED_MS;
        let watermark = Watermark::new(SETTLED_MS, NOW_MS - 300_000);
        let shown = |own_ms, others_ms| measured(&watermark, own_ms, others_ms);
        assert_eq!(
            shown(0, Some(0)),
            ["age_seconds 345", r#"held{reason="debt"} 1"#, r#"held{reason="peer"} 1"#]
        );
        let late_ms = usual_ms - 60_000;
        assert_eq!(shown(usual_ms, Some(late_ms)), ["age_seconds 105", r#"held{reason="peer"} 1"#]);
        assert_eq!(shown(late_ms, Some(usual_ms)), ["age_seconds 105", r#"held{reason="debt"} 1"#]);
        assert_eq!(shown(usual_ms, Some(usual_ms - 2_000)), ["age_seconds 47"], "as ever");
        assert_eq!(shown(usual_ms, Some(UnixMs::MAX)), ["age_seconds 45"], "nobody else is there");
        assert_eq!(shown(usual_ms, None), ["age_seconds 45", r#"held{reason="gap"} 1"#]);
    }
}
