//! Places: in which groups a person's sessions are, and with which permissions, as this node reads it from
//! the store.
//!
//! Changes of one membership that two nodes store one after the other may be announced in the other order,
//! and applying what they say would leave somebody who was removed in the group, or a member outside. So an
//! announcement says only that the membership has changed. Each node reads what it is by now, and gives its
//! fan-out that: the last to be read is the newest, in whatever order they came.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::bus::envelope::{Content, Envelope, Topic};
use crate::bus::{Delivery, Place};
use crate::chat::Chat;
use crate::model::id::{GroupId, UserId};
use crate::model::permission::Permissions;
use crate::telemetry::log_seldom;

/// Reading is tried for so long; then the node begins anew, as after a gap. Longer than publishers wait.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// Places that are read at the same time; beyond, the node is behind and begins anew.
const PLACES_READ_MAX: usize = 10_000;

/// An announcement of a membership, and who waits until it holds at this node.
pub(crate) struct Announced {
    pub user_id: UserId,
    pub group_id: GroupId,
    /// What its content says.
    pub is_member: bool,
    pub envelope: Arc<Envelope>,
    pub applied: Option<oneshot::Sender<()>>,
}

/// Places that are being read.
#[derive(Default)]
pub struct Placing(Mutex<HashMap<(GroupId, UserId), Reading>>);

#[derive(Default)]
struct Reading {
    /// Counts the reads: the answer of the last holds.
    latest: u64,
    waiting: Vec<Announced>,
}

impl Placing {
    /// The number of a read that begins now. `None`, and nothing waits for it, if there are too many.
    fn begin(&self, announced: Announced) -> Option<u64> {
        let mut all = self.0.lock();
        if all.len() >= PLACES_READ_MAX {
            return None;
        }
        let reading = all.entry((announced.group_id, announced.user_id)).or_default();
        reading.latest += 1;
        reading.waiting.push(announced);
        Some(reading.latest)
    }

    /// What waited for a read; `None` if a later one will end it.
    fn end(&self, group_id: GroupId, user_id: UserId, number: u64) -> Option<Vec<Announced>> {
        let mut all = self.0.lock();
        let reading = all.get(&(group_id, user_id))?;
        (reading.latest == number).then(|| all.remove(&(group_id, user_id)))?.map(|it| it.waiting)
    }
}

impl Chat {
    /// Reads what `announced` is about, and gives it to the fan-out through `placed`.
    pub(crate) fn place(&self, announced: Announced, placed: mpsc::Sender<Delivery>) {
        let Announced { user_id, group_id, is_member, .. } = announced;
        let number = self.placing.begin(announced);
        let chat = self.clone();
        self.lifecycle.spawn("placing", async move {
            let group = Topic::Group(group_id);
            // What is published once it is read arrives.
            if is_member && let Err(error) = chat.bus.bind(group).await {
                log_seldom!(warn, %error, "a group is not bound, its sessions will have to sync");
            }
            chat.read_and_tell(user_id, group_id, number, &placed).await;
            if is_member {
                chat.bus.unbind(group);
            }
        });
    }

    async fn read_and_tell(
        &self,
        user_id: UserId,
        group_id: GroupId,
        number: Option<u64>,
        placed: &mpsc::Sender<Delivery>,
    ) {
        let permissions = match number {
            Some(_) => self.read_place(user_id, group_id).await,
            None => None,
        };
        let waiting = number.map(|number| self.placing.end(group_id, user_id, number));
        match (permissions, waiting) {
            (_, Some(None)) => {} // A later read ends it.
            (Some(permissions), Some(Some(waiting))) => tell(waiting, permissions, placed).await,
            (None, _) | (_, None) => {
                log_seldom!(error, "it could not be read who is in a group: beginning anew");
                self.caches.forget_all();
                let _stopping = placed.send(Delivery::Gap).await;
            }
        }
    }

    /// `None` if the store cannot say.
    async fn read_place(&self, user_id: UserId, group_id: GroupId) -> Option<Option<Permissions>> {
        let read = async {
            loop {
                match self.group_permissions(user_id, group_id).await {
                    Ok(permissions) => return permissions,
                    Err(error) if error.is_fault() => tokio::time::sleep(RETRY_DELAY).await,
                    Err(_) => return None,
                }
            }
        };
        tokio::time::timeout(READ_TIMEOUT, read).await.ok()
    }
}

/// Returns when the fan-out has applied all of it.
async fn tell(
    waiting: Vec<Announced>,
    permissions: Option<Permissions>,
    placed: &mpsc::Sender<Delivery>,
) {
    for Announced { user_id, group_id, is_member, envelope, applied } in waiting {
        // What was overtaken by another change is not true any more.
        let envelope = match permissions.is_some() == is_member {
            true => envelope,
            false => Arc::new(Envelope { content: Content::None, ..(*envelope).clone() }),
        };
        let place = Place { user_id, group_id, permissions };
        let (done, holds) = oneshot::channel();
        let delivery = Delivery::Placed { place, envelope, applied: done };
        if placed.send(delivery).await.is_err() || holds.await.is_err() {
            return; // The node stops.
        }
        if let Some(applied) = applied {
            let _publisher_may_have_given_up = applied.send(());
        }
    }
}
