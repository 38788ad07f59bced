//! What people do, and what follows from how it ended.

use serde_json::Value;
use vibetalk::chat::channels::CreateChannel;
use vibetalk::chat::members::UpdateMember;
use vibetalk::chat::messages::{CreateMessage, UpdateMessage};
use vibetalk::chat::moderation::Moderation;
use vibetalk::chat::presence::UpdatePresence;
use vibetalk::chat::{Caller, Chat, ChatError};
use vibetalk::model::id::{ChannelId, GroupId, MessageId, UserId};
use vibetalk::model::presence::{ChosenStatus, SocketKey};

use super::ledger::Ledger;
use super::machine::json;

/// How often a client sends a message again of which it does not know whether it was stored.
pub const TRIES_MAX: usize = 8;

#[derive(Clone, Debug)]
pub enum Command {
    Send { group: usize, channel_id: ChannelId, text: String, tries: usize },
    Edit { channel_id: ChannelId, message_id: MessageId, text: String },
    Delete { channel_id: ChannelId, message_id: MessageId, text: String },
    Join { person: usize, group: usize },
    Leave { person: usize, group: usize, group_id: GroupId },
    Remove { person: usize, group: usize, group_id: GroupId, user_id: UserId, bans: bool },
    Unban { person: usize, group: usize, group_id: GroupId, user_id: UserId },
    GiveRoles { group_id: GroupId, user_id: UserId, roles: Vec<String> },
    MakeChannel { group: usize, group_id: GroupId },
    DeleteChannel { channel_id: ChannelId },
    Choose { person: usize, status: ChosenStatus },
    LogOut,
}

impl Command {
    pub fn begins(&mut self, ledger: &mut Ledger, number: usize) {
        match self {
            // A message is called after its first try.
            Self::Send { text, tries, .. } => {
                *tries += 1;
                if text.is_empty() {
                    *text = format!("m{number}");
                }
            }
            Self::Delete { text, .. } => {
                ledger.doomed.insert(text.clone());
            }
            // What it says first names it.
            Self::Edit { text, .. } => *text = format!("{text} edit {number}"),
            Self::DeleteChannel { channel_id } => {
                ledger.doomed_channels.insert(*channel_id);
            }
            Self::Join { person, group, .. } => ledger.joining((*person, *group)),
            Self::Unban { person, group, .. } => ledger.unbanning((*person, *group)),
            Self::Choose { person, status: ChosenStatus::Invisible } => {
                ledger.hidden.insert(*person);
            }
            _ => {}
        }
    }

    pub async fn carry_out(
        self,
        chat: Chat,
        caller: Caller,
        key: Option<SocketKey>,
        code: String,
    ) -> Result<Value, ChatError> {
        let done = |result: Result<(), ChatError>| result.map(|()| Value::Null);
        match self {
            Self::Send { channel_id, text, .. } => {
                let request = CreateMessage {
                    content: text.clone(),
                    nonce: Some(text),
                    reply_to_id: None,
                    attachment_ids: None,
                };
                let sent = chat.create_message(caller, channel_id, request).await?;
                Ok(json(&sent.message))
            }
            Self::Edit { channel_id, message_id, text } => {
                let request = UpdateMessage { content: text };
                let edited = chat.update_message(caller, channel_id, message_id, request).await?;
                Ok(json(&edited))
            }
            Self::Delete { channel_id, message_id, .. } => {
                done(chat.delete_message(caller, channel_id, message_id).await)
            }
            Self::Join { .. } => chat.accept_invite(caller, &code).await.map(|it| json(&it)),
            Self::Leave { group_id, .. } => done(chat.leave_group(caller, group_id).await),
            Self::Remove { group_id, user_id, bans, .. } => {
                let reason = Moderation::default();
                done(match bans {
                    true => chat.ban_member(caller, group_id, user_id, reason).await,
                    false => chat.remove_member(caller, group_id, user_id, reason).await,
                })
            }
            Self::Unban { group_id, user_id, .. } => {
                done(chat.unban_member(caller, group_id, user_id).await)
            }
            Self::GiveRoles { group_id, user_id, roles } => {
                let request = UpdateMember { nickname: None, roles: Some(roles) };
                chat.update_member(caller, group_id, user_id, request).await.map(|it| json(&it))
            }
            Self::MakeChannel { group_id, .. } => {
                let request: CreateChannel = serde_json::from_str(r#"{"name":"more"}"#).unwrap();
                chat.create_channel(caller, group_id, request).await.map(|it| json(&it))
            }
            Self::DeleteChannel { channel_id } => {
                done(chat.delete_channel(caller, channel_id).await)
            }
            Self::Choose { status, .. } => {
                let Some(key) = key else { return Ok(Value::Null) };
                done(chat.update_presence(caller, key, UpdatePresence { status, text: None }))
            }
            Self::LogOut => done(chat.logout(caller).await),
        }
    }
}
