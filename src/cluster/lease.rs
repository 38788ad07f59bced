//! Keeps this node's id its own: takes it, renews it while the node runs, gives it back.
//!
//! Each renewal lets the node make ids for [`LEASE_MS`] more. Without one it makes no more when these are over: it
//! serves what is there, refuses writes, and turns unready. When the store can be asked again it goes on under the same
//! id, unless another process has taken that; then the node stops, because two of one id must not serve beside each
//! other, and whoever starts it anew gets another id.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::model::id::{IdGenerator, NodeId};
use crate::model::time_budget::{LEASE_MS, LEASE_RENEWAL_MS};
use crate::store::{NodeLease, NodeTaking, Store, StoreError};
use crate::telemetry::{self, log_seldom};

/// After a failure.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// A start waits so long for a store that does not answer.
const TAKING_TRIES: usize = 30;

#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error("all {} node ids are in use", NodeId::MAX + 1)]
    NoneFree,
    #[error("another process is node {0} by now")]
    Lost(NodeId),
    #[error("the lease of a node id was neither given nor refused")]
    Store(#[from] StoreError),
}

/// A node's hold on its id.
pub struct LeaseKeeper {
    store: Arc<dyn Store>,
    clock: Clock,
    name: String,
    lease: NodeLease,
    ids: Arc<IdGenerator>,
}

impl LeaseKeeper {
    /// Takes a node id for the node that is called `name`. `boot` is drawn at its start.
    ///
    /// # Errors
    ///
    /// [`LeaseError::NoneFree`], or the store's, after it was asked for half a minute.
    pub async fn take(
        store: Arc<dyn Store>,
        clock: Clock,
        name: String,
        boot: u64,
    ) -> Result<Self, LeaseError> {
        let mut tries = 1;
        let lease = loop {
            match store.take_node_id(&taking(boot, &name, &clock)).await {
                Ok(lease) => break lease.ok_or(LeaseError::NoneFree)?,
                Err(error) if tries == TAKING_TRIES => return Err(error.into()),
                Err(error) => log_seldom!(warn, %error, "no node id was leased yet"),
            }
            tries += 1;
            tokio::time::sleep(RETRY_DELAY).await;
        };
        let ids = IdGenerator::new(lease.node);
        ids.lease(lease.from_ms, lease.until_ms);
        Ok(Self { store, clock, name, lease, ids: Arc::new(ids) })
    }

    pub fn node(&self) -> NodeId {
        self.lease.node
    }

    /// Ids of this node, as long as the lease goes.
    pub fn ids(&self) -> Arc<IdGenerator> {
        self.ids.clone()
    }

    /// # Errors
    ///
    /// [`LeaseError::Lost`] if the id is another's by now. After [`LeaseError::Store`] the lease goes as far as it did.
    pub async fn renew(&mut self) -> Result<(), LeaseError> {
        let now_ms = self.clock.now_ms();
        let until_ms = now_ms + LEASE_MS;
        if self.store.renew_node_id(&self.lease, now_ms, until_ms).await? {
            self.ids.lease(self.lease.from_ms, until_ms);
            count("renewed");
            return Ok(());
        }
        // The store could not be asked, or this process slept.
        let taking = taking(self.lease.holder, &self.name, &self.clock);
        let taken = self.store.take_node_id(&taking).await?;
        let lost = LeaseError::Lost(self.lease.node);
        let Some(taken) = taken else { return Err(lost) };
        if taken.node != self.lease.node {
            self.store.give_back_node_id(&taken, taken.from_ms).await?;
            return Err(lost);
        }
        count("taken_again");
        tracing::warn!(node.id = %taken.node, "the lease of node {} ended, and begins anew", taken.node);
        self.ids.lease(taken.from_ms, taken.until_ms);
        self.lease = taken;
        Ok(())
    }

    /// Renews, and says when to do so again; `None` if the id is lost.
    pub async fn keep(&mut self) -> Option<Duration> {
        match self.renew().await {
            Ok(()) => Some(Duration::from_millis(LEASE_RENEWAL_MS)),
            Err(LeaseError::Store(error)) => {
                count("failed");
                log_seldom!(warn, %error, "the lease of this node's id was not renewed yet");
                Some(RETRY_DELAY)
            }
            Err(error) => {
                count("lost");
                tracing::error!(%error, "{error}: this one stops");
                None
            }
        }
    }

    /// Renews until the node stops, then gives the id back. Ends earlier only if it is lost.
    pub async fn run(mut self, lifecycle: Lifecycle) {
        let mut wait = Duration::from_millis(LEASE_RENEWAL_MS);
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = lifecycle.stopping() => return self.give_back().await,
            }
            match self.keep().await {
                Some(next) => wait = next,
                None => return,
            }
        }
    }

    /// No id is made from now on, and the next node may begin above the last one.
    pub async fn give_back(self) {
        let unused_from_ms = self.ids.end_lease();
        if let Err(error) = self.store.give_back_node_id(&self.lease, unused_from_ms).await {
            // It ends by itself.
            tracing::warn!(%error, "the node id was not given back");
        }
    }
}

fn taking(holder: u64, name: &str, clock: &Clock) -> NodeTaking {
    let now_ms = clock.now_ms();
    NodeTaking { holder, name: name.to_owned(), now_ms, until_ms: now_ms + LEASE_MS }
}

fn count(outcome: &'static str) {
    metrics::counter!(telemetry::NODE_LEASES, "outcome" => outcome).increment(1);
}
