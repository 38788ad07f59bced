//! Direct channels: between two to ten people, one for each set of them.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::bus::envelope::Topic;
use crate::chat::attempts::rate_limited;
use crate::chat::debts::{Debt, Owed};
use crate::chat::error::Noun;
use crate::chat::views::ChannelView;
use crate::chat::{Caller, Chat, ChatError, push};
use crate::clock::UnixMs;
use crate::model::account::User;
use crate::model::channel::{Channel, ChannelKind, DIRECT_PEOPLE_MAX};
use crate::model::event::Push;
use crate::model::id::{ChannelId, UserId};
use crate::model::permission::Permissions;
use crate::store::{DirectOpening, OpeningQuota};
use crate::telemetry::log_seldom;

/// Direct channels in `ready`, which strangers could fill up otherwise: nobody is asked whether they
/// want one. Older ones are found by opening them.
pub const DIRECT_CHANNELS_MAX: usize = 500;
/// New direct channels that one person opens within 24 hours, over all nodes.
pub const OPENED_PER_DAY_MAX: u32 = 200;
const DAY_MS: UnixMs = 24 * 60 * 60 * 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenDirect {
    pub user_ids: Vec<UserId>,
}

/// A direct channel, and whether it is new.
#[derive(Debug)]
pub struct OpenedDirect {
    pub channel: ChannelView,
    pub new: bool,
}

impl Chat {
    /// The direct channel of the caller and the people named: the same one however often it is asked for.
    ///
    /// # Errors
    ///
    /// `user_not_found` if one of the people does not exist; `rate_limited` for the
    /// [`OPENED_PER_DAY_MAX`] + 1st new one within a day.
    pub async fn open_direct(
        &self,
        caller: Caller,
        request: OpenDirect,
    ) -> Result<OpenedDirect, ChatError> {
        let recipients = parse_people(caller.user_id, request.user_ids)?;
        let users = self.users(&recipients).await?;
        if users.len() != recipients.len() {
            return Err(ChatError::NotFound(Noun::User));
        }
        let (id, now_ms) = self.next_id_and_time()?;
        let candidate = direct_channel(ChannelId::new(id), recipients);
        let quota = OpeningQuota {
            opener: caller.user_id,
            since: ChannelId::first_at(now_ms.saturating_sub(DAY_MS)),
            opened_max: if self.limits.rates { OPENED_PER_DAY_MAX } else { u32::MAX },
        };
        let chat = self.clone();
        self.to_the_end(async move { chat.store_direct(candidate, quota, users).await }).await
    }

    async fn store_direct(
        &self,
        candidate: Channel,
        quota: OpeningQuota,
        users: Vec<User>,
    ) -> Result<OpenedDirect, ChatError> {
        let push = Push::ChannelCreated;
        let owed = |channel_id| Owed::Channel { channel_id, group_id: None, push };
        let opening = self.store.open_direct_channel(&candidate, quota);
        let (opening, debt) = self.owing(owed(candidate.id), opening).await?;
        let (channel, new, debt) = match opening {
            DirectOpening::New(channel) => (channel, true, Some(debt)),
            DirectOpening::Found(channel) => {
                debt.void();
                let owed = owed(channel.id);
                (channel, false, self.debts.is_owed(&owed).then(|| self.owe(owed)))
            }
            DirectOpening::TooMany { first } => {
                debt.void();
                let free_at_ms = first.timestamp_ms() + DAY_MS + 1;
                let wait_ms = free_at_ms.saturating_sub(candidate.id.timestamp_ms());
                return Err(rate_limited("direct_open", wait_ms));
            }
        };
        let mut view = ChannelView::new(&channel, Some(users), Some(Permissions::DIRECT));
        if let Some(debt) = debt {
            self.announce_direct(&channel, debt).await;
        }
        if !new {
            view.last_message_id = self.newest_message(channel.id).await?;
        }
        Ok(OpenedDirect { channel: view, new })
    }

    /// Tells the people of a direct channel that it is there. False if that could not be done.
    pub(crate) async fn announce_direct(&self, channel: &Channel, debt: Debt) -> bool {
        let changes = self.channel_changed(channel.id, None);
        let users = match self.users(&channel.recipients).await {
            Ok(users) => users,
            Err(error) => {
                log_seldom!(warn, %error, "people were not told of a direct channel yet");
                return false;
            }
        };
        let view = ChannelView::new(channel, Some(users), Some(Permissions::DIRECT));
        let topics = channel.recipients.iter().map(|user_id| Topic::User(*user_id));
        let envelope = self.envelope(topics, push(Push::ChannelCreated, &view));
        self.announce(debt, envelope.with_changes(changes)).await
    }

    /// The caller's direct channels, as `ready` shows them, with their newest message ids: those
    /// [`DIRECT_CHANNELS_MAX`] in which something happened last.
    pub async fn list_direct_channels(
        &self,
        caller: Caller,
    ) -> Result<Vec<ChannelView>, ChatError> {
        let channels = self.store.list_direct_channels(caller.user_id, DIRECT_CHANNELS_MAX).await?;
        let last = self.last_messages(caller.user_id, &channels).await?;
        let people: BTreeSet<UserId> =
            channels.iter().flat_map(|channel| channel.recipients.iter().copied()).collect();
        let users = self.users_by_id(&Vec::from_iter(people)).await?;
        let view = |channel: &Channel| {
            let recipients = channel.recipients.iter().filter_map(|id| users.get(id)).cloned();
            let view =
                ChannelView::new(channel, Some(recipients.collect()), Some(Permissions::DIRECT));
            ChannelView { last_message_id: last.get(&channel.id).copied(), ..view }
        };
        Ok(channels.iter().map(view).collect())
    }
}

/// Everybody in the channel, sorted: `others`, each once, and the caller.
fn parse_people(caller: UserId, others: Vec<UserId>) -> Result<Vec<UserId>, ChatError> {
    let mut people: BTreeSet<UserId> = others.into_iter().collect();
    people.insert(caller);
    if people.len() < 2 {
        return Err(ChatError::invalid("userIds", "must name somebody besides yourself"));
    }
    if people.len() > DIRECT_PEOPLE_MAX {
        return Err(ChatError::invalid("userIds", "must name at most 9 people"));
    }
    Ok(people.into_iter().collect())
}

fn direct_channel(id: ChannelId, recipients: Vec<UserId>) -> Channel {
    Channel {
        id,
        group_id: None,
        kind: ChannelKind::Direct,
        name: String::new(),
        topic: String::new(),
        position: 0,
        slow_mode_seconds: 0,
        recipients,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(others: &[u64]) -> Result<Vec<u64>, ChatError> {
        let others = others.iter().copied().map(UserId::new).collect();
        let people = parse_people(UserId::new(5), others)?;
        Ok(people.into_iter().map(UserId::get).collect())
    }

    #[test]
    fn the_caller_is_in_it_and_everybody_once_in_order() {
        assert_eq!(people(&[9, 1, 9, 5]).unwrap(), [1, 5, 9]);
    }

    #[test]
    fn it_has_two_to_ten_people() {
        assert_eq!(people(&[]).unwrap_err().code(), "invalid_request");
        assert_eq!(people(&[5, 5]).unwrap_err().code(), "invalid_request");
        assert_eq!(people(&[11, 12, 13, 14, 15, 16, 17, 18, 19]).unwrap().len(), 10);
        let ten_others = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19];
        assert_eq!(people(&ten_others).unwrap_err().code(), "invalid_request");
    }
}
