//! Presence: what others see of whether somebody is there.

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use crate::clock::UnixMs;
use crate::model::id::UserId;

/// Characters of a status text at most.
pub const STATUS_TEXT_CHARS_MAX: usize = 128;
/// Somebody whose last socket is gone is still shown as there for this long: most come back at once.
pub const OFFLINE_DELAY_MS: u64 = 2_000;
/// What somebody chose outlasts their last socket for this long, so that an invisible person whose
/// connection broke does not come back visible.
pub const CHOICE_KEPT_MS: u64 = 10 * 60 * 1000;

/// What a person chooses for a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChosenStatus {
    #[default]
    Online,
    /// Of one socket; the person looks idle when all their sockets are.
    Idle,
    Dnd,
    /// Looks like offline, to the person's own sessions too.
    Invisible,
}

/// What others see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Online,
    Idle,
    Dnd,
    Offline,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    pub user_id: UserId,
    pub status: Status,
    /// Empty when offline.
    pub text: String,
}

impl Presence {
    pub fn offline(user_id: UserId) -> Self {
        Self { user_id, status: Status::Offline, text: String::new() }
    }
}

/// Names one open socket of a person, unique on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketKey(pub u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresenceEvent {
    Opened(SocketKey),
    Closed(SocketKey),
    /// Without a text, the one from before stays.
    Chosen {
        socket: SocketKey,
        status: ChosenStatus,
        text: Option<String>,
    },
}

/// What holds for the person, whichever socket chose it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Availability {
    #[default]
    Available,
    Dnd,
    Invisible,
}

/// What a person chose last, on whichever node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    pub availability: Availability,
    pub text: String,
    /// Orders the choices of a person; 0 if they have made none.
    pub at_ms: UnixMs,
}

impl Choice {
    /// What others see of somebody who is there.
    fn seen(&self, idle: bool) -> (Status, &str) {
        let status = match self.availability {
            Availability::Invisible => return (Status::Offline, ""),
            Availability::Available | Availability::Dnd if idle => Status::Idle,
            Availability::Available => Status::Online,
            Availability::Dnd => Status::Dnd,
        };
        (status, &self.text)
    }
}

/// What one node knows of a person by its own sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attested {
    /// Whether they are shown as there, and then whether all their sockets are idle.
    pub idle: Option<bool>,
    pub choice: Choice,
}

impl Attested {
    /// Nothing that others have to know.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What others see of a person of whom several nodes know something: there if they are anywhere, idle if
/// they are wherever they are, and as they chose last.
pub fn merged<'a>(attested: impl Iterator<Item = (Option<bool>, &'a Choice)>) -> (Status, &'a str) {
    let (mut idle, mut latest) = (None::<bool>, None::<&Choice>);
    for (idle_there, choice) in attested {
        idle = match (idle, idle_there) {
            (Some(one), Some(other)) => Some(one && other),
            (one, other) => one.or(other),
        };
        if latest.is_none_or(|latest| choice.at_ms > latest.at_ms) {
            latest = Some(choice);
        }
    }
    match (idle, latest) {
        (Some(idle), Some(choice)) => choice.seen(idle),
        _ => (Status::Offline, ""),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Socket {
    key: SocketKey,
    idle: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Whereabouts {
    /// Never empty.
    Here(SmallVec<[Socket; 2]>),
    /// Shown as before until [`OFFLINE_DELAY_MS`] have passed.
    Left { at_ms: UnixMs, idle: bool },
    /// Chose something without ever having had a socket here.
    NotYet { at_ms: UnixMs },
}

/// One person's presence at one node: a state machine whose time is an argument.
///
/// ```text
/// Opened: Left, NotYet -> Here      Closed (the last): Here -> Left, which turns offline by itself
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendance {
    choice: Choice,
    place: Whereabouts,
}

impl Attendance {
    pub fn new(now_ms: UnixMs) -> Self {
        Self { choice: Choice::default(), place: Whereabouts::NotYet { at_ms: now_ms } }
    }

    pub fn apply(&mut self, event: PresenceEvent, now_ms: UnixMs) {
        match event {
            PresenceEvent::Opened(key) => self.open(key),
            PresenceEvent::Closed(key) => self.close(key, now_ms),
            PresenceEvent::Chosen { socket, status, text } => {
                // An idle device chooses nothing for the person.
                if status != ChosenStatus::Idle || text.is_some() {
                    self.choice.at_ms = now_ms.max(self.choice.at_ms + 1);
                }
                self.choose(socket, status);
                if let Some(text) = text {
                    self.choice.text = text;
                }
            }
        }
    }

    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Takes over what the person chose elsewhere, if that is later.
    pub fn adopt(&mut self, choice: &Choice) {
        if choice.at_ms > self.choice.at_ms {
            self.choice = choice.clone();
        }
    }

    /// Likewise from a node that has gone, which remembers it no more: this one does for a while.
    pub fn inherit(&mut self, choice: &Choice, now_ms: UnixMs) {
        self.adopt(choice);
        if self.choice.at_ms > 0 && self.idle(now_ms).is_none() {
            self.place = Whereabouts::NotYet { at_ms: now_ms };
        }
    }

    /// At `now_ms`, whether they are shown as there, and then whether all their sockets are idle.
    pub fn idle(&self, now_ms: UnixMs) -> Option<bool> {
        match &self.place {
            Whereabouts::Here(sockets) => Some(sockets.iter().all(|socket| socket.idle)),
            Whereabouts::Left { at_ms, idle } if is_within(*at_ms, OFFLINE_DELAY_MS, now_ms) => {
                Some(*idle)
            }
            Whereabouts::Left { .. } | Whereabouts::NotYet { .. } => None,
        }
    }

    /// What others see of this person at `now_ms`, if they are at this node only.
    pub fn seen(&self, now_ms: UnixMs) -> (Status, &str) {
        merged([(self.idle(now_ms), &self.choice)].into_iter())
    }

    /// True with a socket, however it looks to others.
    pub fn is_here(&self) -> bool {
        matches!(self.place, Whereabouts::Here(_))
    }

    /// True if whoever is gone may be forgotten: there is nothing to show or to remember any more.
    pub fn is_over(&self, now_ms: UnixMs) -> bool {
        // Who chose to be seen again: another node may still remember that they did not want to be.
        let has_chosen = self.choice.at_ms > 0;
        let kept_ms = if has_chosen { CHOICE_KEPT_MS } else { OFFLINE_DELAY_MS };
        match self.place {
            Whereabouts::Here(_) => false,
            Whereabouts::Left { at_ms, .. } | Whereabouts::NotYet { at_ms } => {
                !is_within(at_ms, kept_ms, now_ms)
            }
        }
    }

    fn open(&mut self, key: SocketKey) {
        let socket = Socket { key, idle: false };
        match &mut self.place {
            Whereabouts::Here(sockets) => {
                if sockets.iter().all(|other| other.key != key) {
                    sockets.push(socket);
                }
            }
            Whereabouts::Left { .. } | Whereabouts::NotYet { .. } => {
                self.place = Whereabouts::Here(smallvec![socket])
            }
        }
    }

    fn close(&mut self, key: SocketKey, now_ms: UnixMs) {
        let Whereabouts::Here(sockets) = &mut self.place else { return };
        let idle = sockets.iter().all(|socket| socket.idle);
        sockets.retain(|socket| socket.key != key);
        if sockets.is_empty() {
            self.place = Whereabouts::Left { at_ms: now_ms, idle };
        }
    }

    /// A socket that is gone already, or not open yet, still chooses for the person.
    fn choose(&mut self, key: SocketKey, status: ChosenStatus) {
        self.choice.availability = match status {
            // An idle device must not reveal somebody who is invisible.
            ChosenStatus::Idle => self.choice.availability,
            ChosenStatus::Online => Availability::Available,
            ChosenStatus::Dnd => Availability::Dnd,
            ChosenStatus::Invisible => Availability::Invisible,
        };
        if let Whereabouts::Here(sockets) = &mut self.place
            && let Some(socket) = sockets.iter_mut().find(|socket| socket.key == key)
        {
            socket.idle = status == ChosenStatus::Idle;
        }
    }
}

/// A clock that went back ends the wait, or it could last for hours.
fn is_within(since_ms: UnixMs, wait_ms: u64, now_ms: UnixMs) -> bool {
    (since_ms..since_ms.saturating_add(wait_ms)).contains(&now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SocketKey = SocketKey(1);
    const B: SocketKey = SocketKey(2);
    const START_MS: UnixMs = 1_000_000;

    fn chosen(socket: SocketKey, status: ChosenStatus) -> PresenceEvent {
        PresenceEvent::Chosen { socket, status, text: None }
    }

    fn text(socket: SocketKey, status: ChosenStatus, text: &str) -> PresenceEvent {
        PresenceEvent::Chosen { socket, status, text: Some(text.to_owned()) }
    }

    /// The attendance after `events`, all at [`START_MS`].
    fn after(events: impl IntoIterator<Item = PresenceEvent>) -> Attendance {
        let mut attendance = Attendance::new(START_MS);
        events.into_iter().for_each(|event| attendance.apply(event, START_MS));
        attendance
    }

    fn check(events: impl IntoIterator<Item = PresenceEvent>, expected: Status) {
        let attendance = after(events);
        assert_eq!(attendance.seen(START_MS).0, expected, "{attendance:?}");
    }

    use ChosenStatus::{Dnd, Idle, Invisible, Online};
    use PresenceEvent::{Closed, Opened};

    #[test]
    fn what_is_chosen_holds_for_the_person() {
        check([], Status::Offline);
        check([Opened(A)], Status::Online);
        check([Opened(A), Opened(B), chosen(A, Dnd)], Status::Dnd);
        check([Opened(A), Opened(B), chosen(A, Dnd), Closed(A)], Status::Dnd);
        check([Opened(A), chosen(A, Dnd), Opened(B), chosen(B, Online)], Status::Online);
    }

    #[test]
    fn a_person_is_idle_when_all_their_sockets_are() {
        check([Opened(A), Opened(B), chosen(A, Idle)], Status::Online);
        check([Opened(A), Opened(B), chosen(A, Idle), chosen(B, Idle)], Status::Idle);
        check([Opened(A), Opened(B), chosen(A, Idle), Closed(B)], Status::Idle);
        check([Opened(A), chosen(A, Idle), Opened(B)], Status::Online);
        check([Opened(A), chosen(A, Dnd), chosen(A, Idle)], Status::Idle);
        check([Opened(A), Opened(B), chosen(A, Dnd), chosen(A, Idle)], Status::Dnd);
        check([Opened(A), chosen(A, Idle), chosen(A, Online)], Status::Online);
    }

    #[test]
    fn the_invisible_look_offline_whatever_their_devices_do() {
        check([Opened(A), chosen(A, Invisible)], Status::Offline);
        check([Opened(A), chosen(A, Invisible), chosen(A, Idle)], Status::Offline);
        check([Opened(A), chosen(A, Invisible), Opened(B)], Status::Offline);
        let attendance = after([Opened(A), text(A, Invisible, "secret")]);
        assert_eq!(attendance.seen(START_MS), (Status::Offline, ""));
        assert!(attendance.is_here());
    }

    #[test]
    fn a_text_stays_until_another_is_given() {
        let attendance = after([Opened(A), text(A, Dnd, "busy"), chosen(A, Online)]);
        assert_eq!(attendance.seen(START_MS), (Status::Online, "busy"));
        let attendance = after([Opened(A), text(A, Dnd, "busy"), text(A, Online, "")]);
        assert_eq!(attendance.seen(START_MS), (Status::Online, ""));
    }

    #[test]
    fn offline_comes_late_and_not_at_all_after_a_quick_return() {
        let mut attendance = after([Opened(A), chosen(A, Idle), Closed(A)]);
        assert_eq!(attendance.seen(START_MS + OFFLINE_DELAY_MS - 1).0, Status::Idle);
        assert_eq!(attendance.seen(START_MS + OFFLINE_DELAY_MS).0, Status::Offline);
        assert_eq!(attendance.seen(START_MS - 1).0, Status::Offline, "the clock went back");
        attendance.apply(Opened(B), START_MS + 1000);
        assert_eq!(attendance.seen(START_MS + 60_000).0, Status::Online);
    }

    #[test]
    fn a_socket_is_counted_once_and_strangers_close_nothing() {
        check([Opened(A), Opened(A), Closed(B)], Status::Online);
        assert!(!after([Opened(A), Opened(A), Closed(A)]).is_here());
        assert!(!after([chosen(A, Dnd)]).is_here(), "a request may overtake the opening");
        check([chosen(A, Invisible), Opened(A)], Status::Offline);
    }

    #[test]
    fn what_was_chosen_outlasts_the_last_socket_for_a_while() {
        let plain = after([Opened(A), Closed(A)]);
        assert!(!plain.is_over(START_MS + OFFLINE_DELAY_MS - 1));
        assert!(plain.is_over(START_MS + OFFLINE_DELAY_MS));
        for event in [chosen(A, Invisible), chosen(A, Online), text(A, Online, "hello")] {
            let mut kept = after([Opened(A), event, Closed(A)]);
            assert!(!kept.is_over(START_MS + CHOICE_KEPT_MS - 1));
            assert!(kept.is_over(START_MS + CHOICE_KEPT_MS));
            kept.apply(Opened(B), START_MS + CHOICE_KEPT_MS - 1);
            assert!(!kept.is_over(START_MS + 2 * CHOICE_KEPT_MS));
        }
    }
}
