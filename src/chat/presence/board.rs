//! Who is there, on this node: everybody's [`Attendance`], and which changes are still to be announced.
//!
//! Holds no connections and publishes nothing; `chat::presence` flushes it.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

use crate::clock::UnixMs;
use crate::model::id::UserId;
use crate::model::presence::{
    Attendance, CHOICE_KEPT_MS, OFFLINE_DELAY_MS, Presence, PresenceEvent, Status,
};

/// Choices of people who are gone that are remembered at most; the oldest go first.
const REMEMBERED_MAX: usize = 10_000;

/// Everybody with a socket on this node, and for a while those who had one.
#[derive(Default)]
pub struct PresenceBoard {
    people: Mutex<People>,
}

#[derive(Default)]
struct People {
    by_user: HashMap<UserId, Person>,
    /// Who may look different from what was announced, once each.
    changed: Vec<UserId>,
    /// Who had no socket left, and when they turn offline; in that order, with outdated entries.
    leaving: VecDeque<Due>,
    /// Who is gone but chose something, and when that is forgotten; likewise.
    remembered: VecDeque<Due>,
    here: usize,
}

struct Person {
    attendance: Attendance,
    /// `None` if that is not what everybody knows: the next flush announces in any case.
    announced: Option<(Status, String)>,
    is_changed: bool,
}

#[derive(Clone, Copy)]
struct Due {
    at_ms: UnixMs,
    user_id: UserId,
}

impl Due {
    /// True at its time, and when it lies further ahead than the wait was: then the clock went back.
    fn is_now(self, wait_ms: u64, now_ms: UnixMs) -> bool {
        self.at_ms <= now_ms || self.at_ms > now_ms + wait_ms
    }
}

impl PresenceBoard {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn apply(&self, user_id: UserId, event: PresenceEvent, now_ms: UnixMs) {
        self.people.lock().apply(user_id, event, now_ms);
    }

    /// What others see of each of `user_ids`, in their order.
    ///
    /// Who is told something that was not announced yet is sure to hear of what follows: a change that
    /// is taken back before the next flush is announced all the same.
    pub fn presences(&self, user_ids: &[UserId], now_ms: UnixMs) -> Vec<Presence> {
        let mut people = self.people.lock();
        user_ids.iter().map(|user_id| people.presence(*user_id, now_ms)).collect()
    }

    /// Everybody with a socket here, those who are invisible included.
    pub fn online_users(&self) -> Vec<UserId> {
        let people = self.people.lock();
        let here = people.by_user.iter().filter(|(_, person)| person.attendance.is_here());
        here.map(|(user_id, _)| *user_id).collect()
    }

    /// How many [`online_users`](Self::online_users) there are.
    pub fn online_users_count(&self) -> usize {
        self.people.lock().here
    }

    /// Takes changes that have to be announced, at most `limit`; to be repeated until none are left.
    pub fn take_changes(&self, limit: usize, now_ms: UnixMs) -> Vec<Presence> {
        let mut people = self.people.lock();
        people.turn_offline(now_ms);
        let changes = people.take_changes(limit, now_ms);
        if people.changed.is_empty() {
            people.forget(now_ms);
        }
        changes
    }

    /// Puts back who was taken but not announced: the next flush announces what they look like then.
    pub fn not_announced(&self, user_ids: &[UserId], now_ms: UnixMs) {
        let mut people = self.people.lock();
        for user_id in user_ids {
            // Who was over has been forgotten with the taking, and still has to be seen to be gone.
            let person = people.by_user.entry(*user_id).or_insert_with(|| Person::new(now_ms));
            person.announced = None;
            people.mark_changed(*user_id);
        }
    }
}

impl People {
    fn apply(&mut self, user_id: UserId, event: PresenceEvent, now_ms: UnixMs) {
        if matches!(event, PresenceEvent::Closed(_)) && !self.by_user.contains_key(&user_id) {
            return;
        }
        let person = self.by_user.entry(user_id).or_insert_with(|| Person::new(now_ms));
        let was_here = person.attendance.is_here();
        person.attendance.apply(event, now_ms);
        let is_here = person.attendance.is_here();
        self.here = self.here + usize::from(is_here) - usize::from(was_here);
        if !is_here {
            self.leaving.push_back(Due { at_ms: now_ms + OFFLINE_DELAY_MS, user_id });
        }
        self.mark_changed(user_id);
    }

    fn mark_changed(&mut self, user_id: UserId) {
        if let Some(person) = self.by_user.get_mut(&user_id)
            && !person.is_changed
        {
            person.is_changed = true;
            self.changed.push(user_id);
        }
    }

    fn presence(&mut self, user_id: UserId, now_ms: UnixMs) -> Presence {
        let Some(person) = self.by_user.get_mut(&user_id) else {
            return Presence::offline(user_id);
        };
        let (status, text) = person.attendance.seen(now_ms);
        let presence = Presence { user_id, status, text: text.to_owned() };
        if !person.is_announced(now_ms) {
            person.announced = None;
            self.mark_changed(user_id);
        }
        presence
    }

    /// Marks those whose delay is over, and moves them to those who are only remembered.
    fn turn_offline(&mut self, now_ms: UnixMs) {
        while let Some(due) = self.leaving.front().copied()
            && due.is_now(OFFLINE_DELAY_MS, now_ms)
        {
            self.leaving.pop_front();
            let Some(person) = self.by_user.get(&due.user_id) else { continue };
            if person.attendance.is_here() {
                continue;
            }
            if !person.attendance.is_over(now_ms) {
                let at_ms = now_ms + CHOICE_KEPT_MS;
                self.remembered.push_back(Due { at_ms, user_id: due.user_id });
            }
            self.mark_changed(due.user_id);
        }
    }

    fn take_changes(&mut self, limit: usize, now_ms: UnixMs) -> Vec<Presence> {
        let mut changes = Vec::new();
        while changes.len() < limit
            && let Some(user_id) = self.changed.pop()
        {
            let Some(person) = self.by_user.get_mut(&user_id) else { continue };
            person.is_changed = false;
            if !person.is_announced(now_ms) {
                let (status, text) = person.attendance.seen(now_ms);
                person.announced = Some((status, text.to_owned()));
                changes.push(Presence { user_id, status, text: text.to_owned() });
            }
            if person.attendance.is_over(now_ms) {
                self.by_user.remove(&user_id);
            }
        }
        changes
    }

    /// Forgets old choices, when no change waits to be announced. Who is not settled has an entry yet
    /// to come: they left again.
    fn forget(&mut self, now_ms: UnixMs) {
        while let Some(due) = self.remembered.front().copied()
            && (due.is_now(CHOICE_KEPT_MS, now_ms) || self.remembered.len() > REMEMBERED_MAX)
        {
            self.remembered.pop_front();
            if self.by_user.get(&due.user_id).is_some_and(|person| person.is_settled(now_ms)) {
                self.by_user.remove(&due.user_id);
            }
        }
    }
}

impl Person {
    fn new(now_ms: UnixMs) -> Self {
        Self {
            attendance: Attendance::new(now_ms),
            announced: Some((Status::Offline, String::new())),
            is_changed: false,
        }
    }

    fn is_announced(&self, now_ms: UnixMs) -> bool {
        let announced = self.announced.as_ref().map(|(status, text)| (*status, text.as_str()));
        announced == Some(self.attendance.seen(now_ms))
    }

    /// Gone, and everybody knows: nothing is lost but what they chose.
    fn is_settled(&self, now_ms: UnixMs) -> bool {
        !self.attendance.is_here()
            && !self.is_changed
            && self.attendance.seen(now_ms).0 == Status::Offline
            && self.is_announced(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::presence::{ChosenStatus, SocketKey};
    use PresenceEvent::{Closed, Opened};

    const ADA: UserId = UserId::new(1);
    const SOCKET: SocketKey = SocketKey(1);
    const START_MS: UnixMs = 1_000_000;

    fn chosen(status: ChosenStatus) -> PresenceEvent {
        PresenceEvent::Chosen { socket: SOCKET, status, text: None }
    }

    fn flush(board: &PresenceBoard, now_ms: UnixMs) -> Vec<Status> {
        let changes = board.take_changes(100, now_ms);
        assert!(changes.iter().all(|presence| presence.user_id == ADA));
        changes.into_iter().map(|presence| presence.status).collect()
    }

    /// A board on which `events` happened at [`START_MS`] and were announced.
    fn announced(events: impl IntoIterator<Item = PresenceEvent>) -> PresenceBoard {
        let board = PresenceBoard::new();
        events.into_iter().for_each(|event| board.apply(ADA, event, START_MS));
        flush(&board, START_MS);
        board
    }

    #[test]
    fn only_what_others_see_differently_is_announced() {
        let board = PresenceBoard::new();
        board.apply(ADA, Opened(SOCKET), START_MS);
        assert_eq!(flush(&board, START_MS), [Status::Online]);
        board.apply(ADA, Opened(SocketKey(2)), START_MS);
        board.apply(ADA, chosen(ChosenStatus::Dnd), START_MS);
        board.apply(ADA, chosen(ChosenStatus::Online), START_MS);
        board.apply(ADA, Closed(SocketKey(2)), START_MS);
        assert_eq!(flush(&board, START_MS), []);
        board.apply(ADA, chosen(ChosenStatus::Invisible), START_MS);
        assert_eq!(flush(&board, START_MS), [Status::Offline]);
        board.apply(ADA, Closed(SOCKET), START_MS);
        assert_eq!(flush(&board, START_MS + OFFLINE_DELAY_MS), []);
    }

    #[test]
    fn offline_is_announced_once_and_late() {
        let board = announced([Opened(SOCKET), Closed(SOCKET)]);
        assert_eq!(flush(&board, START_MS + OFFLINE_DELAY_MS - 1), []);
        assert_eq!(flush(&board, START_MS + OFFLINE_DELAY_MS), [Status::Offline]);
        assert_eq!(flush(&board, START_MS + 2 * OFFLINE_DELAY_MS), []);
        assert!(board.people.lock().by_user.is_empty(), "and forgotten");
    }

    #[test]
    fn a_quick_return_announces_nothing() {
        let board = announced([Opened(SOCKET), Closed(SOCKET)]);
        board.apply(ADA, Opened(SocketKey(2)), START_MS + OFFLINE_DELAY_MS - 1);
        assert_eq!(flush(&board, START_MS + OFFLINE_DELAY_MS), []);
        board.apply(ADA, Closed(SocketKey(2)), START_MS + OFFLINE_DELAY_MS);
        assert_eq!(flush(&board, START_MS + OFFLINE_DELAY_MS + 1999), [], "a delay of its own");
        assert_eq!(flush(&board, START_MS + 2 * OFFLINE_DELAY_MS), [Status::Offline]);
    }

    #[test]
    fn whoever_was_told_a_change_early_is_told_that_it_was_taken_back() {
        let board = announced([Opened(SOCKET)]);
        board.apply(ADA, chosen(ChosenStatus::Dnd), START_MS);
        assert_eq!(board.presences(&[ADA], START_MS)[0].status, Status::Dnd);
        board.apply(ADA, chosen(ChosenStatus::Online), START_MS);
        assert_eq!(flush(&board, START_MS), [Status::Online]);
        assert_eq!(flush(&board, START_MS), []);
    }

    #[test]
    fn what_was_not_announced_is_announced_by_the_next_flush() {
        let board = announced([Opened(SOCKET), Closed(SOCKET)]);
        let over_ms = START_MS + OFFLINE_DELAY_MS;
        for _ in 0..2 {
            assert_eq!(flush(&board, over_ms), [Status::Offline]);
            board.not_announced(&[ADA], over_ms);
        }
        board.apply(ADA, Opened(SOCKET), over_ms);
        assert_eq!(flush(&board, over_ms), [Status::Online], "once, and as it is by now");
        board.not_announced(&[ADA], over_ms);
        board.apply(ADA, Closed(SOCKET), over_ms);
        assert_eq!(flush(&board, over_ms + OFFLINE_DELAY_MS), [Status::Offline]);
        assert_eq!(flush(&board, over_ms + OFFLINE_DELAY_MS), []);
        assert!(board.people.lock().by_user.is_empty());
        assert_eq!(board.online_users_count(), 0);
    }

    #[test]
    fn a_choice_is_remembered_and_then_forgotten() {
        let board = announced([Opened(SOCKET), chosen(ChosenStatus::Invisible), Closed(SOCKET)]);
        let back_ms = START_MS + CHOICE_KEPT_MS - 1;
        assert_eq!(flush(&board, back_ms), []);
        board.apply(ADA, Opened(SOCKET), back_ms);
        assert_eq!(flush(&board, back_ms), [], "still invisible");
        board.apply(ADA, Closed(SOCKET), back_ms);
        flush(&board, back_ms + OFFLINE_DELAY_MS);
        flush(&board, back_ms + OFFLINE_DELAY_MS + CHOICE_KEPT_MS);
        assert!(board.people.lock().by_user.is_empty());
        assert!(board.people.lock().remembered.is_empty());
    }

    #[test]
    fn at_most_so_many_choices_are_remembered() {
        let board = PresenceBoard::new();
        for number in 0..REMEMBERED_MAX as u64 + 10 {
            let user_id = UserId::new(number);
            for event in [Opened(SOCKET), chosen(ChosenStatus::Dnd), Closed(SOCKET)] {
                board.apply(user_id, event, START_MS);
            }
        }
        let all = usize::MAX;
        board.take_changes(all, START_MS);
        assert_eq!(board.take_changes(all, START_MS + OFFLINE_DELAY_MS).len(), REMEMBERED_MAX + 10);
        board.take_changes(all, START_MS + OFFLINE_DELAY_MS);
        board.apply(ADA, Opened(SOCKET), START_MS + OFFLINE_DELAY_MS);
        board.apply(ADA, Closed(SOCKET), START_MS + OFFLINE_DELAY_MS);
        board.take_changes(all, START_MS + 2 * OFFLINE_DELAY_MS);
        let people = board.people.lock();
        assert!(people.remembered.len() <= REMEMBERED_MAX);
        assert!(people.by_user.len() <= REMEMBERED_MAX + 1, "{}", people.by_user.len());
    }

    #[test]
    fn changes_are_taken_in_pieces_and_none_is_lost() {
        let board = PresenceBoard::new();
        (0..25).for_each(|number| board.apply(UserId::new(number), Opened(SOCKET), START_MS));
        let mut sizes = Vec::new();
        loop {
            match board.take_changes(10, START_MS).len() {
                0 => break,
                size => sizes.push(size),
            }
        }
        assert_eq!(sizes, [10, 10, 5]);
        assert_eq!((board.online_users_count(), board.online_users().len()), (25, 25));
    }

    #[test]
    fn a_clock_that_goes_back_does_not_keep_people_online() {
        let board = announced([Opened(SOCKET), Closed(SOCKET)]);
        assert_eq!(flush(&board, START_MS - 500_000), [Status::Offline]);
    }

    #[test]
    fn strangers_are_offline_and_leave_no_trace() {
        let board = PresenceBoard::new();
        board.apply(ADA, Closed(SOCKET), START_MS);
        assert_eq!(board.presences(&[ADA], START_MS), [Presence::offline(ADA)]);
        assert_eq!(flush(&board, START_MS + OFFLINE_DELAY_MS), []);
        assert!(board.people.lock().by_user.is_empty());
    }
}
