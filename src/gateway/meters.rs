//! Metric handles that are looked up once: by event for requests, by push for the fan-out.

use metrics::{Counter, Histogram};

use crate::model::event::Push;
use crate::telemetry;

/// The meters of one kind of request.
pub struct EventMeters {
    pub event: &'static str,
    pub accepted: Counter,
    pub duration: Histogram,
}

impl EventMeters {
    pub fn new(event: &'static str) -> Self {
        Self {
            event,
            accepted: metrics::counter!(telemetry::EVENTS_RECEIVED, "event" => event, "outcome" => "ok"),
            duration: metrics::histogram!(telemetry::EVENT_DURATION, "event" => event),
        }
    }

    /// `outcome` is the code of an error, of which there are about twenty.
    pub fn count_refused(&self, outcome: &'static str) {
        metrics::counter!(telemetry::EVENTS_RECEIVED, "event" => self.event, "outcome" => outcome)
            .increment(1);
    }
}

/// The meters of one kind of push.
pub struct PushMeters {
    pub recipients: Histogram,
    pub duration: Histogram,
    pub latency_local: Histogram,
    pub latency_remote: Histogram,
}

impl PushMeters {
    pub fn new(push: Push) -> Self {
        let kind = push.name();
        let latency = |path| metrics::histogram!(telemetry::DELIVERY_LATENCY, "path" => path);
        Self {
            recipients: metrics::histogram!(telemetry::FANOUT_RECIPIENTS, "kind" => kind),
            duration: metrics::histogram!(telemetry::FANOUT_DURATION, "kind" => kind),
            latency_local: latency("local"),
            latency_remote: latency("remote"),
        }
    }
}
