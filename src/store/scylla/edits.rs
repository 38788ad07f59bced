//! How messages change, and go. Both are conditional, so that an edit which races a deletion brings nothing back.

use scylla::value::MaybeUnset;

use crate::model::id::{ChangeId, ChannelId, MessageId, UserId};
use crate::model::message::{ChangeKind, Message, MessageEdit};
use crate::store::StoreError;
use crate::store::faults::Steps;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::mentions::Mentioned;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::Ms;

/// Mentions of earlier contents that are remembered: those of ten edits, each with other people.
const EVER_MENTIONED_MAX: usize = 1000;

statements! {
    update: decide "UPDATE ks.messages SET content = ?, mentions = ?, mentions_everyone = ?, edited_at_ms = ?,
                                           edit_id = ?, ever_mentioned = ?
                    WHERE channel_id = ? AND bucket = ? AND message_id = ? IF author_id = ? AND edit_id = ?";
    delete: decide "DELETE FROM ks.messages WHERE channel_id = ? AND bucket = ? AND message_id = ? IF EXISTS";
}

/// A message as an edit leaves it.
struct Edited {
    message: Message,
    /// By earlier contents.
    before: Vec<UserId>,
}

impl ScyllaStore {
    pub(super) async fn edit(
        &self,
        edit: &MessageEdit,
        change_id: ChangeId,
        steps: &Steps,
    ) -> Result<Option<Message>, StoreError> {
        let at @ (channel_id, _) = (edit.channel_id, edit.message_id);
        let edited = loop {
            let Some(edited) = self.read_edited(edit, change_id).await? else { return Ok(None) };
            if let Some(edited) = edited {
                break edited;
            }
        };
        steps.done()?;
        if let Some(place) = self.place_of(channel_id).await? {
            let mentioned = Mentioned {
                author_id: edit.author_id,
                now: &edited.message.mentions,
                everyone: edited.message.mentions_everyone,
                before: &edited.before,
                by: change_id.get(),
            };
            self.note_mentions(&place, at, mentioned).await?;
        }
        steps.done()?;
        self.note_change(change_id, at, ChangeKind::Updated).await?;
        Ok(Some(edited.message))
    }

    /// Carries the edit out, unless it was already. `None` if there is no such message of this author; `Some(None)` if
    /// another edit came in between.
    async fn read_edited(
        &self,
        edit: &MessageEdit,
        change_id: ChangeId,
    ) -> Result<Option<Option<Edited>>, StoreError> {
        let Some(row) = self.message_row(edit.channel_id, edit.message_id).await? else {
            return Ok(None);
        };
        let (edit_id, ever) = (row.edit_id, row.ever_mentioned.clone());
        let Some(stored) = row.message().filter(|message| message.author_id == edit.author_id)
        else {
            return Ok(None);
        };
        let mut before = ever.unwrap_or_default();
        if edit_id == Some(change_id) {
            return Ok(Some(Some(Edited { message: stored, before })));
        }
        let everyone = stored.mentions_everyone.then_some(UserId::ZERO);
        let known = before.len();
        for user_id in stored.mentions.iter().copied().chain(everyone) {
            if !before.contains(&user_id) {
                before.push(user_id);
            }
        }
        let has_more = before.len() > known;
        before.drain(..before.len().saturating_sub(EVER_MENTIONED_MAX));
        let edited_at_ms = edit.time_after(&stored);
        let message = Message {
            content: edit.content.clone(),
            mentions: edit.mentions.clone(),
            mentions_everyone: edit.mentions_everyone,
            edited_at_ms: Some(edited_at_ms),
            ..stored.clone()
        };
        // Unset where nothing changes: a null would be kept as a deletion.
        let mentions = match (stored.mentions.is_empty(), edit.mentions.is_empty()) {
            (true, true) => MaybeUnset::Unset,
            (false, true) => MaybeUnset::Set(None),
            (_, false) => MaybeUnset::Set(Some(&edit.mentions)),
        };
        let values = (
            &edit.content,
            mentions,
            edit.mentions_everyone,
            Ms(edited_at_ms),
            change_id,
            MaybeUnset::from_option(has_more.then_some(&before)),
            edit.channel_id,
            edit.message_id.bucket(),
            edit.message_id,
            edit.author_id,
            edit_id,
        );
        let decision = self.db().decide(&self.cql().edits.update, values).await?;
        Ok(Some(decision.applied().then_some(Edited { message, before })))
    }

    pub(super) async fn delete(
        &self,
        at @ (channel_id, message_id): (ChannelId, MessageId),
        change_id: ChangeId,
        steps: &Steps,
    ) -> Result<bool, StoreError> {
        let Some(row) = self.message_row(channel_id, message_id).await? else { return Ok(false) };
        let ever_mentioned = row.ever_mentioned.clone().unwrap_or_default();
        if let Some(message) = row.message() {
            self.mark_deleted(&message).await?;
            steps.done()?;
            self.forget_mentions(&message, &ever_mentioned, change_id.get()).await?;
        }
        self.forget_reactions(channel_id, message_id).await?;
        self.forget_pin(channel_id, message_id).await?;
        steps.done()?;
        let values = (channel_id, message_id.bucket(), message_id);
        if !self.db().decide(&self.cql().edits.delete, values).await?.once()? {
            return Ok(false);
        }
        steps.done()?;
        self.note_change(change_id, at, ChangeKind::Deleted).await?;
        Ok(true)
    }
}
