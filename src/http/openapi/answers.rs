//! What the API answers.
#![expect(dead_code, reason = "they describe, and are never made")]

use std::collections::HashMap;

use crate::chat::error::ErrorBody;
use crate::chat::settings::SettingsView;
use crate::chat::views::{
    BanView, BansPage, ChannelView, Channels, GroupView, Groups, InvitePreview, InviteView,
    InvitedGroup, Invites, JoinedGroupView, ListedGroup, MemberView, MembersPage, MessageView,
    MessagesPage, ReplyView, SessionView, Sessions, SignedIn, Users, UsersPage, WholeGroup,
};
use crate::http::openapi::describe::describe;
use crate::model::account::User;
use crate::model::channel::ChannelKind;
use crate::model::id::{ChannelId, GroupId, MessageId, SessionId, UserId};
use crate::model::message::ReactionCount;
use crate::model::read_state::ReadState;
use crate::model::time::Timestamp;

describe! {
    /// `error` of an ack or an HTTP answer.
    ErrorBody as ErrorBody {
        code: String,
        message: String,
        /// Always there with `rate_limited`.
        retry_after_ms: Option<u64>,
        /// What is wrong with which field.
        fields: Option<HashMap<String, String>>,
    }

    /// The answer to registering, logging in and refreshing.
    SignedIn as SignedIn {
        access_token: String,
        access_token_expires_at: Timestamp,
        refresh_token: String,
        user: User,
    }

    SessionView as SessionView {
        id: SessionId,
        created_at: Timestamp,
        last_used_at: Timestamp,
        user_agent: String,
        /// The session that asks.
        current: bool,
    }

    Sessions as Sessions {
        sessions: Vec<SessionView>,
    }

    /// What everybody may see of a person.
    User as User {
        id: UserId,
        username: String,
        display_name: String,
        /// An https URL, a path of our own attachments, or null.
        avatar: Option<String>,
    }

    Users as Users {
        users: Vec<User>,
    }

    UsersPage as UsersPage {
        users: Vec<User>,
        has_more: bool,
    }

    SettingsView as Settings {
        /// An object of the client's own keys.
        #[schema(value_type = Object)]
        settings: (),
    }

    GroupView as Group {
        id: GroupId,
        name: String,
        icon: Option<String>,
        owner_id: Option<UserId>,
        member_count: u64,
        official: bool,
        created_at: Timestamp,
    }

    /// A group with what one of its members needs to show it.
    JoinedGroupView as JoinedGroup {
        #[serde(flatten)]
        group: GroupView,
        channels: Vec<ChannelView>,
        me: MemberView,
    }

    /// A group among others.
    ListedGroup as ListedGroup {
        #[serde(flatten)]
        group: GroupView,
        /// Absent if they did not fit.
        channels: Option<Vec<ChannelView>>,
        /// True without channels: `group:get` has them.
        partial: Option<bool>,
        me: MemberView,
    }

    /// The answer to `group:get`.
    WholeGroup as WholeGroup {
        #[serde(flatten)]
        group: GroupView,
        channels: Vec<ChannelView>,
        me: MemberView,
        /// Of those channels that have one.
        read_states: Vec<ReadState>,
    }

    Groups as Groups {
        groups: Vec<ListedGroup>,
    }

    /// A channel as its reader sees it.
    ChannelView as Channel {
        id: ChannelId,
        group_id: Option<GroupId>,
        #[schema(rename = "type")]
        kind: ChannelKind,
        name: String,
        topic: String,
        position: i32,
        slow_mode_seconds: u32,
        last_message_id: Option<MessageId>,
        recipients: Option<Vec<User>>,
        /// The reader's permission bits, in decimal.
        permissions: String,
    }

    Channels as Channels {
        channels: Vec<ChannelView>,
    }

    MessageView as Message {
        id: MessageId,
        channel_id: ChannelId,
        group_id: Option<GroupId>,
        author: User,
        #[schema(rename = "type")]
        kind: String,
        content: String,
        created_at: Timestamp,
        edited_at: Option<Timestamp>,
        nonce: Option<String>,
        /// Absent for a message that is no reply, null when what it replied to is gone.
        reply_to: Option<ReplyView>,
        mentions: Vec<UserId>,
        mentions_everyone: bool,
        #[schema(value_type = Vec<Object>)]
        attachments: (),
        #[schema(value_type = Vec<Object>)]
        embeds: (),
        reactions: Vec<ReactionCount>,
        pinned: bool,
        flags: u32,
    }

    /// The message that a reply answers.
    ReplyView as Reply {
        id: MessageId,
        author: User,
        content: String,
    }

    /// One emoji on one message.
    ReactionCount as ReactionCount {
        emoji: String,
        count: u32,
        /// Whether the reader is among them; false in pushes, which have many readers.
        me: bool,
    }

    MessagesPage as MessagesPage {
        /// Newest first.
        messages: Vec<MessageView>,
        has_more: bool,
        /// With `around` only.
        has_more_before: Option<bool>,
        has_more_after: Option<bool>,
    }

    ReadState as ReadState {
        channel_id: ChannelId,
        /// The person's own messages behind the mark are read, too, up to the first of somebody else.
        last_read_id: Option<MessageId>,
        /// Unread messages that mention the person, `@everyone` included, never their own or deleted ones. Counted up
        /// to 1,000: so many are 1,000 or more.
        mention_count: u32,
    }

    MemberView as Member {
        group_id: GroupId,
        user_id: UserId,
        user: User,
        roles: Vec<String>,
        nickname: Option<String>,
        joined_at: Timestamp,
    }

    MembersPage as MembersPage {
        members: Vec<MemberView>,
        has_more: bool,
    }

    BanView as Ban {
        user: User,
        reason: String,
        created_at: Timestamp,
    }

    BansPage as BansPage {
        bans: Vec<BanView>,
        has_more: bool,
    }

    InviteView as Invite {
        code: String,
        group_id: GroupId,
        creator_id: UserId,
        uses: u32,
        max_uses: Option<u32>,
        expires_at: Option<Timestamp>,
    }

    Invites as Invites {
        invites: Vec<InviteView>,
    }

    /// What anybody who holds an invite's code sees of it.
    InvitePreview as InvitePreview {
        code: String,
        group: InvitedGroup,
        creator: User,
        expires_at: Option<Timestamp>,
    }

    InvitedGroup as InvitedGroup {
        id: GroupId,
        name: String,
        icon: Option<String>,
        member_count: u64,
    }
}
