//! A client as `docs/protocol.md` tells clients to be: what it shows comes from `ready`, pushes, history and syncs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use vibetalk::chat::history::ListMessages;
use vibetalk::chat::sync::Sync;
use vibetalk::chat::{Caller, Chat, ChatError};
use vibetalk::model::event::Push;
use vibetalk::model::id::{ChannelId, GroupId, MessageId, UserId};

use super::machine::{Seat, Shown, json};
use std::sync::Arc;

const RETRY_MS: u64 = 500;
const PAGE: u32 = 100;

/// What a client still has to ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    Sync,
    Watch,
    /// A page of history, from the newest on or older than this.
    Load(ChannelId, Option<MessageId>),
    Refresh(ChannelId, MessageId),
}

/// A channel on the screen.
pub struct Channel {
    pub group_id: GroupId,
    pub messages: BTreeMap<MessageId, ShownMessage>,
    /// Deleted since the history was asked for: an answer on its way may still have it.
    deleted: BTreeSet<MessageId>,
    is_loaded: bool,
}

pub struct ShownMessage {
    pub text: String,
    /// Empty unless it was edited.
    edited_at: String,
}

impl ShownMessage {
    fn new(body: &Value) -> Self {
        let edited_at = body["editedAt"].as_str().unwrap_or_default().to_owned();
        Self { text: text(body), edited_at }
    }
}

impl Channel {
    /// An answer may have been read before an edit that is shown already.
    fn show(&mut self, body: &Value) {
        let message_id = id(body, "id");
        let message = ShownMessage::new(body);
        let is_older = |held: &ShownMessage| message.edited_at < held.edited_at;
        if !self.messages.get(&message_id).is_some_and(is_older) {
            self.messages.insert(message_id, message);
        }
    }
}

pub struct Device {
    pub person: usize,
    pub caller: Caller,
    /// Whether somebody wants to be connected with it.
    pub is_on: bool,
    pub connects_at_ms: u64,
    pub seat: Option<(usize, Arc<Seat>)>,
    pub is_ready: bool,
    pub groups: BTreeSet<GroupId>,
    pub channels: BTreeMap<ChannelId, Channel>,
    pub presences: BTreeMap<UserId, String>,
    since: Option<String>,
    /// What the next sync is asked for: what was seen when something may have been missed.
    cursors: Option<BTreeMap<ChannelId, MessageId>>,
    todo: BTreeMap<Ask, u64>,
    asked: BTreeMap<u64, Ask>,
    asked_count: u64,
    /// Messages that this session was told of.
    told: BTreeSet<MessageId>,
}

/// What a push meant to whoever looks for what must not happen.
pub enum Seen {
    /// A message was announced.
    Message {
        channel_id: ChannelId,
        text: String,
    },
    Broken(String),
}

fn id<T: std::str::FromStr>(body: &Value, field: &str) -> T {
    body[field]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{field}: {body}"))
}

fn text(message: &Value) -> String {
    message["content"].as_str().unwrap().to_owned()
}

impl Device {
    pub fn new(person: usize, caller: Caller) -> Self {
        Self {
            person,
            caller,
            is_on: true,
            connects_at_ms: 0,
            seat: None,
            is_ready: false,
            groups: BTreeSet::new(),
            channels: BTreeMap::new(),
            presences: BTreeMap::new(),
            since: None,
            cursors: None,
            todo: BTreeMap::new(),
            asked: BTreeMap::new(),
            asked_count: 0,
            told: BTreeSet::new(),
        }
    }

    /// A connection is there, or is gone.
    pub fn connected(&mut self, seat: Option<(usize, Arc<Seat>)>) {
        self.seat = seat;
        self.is_ready = false;
        self.told.clear();
        self.asked.clear();
        self.todo.clear();
    }

    /// Signed in anew, with nothing on the screen.
    pub fn signed_in(&mut self, caller: Caller) {
        let (is_on, connects_at_ms) = (self.is_on, self.connects_at_ms);
        *self = Self { is_on, connects_at_ms, ..Self::new(self.person, caller) };
    }

    /// Everything it knows is there.
    pub fn is_idle(&self) -> bool {
        self.is_ready && self.todo.is_empty() && self.asked.is_empty()
    }

    /// Asks what is due; `everybody` is whom it watches.
    pub fn ask(&mut self, now_ms: u64, everybody: &[UserId]) -> Vec<(u64, Request)> {
        if !self.is_ready {
            return Vec::new();
        }
        let due: Vec<Ask> = self
            .todo
            .iter()
            .filter(|(_, at_ms)| **at_ms <= now_ms)
            .map(|(ask, _)| ask.clone())
            .collect();
        let mut requests = Vec::new();
        for ask in due {
            self.todo.remove(&ask);
            if let Ask::Load(channel_id, _) | Ask::Refresh(channel_id, _) = &ask
                && !self.channels.contains_key(channel_id)
            {
                continue;
            }
            self.asked_count += 1;
            requests.push((self.asked_count, self.request(&ask, everybody)));
            self.asked.insert(self.asked_count, ask);
        }
        requests
    }

    fn request(&self, ask: &Ask, everybody: &[UserId]) -> Request {
        match ask {
            Ask::Watch => Request::Watch(everybody.to_vec()),
            Ask::Sync => {
                let mut channels = self.cursors.clone().unwrap_or_default();
                channels.retain(|id, _| self.channels.contains_key(id));
                Request::Sync(Sync { channels, since: self.since.clone().unwrap() })
            }
            Ask::Load(channel_id, before) => {
                let (before, limit) = (*before, Some(PAGE));
                Request::List(
                    *channel_id,
                    ListMessages { before, limit, ..ListMessages::default() },
                )
            }
            Ask::Refresh(channel_id, message_id) => {
                let (around, limit) = (Some(*message_id), Some(1));
                Request::List(
                    *channel_id,
                    ListMessages { around, limit, ..ListMessages::default() },
                )
            }
        }
    }

    pub fn show(&mut self, shown: Shown, now_ms: u64) -> Option<Seen> {
        match shown {
            Shown::Push(push, body) => self.pushed(push, &body, now_ms),
            Shown::Answer(number, answer) => {
                let ask = self.asked.remove(&number)?;
                self.answered(ask, answer, now_ms);
                None
            }
            Shown::Closed | Shown::Ended => None,
        }
    }

    fn pushed(&mut self, push: Push, body: &Value, now_ms: u64) -> Option<Seen> {
        if push == Push::Ready {
            self.ready(body, now_ms);
            return None;
        }
        if !self.is_ready {
            return Some(Seen::Broken(format!("{} before ready", push.name())));
        }
        match push {
            Push::MessageCreated => return Some(self.created(body)),
            Push::MessageUpdated => {
                let channel = self.channels.get_mut(&id(body, "channelId"));
                let holds =
                    |it: &&mut Channel| it.messages.contains_key(&id::<MessageId>(body, "id"));
                if let Some(channel) = channel.filter(holds) {
                    channel.show(body);
                }
            }
            Push::MessageDeleted => self.deleted(id(body, "channelId"), id(body, "messageId")),
            Push::GroupCreated => self.entered(body, now_ms),
            Push::GroupDeleted => {
                let group_id = id(body, "groupId");
                self.groups.remove(&group_id);
                self.channels.retain(|_, channel| channel.group_id != group_id);
            }
            Push::ChannelCreated | Push::ChannelUpdated
                if self.groups.contains(&id(body, "groupId")) =>
            {
                self.found(id(body, "id"), body, now_ms);
            }
            Push::ChannelDeleted => drop(self.channels.remove(&id(body, "channelId"))),
            Push::PresenceChanged => self.saw(body),
            Push::SyncRequired => self.needs_sync(now_ms),
            Push::SyncMark => self.marked(body),
            _ => {}
        }
        None
    }

    /// Pushes that come before it is answered do not hide what came before them.
    fn needs_sync(&mut self, now_ms: u64) {
        let loaded = self.channels.iter().filter(|(_, channel)| channel.is_loaded);
        let newest = |channel: &Channel| channel.messages.keys().next_back().copied();
        let seen = loaded.map(|(id, channel)| (*id, newest(channel).unwrap_or(MessageId::ZERO)));
        let cursors = self.cursors.get_or_insert_default();
        for (channel_id, seen) in seen {
            cursors.entry(channel_id).or_insert(seen);
        }
        self.todo.insert(Ask::Sync, now_ms);
    }

    /// What came before is known, unless something is still to be asked.
    fn marked(&mut self, mark: &Value) {
        let time = mark["serverTime"].as_str().unwrap();
        if self.cursors.is_none() && self.since.as_deref().is_some_and(|since| since < time) {
            self.since = Some(time.to_owned());
        }
    }

    fn ready(&mut self, body: &Value, now_ms: u64) {
        self.is_ready = true;
        let groups = body["groups"].as_array().unwrap();
        self.groups = groups.iter().map(|group| id(group, "id")).collect();
        let channels = groups.iter().flat_map(|group| group["channels"].as_array().unwrap());
        let listed: BTreeMap<ChannelId, &Value> =
            channels.map(|channel| (id(channel, "id"), channel)).collect();
        self.channels.retain(|channel_id, _| listed.contains_key(channel_id));
        for (channel_id, channel) in listed {
            self.found(channel_id, channel, now_ms);
        }
        // What was pushed before a history that never came is in no sync.
        for channel in self.channels.values_mut().filter(|channel| !channel.is_loaded) {
            channel.messages.clear();
        }
        let not_loaded = self.channels.iter().filter(|(_, channel)| !channel.is_loaded);
        let loads = not_loaded.map(|(id, _)| (Ask::Load(*id, None), now_ms));
        self.todo.extend(loads);
        self.todo.insert(Ask::Watch, now_ms);
        match self.since {
            Some(_) => self.needs_sync(now_ms),
            None => self.since = Some(body["serverTime"].as_str().unwrap().to_owned()),
        }
    }

    fn entered(&mut self, group: &Value, now_ms: u64) {
        self.groups.insert(id(group, "id"));
        for channel in group["channels"].as_array().unwrap() {
            self.found(id(channel, "id"), channel, now_ms);
        }
    }

    fn found(&mut self, channel_id: ChannelId, channel: &Value, now_ms: u64) {
        if self.channels.contains_key(&channel_id) {
            return;
        }
        let group_id = id(channel, "groupId");
        let (messages, deleted, is_loaded) = Default::default();
        self.channels.insert(channel_id, Channel { group_id, messages, deleted, is_loaded });
        self.todo.insert(Ask::Load(channel_id, None), now_ms);
    }

    fn created(&mut self, message: &Value) -> Seen {
        let (channel_id, message_id, text) =
            (id(message, "channelId"), id(message, "id"), text(message));
        if !self.told.insert(message_id) {
            return Seen::Broken(format!("{text} is announced twice"));
        }
        if let Some(channel) = self.channels.get_mut(&channel_id) {
            channel.show(message);
        }
        Seen::Message { channel_id, text }
    }

    fn deleted(&mut self, channel_id: ChannelId, message_id: MessageId) {
        if let Some(channel) = self.channels.get_mut(&channel_id) {
            channel.messages.remove(&message_id);
            channel.deleted.insert(message_id);
        }
    }

    fn saw(&mut self, presences: &Value) {
        for presence in presences.as_array().unwrap() {
            let status = format!("{} {}", presence["status"], presence["text"]);
            self.presences.insert(id(presence, "userId"), status);
        }
    }

    fn answered(&mut self, ask: Ask, answer: Result<Value, ChatError>, now_ms: u64) {
        let Ok(body) = answer else {
            self.todo.insert(ask, now_ms + RETRY_MS);
            return;
        };
        match ask {
            Ask::Watch => self.saw(&body["presences"]),
            Ask::Sync => self.synced(&body, now_ms),
            Ask::Load(channel_id, _) => {
                let oldest = self.showed(channel_id, &body["messages"]);
                let Some(channel) = self.channels.get_mut(&channel_id) else { return };
                match body["hasMore"].as_bool().unwrap() {
                    true => drop(self.todo.insert(Ask::Load(channel_id, oldest), now_ms)),
                    false => channel.is_loaded = true,
                }
            }
            Ask::Refresh(channel_id, message_id) => {
                let messages = body["messages"].as_array().unwrap();
                let found = messages.iter().find(|it| id::<MessageId>(it, "id") == message_id);
                let Some(channel) = self.channels.get_mut(&channel_id) else { return };
                match found {
                    Some(message) if !channel.deleted.contains(&message_id) => {
                        channel.show(message);
                    }
                    _ => drop(channel.messages.remove(&message_id)),
                }
            }
        }
    }

    /// Returns the oldest.
    fn showed(&mut self, channel_id: ChannelId, messages: &Value) -> Option<MessageId> {
        let channel = self.channels.get_mut(&channel_id)?;
        let mut oldest = None;
        for message in messages.as_array().unwrap() {
            let message_id = id(message, "id");
            oldest = Some(message_id);
            if !channel.deleted.contains(&message_id) {
                channel.show(message);
            }
        }
        oldest
    }

    fn synced(&mut self, body: &Value, now_ms: u64) {
        for (channel_id, synced) in body["channels"].as_object().unwrap() {
            let channel_id: ChannelId = channel_id.parse().unwrap();
            match synced["complete"].as_bool().unwrap() {
                true => drop(self.showed(channel_id, &synced["messages"])),
                false => {
                    let Some(channel) = self.channels.get_mut(&channel_id) else { continue };
                    channel.messages.clear();
                    channel.is_loaded = false;
                    self.todo.insert(Ask::Load(channel_id, None), now_ms);
                }
            }
        }
        for change in body["changed"].as_array().unwrap() {
            let (channel_id, message_id) = (id(change, "channelId"), id(change, "messageId"));
            match change["kind"].as_str().unwrap() {
                "deleted" => self.deleted(channel_id, message_id),
                _ => drop(self.todo.insert(Ask::Refresh(channel_id, message_id), now_ms)),
            }
        }
        self.since = Some(body["serverTime"].as_str().unwrap().to_owned());
        if !self.todo.contains_key(&Ask::Sync) {
            self.cursors = None;
        }
    }
}

/// What a client asks of its node.
pub enum Request {
    Sync(Sync),
    Watch(Vec<UserId>),
    List(ChannelId, ListMessages),
}

impl Request {
    /// The answer goes where the pushes go, in order with them.
    pub async fn carry_out(self, chat: Chat, seat: Arc<Seat>, number: u64) {
        let caller = seat.caller;
        let answer = match self {
            Self::Sync(request) => chat.sync(caller, request).await.map(|it| json(&it)),
            Self::Watch(user_ids) => seat.clone().watch(user_ids).await,
            Self::List(channel_id, request) => {
                chat.list_messages(caller, channel_id, request).await.map(|it| json(&it))
            }
        };
        seat.screen.show(Shown::Answer(number, answer));
    }
}
