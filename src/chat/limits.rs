//! The limits of commands: `limits.*` settings, and what the protocol fixes.

use std::time::Duration;

use crate::chat::ChatError;
use crate::chat::views::LimitsView;
use crate::model::channel::{DIRECT_PEOPLE_MAX, SLOW_MODE_SECONDS_MAX};
use crate::model::message::{MESSAGES_PAGE_MAX, PINS_PER_CHANNEL_MAX};
use crate::model::name;
use crate::model::presence::STATUS_TEXT_CHARS_MAX;
use crate::model::rate::Rate;
use crate::model::settings::SETTINGS_BYTES_MAX;
use crate::model::text;
use crate::section::section;

/// Channels of one sync at most.
pub const SYNC_CHANNELS_MAX: usize = 1000;
/// People whose presence one socket watches at most.
pub const WATCHED_USERS_MAX: usize = 500;
pub const MEMBERS_PAGE_MAX: usize = 200;
const MEMBERS_PAGE_DEFAULT: u32 = 100;
/// `ready` as JSON at most, and likewise a list of groups. Two megabytes are some 8,000 channels: more
/// than anybody looks at, and little enough that a hundred who connect at once do not fill the memory.
pub const READY_BYTES_MAX: usize = 2_000_000;

/// What the protocol fixes, as `ready` tells it. Attachments are not supported yet: what can be sent has 0
/// bytes.
pub(crate) const LIMITS: LimitsView = LimitsView {
    content_chars: text::CONTENT_CHARS_MAX,
    name_chars: name::NAME_CHARS_MAX,
    topic_chars: text::TOPIC_CHARS_MAX,
    display_name_chars: name::DISPLAY_NAME_CHARS_MAX,
    nickname_chars: name::NICKNAME_CHARS_MAX,
    status_text_chars: STATUS_TEXT_CHARS_MAX,
    nonce_chars: text::NONCE_CHARS_MAX,
    emoji_chars: text::EMOJI_CHARS_MAX,
    messages_page: MESSAGES_PAGE_MAX,
    members_page: MEMBERS_PAGE_MAX,
    sync_channels: SYNC_CHANNELS_MAX,
    watched_users: WATCHED_USERS_MAX,
    pins_per_channel: PINS_PER_CHANNEL_MAX,
    direct_people: DIRECT_PEOPLE_MAX,
    slow_mode_seconds: SLOW_MODE_SECONDS_MAX,
    settings_bytes: SETTINGS_BYTES_MAX,
    ready_bytes: READY_BYTES_MAX,
    attachment_bytes: 0,
    attachments_per_message: 10,
};

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

/// How many members or bans a page has.
pub(crate) fn members_limit(limit: Option<u32>) -> Result<usize, ChatError> {
    page_limit(limit, MEMBERS_PAGE_DEFAULT, MEMBERS_PAGE_MAX as u32)
}

/// A page size between 1 and `max`.
pub(crate) fn page_limit(limit: Option<u32>, default: u32, max: u32) -> Result<usize, ChatError> {
    let limit = limit.unwrap_or(default);
    if limit == 0 || limit > max {
        return Err(ChatError::Invalid {
            field: Some("limit"),
            message: format!("limit takes 1 to {max}").into(),
        });
    }
    Ok(limit as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_1_to_200() {
        assert_eq!(members_limit(None).unwrap(), 100);
        assert_eq!(members_limit(Some(200)).unwrap(), 200);
        assert!(members_limit(Some(0)).is_err() && members_limit(Some(201)).is_err());
    }

    #[test]
    fn page_limits_are_checked() {
        for (limit, good) in [(0, false), (1, true), (100, true), (101, false)] {
            assert_eq!(page_limit(Some(limit), 50, 100).is_ok(), good, "{limit}");
        }
    }
}
