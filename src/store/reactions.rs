//! Emojis on messages.

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::model::id::{ChangeId, ChannelId, MessageId, UserId};
use crate::model::message::ReactionCount;
use crate::store::StoreError;

#[async_trait]
pub trait ReactionStore: Send + Sync {
    /// Adds a reaction and notes `change_id` if it was new. Steps: the reaction, how many people used the
    /// emoji, the change. [`Outcome::Full`] is about: racing first uses may exceed the limit.
    async fn insert_reaction(
        &self,
        reaction: &Reaction,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError>;

    /// Removes a reaction and notes `change_id` if it was there. Steps as those of
    /// [`insert_reaction`](Self::insert_reaction).
    async fn delete_reaction(
        &self,
        reaction: &Reaction,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError>;

    /// Who reacted with `emoji`, by user id, after `after`.
    async fn list_reaction_users(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        emoji: &str,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;

    /// Reactions of `message_ids` (at most 200), emojis in order of their first use; `me` is `reader`'s.
    /// Messages without reactions are left out. Counts are about while people react, and exact once somebody
    /// reacted alone after them.
    async fn count_reactions(
        &self,
        channel_id: ChannelId,
        message_ids: &[MessageId],
        reader: Option<UserId>,
    ) -> Result<Vec<(MessageId, Vec<ReactionCount>)>, StoreError>;
}

/// One person's emoji on one message. `at_ms` orders the emojis of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub channel_id: ChannelId,
    pub message_id: MessageId,
    pub emoji: String,
    pub user_id: UserId,
    pub at_ms: UnixMs,
}

/// What adding or removing a reaction or pin came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Changed,
    /// It was so already: nothing to announce.
    Unchanged,
    /// The message does not exist.
    NoMessage,
    /// The 101st pin, or the 51st emoji of a message.
    Full,
}
