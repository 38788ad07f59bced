//! What sessions tell the fan-out, and the handle they tell it with.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::gateway::fanout::bindings::Bindings;
use crate::gateway::fanout::subscriber::{PushBody, Subscriber};
use crate::model::permission::Audience;
use crate::model::presence::SocketKey;

/// Commands that wait at most; beyond, sessions wait. The fan-out takes them in microseconds, unless
/// it is emitting to thousands.
pub const COMMANDS_QUEUED_MAX: usize = 1024;

/// Sessions get their marks in as many parts, or thousands would get them at the same moment.
pub const MARK_PARTS: usize = 15;

pub enum FanoutCommand<O> {
    Attach { key: SocketKey, subscriber: Box<Subscriber<O>> },
    Hold { key: SocketKey },
    Release { key: SocketKey },
    Join { key: SocketKey, bindings: Bindings, audiences: Vec<Audience>, done: oneshot::Sender<()> },
    Open { key: SocketKey, ready: PushBody, done: oneshot::Sender<()> },
    Watch { key: SocketKey, bindings: Bindings, done: oneshot::Sender<()> },
    Detach { key: SocketKey },
    End { key: SocketKey },
    Mark { part: usize, body: PushBody },
    AnnounceDraining { spread: Duration, done: oneshot::Sender<()> },
}

/// The session has left the fan-out: its socket is gone, or was closed, or the node stops.
#[derive(Debug, thiserror::Error)]
#[error("the session has left the fan-out")]
pub struct Detached;

/// Tells the fan-out; clones are cheap.
pub struct FanoutHandle<O> {
    commands: mpsc::Sender<FanoutCommand<O>>,
}

impl<O> Clone for FanoutHandle<O> {
    fn clone(&self) -> Self {
        Self { commands: self.commands.clone() }
    }
}

impl<O> FanoutHandle<O> {
    pub fn new() -> (Self, mpsc::Receiver<FanoutCommand<O>>) {
        let (commands, receiver) = mpsc::channel(COMMANDS_QUEUED_MAX);
        (Self { commands }, receiver)
    }

    /// Begins to hold back what concerns the session. Whoever attaches detaches.
    pub async fn attach(&self, key: SocketKey, subscriber: Subscriber<O>) -> Result<(), Detached> {
        self.send(FanoutCommand::Attach { key, subscriber: Box::new(subscriber) }).await
    }

    /// Begins to hold back again what concerns a session that is attached, to open it anew.
    pub async fn hold(&self, key: SocketKey) -> Result<(), Detached> {
        self.send(FanoutCommand::Hold { key }).await
    }

    /// Gives up what [`hold`](Self::hold) began: what was held goes out.
    pub async fn release(&self, key: SocketKey) -> Result<(), Detached> {
        self.send(FanoutCommand::Release { key }).await
    }

    /// The session's groups, read after it was attached or held, with their topics; it is in no others any
    /// more. With them may come its person's topic once more: it may not have been bound before. When this returns, all that is published to them is held; a snapshot taken after it misses
    /// nothing.
    pub async fn join(
        &self,
        key: SocketKey,
        bindings: Bindings,
        audiences: Vec<Audience>,
    ) -> Result<(), Detached> {
        self.ask(|done| FanoutCommand::Join { key, bindings, audiences, done }).await
    }

    /// Emits `ready` and what was held since [`join`](Self::join); the session is live.
    pub async fn open(&self, key: SocketKey, ready: PushBody) -> Result<(), Detached> {
        self.ask(|done| FanoutCommand::Open { key, ready, done }).await
    }

    /// Replaces whom the session watches by the topics of `bindings`.
    pub async fn watch(&self, key: SocketKey, bindings: Bindings) -> Result<(), Detached> {
        self.ask(|done| FanoutCommand::Watch { key, bindings, done }).await
    }

    /// Waits as long as it takes: a session that is never detached would be a ghost. The fan-out
    /// always goes on reading, or has ended with its node.
    pub async fn detach(&self, key: SocketKey) {
        let _gone_with_the_fanout = self.send(FanoutCommand::Detach { key }).await;
    }

    /// Disconnects the socket for good: its signed-in session has expired.
    pub async fn end(&self, key: SocketKey) {
        let _gone_with_the_fanout = self.send(FanoutCommand::End { key }).await;
    }

    /// Sends `sync:mark` to those sessions of a part that have got something since their last one. What it says holds
    /// for what the fan-out has taken by now.
    pub async fn mark(&self, part: usize, body: PushBody) -> Result<(), Detached> {
        self.send(FanoutCommand::Mark { part, body }).await
    }

    /// Returns when all sessions are told.
    pub async fn announce_draining(&self, spread: Duration) -> Result<(), Detached> {
        self.ask(|done| FanoutCommand::AnnounceDraining { spread, done }).await
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<()>) -> FanoutCommand<O>,
    ) -> Result<(), Detached> {
        let (done, answered) = oneshot::channel();
        self.send(command(done)).await?;
        answered.await.map_err(|_| Detached)
    }

    async fn send(&self, command: FanoutCommand<O>) -> Result<(), Detached> {
        self.commands.send(command).await.map_err(|_| Detached)
    }
}
