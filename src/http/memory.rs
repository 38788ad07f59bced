//! How much memory one person's answers take up here: those that are being made, and those that are made
//! and not yet read.
//!
//! An answer waits for its client as long as that reads anything at all, and has megabytes at worst.
//! Whoever asks over hundreds of connections and reads from none would fill the memory, so each person
//! has a budget, and asks again when some of it is free.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::chat::ChatError;
use crate::chat::attempts::rate_limited;
use crate::http::answer::Failure;
use crate::model::id::UserId;
use crate::telemetry::log_seldom;

/// Of one person, in KiB: four answers of the largest size, or thousands of the usual one.
const PERSON_KIB: u32 = 16 * 1024;
/// What a request takes up until its answer is there: so no more than sixteen of a person's are carried
/// out at once, and the others wait.
const REQUEST_KIB: u32 = 1024;
/// When somebody may try again whose budget was used up: clients that stall are closed soon.
const RETRY_MS: u64 = 1_000;

/// The budgets that are in use, by person.
#[derive(Debug, Default)]
pub struct MemoryBudgets(Mutex<HashMap<UserId, Arc<Semaphore>>>);

impl MemoryBudgets {
    /// Waits for the share of a request.
    ///
    /// # Errors
    ///
    /// `rate_limited` if there is none within `patience`.
    pub async fn enter(
        self: &Arc<Self>,
        user_id: UserId,
        patience: Duration,
    ) -> Result<Arc<MemoryShare>, ChatError> {
        let entry = BudgetEntry { budgets: self.clone(), user_id };
        let whole = Arc::new(Semaphore::new(PERSON_KIB as usize));
        let of_person = self.0.lock().entry(user_id).or_insert(whole).clone();
        let taken = timeout(patience, of_person.clone().acquire_many_owned(REQUEST_KIB)).await;
        match taken {
            Ok(permit) => {
                let taken = Mutex::new(permit.expect("the semaphore is never closed"));
                Ok(Arc::new(MemoryShare { taken, of_person, _entry: entry }))
            }
            Err(_) => {
                drop(of_person);
                Err(rate_limited("answers", RETRY_MS))
            }
        }
    }
}

/// Forgets a person when the last of theirs is dropped.
#[derive(Debug)]
struct BudgetEntry {
    budgets: Arc<MemoryBudgets>,
    user_id: UserId,
}

impl Drop for BudgetEntry {
    fn drop(&mut self) {
        let mut budgets = self.budgets.0.lock();
        // Nobody can come by it meanwhile but through the map.
        if budgets.get(&self.user_id).is_some_and(|budget| Arc::strong_count(budget) == 1) {
            budgets.remove(&self.user_id);
        }
    }
}

/// What one request, then its answer, takes of a person's budget.
#[derive(Debug)]
pub struct MemoryShare {
    taken: Mutex<OwnedSemaphorePermit>,
    of_person: Arc<Semaphore>,
    /// Dropped after the others.
    _entry: BudgetEntry,
}

impl MemoryShare {
    /// The answer is there, with so many bytes. One that is longer than what is left is held all the
    /// same: there is no more memory to be saved.
    fn settle(&self, bytes: usize) {
        let wanted = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let mut taken = self.taken.lock();
        if let Some(rest) = REQUEST_KIB.checked_sub(wanted) {
            drop(taken.split(rest as usize));
            return;
        }
        let left = u32::try_from(self.of_person.available_permits()).unwrap_or(u32::MAX);
        let more = (wanted - REQUEST_KIB).min(left);
        // What others have taken in between is theirs.
        if let Ok(more) = self.of_person.clone().try_acquire_many_owned(more) {
            taken.merge(more);
        }
    }
}

/// Where a request's [`MemoryShare`] is put, for its answer.
#[derive(Clone, Debug, Default)]
pub struct ShareSlot(Arc<Mutex<Option<Arc<MemoryShare>>>>);

impl ShareSlot {
    pub fn set(&self, share: Arc<MemoryShare>) {
        *self.0.lock() = Some(share);
    }
}

/// Lets an answer take up what its request did until it is sent.
pub async fn hold(mut request: Request, next: Next) -> Response {
    let slot = ShareSlot::default();
    request.extensions_mut().insert(slot.clone());
    let response = next.run(request).await;
    let Some(share) = slot.0.lock().take() else { return response };
    let (parts, body) = response.into_parts();
    // All of it is there: no answer to somebody who is signed in is a stream.
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => {
            share.settle(bytes.len());
            Response::from_parts(parts, Body::from(counted(bytes, share)))
        }
        Err(error) => {
            log_seldom!(error, %error, "an answer broke off while it was made: {error}");
            Failure(ChatError::Unavailable).into_response()
        }
    }
}

/// Bytes that count until the last of them is dropped, in hyper's buffers, too.
fn counted(bytes: Bytes, share: Arc<MemoryShare>) -> Bytes {
    struct Counted {
        bytes: Bytes,
        _share: Arc<MemoryShare>,
    }
    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    if bytes.is_empty() { bytes } else { Bytes::from_owner(Counted { bytes, _share: share }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId::new(1);
    const BOB: UserId = UserId::new(2);
    const PATIENCE: Duration = Duration::from_secs(10);
    const MB: usize = 1024 * 1024;

    async fn enter(budgets: &Arc<MemoryBudgets>, user_id: UserId) -> Arc<MemoryShare> {
        budgets.enter(user_id, PATIENCE).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_persons_requests_wait_for_room_and_nobody_elses_do() {
        let budgets = Arc::new(MemoryBudgets::default());
        let mut running = Vec::new();
        for _ in 0..16 {
            running.push(enter(&budgets, ADA).await);
        }
        enter(&budgets, BOB).await;
        let refused = budgets.enter(ADA, PATIENCE).await.unwrap_err();
        assert!(matches!(refused, ChatError::RateLimited { retry_after_ms: 1_000 }));
        let (waiting, ()) = tokio::join!(budgets.enter(ADA, PATIENCE), async {
            running.pop();
        });
        waiting.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_made_takes_up_its_own_length_until_it_is_dropped() {
        let budgets = Arc::new(MemoryBudgets::default());
        let mut unread = Vec::new();
        for _ in 0..4 {
            let share = enter(&budgets, ADA).await;
            share.settle(4 * MB);
            unread.push(counted(Bytes::from(vec![b'x'; 4 * MB]), share));
        }
        assert!(budgets.enter(ADA, PATIENCE).await.is_err());
        let part = unread[0].slice(..10);
        unread.clear();
        assert!(budgets.0.lock().contains_key(&ADA), "a part is held as the whole");
        drop(part);
        assert!(budgets.0.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn short_answers_leave_room_for_thousands() {
        let budgets = Arc::new(MemoryBudgets::default());
        let mut unread = Vec::new();
        for _ in 0..10_000 {
            let share = enter(&budgets, ADA).await;
            share.settle(1000);
            unread.push(share);
        }
        drop(unread);
        assert!(budgets.0.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn answers_longer_than_what_is_left_take_what_is_left() {
        let budgets = Arc::new(MemoryBudgets::default());
        let first = enter(&budgets, ADA).await;
        let second = enter(&budgets, ADA).await;
        first.settle(14 * MB);
        second.settle(4 * MB);
        assert!(budgets.enter(ADA, PATIENCE).await.is_err());
        drop(second);
        enter(&budgets, ADA).await;
        drop(first);
        assert!(budgets.0.lock().is_empty());
    }
}
