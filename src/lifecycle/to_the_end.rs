//! Work that is carried out whole, whether or not somebody still waits for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Lifecycle;
use crate::telemetry::log_seldom;

/// What nobody waits for any more is dropped after so long. The deadlines of store and bus are shorter.
const ABANDONED_TIMEOUT: Duration = Duration::from_secs(40);

/// A future that goes on in a task of its own when it is dropped before its end: by a deadline, or because
/// its client has gone away. Until then it costs no task.
pub struct ToTheEnd<T: Send + 'static> {
    /// `None` once it has ended.
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    lifecycle: Lifecycle,
    name: &'static str,
}

impl Lifecycle {
    /// `name` is that of the task, should it come to one.
    pub fn to_the_end<F>(&self, name: &'static str, work: F) -> ToTheEnd<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        ToTheEnd { work: Some(Box::pin(work)), lifecycle: self.clone(), name }
    }
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Taken out while it is polled: work that panics has ended.
        let mut work = self.work.take().expect("nobody polls it after its end");
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        if Handle::try_current().is_err() {
            return; // Nothing runs any more.
        }
        let name = self.name;
        self.lifecycle.spawn(name, async move {
            if timeout(ABANDONED_TIMEOUT, work).await.is_err() {
                log_seldom!(error, name, "something that nobody waits for ({name}) did not end");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_dropped_goes_on_and_what_has_ended_does_not_run_again() {
        let lifecycle = Lifecycle::new();
        let (go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (gone, told) = (go.clone(), done.clone());
        let work = lifecycle.to_the_end("test", async move {
            gone.notified().await;
            told.notify_one();
        });
        assert!(timeout(Duration::from_secs(1), work).await.is_err());
        go.notify_one();
        done.notified().await;

        assert_eq!(lifecycle.to_the_end("test", async { 7 }).await, 7);
        assert!(lifecycle.wait_for_tasks(Duration::from_secs(1)).await, "no task is left");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_dropped_some_time() {
        let lifecycle = Lifecycle::new();
        drop(lifecycle.to_the_end("test", std::future::pending::<()>()));
        assert!(!lifecycle.wait_for_tasks(ABANDONED_TIMEOUT - Duration::from_secs(1)).await);
        assert!(lifecycle.wait_for_tasks(Duration::from_secs(2)).await);
    }

    #[tokio::test]
    async fn work_that_panics_has_ended() {
        let lifecycle = Lifecycle::new();
        let task =
            lifecycle.spawn("test", lifecycle.to_the_end("test", async { panic!("on purpose") }));
        assert!(task.await.is_err());
        assert!(lifecycle.wait_for_tasks(Duration::from_secs(1)).await);
    }
}
