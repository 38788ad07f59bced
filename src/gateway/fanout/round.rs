//! Pushes on their way round one audience, all of them emitted at each visit of a session.
//!
//! A large audience takes long to visit. What arrives meanwhile for the same audience rides along
//! from where the round is, and ends where it joined: it waits for nobody, shares the visits, and
//! each session still gets all pushes in the order in which they arrived.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use crate::bus::envelope::{Content, Envelope, Topic};
use crate::gateway::fanout::bodies::Bodies;
use crate::gateway::fanout::outlet::{EmitError, Outlet};
use crate::gateway::fanout::subscriber::Subscriber;
use crate::model::event::Push;
use crate::model::permission::Permissions;
use crate::model::presence::SocketKey;

/// One push on its round.
pub struct Rider {
    pub envelope: Arc<Envelope>,
    pub push: Push,
    pub started: Instant,
    /// Sessions that took it so far.
    pub recipients: usize,
    bodies: Bodies,
    visits_left: usize,
}

impl Rider {
    /// `None` if the content is no push with a body.
    fn new(envelope: Arc<Envelope>, visits_left: usize) -> Option<Self> {
        let (push, bodies) = match &envelope.content {
            Content::Push { push, body } => (*push, Bodies::Same(body.clone())),
            Content::ChannelPush { push, kind, body } => {
                (*push, Bodies::channel(*kind, body.clone()))
            }
            Content::None | Content::Presences(_) | Content::Current { .. } => return None,
        };
        let started = Instant::now();
        Some(Self { envelope, push, started, recipients: 0, bodies, visits_left })
    }

    fn emit<O: Outlet>(
        &mut self,
        subscriber: &mut Subscriber<O>,
        permissions: Permissions,
    ) -> Result<(), EmitError> {
        subscriber.deliver(self.push, self.bodies.of(permissions))?;
        self.recipients += 1;
        Ok(())
    }
}

/// The audience of one list of topics, and who is on the way round it.
pub struct Round {
    audience: Vec<(SocketKey, Permissions)>,
    /// Index in `audience` of the next visit.
    next: usize,
    /// In the order in which they joined, in which they also end.
    riders: VecDeque<Rider>,
}

impl Round {
    /// `audience`: each session once.
    pub fn new(audience: Vec<(SocketKey, Permissions)>) -> Self {
        Self { audience, next: 0, riders: VecDeque::new() }
    }

    pub fn join(&mut self, envelope: Arc<Envelope>) {
        self.riders.extend(Rider::new(envelope, self.audience.len()));
    }

    pub fn riders(&self) -> usize {
        self.riders.len()
    }

    /// The topics that an envelope must have to ride along.
    pub fn topics(&self) -> Option<&[Topic]> {
        self.riders.back().map(|rider| rider.envelope.topics.as_slice())
    }

    /// Takes out who has been all the way round.
    pub fn next_arrived(&mut self) -> Option<Rider> {
        self.riders.pop_front_if(|rider| rider.visits_left == 0)
    }

    /// The session to visit next, if anybody is still on the way.
    pub fn next_stop(&self) -> Option<SocketKey> {
        let (key, _) = self.audience.get(self.next)?;
        (!self.riders.is_empty()).then_some(*key)
    }

    /// Emits all riders' pushes to the session of [`next_stop`](Self::next_stop), which may be gone
    /// by now. The first that it does not take is the last that it is offered.
    pub fn visit<O: Outlet>(
        &mut self,
        subscriber: Option<&mut Subscriber<O>>,
    ) -> Result<(), EmitError> {
        let (_, permissions) = self.audience[self.next];
        self.next = (self.next + 1) % self.audience.len();
        self.riders.iter_mut().for_each(|rider| rider.visits_left -= 1);
        let Some(subscriber) = subscriber else { return Ok(()) };
        self.riders.iter_mut().try_for_each(|rider| rider.emit(subscriber, permissions))
    }
}
