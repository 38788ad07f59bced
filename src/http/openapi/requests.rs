//! What is sent to the API: bodies and queries.
#![expect(dead_code, reason = "they describe, and are never made")]

use crate::chat::accounts::{ChangePassword, Login, Refresh, Register};
use crate::chat::channels::{CreateChannel, UpdateChannel};
use crate::chat::direct::OpenDirect;
use crate::chat::groups::{CreateGroup, UpdateGroup};
use crate::chat::history::ListMessages;
use crate::chat::invites::CreateInvite;
use crate::chat::members::{ListMembers, UpdateMember};
use crate::chat::messages::{CreateMessage, UpdateMessage};
use crate::chat::moderation::{ListBans, Moderation};
use crate::chat::pins::ListPins;
use crate::chat::reactions::ListReactionUsers;
use crate::chat::read_states::MarkRead;
use crate::chat::settings::UpdateSettings;
use crate::chat::users::{SearchUsers, UpdateUser};
use crate::http::openapi::describe::{describe, describe_query};
use crate::model::channel::ChannelKind;
use crate::model::id::{MessageId, UserId};

describe! {
    Register as Register {
        username: String,
        password: String,
        display_name: Option<String>,
    }

    Login as Login {
        username: String,
        password: String,
    }

    Refresh as Refresh {
        refresh_token: String,
    }

    ChangePassword as ChangePassword {
        current_password: String,
        new_password: String,
    }

    UpdateUser as UpdateUser {
        display_name: Option<String>,
        /// null removes it.
        avatar: Option<String>,
    }

    UpdateSettings as UpdateSettings {
        /// Merged by key; null removes one.
        #[schema(value_type = Object)]
        settings: (),
    }

    CreateGroup as CreateGroup {
        name: String,
        icon: Option<String>,
    }

    UpdateGroup as UpdateGroup {
        name: Option<String>,
        /// null removes it.
        icon: Option<String>,
    }

    CreateChannel as CreateChannel {
        name: String,
        topic: Option<String>,
        #[schema(rename = "type")]
        kind: Option<ChannelKind>,
        position: Option<i32>,
        slow_mode_seconds: Option<u32>,
    }

    UpdateChannel as UpdateChannel {
        name: Option<String>,
        topic: Option<String>,
        position: Option<i32>,
        slow_mode_seconds: Option<u32>,
    }

    OpenDirect as OpenDirect {
        user_ids: Vec<UserId>,
    }

    CreateMessage as CreateMessage {
        /// 1 to 4,000 characters, kept exactly as sent.
        content: String,
        /// 1 to 64 characters; a repetition within ten minutes answers the stored message.
        nonce: Option<String>,
        reply_to_id: Option<MessageId>,
        /// Must be empty: attachments are not supported yet.
        attachment_ids: Option<Vec<String>>,
    }

    UpdateMessage as UpdateMessage {
        content: String,
    }

    MarkRead as MarkRead {
        /// The last message that was read; need not exist, and "0" marks everything unread.
        message_id: MessageId,
    }

    UpdateMember as UpdateMember {
        /// "" or null removes it.
        nickname: Option<String>,
        roles: Option<Vec<String>>,
    }

    Moderation as Moderation {
        reason: Option<String>,
    }

    CreateInvite as CreateInvite {
        expires_in_seconds: Option<u64>,
        max_uses: Option<u32>,
    }
}

describe_query! {
    SearchUsers {
        query: String,
        limit: Option<u32>,
    }

    ListMessages {
        /// Messages older than this one.
        before: Option<MessageId>,
        /// The oldest messages that are newer than this one.
        after: Option<MessageId>,
        /// Messages on both sides of this one, and itself.
        around: Option<MessageId>,
        /// 1 to 100, by default 50.
        limit: Option<u32>,
    }

    ListPins {
        /// Messages older than this one.
        before: Option<MessageId>,
    }

    ListReactionUsers {
        /// Users with ids above this one.
        after: Option<UserId>,
        /// 1 to 100, by default 25.
        limit: Option<u32>,
    }

    ListMembers {
        query: Option<String>,
        after: Option<UserId>,
        limit: Option<u32>,
    }

    ListBans {
        after: Option<UserId>,
        limit: Option<u32>,
    }
}
