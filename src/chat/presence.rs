//! Presence and typing: what is announced but never stored.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::bus::envelope::{Content, Topic};
use crate::bus::node_event::{NodeEvent, SignOfLife};
use crate::chat::views::TypingView;
use crate::chat::{Caller, Chat, ChatError, push};
use crate::model::event::Push;
use crate::model::id::{ChannelId, UserId};
use crate::model::permission::Permissions;
use crate::model::presence::{ChosenStatus, Presence, PresenceEvent, STATUS_TEXT_CHARS_MAX};
use crate::model::text;
use crate::model::time_budget::PUBLISH_MAX;
use crate::telemetry::{self, log_seldom};

mod board;

pub use crate::model::presence::SocketKey;
pub use board::PresenceBoard;

/// People see no difference, and a hundred who arrive together are one push.
const FLUSH_INTERVAL: Duration = Duration::from_millis(250);
/// A few of these may be lost before others take the node to be dead.
const ALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// A node that stops waits so long for what it is carrying out, as long as publishing may take.
const LAST_COMMANDS_TIMEOUT: Duration = PUBLISH_MAX;
/// Bounds an envelope to some 100 KB, with long texts.
const PRESENCES_PER_ENVELOPE_MAX: usize = 500;

#[derive(Deserialize)]
pub struct UpdatePresence {
    pub status: ChosenStatus,
    /// Absent: the one from before stays.
    pub text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelRef {
    pub channel_id: ChannelId,
}

#[derive(Clone, Debug, Serialize)]
pub struct Presences {
    pub presences: Vec<Presence>,
}

impl Chat {
    /// A socket of the caller became ready.
    pub fn presence_opened(&self, caller: Caller, socket: SocketKey) {
        self.note(caller, PresenceEvent::Opened(socket));
    }

    /// A socket of the caller is gone; offline is announced a little later if it was the last one.
    pub fn presence_closed(&self, caller: Caller, socket: SocketKey) {
        self.note(caller, PresenceEvent::Closed(socket));
    }

    pub fn update_presence(
        &self,
        caller: Caller,
        socket: SocketKey,
        request: UpdatePresence,
    ) -> Result<(), ChatError> {
        let text = request
            .text
            .map(|text| text::at_most(text, STATUS_TEXT_CHARS_MAX))
            .transpose()
            .map_err(ChatError::text("text"))?;
        self.note(caller, PresenceEvent::Chosen { socket, status: request.status, text });
        Ok(())
    }

    /// The presence of each of `user_ids` now; those unknown are offline.
    pub fn presences(&self, user_ids: &[UserId]) -> Presences {
        Presences { presences: self.presence.presences(user_ids, self.clock.now_ms()) }
    }

    /// Who has a socket, those who are invisible included: for `@everyone`. Not to be shown to anybody.
    pub fn online_users(&self) -> Vec<UserId> {
        self.presence.online_users()
    }

    /// Tells those who see the channel that the caller types. Dropped rather than waited for, also from
    /// somebody who says so too often.
    ///
    /// # Errors
    ///
    /// `channel_not_found`; `forbidden` for those who could not send what they type.
    pub async fn start_typing(&self, caller: Caller, request: ChannelRef) -> Result<(), ChatError> {
        let standing = self.channel_access(caller, request.channel_id).await?;
        standing.require(Permissions::SEND)?;
        let channel = standing.channel;
        if !self.may_show_typing(caller, channel.group_id) {
            return Ok(());
        }
        let others = channel.recipients.iter().filter(|user_id| **user_id != caller.user_id);
        let topics: Vec<Topic> = match channel.group_id {
            Some(group_id) => vec![Topic::Group(group_id)],
            None => others.map(|user_id| Topic::User(*user_id)).collect(),
        };
        let typing = TypingView { channel_id: channel.id, user_id: caller.user_id };
        self.bus.publish_volatile(self.envelope(topics, push(Push::TypingStarted, &typing)));
        Ok(())
    }

    fn note(&self, caller: Caller, event: PresenceEvent) {
        self.presence.apply(caller.user_id, event, self.clock.now_ms());
    }

    /// Tells the other nodes what has changed here, and the sessions here what has changed anywhere, since
    /// the last flush.
    pub async fn flush_presence(&self) {
        if !self.bus.is_alone() {
            self.tell_presence().await;
        }
        loop {
            let changes =
                self.presence.take_changes(PRESENCES_PER_ENVELOPE_MAX, self.clock.now_ms());
            if changes.is_empty() {
                break;
            }
            let user_ids: Vec<UserId> = changes.iter().map(|presence| presence.user_id).collect();
            // Waits for room, unlike typing: a lost "offline" would stay on screens.
            let told = self.bus.publish_here(self.envelope([], Content::Presences(changes))).await;
            if let Err(error) = told {
                metrics::counter!(telemetry::ANNOUNCEMENTS_LOST).increment(1);
                log_seldom!(warn, %error, "changes of presence were not announced yet");
                self.presence.not_announced(&user_ids, self.clock.now_ms());
                break; // The next flush tries again.
            }
        }
        metrics::gauge!(telemetry::USERS_ONLINE).set(self.presence.online_users_count() as f64);
    }
}

impl Chat {
    async fn tell_presence(&self) {
        let now_ms = self.clock.now_ms();
        for node in self.presence.drop_silent(now_ms) {
            tracing::warn!(node.id = %node, "node {node} is silent, its people are taken to be gone");
            self.forget_clock(node);
        }
        self.peers.take_dead().into_iter().for_each(|node| self.lost_node(node));
        for news in self.presence.take_news(now_ms) {
            if !self.tell_nodes(NodeEvent::Presence(news)).await {
                self.presence.news_lost();
                break; // What follows would say nothing to who has missed this.
            }
        }
        for node in self.presence.take_wanted() {
            self.tell_nodes(NodeEvent::PresenceWanted(node)).await;
        }
    }

    /// Says that this node lives, so that others keep its people.
    pub async fn say_alive(&self) {
        let settled_until_ms = self.watermark.own(&self.debts, self.clock.now_ms());
        let (presence, now_ms) = (self.presence.version(), self.clock.now_ms());
        let sign = SignOfLife { presence, now_ms, settled_until_ms };
        self.tell_nodes(NodeEvent::Alive(sign)).await;
    }

    /// What is lost is told again: others notice that they missed it. False if it was.
    pub(crate) async fn tell_nodes(&self, event: NodeEvent) -> bool {
        let told = self.bus.tell_nodes(Arc::new(event)).await;
        if let Err(error) = &told {
            log_seldom!(warn, %error, "other nodes were not told something");
        }
        told.is_ok()
    }
}

/// Announces presence until the node stops; one task per node, without which it cannot do.
pub async fn run_presence(chat: Chat) {
    let mut ticks = interval(FLUSH_INTERVAL);
    let mut alive = interval(ALIVE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // What has changed goes out before the sign of life that tells how far it has been told.
            biased;
            () = chat.lifecycle.stopping() => break,
            _ = ticks.tick() => chat.flush_presence().await,
            _ = alive.tick(), if !chat.bus.is_alone() => chat.say_alive().await,
        }
    }
    // A node that still owes something goes like one that dies, and the others begin anew.
    chat.running.close();
    if !chat.bus.is_alone()
        && timeout(LAST_COMMANDS_TIMEOUT, chat.running.wait()).await.is_ok()
        && chat.pay().await
    {
        chat.tell_nodes(NodeEvent::Left).await;
    }
}
