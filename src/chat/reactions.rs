//! Reactions: emojis that people put on messages.

use serde::Deserialize;

use crate::bus::envelope::{About, Changed};
use crate::chat::debts::Owed;
use crate::chat::error::Noun;
use crate::chat::limits::page_limit;
use crate::chat::turns::Subject;
use crate::chat::views::{ReactionView, UsersPage};
use crate::chat::{Caller, Chat, ChatError, push};
use crate::model::channel::Channel;
use crate::model::event::Push;
use crate::model::id::{ChangeId, ChannelId, MessageId, UserId};
use crate::model::permission::Permissions;
use crate::model::text::{self, EMOJI_CHARS_MAX};
use crate::store::{Outcome, Reaction, StoreError};

const LIMIT_DEFAULT: u32 = 25;
const LIMIT_MAX: u32 = 100;

/// One emoji on one message.
#[derive(Clone, Debug)]
pub struct ReactionTarget {
    pub channel_id: ChannelId,
    pub message_id: MessageId,
    /// 1 to 64 characters of any kind.
    pub emoji: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct ListReactionUsers {
    /// Users with ids above this one.
    pub after: Option<UserId>,
    /// 1 to 100, by default 25.
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub limit: Option<u32>,
}

impl Chat {
    pub async fn add_reaction(
        &self,
        caller: Caller,
        target: ReactionTarget,
    ) -> Result<(), ChatError> {
        let standing = self.channel_access(caller, target.channel_id).await?;
        standing.require(Permissions::REACT)?;
        let reaction = self.reaction(caller, target)?;
        self.limit_changes(caller, standing.channel.group_id)?;
        let (chat, channel) = (self.clone(), standing.channel);
        self.in_turn(Subject::Message(reaction.message_id), async move {
            let change_id = ChangeId::new(chat.next_id()?);
            let outcome = chat.store.insert_reaction(&reaction, change_id).await;
            let event = (Push::ReactionAdded, change_id);
            chat.finish_reaction(&channel, event, reaction, outcome).await
        })
        .await
    }

    pub async fn remove_reaction(
        &self,
        caller: Caller,
        target: ReactionTarget,
    ) -> Result<(), ChatError> {
        let standing = self.channel_access(caller, target.channel_id).await?;
        let reaction = self.reaction(caller, target)?;
        self.limit_changes(caller, standing.channel.group_id)?;
        let (chat, channel) = (self.clone(), standing.channel);
        self.in_turn(Subject::Message(reaction.message_id), async move {
            let change_id = ChangeId::new(chat.next_id()?);
            let outcome = chat.store.delete_reaction(&reaction, change_id).await;
            let event = (Push::ReactionRemoved, change_id);
            chat.finish_reaction(&channel, event, reaction, outcome).await
        })
        .await
    }

    pub async fn list_reaction_users(
        &self,
        caller: Caller,
        target: ReactionTarget,
        request: ListReactionUsers,
    ) -> Result<UsersPage, ChatError> {
        let ReactionTarget { channel_id, message_id, emoji } = target;
        self.channel_access(caller, channel_id).await?;
        self.get_stored_message(channel_id, message_id).await?;
        let emoji = text::filled(emoji, EMOJI_CHARS_MAX).map_err(ChatError::text("emoji"))?;
        let limit = page_limit(request.limit, LIMIT_DEFAULT, LIMIT_MAX)?;
        let after = request.after.unwrap_or(UserId::ZERO);
        let mut user_ids = self
            .store
            .list_reaction_users(channel_id, message_id, &emoji, after, limit + 1)
            .await?;
        let has_more = user_ids.len() > limit;
        user_ids.truncate(limit);
        Ok(UsersPage { users: self.users(&user_ids).await?, has_more })
    }

    fn reaction(&self, caller: Caller, target: ReactionTarget) -> Result<Reaction, ChatError> {
        Ok(Reaction {
            channel_id: target.channel_id,
            message_id: target.message_id,
            emoji: text::filled(target.emoji, EMOJI_CHARS_MAX).map_err(ChatError::text("emoji"))?,
            user_id: caller.user_id,
            at_ms: self.clock.now_ms(),
        })
    }

    async fn finish_reaction(
        &self,
        channel: &Channel,
        (event, change_id): (Push, ChangeId),
        reaction: Reaction,
        outcome: Result<Outcome, StoreError>,
    ) -> Result<(), ChatError> {
        let changed =
            (!matches!(outcome, Ok(Outcome::Unchanged))).then_some(Changed::History(channel.id));
        let changes = self.changed(changed);
        let owed = Owed::Missed(channel.id);
        let (outcome, debt) = self.owing(owed, std::future::ready(outcome)).await?;
        let unchanged = match outcome {
            Outcome::NoMessage => Err(ChatError::NotFound(Noun::Message)),
            Outcome::Full => Err(ChatError::Conflict(
                "the message has as many different reactions as it can take",
            )),
            Outcome::Unchanged => Ok(()),
            Outcome::Changed => {
                let Reaction { channel_id, message_id, emoji, user_id, .. } = reaction;
                let about =
                    About::Reaction { message_id, user_id, emoji: emoji.clone(), change_id };
                let body = ReactionView { channel_id, message_id, emoji, user_id };
                self.announce_in(channel, changes, about, push(event, &body), debt).await;
                return Ok(());
            }
        };
        debt.void();
        unchanged
    }
}
