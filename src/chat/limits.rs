//! The limits of commands; all of them are `limits.*` settings or fixed by the protocol.

use std::time::Duration;

use crate::model::rate::Rate;
use crate::section::section;

section! {
    /// What a node allows. Sizes that the protocol fixes are constants beside the types they bound.
    pub struct Limits {
        /// False switches the request, message, creation, registration and connection rates off, for load
        /// tests.
        rates: bool = "limits.rates", true;
        /// Requests a second of one session.
        requests_per_second: u32 = "limits.requests_per_second", 200, 1..;
        /// Requests of one session at once.
        requests_burst: u32 = "limits.requests_burst", 500, 1..;
        /// Messages a second of one person, all sessions together; edited ones count.
        messages_per_second: u32 = "limits.messages_per_second", 10, 1..;
        /// Messages of one person at once.
        messages_burst: u32 = "limits.messages_burst", 30, 1..;
        /// Messages a second of one person in the official group.
        official_messages_per_second: u32 = "limits.official_messages_per_second", 1, 1..;
        /// Messages of one person in the official group at once.
        official_messages_burst: u32 = "limits.official_messages_burst", 5, 1..;
        /// Groups, channels and invites, together, that one person makes in a minute.
        made_per_minute: u32 = "limits.made_per_minute", 60, 1..;
        /// Requests of one socket that wait for their ack at most.
        requests_unanswered_max: usize = "limits.requests_unanswered", 1000, 1..;
        /// Registrations a minute from one address.
        registrations_per_minute: u32 = "limits.registrations_per_minute", 30, 1..;
        /// Failed logins a minute of one user name from one address.
        login_failures_per_minute: u32 = "limits.login_failures_per_minute", 10, 1..;
        /// Failed logins a minute of one user name from all addresses.
        login_failures_per_name_per_minute: u32 =
            "limits.login_failures_per_name_per_minute", 100, 1..;
        /// Failed logins a minute from one address, under all user names, at this node.
        login_failures_per_address_per_minute: u32 =
            "limits.login_failures_per_address_per_minute", 300, 1..;
        /// Seconds that a request may take before it is answered `timeout`.
        command_timeout: Duration = "limits.request_seconds", Duration::from_secs(10), 1..;
    }
}

impl Limits {
    /// Of one socket, and of one session over HTTP.
    pub fn requests(&self) -> Rate {
        rate(self.requests_per_second, self.requests_burst)
    }

    /// Of one person, over all their sessions.
    pub fn messages(&self) -> Rate {
        rate(self.messages_per_second, self.messages_burst)
    }

    /// Likewise in the official group, where each is for everybody.
    pub fn official_messages(&self) -> Rate {
        rate(self.official_messages_per_second, self.official_messages_burst)
    }
}

fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { per_second: per_second.into(), burst: burst.into() }
}
