//! One call on its way to a connection and back: a closure, its result, and who waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::store::StoreError;
use crate::telemetry;

/// A call whose result type is forgotten.
pub trait Call: Send {
    /// True if nobody waits for the result any more, so that running it would be in vain.
    fn is_abandoned(&self) -> bool;

    /// Runs the closure and keeps its result; false if it failed, or nobody waits for it, and it must leave no trace. May
    /// be run again, after a rollback.
    fn run(&mut self, conn: &Connection) -> bool;

    /// Hands the result to the caller, or `failure` if what the call did could not be committed.
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct TypedCall<T, F> {
    work: F,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// `work` runs at least once, on another thread.
pub fn new<T, F>(work: F) -> (Box<dyn Call>, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(TypedCall { work, result: None, reply }), answer)
}

impl<T, F> Call for TypedCall<T, F>
where
    T: Send + 'static,
    F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, conn: &Connection) -> bool {
        if self.is_abandoned() {
            // It waited for the file: what is written beyond its deadline would become visible too late.
            self.result = Some(Err(StoreError::Timeout));
            return false;
        }
        // A panic must not end the thread that everybody's calls run on.
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(conn))).unwrap_or_else(|_| {
            metrics::counter!(telemetry::PANICS).increment(1);
            Err(StoreError::Failed("a store call panicked".into()))
        });
        let succeeded = result.is_ok();
        self.result = Some(result);
        succeeded
    }

    fn answer(self: Box<Self>, failure: Option<&str>) {
        let result = match failure {
            Some(cause) => Err(StoreError::Unavailable(cause.to_owned())),
            None => self.result.expect("a call is run before it is answered"),
        };
        // A caller that has given up learnt of a timeout; there is nobody left to tell.
        if self.reply.send(result).is_err() {
            tracing::debug!("the caller of a store call did not wait for its result");
        }
    }
}
