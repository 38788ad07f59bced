//! How much is asked of the database at a time, in all and of one partition.
//!
//! A partition lies on a few nodes of the database, each of which serves it on one core: many who ask for the same
//! one slow down everybody else there. And of conditional writes of one partition only one succeeds at a time: those of
//! this process take turns instead of getting in each other's way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::store::StoreError;

/// Requests of one partition under way at a time. Partitions share a place by chance, seldom.
const OF_PARTITION_MAX: usize = 32;
/// Places; a power of two.
const PLACES: usize = 4096;
/// How long a request waits for its turn: a part of its call's time.
const TURN_TIMEOUT: Duration = Duration::from_secs(1);
/// Requests that wait at most. The next one is refused at once.
const WAITING_MAX: usize = 8192;

pub struct RequestBounds {
    all: Semaphore,
    waiting: AtomicUsize,
    partitions: Box<[Semaphore]>,
    conditional: Box<[Semaphore]>,
}

/// The right to make one request.
pub struct Turn<'a> {
    _partition: SemaphorePermit<'a>,
    _all: SemaphorePermit<'a>,
}

/// Whether others may be at the same partition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Company {
    Others,
    /// Of this process.
    Alone,
}

impl RequestBounds {
    pub fn new(all_max: usize) -> Self {
        let places = |permits| (0..PLACES).map(|_| Semaphore::new(permits)).collect();
        Self {
            all: Semaphore::new(all_max),
            waiting: AtomicUsize::new(0),
            partitions: places(OF_PARTITION_MAX),
            conditional: places(1),
        }
    }

    /// Waits for a turn at the partition with this token.
    pub async fn turn(&self, token: i64, company: Company) -> Result<Turn<'_>, StoreError> {
        let places = match company {
            Company::Others => &self.partitions,
            Company::Alone => &self.conditional,
        };
        let place = &places[token.cast_unsigned() as usize % PLACES];
        if let Ok(partition) = place.try_acquire()
            && let Ok(all) = self.all.try_acquire()
        {
            return Ok(Turn { _partition: partition, _all: all });
        }
        self.wait(place).await
    }

    async fn wait<'a>(&'a self, place: &'a Semaphore) -> Result<Turn<'a>, StoreError> {
        let _waiting = Waiting::among(&self.waiting)?;
        let turn = async {
            // The partition first: who waits for a busy one keeps nobody else away.
            let partition = place.acquire().await?;
            let all = self.all.acquire().await?;
            Ok(Turn { _partition: partition, _all: all })
        };
        match timeout(TURN_TIMEOUT, turn).await {
            Ok(turn) => turn.map_err(|_: tokio::sync::AcquireError| closed()),
            Err(_) => Err(StoreError::Busy),
        }
    }

    /// No request is made from now on.
    pub fn close(&self) {
        self.all.close();
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("closed".into())
}

/// Counts somebody who waits until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn among(count: &'a AtomicUsize) -> Result<Self, StoreError> {
        let waiting = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            return Err(StoreError::Busy);
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::{join_all, poll_immediate};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_busy_partition_keeps_nobody_else_away() {
        let bounds = RequestBounds::new(64);
        let others = || bounds.turn(7, Company::Others);
        let busy: Vec<_> = join_all((0..OF_PARTITION_MAX).map(|_| others())).await;
        assert!(busy.iter().all(Result::is_ok));
        assert!(poll_immediate(others()).await.is_none(), "it waits");
        assert!(bounds.turn(8, Company::Others).await.is_ok());
        let alone = bounds.turn(7, Company::Alone).await;
        assert!(alone.is_ok(), "a read is in nobody's way");
        assert!(poll_immediate(bounds.turn(7, Company::Alone)).await.is_none());
        assert!(matches!(others().await, Err(StoreError::Busy)), "not for ever");
        drop(busy);
        assert!(others().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_bounded_number_waits() {
        let bounds = RequestBounds::new(1);
        let first = bounds.turn(0, Company::Others).await;
        let mut waiting: Vec<_> =
            (0..WAITING_MAX).map(|n| Box::pin(bounds.turn(n as i64, Company::Others))).collect();
        for one in &mut waiting {
            assert!(poll_immediate(one).await.is_none());
        }
        let refused = poll_immediate(bounds.turn(5, Company::Others)).await;
        assert!(matches!(refused, Some(Err(StoreError::Busy))), "at once");
        drop(waiting);
        drop(first);
        assert!(bounds.turn(5, Company::Others).await.is_ok());
        bounds.close();
        assert!(bounds.turn(5, Company::Others).await.is_err());
    }
}
