//! Whether the process lives, and whether it may take clients.
//!
//! Readiness is local to the node. A store or a bus that is lost is lost for all nodes, and if all
//! turned unready there would be none left to go to: it is reported as degraded, with 200.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, timeout};
use utoipa::ToSchema;

use crate::chat::Chat;
use crate::http::HttpState;
use crate::lifecycle::Lifecycle;
use crate::model::id::CLOCK_BEHIND_MS_MAX;
use crate::telemetry;

/// How long a store that is lost goes unnoticed at most, with the time to ask it.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// What readiness consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Everything has been opened, migrated and bound.
    Startup,
    /// The node is not leaving service.
    Draining,
    /// The clock is not behind the ids made already.
    Clock,
    /// The lease of the node's id goes on.
    Lease,
    /// The files of an embedded store are those that were opened.
    Files,
    Store,
    Bus,
}

impl Check {
    const ALL: [Self; 7] = [
        Self::Startup,
        Self::Draining,
        Self::Clock,
        Self::Lease,
        Self::Files,
        Self::Store,
        Self::Bus,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Draining => "draining",
            Self::Clock => "clock",
            Self::Lease => "lease",
            Self::Files => "files",
            Self::Store => "store",
            Self::Bus => "bus",
        }
    }

    /// Its failure keeps clients away from this node.
    const fn is_local(self) -> bool {
        matches!(self, Self::Startup | Self::Draining | Self::Clock | Self::Lease | Self::Files)
    }
}

/// The state of this node's checks; clones share it. A new one has only `startup` failing.
#[derive(Clone)]
pub struct Readiness {
    passing: Arc<Mutex<BTreeMap<Check, bool>>>,
    lifecycle: Lifecycle,
}

impl Readiness {
    /// Call it after the metrics recorder is installed.
    pub fn new(lifecycle: &Lifecycle) -> Self {
        let passing = Check::ALL.map(|check| (check, check != Check::Startup));
        let readiness =
            Self { passing: Arc::new(Mutex::new(passing.into())), lifecycle: lifecycle.clone() };
        for (check, passes) in passing {
            publish(check, passes);
        }
        readiness
    }

    /// Everything is up: the node takes clients.
    pub fn started(&self) {
        self.set(Check::Startup, true);
    }

    pub fn set(&self, check: Check, passes: bool) {
        let before = self.passing.lock().insert(check, passes);
        publish(check, passes);
        if before != Some(passes) {
            let name = check.as_str();
            let outcome = outcome(passes);
            tracing::info!(check = name, outcome, "readiness check {name}: {outcome}");
        }
    }

    /// Whether ids can be made.
    fn look_at_ids(&self, chat: &Chat) {
        self.set(Check::Clock, chat.clock_behind_ms() <= CLOCK_BEHIND_MS_MAX);
        self.set(Check::Lease, chat.has_id_lease());
    }

    fn report(&self) -> Report {
        if self.lifecycle.is_draining() {
            self.set(Check::Draining, false);
        }
        let passing = self.passing.lock();
        let failing = |local: bool| {
            let failed = |(check, passes): &(&Check, &bool)| !**passes && check.is_local() == local;
            passing.iter().filter(failed).map(|(check, _)| check.as_str()).collect::<Vec<_>>()
        };
        Report {
            ready: failing(true).is_empty(),
            checks: passing.iter().map(|(check, ok)| (check.as_str(), outcome(*ok))).collect(),
            degraded: failing(false),
        }
    }
}

const fn outcome(passes: bool) -> &'static str {
    if passes { "ok" } else { "failing" }
}

fn publish(check: Check, passes: bool) {
    let value = if passes { 1.0 } else { 0.0 };
    metrics::gauge!(telemetry::READY, "check" => check.as_str()).set(value);
}

/// Looks at the clock, the lease and the store from time to time, until the node stops.
///
/// The store is asked to store something: one that answers and cannot store is as good as lost.
pub async fn watch(readiness: Readiness, chat: Chat) {
    let mut ticks = tokio::time::interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !readiness.lifecycle.is_draining() {
        tokio::select! {
            _ = ticks.tick() => {}
            () = readiness.lifecycle.draining() => break,
        }
        readiness.look_at_ids(&chat);
        let stored =
            timeout(STORE_TIMEOUT, chat.probe_store()).await.is_ok_and(|probed| probed.is_ok());
        readiness.set(Check::Store, stored);
    }
    readiness.set(Check::Draining, false);
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    ready: bool,
    /// `ok` or `failing`, by check.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    checks: BTreeMap<&'static str, &'static str>,
    /// What fails and leaves the node in service all the same.
    #[schema(value_type = Vec<String>)]
    degraded: Vec<&'static str>,
}

/// Is the process alive?
///
/// Never looks at anything else.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()),
    responses((status = 200, description = "It is")))]
pub async fn get_health() -> &'static str {
    "ok\n"
}

/// May the node take clients?
///
/// A store or bus that is lost is listed as degraded, with 200.
#[utoipa::path(get, path = "/readyz", tag = "operations", security(()),
    responses(
        (status = 200, description = "It may", body = Report),
        (status = 503, description = "It is starting or draining, its clock or files are bad, or its lease has ended", body = Report)))]
pub async fn get_readiness(State(state): State<HttpState>) -> (StatusCode, Json<Report>) {
    state.readiness.look_at_ids(&state.chat);
    let report = state.readiness.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(readiness: &Readiness, ready: bool, failing: &[&str], degraded: &[&str]) {
        let report = readiness.report();
        assert_eq!(report.ready, ready);
        assert_eq!(report.degraded, degraded);
        let failed: Vec<&str> = report
            .checks
            .iter()
            .filter(|(_, ok)| **ok == "failing")
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(failed, failing);
    }

    #[test]
    fn a_node_is_ready_between_its_start_and_its_drain() {
        let lifecycle = Lifecycle::new();
        let readiness = Readiness::new(&lifecycle);
        check(&readiness, false, &["startup"], &[]);
        readiness.started();
        check(&readiness, true, &[], &[]);
        lifecycle.drain();
        check(&readiness, false, &["draining"], &[]);
    }

    #[test]
    fn what_all_nodes_share_only_degrades() {
        let readiness = Readiness::new(&Lifecycle::new());
        readiness.started();
        readiness.set(Check::Store, false);
        readiness.set(Check::Bus, false);
        check(&readiness, true, &["bus", "store"], &["store", "bus"]);
        readiness.set(Check::Store, true);
        check(&readiness, true, &["bus"], &["bus"]);
    }

    #[test]
    fn a_bad_clock_a_lost_lease_and_lost_files_keep_clients_away() {
        let readiness = Readiness::new(&Lifecycle::new());
        readiness.started();
        readiness.set(Check::Clock, false);
        check(&readiness, false, &["clock"], &[]);
        readiness.set(Check::Lease, false);
        check(&readiness, false, &["clock", "lease"], &[]);
        readiness.set(Check::Lease, true);
        readiness.set(Check::Files, false);
        readiness.set(Check::Clock, true);
        check(&readiness, false, &["files"], &[]);
    }
}
