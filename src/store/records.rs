//! Everything that is in a store, record by record: to move to another store, and for backups.
//!
//! A record says what is stored, not how: indexes, counts and what is looked up by name come of it where it is written.
//! What passes by itself within minutes (nonces, slow mode, password attempts), who makes ids, and the nodes' secret are
//! left out, and so is whatever was deleted or has expired.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::UnixMs;
use crate::model::account::{Account, Session, TokenHash, User};
use crate::model::channel::Channel;
use crate::model::group::{Ban, Group, Invite, Member, Role};
use crate::model::id::{ChangeId, ChannelId, GroupId, MessageId, SessionId, UserId};
use crate::model::message::{Change, ChangeKind, Message};
use crate::model::permission::{Permissions, Rank};
use crate::model::settings::Settings;
use crate::store::{CHANGES_KEPT_MS, Reaction, ReadMark, StoreError};

/// In the order in which they are written: none refers to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    Account,
    Session,
    Settings,
    Group,
    Channel,
    DirectChannel,
    Member,
    Ban,
    Invite,
    InviteUse,
    Message,
    Reaction,
    Pin,
    Change,
    ReadMark,
}

impl RecordKind {
    pub const ALL: [Self; 15] = [
        Self::Account,
        Self::Session,
        Self::Settings,
        Self::Group,
        Self::Channel,
        Self::DirectChannel,
        Self::Member,
        Self::Ban,
        Self::Invite,
        Self::InviteUse,
        Self::Message,
        Self::Reaction,
        Self::Pin,
        Self::Change,
        Self::ReadMark,
    ];

    /// As people read it.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Account => "accounts",
            Self::Session => "sessions",
            Self::Settings => "settings",
            Self::Group => "groups",
            Self::Channel => "channels",
            Self::DirectChannel => "direct channels",
            Self::Member => "members",
            Self::Ban => "bans",
            Self::Invite => "invites",
            Self::InviteUse => "uses of invites",
            Self::Message => "messages",
            Self::Reaction => "reactions",
            Self::Pin => "pins",
            Self::Change => "changes",
            Self::ReadMark => "read marks",
        }
    }
}

/// One line of a backup: `{"message":{…}}`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    Account(#[serde(with = "AccountForm")] Account),
    Session(#[serde(with = "SessionForm")] Session),
    Settings { user_id: UserId, settings: Settings },
    Group(GroupRecord),
    Channel(Channel),
    DirectChannel { channel: Channel, opener: Option<UserId> },
    Member(#[serde(with = "MemberForm")] Member),
    Ban(#[serde(with = "BanForm")] Ban),
    Invite(#[serde(with = "InviteForm")] Invite),
    InviteUse { code: String, user_id: UserId, used_at_ms: UnixMs },
    Message(#[serde(with = "MessageForm")] Message),
    Reaction(#[serde(with = "ReactionForm")] Reaction),
    Pin { channel_id: ChannelId, message_id: MessageId },
    Change(#[serde(with = "ChangeForm")] Change),
    ReadMark(#[serde(with = "ReadMarkForm")] ReadMark),
}

impl Record {
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Account(_) => RecordKind::Account,
            Self::Session(_) => RecordKind::Session,
            Self::Settings { .. } => RecordKind::Settings,
            Self::Group(_) => RecordKind::Group,
            Self::Channel(_) => RecordKind::Channel,
            Self::DirectChannel { .. } => RecordKind::DirectChannel,
            Self::Member(_) => RecordKind::Member,
            Self::Ban(_) => RecordKind::Ban,
            Self::Invite(_) => RecordKind::Invite,
            Self::InviteUse { .. } => RecordKind::InviteUse,
            Self::Message(_) => RecordKind::Message,
            Self::Reaction(_) => RecordKind::Reaction,
            Self::Pin { .. } => RecordKind::Pin,
            Self::Change(_) => RecordKind::Change,
            Self::ReadMark(_) => RecordKind::ReadMark,
        }
    }

    /// The channel in which it happened.
    pub const fn channel_id(&self) -> Option<ChannelId> {
        match self {
            Self::Message(message) => Some(message.channel_id),
            Self::Reaction(reaction) => Some(reaction.channel_id),
            Self::Pin { channel_id, .. } => Some(*channel_id),
            Self::Change(change) => Some(change.channel_id),
            _ => None,
        }
    }

    /// When a store may forget it by itself.
    pub fn passes_at_ms(&self) -> Option<UnixMs> {
        match self {
            Self::Session(session) => Some(session.expires_at_ms),
            Self::Invite(invite) => invite.expires_at_ms,
            Self::Change(change) => {
                Some(MessageId::new(change.id.get()).timestamp_ms() + CHANGES_KEPT_MS)
            }
            _ => None,
        }
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupRecord {
    #[serde(flatten, with = "GroupForm")]
    pub group: Group,
    pub roles: Vec<RoleRecord>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRecord {
    name: String,
    permissions: u32,
    rank: u32,
}

impl From<Role> for RoleRecord {
    fn from(role: Role) -> Self {
        Self { name: role.name, permissions: role.permissions.bits(), rank: role.rank.0 }
    }
}

impl From<RoleRecord> for Role {
    fn from(record: RoleRecord) -> Self {
        let RoleRecord { name, permissions, rank } = record;
        Self { name, permissions: Permissions::from_bits(permissions), rank: Rank(rank) }
    }
}

/// Some records of one kind.
pub struct RecordPage {
    pub records: Vec<Record>,
    /// Where the next page begins; none if this was the last one. A page without records may have a next one.
    pub next: Option<String>,
}

#[async_trait]
pub trait RecordStore: Send + Sync {
    /// About `limit` records of one kind, in an order of the store's own, from the beginning or from where an earlier
    /// page said. What is written meanwhile may be missing, so nothing should be.
    async fn read_records(
        &self,
        kind: RecordKind,
        from: Option<&str>,
        limit: usize,
    ) -> Result<RecordPage, StoreError>;

    /// Writes what is not there yet. Repeating it is a no-op.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if something else has its place: a user name, the place of the official group, an
    /// invite's code, the people of a direct channel.
    async fn write_record(&self, record: &Record) -> Result<(), StoreError>;
}

// How model types are written, field by field. Theirs is not for everybody's eyes (a password's hash), or made for clients.

#[derive(Serialize, Deserialize)]
#[serde(remote = "Account")]
struct AccountForm {
    #[serde(with = "UserForm")]
    user: User,
    password_hash: String,
    operator: bool,
    created_at_ms: UnixMs,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "User")]
struct UserForm {
    id: UserId,
    username: String,
    display_name: String,
    avatar: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Session")]
struct SessionForm {
    id: SessionId,
    user_id: UserId,
    refresh_hash: TokenHash,
    created_at_ms: UnixMs,
    last_used_at_ms: UnixMs,
    expires_at_ms: UnixMs,
    user_agent: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Group")]
struct GroupForm {
    id: GroupId,
    name: String,
    icon: Option<String>,
    owner_id: Option<UserId>,
    official: bool,
    created_at_ms: UnixMs,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Member")]
struct MemberForm {
    group_id: GroupId,
    user_id: UserId,
    roles: Vec<String>,
    nickname: Option<String>,
    joined_at_ms: UnixMs,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Ban")]
struct BanForm {
    group_id: GroupId,
    user_id: UserId,
    reason: String,
    created_at_ms: UnixMs,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Invite")]
struct InviteForm {
    code: String,
    group_id: GroupId,
    creator_id: UserId,
    uses: u32,
    uses_max: Option<u32>,
    expires_at_ms: Option<UnixMs>,
    created_at_ms: UnixMs,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Message")]
struct MessageForm {
    id: MessageId,
    channel_id: ChannelId,
    author_id: UserId,
    content: String,
    edited_at_ms: Option<UnixMs>,
    reply_to: Option<MessageId>,
    mentions: Vec<UserId>,
    mentions_everyone: bool,
    nonce: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Reaction")]
struct ReactionForm {
    channel_id: ChannelId,
    message_id: MessageId,
    emoji: String,
    user_id: UserId,
    at_ms: UnixMs,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Change")]
struct ChangeForm {
    id: ChangeId,
    channel_id: ChannelId,
    message_id: MessageId,
    #[serde(with = "ChangeKindForm")]
    kind: ChangeKind,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ChangeKind", rename_all = "snake_case")]
enum ChangeKindForm {
    Updated,
    Deleted,
    ReactionAdded,
    ReactionRemoved,
    Pinned,
    Unpinned,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ReadMark")]
struct ReadMarkForm {
    user_id: UserId,
    channel_id: ChannelId,
    last_read_id: MessageId,
    set_at: MessageId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Settings;

    fn check(record: &Record, json: &str) {
        assert_eq!(serde_json::to_string(record).unwrap(), json);
        let back: Record = serde_json::from_str(json).unwrap();
        assert!(back == *record, "{json}");
    }

    #[test]
    fn a_line_says_what_is_stored() {
        let message = Message {
            id: MessageId::new(7),
            channel_id: ChannelId::new(2),
            author_id: UserId::new(3),
            content: "a \"quote\"\n".into(),
            edited_at_ms: None,
            reply_to: None,
            mentions: vec![UserId::new(4)],
            mentions_everyone: false,
            nonce: Some("n".into()),
        };
        check(
            &Record::Message(message),
            r#"{"message":{"id":"7","channel_id":"2","author_id":"3","content":"a \"quote\"\n","edited_at_ms":null,"reply_to":null,"mentions":["4"],"mentions_everyone":false,"nonce":"n"}}"#,
        );
        let group = Group {
            id: GroupId::new(1),
            name: "G".into(),
            icon: None,
            owner_id: Some(UserId::new(3)),
            official: false,
            created_at_ms: 5,
        };
        let roles = vec![RoleRecord { name: "moderator".into(), permissions: 3, rank: 10 }];
        check(
            &Record::Group(GroupRecord { group, roles }),
            r#"{"group":{"id":"1","name":"G","icon":null,"owner_id":"3","official":false,"created_at_ms":5,"roles":[{"name":"moderator","permissions":3,"rank":10}]}}"#,
        );
    }

    #[test]
    fn settings_stay_as_they_were_written() {
        let settings: Settings = serde_json::from_str(r#"{"a":1.10,"b":{"c":[1,2]}}"#).unwrap();
        let record = Record::Settings { user_id: UserId::new(3), settings };
        check(&record, r#"{"settings":{"user_id":"3","settings":{"a":1.10,"b":{"c":[1,2]}}}}"#);
    }
}
