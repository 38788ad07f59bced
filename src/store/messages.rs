//! Channel history, and what changed in it.
//!
//! Keys follow Discord's: `((channel_id, bucket), message_id)`. "How Discord Stores Billions of
//! Messages" (2017).

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::model::channel::SLOW_MODE_SECONDS_MAX;
use crate::model::id::{ChangeId, ChannelId, MessageId, UserId};
use crate::model::message::{Change, Message, MessageEdit};
use crate::store::StoreError;

/// Changes of messages are kept this long: whoever was away longer reloads their channels.
pub const CHANGES_KEPT_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// When somebody last sent in a slow channel is known this long: the longest slow mode there is.
pub const SLOW_MODE_KEPT_MS: u64 = SLOW_MODE_SECONDS_MAX as u64 * 1000;

#[async_trait]
pub trait MessageStore: Send + Sync {
    /// Inserts a message unless its author used its nonce in its channel before and that still counts:
    /// then the stored one returns. Without a nonce an id is stored once.
    ///
    /// Steps: the claim of the nonce, slow mode, the channel's activity, the message, its mentions.
    ///
    /// - A claim without a message is completed by the repetition, as new: under the id of the claim, which the
    ///   first try may still be storing, or under its own once the claim is so old that nobody would look back
    ///   for it. So [`Inserted::message`] may have another id than the one given.
    /// - [Deletion](Self::delete_message) marks the claim. The repetition of what was deleted is not new, and
    ///   nothing is stored: the answer is what was given, under the id of the first.
    /// - A repetition notes the mentions again, should they be missing, and never twice.
    ///
    /// Of racing repetitions one is told that its message is new, about: after a crash it may be another one,
    /// or none. Mentions count for read states from here on. A message for a channel that has just been
    /// deleted goes the way of the channel: it counts as stored before the deletion.
    ///
    /// In slow mode nothing changes if the author's last message in the channel is too young; a repetition wins
    /// over it. Messages from before slow mode was switched on count, as far as they are among the channel's
    /// newest 100.
    async fn insert_message(
        &self,
        new: &NewMessage,
    ) -> Result<Result<Inserted, TooEarly>, StoreError>;

    /// The message that `author_id` sent with `nonce`, while the nonce still counts.
    async fn find_message_by_nonce(
        &self,
        author_id: UserId,
        channel_id: ChannelId,
        nonce: &str,
        now_ms: UnixMs,
    ) -> Result<Option<Message>, StoreError>;

    async fn find_message(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError>;

    /// Those of `message_ids` (at most 200) in `channel_id` that exist, in any order.
    async fn list_messages(
        &self,
        channel_id: ChannelId,
        message_ids: &[MessageId],
    ) -> Result<Vec<Message>, StoreError>;

    /// Messages older than `before`, newest first, at most `limit`.
    async fn messages_before(
        &self,
        channel_id: ChannelId,
        before: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// The oldest messages newer than `after`, **oldest first**, at most `limit`.
    async fn messages_after(
        &self,
        channel_id: ChannelId,
        after: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// Changes a message of its author and notes `change_id`. Returns it after the change, `None` if it
    /// is gone or somebody else's: an edit that races a deletion never brings the message back. Of racing
    /// edits one stays, whole, and its `edited_at_ms` is later than that of each edit before
    /// ([`MessageEdit::time_after`]).
    ///
    /// Steps: the message, its mentions, the change. A repetition does them again.
    async fn update_message(
        &self,
        edit: &MessageEdit,
        change_id: ChangeId,
    ) -> Result<Option<Message>, StoreError>;

    /// Deletes a message with its reactions, pin and mentions, and notes `change_id`. False if it was not there.
    ///
    /// Steps: the mark in the claim of its nonce, if it has one, so that no repetition of the send brings it
    /// back; mentions, reactions and pin; the message; the change. After a crash before the last but one the
    /// message is there still, and a repetition takes it away. After one before the last, clients that were
    /// away learn of the deletion when they reload the channel.
    async fn delete_message(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<bool, StoreError>;

    /// Changes with ids of `since` or above, oldest first, at most `limit`. They are kept for
    /// [`CHANGES_KEPT_MS`].
    async fn list_changes(
        &self,
        channel_id: ChannelId,
        since: ChangeId,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError>;
}

/// A message that is to be stored, and what decides whether it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    pub message: Message,
    pub now_ms: UnixMs,
    /// How long its nonce counts from now on.
    pub nonce_kept_ms: u64,
    /// How old its author's last message in the channel has to be; at most [`SLOW_MODE_KEPT_MS`].
    pub slow_mode_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inserted {
    pub message: Message,
    /// False for what is repeated.
    pub new: bool,
}

/// Slow mode does not let a message through yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooEarly {
    pub wait_ms: u64,
}
