//! Who is there: what this node knows by its own sockets, what other nodes say of theirs, and what is still to
//! be told of it, to the sessions here and to the other nodes.
//!
//! Holds no connections and publishes nothing; `chat::presence` flushes it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::bus::node_event::{NewsScope, PresenceNews, Version};
use crate::clock::UnixMs;
use crate::model::id::{NodeId, UserId};
use crate::model::presence::{
    Attendance, Attested, CHOICE_KEPT_MS, OFFLINE_DELAY_MS, Presence, PresenceEvent, Status, merged,
};

/// Choices of people who are gone that are remembered at most; the oldest go first.
const REMEMBERED_MAX: usize = 10_000;
/// Other nodes say each second that they live. One that has not for so long is dead, or cut off: its people
/// are somewhere else, or gone.
const SILENCE_MAX: Duration = Duration::from_secs(4);
/// People in one piece of news, which has some 700 KB then, if all of them have the longest texts.
const PEOPLE_PER_NEWS_MAX: usize = 1_000;
/// Between two questions for the same news.
const ASKED_AGAIN: Duration = Duration::from_secs(1);

/// Everybody with a socket, and for a while those who had one.
pub struct PresenceBoard {
    people: Mutex<People>,
}

impl Default for PresenceBoard {
    /// Of a node that has no others beside it.
    fn default() -> Self {
        Self::new(true)
    }
}

#[derive(Default)]
struct People {
    by_user: HashMap<UserId, Attendee>,
    /// Who may look different from what the sessions here were told, once each.
    changed: Vec<UserId>,
    /// Who had no socket left, and when they turn offline; in that order, with outdated entries.
    leaving: VecDeque<DueChange>,
    /// Who is gone but chose something, and when that is forgotten; likewise.
    remembered: VecDeque<DueChange>,
    here: usize,
    /// Other nodes, and what is to be told to them; unused while there are none.
    others: Others,
}

#[derive(Default)]
struct Others {
    is_alone: bool,
    /// How far this node's presence has been told.
    told: Version,
    untold: HashSet<UserId>,
    /// Somebody has missed news.
    whole_wanted: bool,
    replicas: HashMap<NodeId, Replica>,
}

/// What is known of another node.
struct Replica {
    version: Version,
    heard_at: Instant,
    /// Its news do not follow what is known.
    is_behind: bool,
    asked_at: Option<Instant>,
    /// Who is there by those parts of a whole that have come; `None` while none is being told.
    whole: Option<HashSet<UserId>>,
}

struct Attendee {
    /// At this node.
    attendance: Attendance,
    /// At others, where there is something to say.
    elsewhere: Vec<(NodeId, Attested)>,
    /// `None` if that is not what everybody here knows: the next flush announces in any case.
    announced: Option<(Status, String)>,
    is_changed: bool,
}

#[derive(Clone, Copy)]
struct DueChange {
    at_ms: UnixMs,
    user_id: UserId,
}

impl DueChange {
    /// True at its time, and when it lies further ahead than the wait was: then the clock went back.
    fn is_now(self, wait_ms: u64, now_ms: UnixMs) -> bool {
        self.at_ms <= now_ms || self.at_ms > now_ms + wait_ms
    }
}

impl PresenceBoard {
    /// `is_alone`: there can be no other nodes.
    pub fn new(is_alone: bool) -> Self {
        let told = Version { boot: rand::random(), number: 0 };
        let others = Others { is_alone, told, ..Others::default() };
        Self { people: Mutex::new(People { others, ..People::default() }) }
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

    /// Everybody with a socket at this node, those who are invisible included.
    pub fn online_users(&self) -> Vec<UserId> {
        let people = self.people.lock();
        let here = people.by_user.iter().filter(|(_, person)| person.attendance.is_here());
        here.map(|(user_id, _)| *user_id).collect()
    }

    /// How many [`online_users`](Self::online_users) there are.
    pub fn online_users_count(&self) -> usize {
        self.people.lock().here
    }

    /// Takes changes that have to be announced to the sessions here, at most `limit`; to be repeated until
    /// none are left.
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
            let person = people.by_user.entry(*user_id).or_insert_with(|| Attendee::new(now_ms));
            person.announced = None;
            people.mark_changed(*user_id);
        }
    }

    /// Takes what the other nodes have to know, to be told in this order; nothing if there is nothing.
    pub fn take_news(&self, now_ms: UnixMs) -> Vec<PresenceNews> {
        let mut people = self.people.lock();
        people.turn_offline(now_ms);
        people.take_news(now_ms)
    }

    /// The news that was taken last did not get through, perhaps.
    pub fn news_lost(&self) {
        self.people.lock().others.whole_wanted = true;
    }

    /// How far this node's presence has been told.
    pub fn version(&self) -> Version {
        self.people.lock().others.told
    }

    /// Takes the nodes that should tell their presence whole.
    pub fn take_wanted(&self) -> Vec<NodeId> {
        let now = Instant::now();
        let mut people = self.people.lock();
        let due = |replica: &Replica| {
            let is_asked = replica.asked_at.is_some_and(|at| now - at < ASKED_AGAIN);
            replica.is_behind && !is_asked
        };
        let replicas = people.others.replicas.iter_mut();
        let wanted = replicas.filter(|(_, replica)| due(replica)).map(|(node, replica)| {
            replica.asked_at = Some(now);
            *node
        });
        wanted.collect()
    }

    /// A node said that it lives, and how far it has told its presence.
    pub fn heard_alive(&self, node: NodeId, version: Version) {
        let mut people = self.people.lock();
        let replica = people.replica(node);
        replica.heard_at = Instant::now();
        replica.is_behind = replica.version != version;
    }

    pub fn heard_news(&self, node: NodeId, news: &PresenceNews, now_ms: UnixMs) {
        self.people.lock().hear(node, news, now_ms);
    }

    /// A node missed news of this one.
    pub fn heard_wanted(&self) {
        self.people.lock().others.whole_wanted = true;
    }

    /// A node has stopped.
    pub fn heard_left(&self, node: NodeId, now_ms: UnixMs) {
        let mut people = self.people.lock();
        people.others.replicas.remove(&node);
        people.keep_only(node, &HashSet::new(), now_ms);
    }

    /// Takes the people of nodes that are silent for too long to be gone from there.
    pub fn drop_silent(&self, now_ms: UnixMs) -> Vec<NodeId> {
        let mut people = self.people.lock();
        let now = Instant::now();
        let silent = |replica: &Replica| now - replica.heard_at > SILENCE_MAX;
        let replicas = &people.others.replicas;
        let dead: Vec<NodeId> =
            replicas.iter().filter(|(_, it)| silent(it)).map(|(node, _)| *node).collect();
        for node in &dead {
            people.others.replicas.remove(node);
            people.keep_only(*node, &HashSet::new(), now_ms);
        }
        dead
    }
}

impl People {
    fn apply(&mut self, user_id: UserId, event: PresenceEvent, now_ms: UnixMs) {
        let is_here = |people: &Self| {
            people.by_user.get(&user_id).is_some_and(|person| person.attendance.is_here())
        };
        let was_here = is_here(self);
        if matches!(event, PresenceEvent::Closed(_)) && !self.by_user.contains_key(&user_id) {
            return;
        }
        let person = self.by_user.entry(user_id).or_insert_with(|| Attendee::new(now_ms));
        // What this node chooses for them goes on from what they chose elsewhere.
        person.adopt_latest();
        person.attendance.apply(event, now_ms);
        let is_here = is_here(self);
        self.here = self.here + usize::from(is_here) - usize::from(was_here);
        if !is_here {
            self.leaving.push_back(DueChange { at_ms: now_ms + OFFLINE_DELAY_MS, user_id });
        }
        self.mark_changed(user_id);
        self.mark_untold(user_id);
    }

    fn mark_changed(&mut self, user_id: UserId) {
        if let Some(person) = self.by_user.get_mut(&user_id)
            && !person.is_changed
        {
            person.is_changed = true;
            self.changed.push(user_id);
        }
    }

    fn mark_untold(&mut self, user_id: UserId) {
        if !self.others.is_alone {
            self.others.untold.insert(user_id);
        }
    }

    fn presence(&mut self, user_id: UserId, now_ms: UnixMs) -> Presence {
        let Some(person) = self.by_user.get_mut(&user_id) else {
            return Presence::offline(user_id);
        };
        let (status, text) = person.seen(now_ms);
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
                self.remembered.push_back(DueChange { at_ms, user_id: due.user_id });
            }
            self.mark_changed(due.user_id);
            self.mark_untold(due.user_id);
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
                let (status, text) = person.seen(now_ms);
                let text = text.to_owned();
                person.announced = Some((status, text.clone()));
                changes.push(Presence { user_id, status, text });
            }
            if person.is_over(now_ms) {
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
            let Some(person) = self.by_user.get_mut(&due.user_id) else { continue };
            if !person.is_settled(now_ms) {
                continue;
            }
            person.attendance = Attendance::new(now_ms);
            if person.elsewhere.is_empty() {
                self.by_user.remove(&due.user_id);
            }
            self.mark_untold(due.user_id);
        }
    }

    // Other nodes.

    fn take_news(&mut self, now_ms: UnixMs) -> Vec<PresenceNews> {
        let is_whole = std::mem::take(&mut self.others.whole_wanted);
        let untold = std::mem::take(&mut self.others.untold);
        if !is_whole && untold.is_empty() {
            return Vec::new();
        }
        let attested = |user_id: &UserId| match self.by_user.get(user_id) {
            Some(person) => (*user_id, person.attested(now_ms)),
            None => (*user_id, Attested::default()),
        };
        let people: Vec<_> = match is_whole {
            true => self.by_user.keys().map(attested).filter(|(_, it)| !it.is_empty()).collect(),
            false => untold.iter().map(attested).collect(),
        };
        let mut parts: Vec<_> = people.chunks(PEOPLE_PER_NEWS_MAX).map(<[_]>::to_vec).collect();
        if parts.is_empty() {
            parts.push(Vec::new()); // Nobody is there.
        }
        let last = parts.len() - 1;
        let told = &mut self.others.told;
        let news = parts.into_iter().enumerate().map(|(index, people)| {
            told.number += 1;
            let scope = match is_whole {
                true => NewsScope::Whole { is_first: index == 0, is_last: index == last },
                false => NewsScope::Changes,
            };
            PresenceNews { version: *told, scope, people }
        });
        news.collect()
    }

    fn replica(&mut self, node: NodeId) -> &mut Replica {
        self.others.replicas.entry(node).or_insert_with(|| Replica {
            version: Version::default(),
            heard_at: Instant::now(),
            is_behind: true,
            asked_at: None,
            whole: None,
        })
    }

    fn hear(&mut self, node: NodeId, news: &PresenceNews, now_ms: UnixMs) {
        let replica = self.replica(node);
        replica.heard_at = Instant::now();
        let Version { boot, number } = replica.version;
        let follows = news.version == Version { boot, number: number + 1 };
        let begins = matches!(news.scope, NewsScope::Whole { is_first: true, .. });
        if begins {
            replica.whole = Some(HashSet::new());
        } else if !follows {
            (replica.is_behind, replica.whole) = (true, None);
            return;
        }
        replica.version = news.version;
        match (news.scope, replica.whole.as_mut()) {
            (NewsScope::Changes, None) => replica.is_behind = false,
            (NewsScope::Whole { is_last, .. }, Some(there)) => {
                there.extend(news.people.iter().map(|(user_id, _)| *user_id));
                if is_last {
                    let there = replica.whole.take().unwrap_or_default();
                    replica.is_behind = false;
                    self.keep_only(node, &there, now_ms);
                }
            }
            // A whole that does not begin, or does not end: no node of ours tells it so.
            (NewsScope::Changes, Some(_)) | (NewsScope::Whole { .. }, None) => {
                (replica.is_behind, replica.whole) = (true, None);
            }
        }
        for (user_id, attested) in &news.people {
            self.set_elsewhere(*user_id, node, attested, now_ms);
        }
    }

    fn set_elsewhere(
        &mut self,
        user_id: UserId,
        node: NodeId,
        attested: &Attested,
        now_ms: UnixMs,
    ) {
        if attested.is_empty() && !self.by_user.contains_key(&user_id) {
            return;
        }
        let person = self.by_user.entry(user_id).or_insert_with(|| Attendee::new(now_ms));
        person.elsewhere.retain(|(other, _)| *other != node);
        if !attested.is_empty() {
            person.elsewhere.push((node, attested.clone()));
        }
        // Elsewhere it is forgotten when they have left there, and here they may stay.
        if person.attendance.is_here() {
            person.adopt_latest();
        }
        self.mark_changed(user_id);
    }

    /// Takes everybody but `there` away from `node`. What they chose there is remembered here for a while.
    fn keep_only(&mut self, node: NodeId, there: &HashSet<UserId>, now_ms: UnixMs) {
        let mut gone = Vec::new();
        for (user_id, person) in &mut self.by_user {
            if !there.contains(user_id) && person.elsewhere.iter().any(|(other, _)| *other == node)
            {
                for (_, attested) in &person.elsewhere {
                    person.attendance.inherit(&attested.choice, now_ms);
                }
                person.elsewhere.retain(|(other, _)| *other != node);
                gone.push(*user_id);
            }
        }
        for user_id in gone {
            self.remembered.push_back(DueChange { at_ms: now_ms + CHOICE_KEPT_MS, user_id });
            self.mark_changed(user_id);
        }
    }
}

impl Attendee {
    fn new(now_ms: UnixMs) -> Self {
        Self {
            attendance: Attendance::new(now_ms),
            elsewhere: Vec::new(),
            announced: Some((Status::Offline, String::new())),
            is_changed: false,
        }
    }

    fn is_announced(&self, now_ms: UnixMs) -> bool {
        let announced = self.announced.as_ref().map(|(status, text)| (*status, text.as_str()));
        announced == Some(self.seen(now_ms))
    }

    /// What others see of them, wherever they are.
    fn seen(&self, now_ms: UnixMs) -> (Status, &str) {
        let here = (self.attendance.idle(now_ms), self.attendance.choice());
        let elsewhere = self.elsewhere.iter().map(|(_, it)| (it.idle, &it.choice));
        merged(elsewhere.chain([here]))
    }

    /// What this node says of them to others.
    fn attested(&self, now_ms: UnixMs) -> Attested {
        if self.attendance.is_over(now_ms) {
            return Attested::default();
        }
        Attested { idle: self.attendance.idle(now_ms), choice: self.attendance.choice().clone() }
    }

    fn adopt_latest(&mut self) {
        for (_, attested) in &self.elsewhere {
            self.attendance.adopt(&attested.choice);
        }
    }

    fn is_over(&self, now_ms: UnixMs) -> bool {
        self.attendance.is_over(now_ms) && self.elsewhere.is_empty()
    }

    /// Gone, and everybody knows: nothing is lost but what they chose.
    fn is_settled(&self, now_ms: UnixMs) -> bool {
        !self.attendance.is_here()
            && !self.is_changed
            && self.attendance.idle(now_ms).is_none()
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
        let board = PresenceBoard::default();
        events.into_iter().for_each(|event| board.apply(ADA, event, START_MS));
        flush(&board, START_MS);
        board
    }

    #[test]
    fn only_what_others_see_differently_is_announced() {
        let board = PresenceBoard::default();
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
        let board = PresenceBoard::default();
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
        let board = PresenceBoard::default();
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
    fn many_people_are_told_of_in_parts_and_none_is_gone_in_between() {
        const PEOPLE: u64 = 2 * PEOPLE_PER_NEWS_MAX as u64 + 5;
        let (here, there) = (PresenceBoard::new(false), PresenceBoard::new(false));
        let node = NodeId::default();
        let tell = |is_told: fn(usize) -> bool| {
            let news = here.take_news(START_MS);
            for (_, news) in news.iter().enumerate().filter(|(index, _)| is_told(*index)) {
                there.heard_news(node, news, START_MS);
            }
            there.heard_alive(node, here.version());
            news.len()
        };
        let online = || {
            let all: Vec<UserId> = (0..PEOPLE).map(UserId::new).collect();
            let seen = there.presences(&all, START_MS);
            seen.iter().filter(|it| it.status == Status::Online).count() as u64
        };
        (0..PEOPLE).for_each(|number| here.apply(UserId::new(number), Opened(SOCKET), START_MS));
        here.heard_wanted();
        assert_eq!(tell(|index| index != 1), 3);
        assert_eq!(there.take_wanted(), [node], "a part is missing");
        assert_eq!(online(), PEOPLE_PER_NEWS_MAX as u64);
        here.heard_wanted();
        assert_eq!(tell(|_| true), 3);
        assert_eq!(online(), PEOPLE);

        // Nobody goes before the last part has said who is there.
        here.apply(ADA, Closed(SOCKET), START_MS - OFFLINE_DELAY_MS);
        here.heard_wanted();
        for news in here.take_news(START_MS) {
            assert_eq!(online(), PEOPLE);
            there.heard_news(node, &news, START_MS);
        }
        assert_eq!(online(), PEOPLE - 1);
        there.heard_alive(node, here.version());
        assert!(!there.people.lock().others.replicas[&node].is_behind);

        (0..PEOPLE)
            .for_each(|number| here.apply(UserId::new(number), Opened(SocketKey(2)), START_MS));
        assert_eq!(tell(|_| true), 3, "changes, too");
        assert_eq!(online(), PEOPLE);
        assert!(!there.people.lock().others.replicas[&node].is_behind);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_keep_people_online() {
        let board = announced([Opened(SOCKET), Closed(SOCKET)]);
        assert_eq!(flush(&board, START_MS - 500_000), [Status::Offline]);
    }

    #[test]
    fn strangers_are_offline_and_leave_no_trace() {
        let board = PresenceBoard::default();
        board.apply(ADA, Closed(SOCKET), START_MS);
        assert_eq!(board.presences(&[ADA], START_MS), [Presence::offline(ADA)]);
        assert_eq!(flush(&board, START_MS + OFFLINE_DELAY_MS), []);
        assert!(board.people.lock().by_user.is_empty());
    }
}
