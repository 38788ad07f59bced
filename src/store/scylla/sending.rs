//! How a message is stored.

use moka::sync::Cache;
use scylla::value::MaybeUnset;

use crate::model::id::{Bucket, ChannelId};
use crate::model::message::Message;
use crate::store::faults::Steps;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::activity::Happened;
use crate::store::scylla::nonces::Claim;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{Ms, first_timestamp};
use crate::store::{Inserted, NewMessage, StoreError, TooEarly};

/// Buckets that are known to be entered: some 50 bytes each.
const REMEMBERED_MAX: u64 = 100_000;

statements! {
    // Once for a bucket and node; racing ones come to the same.
    enter: write "INSERT INTO ks.channel_buckets (channel_id, bucket) VALUES (?, ?)";
    insert: write "INSERT INTO ks.messages (channel_id, bucket, message_id, author_id, content, edited_at_ms, reply_to,
                                            mentions, mentions_everyone, nonce)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
}

/// Which buckets this node has entered in `channel_buckets`.
pub type Entered = Cache<(ChannelId, Bucket), ()>;

pub fn remembered() -> Entered {
    Cache::new(REMEMBERED_MAX)
}

impl ScyllaStore {
    pub(super) async fn insert(
        &self,
        new: &NewMessage,
        steps: &Steps,
    ) -> Result<Result<Inserted, TooEarly>, StoreError> {
        let NewMessage { ref message, now_ms, slow_mode_ms, .. } = *new;
        let Some(place) = self.place_of(message.channel_id).await? else {
            // The channel is gone and has taken the message with it.
            return Ok(Ok(Inserted { message: message.clone(), new: true }));
        };
        // Who repeats a message here waits for its first try.
        let _turn = self.turn((message.author_id, message.channel_id, &message.nonce)).await;
        let message = match self.claim(new).await? {
            Claim::Store(id) => Message { id, ..message.clone() },
            Claim::Stored(message) => {
                self.note_mentions_of(&place, &message).await?;
                return Ok(Ok(Inserted { message, new: false }));
            }
            Claim::Deleted(id) => {
                return Ok(Ok(Inserted { message: Message { id, ..message.clone() }, new: false }));
            }
        };
        steps.done()?;
        if let Some(interval_ms) = slow_mode_ms
            && let Err(too_early) = self.pass_slow_mode(&message, interval_ms, now_ms).await?
        {
            self.give_back_claim(&message).await?;
            return Ok(Err(too_early));
        }
        steps.done()?;
        self.note_activity(&place, message.channel_id, Happened::Message(message.id)).await?;
        steps.done()?;
        self.insert_row(&message).await?;
        steps.done()?;
        self.note_mentions_of(&place, &message).await?;
        Ok(Ok(Inserted { message, new: true }))
    }

    /// What has no value is left unset: a null that is written is kept as a deletion.
    pub(super) async fn insert_row(&self, message: &Message) -> Result<(), StoreError> {
        let Message { channel_id, id, author_id, content, mentions, .. } = message;
        let bucket = id.bucket();
        if !self.0.entered.contains_key(&(*channel_id, bucket)) {
            self.db().write(&self.cql().sending.enter, (channel_id, bucket)).await?;
            self.0.entered.insert((*channel_id, bucket), ());
        }
        let values = (
            channel_id,
            bucket,
            id,
            author_id,
            content,
            MaybeUnset::from_option(message.edited_at_ms.map(Ms)),
            MaybeUnset::from_option(message.reply_to),
            MaybeUnset::from_option((!mentions.is_empty()).then_some(mentions)),
            MaybeUnset::from_option(message.mentions_everyone.then_some(true)),
            MaybeUnset::from_option(message.nonce.as_ref()),
            first_timestamp(id.get()),
        );
        self.db().write(&self.cql().sending.insert, values).await
    }
}
