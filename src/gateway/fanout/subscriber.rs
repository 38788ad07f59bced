//! One session as the fan-out sees it: held back until it is ready, then live; held back again while it is
//! opened anew.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::bus::envelope::Effect;
use crate::edge::PUSHES_QUEUED_MAX;
use crate::gateway::fanout::bindings::Bindings;
use crate::gateway::fanout::outlet::{EmitError, Outlet};
use crate::model::event::Push;
use crate::model::id::SessionId;

/// Pushes, and changes of audiences, that wait for `ready` at most, which with it are as many as may be queued for a socket;
/// whoever has more is a slow consumer, as with a full queue.
pub const HELD_MAX: usize = PUSHES_QUEUED_MAX as usize - 1;

pub type Body = Arc<RawValue>;

pub struct Subscriber<O> {
    pub session_id: SessionId,
    pub outlet: O,
    pub bindings: Bindings,
    phase: Phase,
}

enum Phase {
    /// Nothing goes out before `ready`.
    Held(Box<Held>),
    Live,
}

struct Held {
    pushes: Vec<(Push, Body)>,
    /// Changes of audiences that arrived before the audiences themselves were known.
    effects: Option<Vec<Effect>>,
}

impl Phase {
    /// With effects logged.
    fn held() -> Self {
        Self::Held(Box::new(Held { pushes: Vec::new(), effects: Some(Vec::new()) }))
    }
}

impl<O: Outlet> Subscriber<O> {
    /// Held back, with effects logged until [`take_effects`](Self::take_effects).
    pub fn new(session_id: SessionId, outlet: O, bindings: Bindings) -> Self {
        Self { session_id, outlet, bindings, phase: Phase::held() }
    }

    /// Held back as at its beginning, if it is live.
    pub fn hold(&mut self) {
        if matches!(self.phase, Phase::Live) {
            self.phase = Phase::held();
        }
    }

    /// Live again without `ready`: emits what was held.
    pub fn release(&mut self) -> Result<(), EmitError> {
        let Phase::Held(held) = std::mem::replace(&mut self.phase, Phase::Live) else {
            return Ok(());
        };
        self.emit_all(&held.pushes)
    }

    /// Remembers an effect until the audiences are known, which may be those from before it.
    pub fn log_effect(&mut self, effect: &Effect) -> Result<(), EmitError> {
        if let Phase::Held(held) = &mut self.phase
            && let Some(effects) = &mut held.effects
        {
            if effects.len() >= HELD_MAX {
                return Err(EmitError::Full);
            }
            effects.push(effect.clone());
        }
        Ok(())
    }

    /// The audiences are known: ends the log, and forgets the pushes that the snapshot, which is
    /// taken after this, will contain.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        let Phase::Held(held) = &mut self.phase else { return Vec::new() };
        held.pushes.clear();
        held.effects.take().unwrap_or_default()
    }

    pub fn deliver(&mut self, push: Push, body: &Body) -> Result<(), EmitError> {
        match &mut self.phase {
            Phase::Live => self.outlet.emit(push, body),
            Phase::Held(held) if held.pushes.len() < HELD_MAX => {
                held.pushes.push((push, body.clone()));
                Ok(())
            }
            Phase::Held(_) => Err(EmitError::Full),
        }
    }

    /// Emits `ready`, then what was held, and is live from now on.
    pub fn go_live(&mut self, ready: &RawValue) -> Result<(), EmitError> {
        let Phase::Held(held) = std::mem::replace(&mut self.phase, Phase::Live) else {
            return Ok(());
        };
        self.outlet.emit(Push::Ready, ready)?;
        self.emit_all(&held.pushes)
    }

    fn emit_all(&self, pushes: &[(Push, Body)]) -> Result<(), EmitError> {
        pushes.iter().try_for_each(|(push, body)| self.outlet.emit(*push, body))
    }
}
