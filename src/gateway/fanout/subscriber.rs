//! One session as the fan-out sees it: held back until it is ready, then live; held back again while it is
//! opened anew.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::bus::Place;
use crate::edge::PUSHES_QUEUED_MAX;
use crate::gateway::fanout::bindings::Bindings;
use crate::gateway::fanout::outlet::{EmitError, Outlet};
use crate::model::event::Push;
use crate::model::id::{GroupId, SessionId};
use crate::model::permission::Permissions;

/// Pushes, and changes of audiences, that wait for `ready` at most, which with it are as many as may be queued for a socket;
/// whoever has more is a slow consumer, as with a full queue.
pub const HELD_MAX: usize = PUSHES_QUEUED_MAX as usize - 1;

pub type PushBody = Arc<RawValue>;

pub struct Subscriber<O> {
    pub session_id: SessionId,
    pub outlet: O,
    pub bindings: Bindings,
    phase: SubscriberPhase,
    /// Something went out since the last mark.
    has_news: bool,
    /// Something may be missing that its next `ready` makes it ask for.
    is_behind: bool,
}

enum SubscriberPhase {
    /// Nothing goes out before `ready`.
    Held(Box<Held>),
    Live,
}

struct Held {
    pushes: Vec<(Push, PushBody)>,
    /// Changes of audiences that arrived before the audiences themselves were known.
    placements: Option<Vec<Placement>>,
    /// There was a gap, after which the snapshot may have been taken already.
    misses_something: bool,
}

/// In which way a session is in a group from now on, if it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    pub group_id: GroupId,
    pub permissions: Option<Permissions>,
}

impl From<Place> for Placement {
    fn from(Place { group_id, permissions, .. }: Place) -> Self {
        Self { group_id, permissions }
    }
}

impl SubscriberPhase {
    /// With placements logged.
    fn held() -> Self {
        let (pushes, placements) = (Vec::new(), Some(Vec::new()));
        Self::Held(Box::new(Held { pushes, placements, misses_something: false }))
    }
}

impl<O: Outlet> Subscriber<O> {
    /// Held back, with placements logged until [`take_placements`](Self::take_placements).
    pub fn new(session_id: SessionId, outlet: O, bindings: Bindings) -> Self {
        let (has_news, is_behind) = (false, false);
        Self { session_id, outlet, bindings, phase: SubscriberPhase::held(), has_news, is_behind }
    }

    /// Held back as at its beginning, if it is live.
    pub fn hold(&mut self) {
        if matches!(self.phase, SubscriberPhase::Live) {
            self.phase = SubscriberPhase::held();
        }
    }

    /// Live again without `ready`: emits what was held.
    pub fn release(&mut self) -> Result<(), EmitError> {
        let SubscriberPhase::Held(held) = std::mem::replace(&mut self.phase, SubscriberPhase::Live)
        else {
            return Ok(());
        };
        self.emit_all(&held.pushes)
    }

    /// Remembers a placement until the audiences are known, which may be those from before it.
    pub fn log(&mut self, placement: Placement) -> Result<(), EmitError> {
        if let SubscriberPhase::Held(held) = &mut self.phase
            && let Some(placements) = &mut held.placements
        {
            if placements.len() >= HELD_MAX {
                return Err(EmitError::Full);
            }
            placements.push(placement);
        }
        Ok(())
    }

    /// The audiences are known: ends the log, and forgets the pushes that the snapshot, which is
    /// taken after this, will contain.
    pub fn take_placements(&mut self) -> Vec<Placement> {
        let SubscriberPhase::Held(held) = &mut self.phase else { return Vec::new() };
        held.pushes.clear();
        held.misses_something = false; // What is missing from now on is not in the snapshot.
        held.placements.take().unwrap_or_default()
    }

    pub fn deliver(&mut self, push: Push, body: &PushBody) -> Result<(), EmitError> {
        self.has_news |= push.is_of_history();
        match &mut self.phase {
            SubscriberPhase::Live => self.outlet.emit(push, body),
            SubscriberPhase::Held(held) if held.pushes.len() < HELD_MAX => {
                held.pushes.push((push, body.clone()));
                Ok(())
            }
            SubscriberPhase::Held(_) => Err(EmitError::Full),
        }
    }

    /// Emits `ready`, then what was held, and is live from now on.
    pub fn go_live(&mut self, ready: &RawValue) -> Result<(), EmitError> {
        let SubscriberPhase::Held(held) = std::mem::replace(&mut self.phase, SubscriberPhase::Live)
        else {
            return Ok(());
        };
        self.is_behind = held.misses_something;
        self.outlet.emit(Push::Ready, ready)?;
        self.emit_all(&held.pushes)
    }

    /// There was a gap.
    pub fn missed_something(&mut self) {
        self.is_behind = true;
        if let SubscriberPhase::Held(held) = &mut self.phase {
            held.misses_something = true;
        }
    }

    /// Whether it may be told that it has everything up to some time, and that would spare it anything.
    pub fn is_due_a_mark(&self) -> bool {
        self.has_news
            && !self.is_behind
            && !self.bindings.miss_history()
            && matches!(self.phase, SubscriberPhase::Live)
    }

    pub fn mark(&mut self, body: &PushBody) -> Result<(), EmitError> {
        self.has_news = false;
        self.outlet.emit(Push::SyncMark, body)
    }

    fn emit_all(&self, pushes: &[(Push, PushBody)]) -> Result<(), EmitError> {
        pushes.iter().try_for_each(|(push, body)| self.outlet.emit(*push, body))
    }
}
