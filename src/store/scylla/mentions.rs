//! Who is mentioned: by name, a row for each person; everyone, a row for a message however many it means.
//!
//! A mention is not deleted but with its message: a row says which message or edit wrote it, and whether it mentions.
//! So notes may arrive in any order, and repeatedly, and that of the last edit stays.

use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::message::Message;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::activity::Happened;
use crate::store::scylla::database::for_all;
use crate::store::scylla::places::ChannelOwner;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{rows, timestamp};
use crate::store::{MENTIONS_COUNTED_MAX, StoreError};

/// Rows that are looked at for as many mentions as are counted: some mention no more, or are by the reader.
const ROWS_MAX: usize = 2 * MENTIONS_COUNTED_MAX as usize;

statements! {
    note: write "UPDATE ks.mentions USING TIMESTAMP ? SET noted = ?
                 WHERE user_id = ? AND channel_id = ? AND message_id = ?";
    forget: write "DELETE FROM ks.mentions USING TIMESTAMP ?
                   WHERE user_id = ? AND channel_id = ? AND message_id = ?";
    hint: write "UPDATE ks.read_states USING TIMESTAMP ? SET last_mention_id = ?
                 WHERE user_id = ? AND channel_id = ?";
    note_everyone: write "UPDATE ks.everyone_mentions USING TIMESTAMP ? SET noted = ?, author_id = ?
                          WHERE channel_id = ? AND message_id = ?";
    forget_everyone: write "DELETE FROM ks.everyone_mentions USING TIMESTAMP ?
                            WHERE channel_id = ? AND message_id = ?";
    by_name: read "SELECT noted FROM ks.mentions
                   WHERE user_id = ? AND channel_id = ? AND message_id > ? LIMIT ?";
    of_everyone: read "SELECT author_id, noted FROM ks.everyone_mentions
                       WHERE channel_id = ? AND message_id >= ? LIMIT ?";
}

/// The value of `noted`: the id of the message or edit, then whether it takes the mention back. Of two notes with the same
/// timestamp the larger one stays.
fn noted(by: u64, is_mentioned: bool) -> Vec<u8> {
    [by.to_be_bytes().as_slice(), &[u8::from(!is_mentioned)]].concat()
}

fn is_mentioned(noted: &[u8]) -> bool {
    noted.last() == Some(&0)
}

/// Whom an edit, or a message, mentions, and whom it does not any more.
pub struct Mentioned<'a> {
    pub author_id: UserId,
    pub now: &'a [UserId],
    pub everyone: bool,
    /// By earlier contents; [`UserId::ZERO`] stands for everyone.
    pub before: &'a [UserId],
    /// The id of the message or edit.
    pub by: u64,
}

impl ScyllaStore {
    /// Notes whom a message mentions as it was sent.
    pub(super) async fn note_mentions_of(
        &self,
        place: &ChannelOwner,
        message: &Message,
    ) -> Result<(), StoreError> {
        let mentioned = Mentioned {
            author_id: message.author_id,
            now: &message.mentions,
            everyone: message.mentions_everyone,
            before: &[],
            by: message.id.get(),
        };
        self.note_mentions(place, (message.channel_id, message.id), mentioned).await
    }

    /// Nobody is mentioned twice by one message, or by themselves.
    pub(super) async fn note_mentions(
        &self,
        place: &ChannelOwner,
        (channel_id, message_id): (ChannelId, MessageId),
        mentioned: Mentioned<'_>,
    ) -> Result<(), StoreError> {
        let Mentioned { author_id, now, everyone, before, by } = mentioned;
        let is_named =
            |user_id: &UserId| !everyone && *user_id != author_id && now.contains(user_id);
        if everyone || before.contains(&UserId::ZERO) {
            self.note_everyone(place, (channel_id, message_id), author_id, (by, everyone)).await?;
        }
        let named = now.iter().filter(|user_id| is_named(user_id)).map(|user_id| (*user_id, true));
        let not_any_more = |user_id: &&UserId| **user_id != UserId::ZERO && !is_named(user_id);
        let gone = before.iter().filter(not_any_more).map(|user_id| (*user_id, false));
        let each: Vec<(UserId, bool)> = named.chain(gone).collect();
        let note = async |(user_id, is_mentioned)| {
            self.note_mention(user_id, (channel_id, message_id), (by, is_mentioned)).await
        };
        for_all(each, note).await.map(drop)
    }

    async fn note_mention(
        &self,
        user_id: UserId,
        (channel_id, message_id): (ChannelId, MessageId),
        (by, is_mentioned): (u64, bool),
    ) -> Result<(), StoreError> {
        let cql = &self.cql().mentions;
        let values = (timestamp(by), noted(by, is_mentioned), user_id, channel_id, message_id);
        self.db().write(&cql.note, values).await?;
        if is_mentioned {
            let values = (timestamp(message_id.get()), message_id, user_id, channel_id);
            self.db().write(&cql.hint, values).await?;
        }
        Ok(())
    }

    async fn note_everyone(
        &self,
        place: &ChannelOwner,
        (channel_id, message_id): (ChannelId, MessageId),
        author_id: UserId,
        (by, is_mentioned): (u64, bool),
    ) -> Result<(), StoreError> {
        let noted = noted(by, is_mentioned);
        let values = (timestamp(by), noted, author_id, channel_id, message_id);
        self.db().write(&self.cql().mentions.note_everyone, values).await?;
        self.note_activity(place, channel_id, Happened::Everyone(message_id)).await
    }

    /// Takes back all mentions of a message that is about to be deleted by `by`.
    pub(super) async fn forget_mentions(
        &self,
        message: &Message,
        before: &[UserId],
        by: u64,
    ) -> Result<(), StoreError> {
        let (cql, at) = (&self.cql().mentions, (message.channel_id, message.id));
        if message.mentions_everyone || before.contains(&UserId::ZERO) {
            self.db().write(&cql.forget_everyone, (timestamp(by), at.0, at.1)).await?;
        }
        let named = message.mentions.iter().chain(before).copied();
        let forget = |user_id| self.db().write(&cql.forget, (timestamp(by), user_id, at.0, at.1));
        for_all(named.filter(|user_id| *user_id != UserId::ZERO), forget).await.map(drop)
    }

    /// How often somebody is mentioned by name after `after`, up to [`MENTIONS_COUNTED_MAX`].
    pub(super) async fn count_mentions(
        &self,
        user_id: UserId,
        channel_id: ChannelId,
        after: MessageId,
    ) -> Result<u32, StoreError> {
        let values = (user_id, channel_id, after, rows(ROWS_MAX));
        let mut count = 0;
        let visit = |(noted,): (Vec<u8>,)| count += u32::from(is_mentioned(&noted));
        self.db().each(&self.cql().mentions.by_name, values, visit).await?;
        Ok(count.min(MENTIONS_COUNTED_MAX))
    }

    /// How often everyone is mentioned by others than `user_id` from `first` on, up to [`MENTIONS_COUNTED_MAX`].
    pub(super) async fn count_everyone(
        &self,
        user_id: UserId,
        channel_id: ChannelId,
        first: MessageId,
    ) -> Result<u32, StoreError> {
        let values = (channel_id, first, rows(ROWS_MAX));
        let mut count = 0;
        let visit = |(author_id, noted): (UserId, Vec<u8>)| {
            count += u32::from(author_id != user_id && is_mentioned(&noted));
        };
        self.db().each(&self.cql().mentions.of_everyone, values, visit).await?;
        Ok(count.min(MENTIONS_COUNTED_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_of_the_later_id_is_larger() {
        assert!(noted(256, true) > noted(255, false));
        assert!(noted(7, false) > noted(7, true));
        assert!(is_mentioned(&noted(7, true)) && !is_mentioned(&noted(7, false)));
    }
}
