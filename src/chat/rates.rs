//! How fast one person may write, make things and show others anything, all their sessions together.
//!
//! A session's own rate does not do: somebody with five sessions would have five of them. What is
//! counted here is counted on this node.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;

use crate::chat::attempts::rate_limited;
use crate::chat::limits::Limits;
use crate::chat::{Caller, Chat, ChatError};
use crate::clock::UnixMs;
use crate::model::id::{GroupId, UserId};
use crate::model::rate::TokenBucket;
use crate::model::window::MinuteWindow;

/// A few megabytes. Beyond it those who have been quiet are forgotten.
const PARTIES_MAX: usize = 65_536;

/// The state of everybody who was active lately, a bounded number of them.
#[derive(Debug)]
pub struct Parties<K, S> {
    states: Mutex<HashMap<K, S>>,
}

impl<K, S> Default for Parties<K, S> {
    fn default() -> Self {
        Self { states: Mutex::default() }
    }
}

impl<K: Copy + Eq + Hash, S> Parties<K, S> {
    /// Acts on the state of `key`, which is `fresh` at first. `is_fresh` tells of a state that it is as
    /// good as new: it may be forgotten.
    ///
    /// If nobody was quiet, everybody starts anew: a burst too many is better than memory without end.
    pub fn act<T>(
        &self,
        key: K,
        fresh: S,
        is_fresh: impl Fn(&S) -> bool,
        act: impl FnOnce(&mut S) -> T,
    ) -> T {
        let mut states = self.states.lock();
        if states.len() >= PARTIES_MAX && !states.contains_key(&key) {
            states.retain(|_, state| !is_fresh(state));
            if states.len() >= PARTIES_MAX {
                states.clear();
            }
        }
        act(states.entry(key).or_insert(fresh))
    }
}

/// What a node remembers of people's pace.
#[derive(Debug, Default)]
pub struct PersonRates {
    messages: Parties<UserId, PersonBuckets>,
    changes: Parties<UserId, PersonBuckets>,
    typing: Parties<UserId, PersonBuckets>,
    made: Parties<UserId, MinuteWindow>,
}

/// One person's, for one kind of what others are shown.
#[derive(Clone, Copy, Debug)]
struct PersonBuckets {
    everywhere: TokenBucket,
    official: TokenBucket,
}

impl Parties<UserId, PersonBuckets> {
    /// Counts something that somebody shows others, or says in how many milliseconds they may. In the
    /// official group both rates have to allow it.
    fn take(
        &self,
        user_id: UserId,
        official: bool,
        limits: &Limits,
        now_ms: UnixMs,
    ) -> Result<(), u64> {
        let (everywhere, in_official) = (limits.messages(), limits.official_messages());
        let fresh = PersonBuckets {
            everywhere: TokenBucket::full(everywhere, now_ms),
            official: TokenBucket::full(in_official, now_ms),
        };
        let is_fresh = |tokens: &PersonBuckets| {
            tokens.everywhere.is_full(everywhere, now_ms)
                && tokens.official.is_full(in_official, now_ms)
        };
        self.act(user_id, fresh, is_fresh, |tokens| {
            let mut left = *tokens;
            left.everywhere.take(everywhere, now_ms)?;
            if official {
                left.official.take(in_official, now_ms)?;
            }
            *tokens = left;
            Ok(())
        })
    }
}

impl PersonRates {
    /// Counts something that somebody makes, or says in how many milliseconds they may make more.
    fn take_making(&self, user_id: UserId, max: u32, now_ms: UnixMs) -> Result<(), u64> {
        let is_fresh = |window: &MinuteWindow| window.check(1, now_ms).is_ok();
        self.made.act(user_id, MinuteWindow::default(), is_fresh, |window| {
            window.check(max, now_ms)?;
            window.count(now_ms);
            Ok(())
        })
    }
}

impl Chat {
    /// For everything that shows all members of a channel a text: a message, or another version of one.
    ///
    /// # Errors
    ///
    /// `rate_limited`.
    pub(crate) fn limit_messages(
        &self,
        caller: Caller,
        group_id: Option<GroupId>,
    ) -> Result<(), ChatError> {
        self.limit(&self.rates.messages, caller, group_id)
            .map_err(|wait_ms| rate_limited("message", wait_ms))
    }

    /// For everything else that is stored and that others are told of: reactions, pins, names, settings.
    /// As often as messages, and counted apart from them.
    ///
    /// # Errors
    ///
    /// `rate_limited`.
    pub(crate) fn limit_changes(
        &self,
        caller: Caller,
        group_id: Option<GroupId>,
    ) -> Result<(), ChatError> {
        self.limit(&self.rates.changes, caller, group_id)
            .map_err(|wait_ms| rate_limited("change", wait_ms))
    }

    /// Whether others are to be told that somebody types.
    pub(crate) fn may_show_typing(&self, caller: Caller, group_id: Option<GroupId>) -> bool {
        let taken = self.limit(&self.rates.typing, caller, group_id);
        taken.map_err(|wait_ms| rate_limited("typing", wait_ms)).is_ok()
    }

    fn limit(
        &self,
        shown: &Parties<UserId, PersonBuckets>,
        caller: Caller,
        group_id: Option<GroupId>,
    ) -> Result<(), u64> {
        if !self.limits.rates {
            return Ok(());
        }
        let official = group_id.is_some_and(|group_id| self.is_official(group_id));
        shown.take(caller.user_id, official, &self.limits, self.clock.now_ms())
    }

    /// For groups, channels and invites, together.
    ///
    /// # Errors
    ///
    /// `rate_limited`.
    pub(crate) fn limit_making(&self, caller: Caller) -> Result<(), ChatError> {
        if !self.limits.rates {
            return Ok(());
        }
        let max = self.limits.made_per_minute;
        let taken = self.rates.take_making(caller.user_id, max, self.clock.now_ms());
        taken.map_err(|wait_ms| rate_limited("making", wait_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId::new(1);
    const BOB: UserId = UserId::new(2);
    const START_MS: UnixMs = 1_795_000_000_000;

    #[test]
    fn messages_come_from_one_bucket_and_the_official_group_has_one_more() {
        let (rates, limits) = (PersonRates::default(), Limits::default());
        let take =
            |user_id, official, now_ms| rates.messages.take(user_id, official, &limits, now_ms);
        assert!((0..5).all(|_| take(ADA, true, 0).is_ok()));
        assert_eq!(take(ADA, true, 0), Err(1000));
        assert!((0..25).all(|_| take(ADA, false, 0).is_ok()), "what was refused took nothing");
        assert_eq!(take(ADA, false, 0), Err(100));
        assert!(take(BOB, true, 0).is_ok());
        assert!(take(ADA, true, 999).is_err() && take(ADA, true, 1000).is_ok());
        assert!(rates.changes.take(ADA, true, &limits, 0).is_ok(), "counted apart");
    }

    #[test]
    fn making_is_counted_by_the_minute() {
        let rates = PersonRates::default();
        assert!((0..3).all(|_| rates.take_making(ADA, 3, START_MS + 1_000).is_ok()));
        assert_eq!(rates.take_making(ADA, 3, START_MS + 31_000), Err(30_000));
        assert!(rates.take_making(BOB, 3, START_MS + 31_000).is_ok());
        assert!(rates.take_making(ADA, 3, START_MS + 61_000).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_whoever_is_limited_stays_limited() {
        let rates = PersonRates::default();
        for id in 0..PARTIES_MAX as u64 - 1 {
            assert!(rates.take_making(UserId::new(id + 10), 1, START_MS).is_ok());
        }
        assert!(rates.take_making(ADA, 1, START_MS + 50_000).is_ok());
        assert!(rates.take_making(BOB, 1, START_MS + 60_000).is_ok());
        assert_eq!(rates.made.states.lock().len(), 2);
        assert!(rates.take_making(ADA, 1, START_MS + 60_000).is_err());
    }
}
