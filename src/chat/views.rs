//! What clients see: the objects of `docs/protocol.md`, field for field.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::model::account::User;
use crate::model::channel::{Channel, ChannelKind};
use crate::model::group::{Ban, Group, Invite, Member};
use crate::model::id::{ChannelId, GroupId, MessageId, SessionId, UserId};
use crate::model::message::{ChangeKind, ReactionCount};
use crate::model::permission::Permissions;
use crate::model::read_state::ReadState;
use crate::model::time::Timestamp;

/// An answer without data.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Empty {}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    pub id: MessageId,
    pub channel_id: ChannelId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    pub author: User,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub content: String,
    pub created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Absent for a message that is no reply, null when what it replied to is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Option<ReplyView>>,
    pub mentions: Vec<UserId>,
    pub mentions_everyone: bool,
    pub attachments: [(); 0],
    pub embeds: [(); 0],
    pub reactions: Vec<ReactionCount>,
    pub pinned: bool,
    pub flags: u32,
}

/// The message that a reply answers.
#[derive(Clone, Debug, Serialize)]
pub struct ReplyView {
    pub id: MessageId,
    pub author: User,
    pub content: String,
}

/// A channel as its reader sees it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelView {
    pub id: ChannelId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    #[serde(rename = "type")]
    pub kind: ChannelKind,
    pub name: String,
    pub topic: String,
    pub position: i32,
    pub slow_mode_seconds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message_id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<Vec<User>>,
    /// Absent only inside the bus, where each receiver's own are added last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
}

impl ChannelView {
    /// Without the newest message. `permissions` are those in this channel; `None` for [`crate::bus::envelope::Content::ChannelPush`].
    pub fn new(
        channel: &Channel,
        recipients: Option<Vec<User>>,
        permissions: Option<Permissions>,
    ) -> Self {
        Self {
            id: channel.id,
            group_id: channel.group_id,
            kind: channel.kind,
            name: channel.name.clone(),
            topic: channel.topic.clone(),
            position: channel.position,
            slow_mode_seconds: channel.slow_mode_seconds,
            last_message_id: None,
            recipients,
            permissions,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    pub id: GroupId,
    pub name: String,
    pub icon: Option<String>,
    pub owner_id: Option<UserId>,
    pub member_count: u64,
    pub official: bool,
    pub created_at: Timestamp,
}

impl GroupView {
    pub fn new(group: &Group, member_count: u64) -> Self {
        Self {
            id: group.id,
            name: group.name.clone(),
            icon: group.icon.clone(),
            owner_id: group.owner_id,
            member_count,
            official: group.official,
            created_at: Timestamp(group.created_at_ms),
        }
    }
}

/// A group with what one of its members needs to show it.
#[derive(Clone, Debug, Serialize)]
pub struct JoinedGroupView {
    #[serde(flatten)]
    pub group: GroupView,
    pub channels: Vec<ChannelView>,
    pub me: MemberView,
}

/// A group among others.
#[derive(Clone, Debug, Serialize)]
pub struct ListedGroup {
    #[serde(flatten)]
    pub group: GroupView,
    /// Absent if they did not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Box<RawValue>>,
    /// True without channels: `group:get` has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<bool>,
    pub me: MemberView,
}

/// The answer to `group:get`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WholeGroup {
    #[serde(flatten)]
    pub group: GroupView,
    pub channels: Box<RawValue>,
    pub me: MemberView,
    /// Of those channels that have one.
    pub read_states: Vec<ReadState>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberView {
    pub group_id: GroupId,
    pub user_id: UserId,
    pub user: User,
    pub roles: Vec<String>,
    pub nickname: Option<String>,
    pub joined_at: Timestamp,
}

impl MemberView {
    pub fn new(member: &Member, user: User) -> Self {
        Self {
            group_id: member.group_id,
            user_id: member.user_id,
            user,
            roles: member.roles.clone(),
            nickname: member.nickname.clone(),
            joined_at: Timestamp(member.joined_at_ms),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteView {
    pub code: String,
    pub group_id: GroupId,
    pub creator_id: UserId,
    pub uses: u32,
    pub max_uses: Option<u32>,
    pub expires_at: Option<Timestamp>,
}

impl From<&Invite> for InviteView {
    fn from(invite: &Invite) -> Self {
        Self {
            code: invite.code.clone(),
            group_id: invite.group_id,
            creator_id: invite.creator_id,
            uses: invite.uses,
            max_uses: invite.uses_max,
            expires_at: invite.expires_at_ms.map(Timestamp),
        }
    }
}

/// What anybody who holds an invite's code sees of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitePreview {
    pub code: String,
    pub group: InvitedGroup,
    pub creator: User,
    pub expires_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitedGroup {
    pub id: GroupId,
    pub name: String,
    pub icon: Option<String>,
    pub member_count: u64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BanView {
    pub user: User,
    pub reason: String,
    pub created_at: Timestamp,
}

impl BanView {
    pub fn new(ban: &Ban, user: User) -> Self {
        Self { user, reason: ban.reason.clone(), created_at: Timestamp(ban.created_at_ms) }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessagesPage {
    /// Newest first.
    pub messages: Vec<MessageView>,
    pub has_more: bool,
    /// With `around` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_more_before: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_more_after: Option<bool>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Users {
    pub users: Vec<User>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsersPage {
    pub users: Vec<User>,
    pub has_more: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MembersPage {
    pub members: Vec<MemberView>,
    pub has_more: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BansPage {
    pub bans: Vec<BanView>,
    pub has_more: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Groups {
    pub groups: Vec<ListedGroup>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Channels {
    pub channels: Vec<ChannelView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Invites {
    pub invites: Vec<InviteView>,
}

/// The answer to registering, logging in and refreshing.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    pub access_token: String,
    pub access_token_expires_at: Timestamp,
    pub refresh_token: String,
    pub user: User,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    pub id: SessionId,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub user_agent: String,
    /// The session that asks.
    pub current: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Sessions {
    pub sessions: Vec<SessionView>,
}

/// `ready`: the first push of a connection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    pub server_id: String,
    pub server_time: Timestamp,
    pub user: User,
    pub groups: Vec<ListedGroup>,
    pub direct_channels: Vec<ChannelView>,
    pub read_states: Vec<ReadState>,
    pub limits: LimitsView,
}

/// Numbers that clients would otherwise have to know.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitsView {
    pub content_chars: usize,
    pub name_chars: usize,
    pub topic_chars: usize,
    pub display_name_chars: usize,
    pub nickname_chars: usize,
    pub status_text_chars: usize,
    pub nonce_chars: usize,
    pub emoji_chars: usize,
    pub messages_page: usize,
    pub members_page: usize,
    pub sync_channels: usize,
    pub watched_users: usize,
    pub pins_per_channel: usize,
    pub direct_people: usize,
    pub slow_mode_seconds: u32,
    pub settings_bytes: usize,
    pub ready_bytes: usize,
    pub attachment_bytes: usize,
    pub attachments_per_message: usize,
}

/// The answer to `session:sync`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Synced {
    pub server_time: Timestamp,
    pub channels: std::collections::BTreeMap<ChannelId, SyncedChannel>,
    pub changed: Vec<ChangeView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SyncedChannel {
    /// Newest first.
    pub messages: Vec<MessageView>,
    /// False: more is missing than fits, reload this channel.
    pub complete: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeView {
    pub channel_id: ChannelId,
    pub message_id: MessageId,
    pub kind: ChangeKind,
}

// Bodies of pushes that are no object of their own.

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageRefView {
    pub channel_id: ChannelId,
    pub message_id: MessageId,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRequiredView {
    pub channel_ids: [ChannelId; 1],
    pub reason: &'static str,
}

/// What was stored before has been pushed: the next `session:sync` need not look further back.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncMarkView {
    pub server_time: Timestamp,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedMessageView {
    pub channel_id: ChannelId,
    pub message_id: MessageId,
    /// Only if the newest message was deleted: which is the newest now, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message_id: Option<Option<MessageId>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReactionView {
    pub channel_id: ChannelId,
    pub message_id: MessageId,
    pub emoji: String,
    pub user_id: UserId,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypingView {
    pub channel_id: ChannelId,
    pub user_id: UserId,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelRefView {
    pub channel_id: ChannelId,
    pub group_id: GroupId,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupRefView {
    pub group_id: GroupId,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberRefView {
    pub group_id: GroupId,
    pub user_id: UserId,
}
