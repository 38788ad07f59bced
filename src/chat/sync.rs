//! What a client gets when it comes back (`session:sync`).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::chat::limits::SYNC_CHANNELS_MAX;
use crate::chat::views::{ChangeView, MessageView, Synced, SyncedChannel};
use crate::chat::{Caller, Chat, ChatError, json_bytes};
use crate::clock::UnixMs;
use crate::model::channel::Channel;
use crate::model::id::{ChangeId, ChannelId, GroupId, MessageId};
use crate::model::message::Message;
use crate::model::permission::Permissions;
use crate::model::time::Timestamp;
use crate::model::time_budget::SYNC_OVERLAP_MS;
use crate::store::CHANGES_KEPT_MS;
use crate::telemetry;

/// Messages of a channel that come in full, of those that are newer than the newest seen.
const MISSED_MAX: usize = 400;
/// And of those before it that came since `since`, some more. A client has nearly all of them, so they do not count as
/// missed. With marks it is what came in about a minute: that of a channel with more than twenty in each second
/// is no more work to reload.
const AGAIN_MAX: usize = 1_600;
/// Changes of one channel that a sync reports; beyond, the channel is to be reloaded.
const CHANGES_MAX: usize = 500;
/// Changes of all channels of a sync.
const CHANGED_MAX: usize = 5_000;
/// All messages of one sync as JSON; beyond, channels are to be reloaded, so that one request cannot fill
/// the server's memory. 200 messages that are as long as can be fit: each 72 KB of escaped characters,
/// in the message, in what it replies to, and in its fifty reactions.
const SYNC_BYTES_MAX: usize = 15_000_000;

#[derive(Debug, Deserialize)]
pub struct Sync {
    /// The newest message seen of each channel, "0" for none.
    pub channels: BTreeMap<ChannelId, MessageId>,
    /// RFC 3339: the latest `serverTime` of `ready`, a sync or `sync:mark`. What was before is known.
    pub since: String,
}

impl Chat {
    /// Everything the caller missed in the channels it names.
    ///
    /// That is what is newer than the newest seen, and what came since `since`: of two messages of two nodes
    /// the older may be the one that was missed.
    ///
    /// Channels that it may not see are left out. The store is asked for all channels at once, and once for
    /// what happened last in them; then for those alone in which something did, for busy ones twice. With nothing
    /// cached it is asked for memberships and for groups besides, once each (or once for each of up to four groups).
    pub async fn sync(&self, caller: Caller, request: Sync) -> Result<Synced, ChatError> {
        let now_ms = self.clock.now_ms();
        if request.channels.len() > SYNC_CHANNELS_MAX {
            let message = format!("takes at most {SYNC_CHANNELS_MAX} channels").into();
            return Err(ChatError::TooLarge { field: "channels", message });
        }
        let since = Timestamp::parse(&request.since)
            .ok_or(ChatError::invalid("since", "since must be an RFC 3339 time"))?;
        let too_old = since.0.saturating_add(CHANGES_KEPT_MS) < now_ms;
        let asked: Vec<ChannelId> = request.channels.keys().copied().collect();
        let known = self.channels_by_id(&asked).await?;
        let mut group_ids: Vec<GroupId> = known.values().filter_map(|it| it.group_id).collect();
        group_ids.sort_unstable();
        group_ids.dedup();
        let held_in = self.permissions_by_group(caller.user_id, &group_ids).await?;
        let held = |channel: &Channel| match channel.group_id {
            Some(group_id) => Some(held_in.get(&group_id)?.in_channel(channel.kind)),
            None => channel.recipients.contains(&caller.user_id).then_some(Permissions::DIRECT),
        };
        let mut visible = BTreeMap::new();
        for (channel_id, channel) in &known {
            if held(channel).is_some_and(|held| held.has(Permissions::VIEW)) {
                visible.insert(*channel_id, &**channel);
            }
        }
        let activity = self.activity(caller.user_id, visible.values().copied()).await?;

        let mut synced = Synced {
            server_time: Timestamp(now_ms),
            channels: BTreeMap::new(),
            changed: Vec::new(),
        };
        let mut bytes_left = SYNC_BYTES_MAX;
        for (channel_id, channel) in visible {
            let seen = request.channels[&channel_id];
            let from = messages_from(seen, since.0);
            let last = activity.get(&channel_id);
            let (messages, mut complete) = match last.and_then(|last| last.last_message_id) {
                Some(last) if last >= from => {
                    self.missed(caller, channel, seen, from, &mut bytes_left).await?
                }
                _ => (Vec::new(), true),
            };
            complete &= !too_old;
            let changed = last.and_then(|last| last.last_change_id);
            if !too_old && changed.is_some_and(|last| last >= changes_from(since.0)) {
                complete &= self.add_changes(&mut synced.changed, channel_id, since.0).await?;
            }
            let outcome = if complete { "true" } else { "false" };
            metrics::counter!(telemetry::SYNC_CHANNELS, "complete" => outcome).increment(1);
            synced.channels.insert(channel_id, SyncedChannel { messages, complete });
        }
        Ok(synced)
    }

    /// Messages from `from` on, newest first, and whether those are all.
    async fn missed(
        &self,
        caller: Caller,
        channel: &Channel,
        seen: MessageId,
        from: MessageId,
        bytes_left: &mut usize,
    ) -> Result<(Vec<MessageView>, bool), ChatError> {
        if *bytes_left == 0 {
            return Ok((Vec::new(), false)); // Not even read.
        }
        let (messages, mut complete) = self.read_missed(channel.id, seen, from).await?;
        let mut shown = self.show_all(channel, &messages, Some(caller.user_id)).await?;
        let fit = how_many_fit(&shown, bytes_left);
        if fit < shown.len() {
            complete = false;
            *bytes_left = 0; // What is left is less than a message or two.
        }
        shown.truncate(fit);
        Ok((shown, complete))
    }

    async fn read_missed(
        &self,
        channel_id: ChannelId,
        seen: MessageId,
        from: MessageId,
    ) -> Result<(Vec<Message>, bool), ChatError> {
        let mut limit = MISSED_MAX;
        let mut messages =
            self.store.messages_before(channel_id, MessageId::MAX, limit + 1).await?;
        let last = messages.get(limit).map(|last| last.id);
        if let Some(last) = last.filter(|last| (from..=seen).contains(last)) {
            limit += AGAIN_MAX;
            messages.extend(self.store.messages_before(channel_id, last, AGAIN_MAX).await?);
        }
        let complete = messages.get(limit).is_none_or(|cut| cut.id < from);
        messages.truncate(if complete { limit } else { MISSED_MAX });
        messages.retain(|message| message.id >= from);
        Ok((messages, complete))
    }

    /// Adds what changed in a channel since 5 s before `since_ms`. False if there is more than fits.
    async fn add_changes(
        &self,
        changed: &mut Vec<ChangeView>,
        channel_id: ChannelId,
        since_ms: UnixMs,
    ) -> Result<bool, ChatError> {
        let since = changes_from(since_ms);
        let limit = CHANGES_MAX.min(CHANGED_MAX.saturating_sub(changed.len()));
        let changes = self.store.list_changes(channel_id, since, limit + 1).await?;
        let complete = changes.len() <= limit;
        changed.extend(changes.iter().take(limit).map(|change| ChangeView {
            channel_id,
            message_id: change.message_id,
            kind: change.kind,
        }));
        Ok(complete)
    }
}

/// How many of `messages` there is room for, from the first; takes it.
fn how_many_fit(messages: &[MessageView], bytes_left: &mut usize) -> usize {
    let fits = |message: &&MessageView| match bytes_left.checked_sub(json_bytes(message) + 1) {
        Some(left) => {
            *bytes_left = left;
            true
        }
        None => false,
    };
    messages.iter().take_while(fits).count()
}

/// The first message to tell somebody who has seen `seen` and was there until `since_ms`. Some from before that,
/// because one that was stored by a slower writer may become visible after a newer one.
fn messages_from(seen: MessageId, since_ms: UnixMs) -> MessageId {
    let known_ms = seen.timestamp_ms().min(since_ms);
    MessageId::first_at(known_ms.saturating_sub(SYNC_OVERLAP_MS))
}

/// The first change to tell somebody who was there until `since_ms`.
fn changes_from(since_ms: UnixMs) -> ChangeId {
    ChangeId::first_at(since_ms.saturating_sub(SYNC_OVERLAP_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_looks_back_from_what_was_seen_and_from_when() {
        let seen = MessageId::first_at(100_000);
        assert_eq!(messages_from(seen, 200_000), MessageId::first_at(95_000));
        assert_eq!(messages_from(seen, 99_000), MessageId::first_at(94_000));
        assert_eq!(messages_from(MessageId::ZERO, 99_000), MessageId::first_at(0), "nothing seen");
    }
}
