//! Messages that a channel keeps at hand: one partition, whose version each pin changes.

use std::cmp::Reverse;

use async_trait::async_trait;

use crate::model::id::{ChangeId, ChannelId, MessageId};
use crate::model::message::{ChangeKind, Message, PINS_PER_CHANNEL_MAX};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::statement::statements;
use crate::store::{Outcome, PinStore, StoreError};

statements! {
    list: read "SELECT version, message_id FROM ks.pins WHERE channel_id = ?";
    count: decide "UPDATE ks.pins SET version = ? WHERE channel_id = ? IF version = ?";
    insert: decide "INSERT INTO ks.pins (channel_id, message_id) VALUES (?, ?)";
    delete: decide "DELETE FROM ks.pins WHERE channel_id = ? AND message_id = ?";
}

/// What was pinned at some moment.
struct Pinned {
    version: Option<i32>,
    ids: Vec<MessageId>,
}

impl ScyllaStore {
    async fn pinned(&self, channel_id: ChannelId) -> Result<Pinned, StoreError> {
        // Without a pin there may be a row for the version alone.
        let rows: Vec<(Option<i32>, Option<MessageId>)> =
            self.db().rows(&self.cql().pins.list, (channel_id,)).await?;
        let version = rows.iter().find_map(|(version, _)| *version);
        Ok(Pinned { version, ids: rows.into_iter().filter_map(|(_, id)| id).collect() })
    }

    /// Pins or unpins a message until it is so, or is not to be.
    pub(super) async fn set_pinned(
        &self,
        (channel_id, message_id): (ChannelId, MessageId),
        pin: bool,
    ) -> Result<Outcome, StoreError> {
        let cql = &self.cql().pins;
        let _turn = self.turn(("pins", channel_id)).await;
        let mut unknown = false;
        loop {
            let Pinned { version, ids } = self.pinned(channel_id).await?;
            if ids.contains(&message_id) == pin {
                // What nobody knew of the first try is known by now.
                return Ok(if unknown { Outcome::Changed } else { Outcome::Unchanged });
            }
            if pin && ids.len() >= PINS_PER_CHANNEL_MAX {
                return Ok(Outcome::Full);
            }
            let next = version.map_or(1, |version| version.wrapping_add(1));
            let change = if pin { &cql.insert } else { &cql.delete };
            let values = ((next, channel_id, version), (channel_id, message_id));
            let partition = (0, channel_id, 0);
            let decision = self.db().decide_all(&[&cql.count, change], values, partition).await?;
            if decision.applied() {
                return Ok(Outcome::Changed);
            }
            unknown |= decision.is_repeated();
        }
    }

    async fn change_pin(
        &self,
        at @ (channel_id, message_id): (ChannelId, MessageId),
        change_id: ChangeId,
        pin: bool,
    ) -> Result<Outcome, StoreError> {
        if self.message_at(channel_id, message_id).await?.is_none() {
            return Ok(Outcome::NoMessage);
        }
        let outcome = self.set_pinned(at, pin).await?;
        if outcome == Outcome::Changed {
            let kind = if pin { ChangeKind::Pinned } else { ChangeKind::Unpinned };
            self.note_change(change_id, at, kind).await?;
        }
        Ok(outcome)
    }

    /// Of a message that is about to be deleted.
    pub(super) async fn forget_pin(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<(), StoreError> {
        self.set_pinned((channel_id, message_id), false).await.map(drop)
    }
}

#[async_trait]
impl PinStore for ScyllaStore {
    async fn insert_pin(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError> {
        self.call("insert_pin", self.change_pin((channel_id, message_id), change_id, true)).await
    }

    async fn delete_pin(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError> {
        self.call("delete_pin", self.change_pin((channel_id, message_id), change_id, false)).await
    }

    async fn list_pinned_ids(&self, channel_id: ChannelId) -> Result<Vec<MessageId>, StoreError> {
        let list = async { Ok(self.pinned(channel_id).await?.ids) };
        self.call("list_pinned_ids", self.in_channel(channel_id, list)).await
    }

    async fn list_pins(&self, channel_id: ChannelId) -> Result<Vec<Message>, StoreError> {
        let list = async {
            let ids = self.pinned(channel_id).await?.ids;
            let mut messages = self.messages_at(channel_id, &ids).await?;
            messages.sort_unstable_by_key(|message| Reverse(message.id));
            Ok(messages)
        };
        self.call("list_pins", self.in_channel(channel_id, list)).await
    }
}
