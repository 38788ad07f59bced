//! Mentions: who counts as mentioned, and telling them, after the message itself is on its way.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::bus::envelope::{Content, Entity, Topic};
use crate::bus::node_event::{EveryoneMentioned, NodeEvent};
use crate::chat::access::ChannelStanding;
use crate::chat::debts::{Debt, Owed};
use crate::chat::turns::Subject;
use crate::chat::{Chat, ChatError};
use crate::model::channel::Channel;
use crate::model::event::Push;
use crate::model::id::{GroupId, UserId};
use crate::model::message::{Message, mentions_in};
use crate::model::permission::Permissions;
use crate::telemetry::{self, log_seldom};

/// Messages whose mentioned people have yet to be told. Beyond it that is owed to them, and counted.
pub const MENTIONS_QUEUED_MAX: usize = 4096;
/// People of one slice, when everybody is mentioned.
const PEOPLE_PER_SLICE: usize = 1000;
/// For one slice, a read of each person's counts; longer means the store is in trouble.
const SLICE_TIMEOUT: Duration = Duration::from_secs(10);
/// Slices at the same time: enough to use the store's readers, and to leave them to others, too.
const SLICES_AT_ONCE: usize = 8;
/// Messages that are being told of at most; those that are behind them wait in the queue.
const TELLING_MAX: usize = 64;

/// Whose mention counts in a channel have changed.
#[derive(Debug)]
pub struct MentionNews {
    channel: Channel,
    users: Vec<UserId>,
    /// Every member of this group who is online at this node, too.
    everyone_of: Option<GroupId>,
    author: UserId,
    /// Those named are told by the node where it was written.
    is_from_elsewhere: bool,
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

    /// What another node says of a message.
    pub(crate) fn of_everyone(mentioned: EveryoneMentioned) -> Option<Self> {
        let EveryoneMentioned { channel, author, named } = mentioned;
        let everyone_of = Some(channel.group_id?);
        Some(Self { channel, users: named, everyone_of, author, is_from_elsewhere: true })
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
            is_from_elsewhere: false,
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

    /// Queues the news; nobody waits for it. False if they are too many: then it is owed.
    pub(crate) fn tell_mentioned(&self, news: Option<MentionNews>) -> bool {
        let Some(news) = news else { return true };
        let is_queued = self.mentions.try_send(self.telling(news)).is_ok();
        if !is_queued {
            metrics::counter!(telemetry::MENTIONS_UNTOLD).increment(1);
            log_seldom!(warn, "too many mentions are waiting, some people are not told at once");
        }
        is_queued
    }

    fn telling(&self, news: MentionNews) -> Telling {
        let (channel_id, is_own) = (news.channel.id, !news.is_from_elsewhere);
        let owed = |user_id: UserId| {
            Owed::Current(Push::ReadStateUpdated, Entity::ReadState(user_id, channel_id))
        };
        let named = news.users.iter().filter(|user| is_own && **user != news.author);
        let named = named.map(|user_id| (*user_id, self.owe(owed(*user_id)))).collect();
        let everyone = news.everyone_of.is_some();
        let elsewhere = everyone && is_own && !self.bus.is_alone();
        Telling {
            named,
            elsewhere: elsewhere.then(|| self.owe(Owed::EveryoneMentioned(channel_id))),
            here: everyone.then(|| self.owe(Owed::EveryoneHere(channel_id))),
            everyone_after: news.is_from_elsewhere.then_some(UserId::ZERO),
            news,
            _running: self.running.token(),
        }
    }

    /// Tells the next people of `telling`; returns what is left to do.
    async fn tell_slice(&self, telling: Telling) -> Option<Telling> {
        match tokio::time::timeout(SLICE_TIMEOUT, self.try_slice(telling)).await {
            Ok(Ok(rest)) => return rest,
            Ok(Err(error)) => log_seldom!(warn, %error, "people were not told of a mention"),
            Err(_) => log_seldom!(warn, "telling people of a mention took too long"),
        }
        metrics::counter!(telemetry::MENTIONS_UNTOLD).increment(1);
        None
    }

    async fn try_slice(&self, mut telling: Telling) -> Result<Option<Telling>, ChatError> {
        let news = &telling.news;
        let Some(after) = telling.everyone_after else {
            if let Some(debt) = telling.elsewhere.take() {
                let told = self.tell_nodes(NodeEvent::EveryoneMentioned(EveryoneMentioned {
                    channel: news.channel.clone(),
                    author: news.author,
                    named: news.users.clone(),
                }));
                if told.await {
                    debt.paid();
                }
            }
            for (user_id, debt) in telling.named.drain(..) {
                self.tell_read_state(user_id, &news.channel, debt).await?;
            }
            telling.everyone_after = Some(UserId::ZERO);
            return Ok(telling.here.is_some().then_some(telling));
        };
        let Some(group_id) = news.everyone_of else { return Ok(None) };
        let (members, last) = self.online_members(group_id, after).await?;
        let is_untold = |user: &UserId| *user != news.author && !news.users.contains(user);
        for user_id in members.into_iter().filter(is_untold) {
            // One debt for all of them.
            if !self.tell_read_state(user_id, &news.channel, Debt::none()).await? {
                return Err(ChatError::Unavailable);
            }
        }
        if last.is_none()
            && let Some(debt) = telling.here.take()
        {
            debt.paid();
        }
        telling.everyone_after = last;
        Ok(last.is_some().then_some(telling))
    }

    /// Some of a group's online members after `after`, and whom to go on after. Goes through whichever is
    /// fewer, the people online or the members.
    async fn online_members(
        &self,
        group_id: GroupId,
        after: UserId,
    ) -> Result<(Vec<UserId>, Option<UserId>), ChatError> {
        let mut online = self.online_users();
        if online.len() as u64 > self.count_members(group_id).await? {
            let members = self.store.list_members(group_id, None, after, PEOPLE_PER_SLICE).await?;
            let slice: Vec<UserId> = members.iter().map(|member| member.user_id).collect();
            let online: HashSet<UserId> = online.into_iter().collect();
            let last = next_after(&slice);
            return Ok((slice.into_iter().filter(|user| online.contains(user)).collect(), last));
        }
        online.retain(|user| *user > after);
        online.sort_unstable();
        online.truncate(PEOPLE_PER_SLICE);
        Ok((self.store.filter_members(group_id, &online).await?, next_after(&online)))
    }

    /// In turn with the person's own marking: one read before it and told after it would undo it for them. False if
    /// it could not be announced.
    async fn tell_read_state(
        &self,
        user_id: UserId,
        channel: &Channel,
        debt: Debt,
    ) -> Result<bool, ChatError> {
        let (chat, channel) = (self.clone(), channel.clone());
        self.in_turn(Subject::ReadState(user_id, channel.id), async move {
            let (push, entity) = (Push::ReadStateUpdated, Entity::ReadState(user_id, channel.id));
            let content = match chat.bus.is_alone() {
                true => crate::chat::push(push, &chat.read_state(user_id, &channel).await?),
                false => Content::Current { push, entity },
            };
            Ok(chat.announce(debt, chat.envelope([Topic::User(user_id)], content)).await)
        })
        .await
    }
}

/// A message whose people are being told, first those it names. Dropped before that is done, it is owed to them.
#[derive(Debug)]
pub struct Telling {
    news: MentionNews,
    /// Those it names who are to be told yet.
    named: Vec<(UserId, Debt)>,
    /// Until other nodes know that everyone is mentioned.
    elsewhere: Option<Debt>,
    /// Until everyone who is here has been told.
    here: Option<Debt>,
    /// Once those named are told: everybody up to this one has been, too.
    everyone_after: Option<UserId>,
    /// A node that stops waits until this is told, or owed.
    _running: TaskTrackerToken,
}

/// The last of a slice, unless nobody follows it.
fn next_after(slice: &[UserId]) -> Option<UserId> {
    slice.last().copied().filter(|_| slice.len() == PEOPLE_PER_SLICE)
}

/// Tells people of their mentions until the node stops. A message to very many is told of a slice at a
/// time, in turn with others, so that those do not wait for it.
pub async fn run_mentions(chat: Chat, mut queue: mpsc::Receiver<Telling>) {
    let mut waiting = VecDeque::new();
    let mut slices = FuturesUnordered::new();
    loop {
        while slices.len() < SLICES_AT_ONCE
            && let Some(telling) = waiting.pop_front()
        {
            slices.push(chat.tell_slice(telling));
        }
        tokio::select! {
            biased;
            () = chat.lifecycle.stopping() => return,
            next = queue.recv(), if waiting.len() < TELLING_MAX => match next {
                Some(telling) => waiting.push_back(telling),
                None => return,
            },
            Some(rest) = slices.next() => waiting.extend(rest),
        }
    }
}
