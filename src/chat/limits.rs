//! The limits of commands; all of them are `limits.*` settings or fixed by the protocol.

use std::time::Duration;

use crate::model::rate::Rate;

/// What a node allows. Sizes that the protocol fixes are constants beside the types they bound.
#[derive(Clone, Debug)]
pub struct Limits {
    /// False switches the request, message, creation, registration and connection rates off, for load
    /// tests. Failed logins and all sizes stay limited.
    pub rates: bool,
    /// Requests of one socket, and of one session over HTTP.
    pub requests: Rate,
    /// Messages of one person, edited ones included, over all their sessions.
    pub messages: Rate,
    /// Likewise in the official group, where each is for everybody.
    pub official_messages: Rate,
    /// Groups, channels and invites that one person makes.
    pub made_per_minute: u32,
    /// Requests of one socket that wait for their ack at most.
    pub requests_unanswered_max: usize,
    pub registrations_per_minute: u32,
    /// Per user name and address, over all nodes.
    pub login_failures_per_minute: u32,
    /// Per user name from all addresses, over all nodes: against many who guess together.
    pub login_failures_per_name_per_minute: u32,
    /// Per address and node; generous, because offices share one.
    pub login_failures_per_address_per_minute: u32,
    /// A command that takes longer is acked `timeout`.
    pub command_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rates: true,
            requests: Rate { per_second: 200.0, burst: 500.0 },
            messages: Rate { per_second: 10.0, burst: 30.0 },
            official_messages: Rate { per_second: 1.0, burst: 5.0 },
            made_per_minute: 60,
            requests_unanswered_max: 1000,
            registrations_per_minute: 30,
            login_failures_per_minute: 10,
            login_failures_per_name_per_minute: 100,
            login_failures_per_address_per_minute: 300,
            command_timeout: Duration::from_secs(10),
        }
    }
}
