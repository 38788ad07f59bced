//! Messages: sending, editing, deleting. Reading is `history`'s.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bus::envelope::{About, Changed, Content, Entity};
use crate::chat::access::ChannelStanding;
use crate::chat::attempts::rate_limited;
use crate::chat::changes::Changes;
use crate::chat::debts::{Debt, Owed};
use crate::chat::error::Noun;
use crate::chat::history::view;
use crate::chat::mentions::MentionNews;
use crate::chat::turns::Subject;
use crate::chat::views::{DeletedMessageView, MessageView, ReplyView};
use crate::chat::{Caller, Chat, ChatError, audience, push, to_raw};
use crate::clock::UnixMs;
use crate::model::channel::Channel;
use crate::model::event::Push;
use crate::model::id::{ChangeId, ChannelId, MessageId};
use crate::model::message::{Message, MessageEdit};
use crate::model::permission::Permissions;
use crate::model::text::{self, CONTENT_CHARS_MAX, NONCE_CHARS_MAX};
use crate::store::{Inserted, NewMessage, TooEarly};
use crate::telemetry::{self, log_seldom};

/// How long a nonce makes a repeated send the same send.
pub const NONCE_MS: UnixMs = 10 * 60 * 1000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateMessage {
    /// 1 to 4,000 characters, kept exactly as sent.
    pub content: String,
    /// 1 to 64 characters; a repetition within ten minutes answers the stored message.
    pub nonce: Option<String>,
    pub reply_to_id: Option<MessageId>,
    /// Must be empty: attachments are not supported yet.
    pub attachment_ids: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub struct UpdateMessage {
    pub content: String,
}

/// A stored message, serialised once for the ack and all receivers.
#[derive(Clone, Debug)]
pub struct SentMessage {
    pub message: Arc<RawValue>,
    /// False for a repeated nonce.
    pub new: bool,
}

/// A request whose fields are all in order.
struct Draft {
    content: String,
    nonce: Option<String>,
    reply_to: Option<MessageId>,
}

impl Draft {
    fn parse(request: CreateMessage) -> Result<Self, ChatError> {
        let content =
            text::filled(request.content, CONTENT_CHARS_MAX).map_err(ChatError::text("content"))?;
        let nonce = request.nonce.map(|nonce| text::filled(nonce, NONCE_CHARS_MAX));
        let nonce = nonce.transpose().map_err(ChatError::text("nonce"))?;
        if request.attachment_ids.is_some_and(|ids| !ids.is_empty()) {
            return Err(ChatError::NotFound(Noun::Attachment));
        }
        Ok(Self { content, nonce, reply_to: request.reply_to_id })
    }
}

impl Chat {
    /// Stores a message, then announces it. `Ok` means that it is durable; announcing is at most once,
    /// and clients close gaps when they sync.
    pub async fn create_message(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        request: CreateMessage,
    ) -> Result<SentMessage, ChatError> {
        let standing = self.channel_access(caller, channel_id).await?;
        standing.require(Permissions::SEND)?;
        let draft = Draft::parse(request)?;
        self.limit_messages(caller, standing.channel.group_id)?;
        let reply = match self.find_replied(channel_id, draft.reply_to).await {
            // What a repetition replies to may be gone by now.
            Err(missing @ ChatError::NotFound(_)) => {
                let repeated = self.find_repeated(caller, channel_id, &draft).await?;
                return self.repeat(&standing.channel, &repeated.ok_or(missing)?).await;
            }
            found => found?,
        };
        let slow_mode_ms = slow_mode_ms(&standing);
        let author = self.user(caller.user_id).await?;
        let (message, now_ms) = self.compose(caller, &standing, draft).await?;
        let body = to_raw(&view(&standing.channel, &message, author, reply, Vec::new()));
        let (chat, channel) = (self.clone(), standing.channel);
        self.to_the_end(async move {
            let new = NewMessage { message, now_ms, nonce_kept_ms: NONCE_MS, slow_mode_ms };
            let owed = Owed::Message(channel.id, new.message.id);
            let (inserted, debt) = chat.owing(owed, chat.store.insert_message(&new)).await?;
            match inserted {
                Ok(inserted) => {
                    chat.finish_message(&channel, new.message, body, inserted, debt).await
                }
                Err(TooEarly { wait_ms }) => {
                    debt.void();
                    Err(rate_limited("slow_mode", wait_ms))
                }
            }
        })
        .await
    }

    async fn finish_message(
        &self,
        channel: &Channel,
        message: Message,
        body: Arc<RawValue>,
        inserted: Inserted,
        debt: Debt,
    ) -> Result<SentMessage, ChatError> {
        // Under another id if it completes what an earlier try began: then `body` is not what is stored.
        if !inserted.new || inserted.message.id != message.id {
            debt.void();
            return self.repeat(channel, &inserted.message).await;
        }
        let changes = self.changed([Changed::History(channel.id)]);
        let kind = if channel.group_id.is_some() { "group" } else { "direct" };
        metrics::counter!(telemetry::MESSAGES_STORED, "kind" => kind).increment(1);
        self.announce_message(channel, changes, message.id, body.clone(), debt).await;
        self.tell_mentioned(MentionNews::of(channel, &message));
        Ok(SentMessage { message: body, new: true })
    }

    pub async fn update_message(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
        request: UpdateMessage,
    ) -> Result<MessageView, ChatError> {
        let standing = self.channel_access(caller, channel_id).await?;
        let chat = self.clone();
        self.in_turn(Subject::Message(message_id), async move {
            chat.store_edit(caller, &standing, message_id, request).await
        })
        .await
    }

    /// Reads and changes in one turn: who is told of mentions depends on what the message was before.
    async fn store_edit(
        &self,
        caller: Caller,
        standing: &ChannelStanding,
        message_id: MessageId,
        request: UpdateMessage,
    ) -> Result<MessageView, ChatError> {
        let channel = &standing.channel;
        let before = self.get_stored_message(channel.id, message_id).await?;
        if before.author_id != caller.user_id {
            return Err(ChatError::Forbidden("only its author edits a message"));
        }
        let content =
            text::filled(request.content, CONTENT_CHARS_MAX).map_err(ChatError::text("content"))?;
        self.limit_messages(caller, channel.group_id)?;
        let (edit, change_id) = self.compose_edit(standing, &before, content).await?;
        let edit_stored = self.store.update_message(&edit, change_id);
        let edited = self.owing(Owed::Missed(channel.id), edit_stored).await;
        let changes = self.changed([Changed::History(channel.id)]);
        let (edited, debt) = edited?;
        let Some(message) = edited else {
            debt.void();
            return Err(ChatError::NotFound(Noun::Message));
        };
        let for_all = self.show_one(channel, &message, None).await?;
        let entity = Entity::Message(channel.id, message.id);
        let content = self.current(Push::MessageUpdated, entity, &for_all);
        self.announce_in(channel, changes, About::Message(message.id), content, debt).await;
        self.tell_mentioned(MentionNews::of_edit(channel, &before, &message));
        self.show_one(channel, &message, Some(edit.author_id)).await
    }

    async fn compose_edit(
        &self,
        standing: &ChannelStanding,
        before: &Message,
        content: String,
    ) -> Result<(MessageEdit, ChangeId), ChatError> {
        let (mentions, mentions_everyone) = self.mentions(standing, &content).await?;
        let (change_id, edited_at_ms) = self.next_id_and_time()?;
        let edit = MessageEdit {
            channel_id: before.channel_id,
            message_id: before.id,
            author_id: before.author_id,
            content,
            mentions,
            mentions_everyone,
            edited_at_ms,
        };
        Ok((edit, ChangeId::new(change_id)))
    }

    pub async fn delete_message(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<(), ChatError> {
        let standing = self.channel_access(caller, channel_id).await?;
        let chat = self.clone();
        self.in_turn(Subject::Message(message_id), async move {
            chat.store_deletion(caller, &standing, message_id).await
        })
        .await
    }

    /// Reads and deletes in one turn, as [`store_edit`](Self::store_edit) does.
    async fn store_deletion(
        &self,
        caller: Caller,
        standing: &ChannelStanding,
        message_id: MessageId,
    ) -> Result<(), ChatError> {
        let channel = &standing.channel;
        let message = self.get_stored_message(channel.id, message_id).await?;
        if message.author_id != caller.user_id {
            standing.require(Permissions::MANAGE_MESSAGES)?;
        }
        let change_id = ChangeId::new(self.next_id()?);
        let deletion = self.store.delete_message(channel.id, message.id, change_id);
        let deleted = self.owing(Owed::Missed(channel.id), deletion).await;
        let changes = self.changed([Changed::History(channel.id)]);
        let (deleted, debt) = deleted?;
        if !deleted {
            debt.void();
            return Err(ChatError::NotFound(Noun::Message));
        }
        let body = DeletedMessageView {
            channel_id: channel.id,
            message_id: message.id,
            last_message_id: self.newest_instead(channel.id, message.id).await,
        };
        let content = push(Push::MessageDeleted, &body);
        let about = About::DeletedMessage(message.id);
        self.announce_in(channel, changes, about, content, debt).await;
        self.tell_mentioned(MentionNews::of(channel, &message));
        Ok(())
    }

    /// Which message is the newest now that `deleted` is gone, or none; `None` if one that was newer is
    /// there still. Clients that do not hold the channel could not know, and would show it as unread.
    async fn newest_instead(
        &self,
        channel_id: ChannelId,
        deleted: MessageId,
    ) -> Option<Option<MessageId>> {
        match self.newest_message(channel_id).await {
            Ok(newest) => newest.is_none_or(|newest| newest < deleted).then_some(newest),
            Err(error) => {
                // The deletion is stored, and clients learn the rest from their next `ready`.
                log_seldom!(warn, %error, "the newest message after a deletion was not read");
                None
            }
        }
    }

    /// Announces something to everybody who may see a channel.
    pub(crate) async fn announce_in(
        &self,
        channel: &Channel,
        changes: Changes,
        about: About,
        content: Content,
        debt: Debt,
    ) {
        let envelope = self.envelope(audience(channel), content).about(about);
        self.announce(debt, envelope.with_changes(changes)).await;
    }

    async fn announce_message(
        &self,
        channel: &Channel,
        changes: Changes,
        message_id: MessageId,
        body: Arc<RawValue>,
        debt: Debt,
    ) -> bool {
        let content = Content::Push { push: Push::MessageCreated, body };
        let envelope = self
            .envelope(audience(channel), content)
            .about(About::NewMessage(channel.id, message_id))
            .with_changes(changes);
        let announced = self.announce(debt, envelope).await;
        if announced {
            self.announced.insert(message_id);
        }
        announced
    }

    /// Answers a repeated nonce with the stored message, and announces that again unless this node
    /// knows that it was announced: the first attempt may have died in between.
    ///
    /// # Errors
    ///
    /// `message_not_found` if it was deleted since.
    async fn repeat(&self, channel: &Channel, stored: &Message) -> Result<SentMessage, ChatError> {
        let stored = &self.get_stored_message(channel.id, stored.id).await?;
        if !self.announced.contains(stored.id) {
            let debt = self.owe(Owed::Message(channel.id, stored.id));
            self.announce_stored(channel, stored, debt).await?;
        }
        let shown = self.show_one(channel, stored, Some(stored.author_id)).await?;
        Ok(SentMessage { message: to_raw(&shown), new: false })
    }

    /// Announces a message that was stored before. False if it is still owed.
    pub(crate) async fn announce_stored(
        &self,
        channel: &Channel,
        stored: &Message,
        debt: Debt,
    ) -> Result<bool, ChatError> {
        // Nobody knew whether it was stored, when it was.
        let changes = self.changed([Changed::History(channel.id)]);
        let body = to_raw(&self.show_one(channel, stored, None).await?);
        let announced = self.announce_message(channel, changes, stored.id, body, debt).await;
        self.tell_mentioned(MentionNews::of(channel, stored));
        Ok(announced)
    }

    /// The message that this one repeats. Asked only where that decides what a refusal is: storing finds
    /// out by itself.
    async fn find_repeated(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        draft: &Draft,
    ) -> Result<Option<Message>, ChatError> {
        let Some(nonce) = &draft.nonce else { return Ok(None) };
        let now_ms = self.clock.now_ms();
        Ok(self.store.find_message_by_nonce(caller.user_id, channel_id, nonce, now_ms).await?)
    }

    async fn find_replied(
        &self,
        channel_id: ChannelId,
        reply_to: Option<MessageId>,
    ) -> Result<Option<Option<ReplyView>>, ChatError> {
        let Some(message_id) = reply_to else { return Ok(None) };
        let replied = self.get_stored_message(channel_id, message_id).await?;
        let author = self.user(replied.author_id).await?;
        Ok(Some(Some(ReplyView { id: replied.id, author, content: replied.content })))
    }

    async fn compose(
        &self,
        caller: Caller,
        standing: &ChannelStanding,
        draft: Draft,
    ) -> Result<(Message, UnixMs), ChatError> {
        let (mentions, mentions_everyone) = self.mentions(standing, &draft.content).await?;
        let (id, now_ms) = self.next_id_and_time()?;
        let message = Message {
            id: MessageId::new(id),
            channel_id: standing.channel.id,
            author_id: caller.user_id,
            content: draft.content,
            edited_at_ms: None,
            reply_to: draft.reply_to,
            mentions,
            mentions_everyone,
            nonce: draft.nonce,
        };
        Ok((message, now_ms))
    }
}

/// How far apart this person's messages in this channel have to be, if at all.
fn slow_mode_ms(standing: &ChannelStanding) -> Option<u64> {
    let seconds = standing.channel.slow_mode_seconds;
    let free = standing.permissions.has(Permissions::MANAGE_MESSAGES);
    (seconds > 0 && !free).then_some(u64::from(seconds) * 1000)
}
