//! Mentions: who counts as mentioned, and telling them, after the message itself is on its way.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::bus::envelope::Topic;
use crate::chat::access::ChannelStanding;
use crate::chat::{Chat, ChatError, push};
use crate::model::channel::Channel;
use crate::model::event::Push;
use crate::model::id::{GroupId, UserId};
use crate::model::message::{Message, mentions_in};
use crate::model::permission::Permissions;
use crate::telemetry;

/// Messages whose mentioned people have yet to be told. Beyond it they learn of the mention from
/// their next `ready`, and the drop is counted.
pub const NEWS_QUEUED_MAX: usize = 4096;
/// Members looked up at once when everybody is mentioned.
const MEMBERS_PER_LOOKUP: usize = 1000;
/// One read of one person's counts; longer means the store is in trouble.
const TELL_TIMEOUT: Duration = Duration::from_secs(10);

/// Whose mention counts in a channel have changed.
#[derive(Debug)]
pub struct MentionNews {
    channel: Channel,
    users: Vec<UserId>,
    /// Every online member of this group, too.
    everyone_of: Option<GroupId>,
    author: UserId,
}

impl MentionNews {
    /// `None` if the message mentions nobody.
    pub(crate) fn of(channel: &Channel, message: &Message) -> Option<Self> {
        Self::new(channel, message, message.mentions.clone(), message.mentions_everyone)
    }

    /// Those who were mentioned before or are now.
    pub(crate) fn of_edit(channel: &Channel, before: &Message, after: &Message) -> Option<Self> {
        let changed =
            |user: &&UserId| before.mentions.contains(user) != after.mentions.contains(user);
        let both = before.mentions.iter().chain(&after.mentions);
        let users = both.filter(changed).copied().collect();
        Self::new(channel, after, users, before.mentions_everyone != after.mentions_everyone)
    }

    fn new(
        channel: &Channel,
        message: &Message,
        users: Vec<UserId>,
        everyone: bool,
    ) -> Option<Self> {
        let everyone_of = channel.group_id.filter(|_| everyone);
        let somebody = everyone_of.is_some() || users.iter().any(|user| *user != message.author_id);
        somebody.then(|| Self {
            channel: channel.clone(),
            users,
            everyone_of,
            author: message.author_id,
        })
    }
}

impl Chat {
    /// Who of those that `content` names can see the channel, sorted; and whether it mentions everyone.
    pub(crate) async fn mentions(
        &self,
        standing: &ChannelStanding,
        content: &str,
    ) -> Result<(Vec<UserId>, bool), ChatError> {
        let (named, says_everyone) = mentions_in(content);
        let mut mentioned = match (standing.channel.group_id, named.is_empty()) {
            (_, true) => Vec::new(),
            (Some(group_id), false) => self.store.filter_members(group_id, &named).await?,
            (None, false) => named
                .into_iter()
                .filter(|user| standing.channel.recipients.contains(user))
                .collect(),
        };
        mentioned.sort_unstable();
        Ok((mentioned, says_everyone && standing.permissions.has(Permissions::MENTION_EVERYONE)))
    }

    /// Queues the news; nobody waits for it.
    pub(crate) fn tell_mentioned(&self, news: Option<MentionNews>) {
        let Some(news) = news else { return };
        if self.mention_news.try_send(news).is_err() {
            metrics::counter!(telemetry::MENTIONS_UNTOLD).increment(1);
            tracing::warn!("too many mentions are waiting, some people are not told at once");
        }
    }

    async fn tell(&self, news: &MentionNews) -> Result<(), ChatError> {
        for user_id in news.users.iter().filter(|user| **user != news.author) {
            self.tell_read_state(*user_id, &news.channel).await?;
        }
        let Some(group_id) = news.everyone_of else { return Ok(()) };
        for online in self.online_users().chunks(MEMBERS_PER_LOOKUP) {
            for user_id in self.store.filter_members(group_id, online).await? {
                if user_id != news.author && !news.users.contains(&user_id) {
                    self.tell_read_state(user_id, &news.channel).await?;
                }
            }
        }
        Ok(())
    }

    async fn tell_read_state(&self, user_id: UserId, channel: &Channel) -> Result<(), ChatError> {
        let read_state = self.read_state(user_id, channel).await?;
        let content = push(Push::ReadStateUpdated, &read_state);
        self.announce(self.envelope([Topic::User(user_id)], content)).await;
        Ok(())
    }
}

/// Tells people of their mentions, one message after another, until the node stops.
pub async fn run_mentions(chat: Chat, mut news: mpsc::Receiver<MentionNews>) {
    loop {
        let next = tokio::select! {
            next = news.recv() => next,
            () = chat.lifecycle.stopping() => None,
        };
        let Some(next) = next else { return };
        match tokio::time::timeout(TELL_TIMEOUT, chat.tell(&next)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "people were not told of a mention"),
            Err(_) => tracing::warn!("telling people of a mention took too long"),
        }
    }
}
