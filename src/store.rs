//! The store port: what `chat` asks of durable storage, one trait per aggregate.
//!
//! Both kinds of implementation pass `tests/it/conformance/store.rs`. A method that writes returns
//! only when the write would survive the loss of this process and of the machine's power.
//! Implementations neither publish nor check permissions.
//!
//! Every method fails with [`StoreError::Unavailable`] when the store cannot be reached or its queue
//! is full, and with [`StoreError::Timeout`] after its deadline. Reads may be retried, and so may
//! writes unless their docs say otherwise.

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::model::account::{Account, PasswordAttempt, Session, TokenHash, User, UserPatch};
use crate::model::channel::{Channel, ChannelPatch, SLOW_MODE_SECONDS_MAX};
use crate::model::group::{Ban, Group, GroupPatch, Invite, Member, MemberPatch, Role};
use crate::model::id::{AttemptId, ChangeId, ChannelId, GroupId, MessageId, SessionId, UserId};
use crate::model::message::{Change, Message, MessageEdit, ReactionCount};
use crate::model::read_state::ReadState;
use crate::model::settings::Settings;

pub mod faults;
pub mod sqlite;

/// Changes of messages are kept this long: whoever was away longer reloads their channels.
pub const CHANGES_KEPT_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// When somebody last sent in a slow channel is known this long: the longest slow mode there is.
pub const SLOW_MODE_KEPT_MS: u64 = SLOW_MODE_SECONDS_MAX as u64 * 1000;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something unique is taken: a user name, an invite's code, the place of the official group.
    #[error("already taken")]
    Conflict,
    #[error("the store is not available: {0}")]
    Unavailable(String),
    #[error("the store did not answer in time")]
    Timeout,
    /// What was read does not decode, or a statement is wrong: a fault of ours.
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Everything `chat` stores in.
pub trait Store:
    StateStore
    + AccountStore
    + SettingsStore
    + GroupStore
    + ChannelStore
    + MessageStore
    + ReadStateStore
{
}
impl<T> Store for T where
    T: StateStore
        + AccountStore
        + SettingsStore
        + GroupStore
        + ChannelStore
        + MessageStore
        + ReadStateStore
{
}

/// The store as a whole.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Stores something small in place of what the last probe stored: fails while nothing can be stored,
    /// such as on a full disk.
    async fn probe(&self, now_ms: UnixMs) -> Result<(), StoreError>;

    /// The highest id that is kept of anything, of whatever kind; 0 in an empty store. New ids have to lie
    /// above it, or they would sort before what is there. May take minutes.
    async fn newest_id(&self) -> Result<u64, StoreError>;
}

/// People, their sessions, and passwords that were wrong.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if the folded user name is taken. Two racing inserts of one name:
    /// exactly one succeeds. Repeating an insert that succeeded succeeds, and changes nothing.
    async fn insert_account(&self, account: &Account) -> Result<(), StoreError>;

    async fn find_account(&self, user_id: UserId) -> Result<Option<Account>, StoreError>;

    /// `username` in any case.
    async fn find_account_by_name(&self, username: &str) -> Result<Option<Account>, StoreError>;

    /// The users among `user_ids` that exist, in any order. At most 1,000 ids.
    async fn list_users(&self, user_ids: &[UserId]) -> Result<Vec<User>, StoreError>;

    /// Returns the user after the change, `None` if there is no such user.
    async fn update_user(
        &self,
        user_id: UserId,
        patch: &UserPatch,
    ) -> Result<Option<User>, StoreError>;

    /// Replaces a person's password and ends all their sessions but `kept`, in one step: whoever knew
    /// only the old password is out. Returns those that have ended and are not deleted, earlier ones
    /// included; see [`end_sessions`](Self::end_sessions).
    ///
    /// `None`, and nothing changes, if the person's hash is neither `replaced` nor `password_hash`: the
    /// password was changed meanwhile. May be retried.
    async fn change_password(
        &self,
        user_id: UserId,
        replaced: &str,
        password_hash: &str,
        kept: SessionId,
    ) -> Result<Option<Vec<SessionId>>, StoreError>;

    async fn set_operator(&self, user_id: UserId, operator: bool) -> Result<(), StoreError>;

    /// Users whose user name begins with `prefix`, or whose display name does from one of its words on
    /// ([`search`](crate::model::search)), without case; by folded user name.
    async fn search_users(&self, prefix: &str, limit: usize) -> Result<Vec<User>, StoreError>;

    /// Ids of users who are neither members of `group_id` nor banned from it, ascending, after `after`.
    async fn list_non_members(
        &self,
        group_id: GroupId,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;

    async fn insert_session(&self, session: &Session) -> Result<(), StoreError>;

    /// `None` also for one that has ended, or expires at `now_ms` or before.
    async fn find_session(
        &self,
        session_id: SessionId,
        now_ms: UnixMs,
    ) -> Result<Option<Session>, StoreError>;

    /// Replaces the refresh token of a session if it is still `presented`, and prolongs the session.
    ///
    /// If it is `next` already and has been for less than `grace_ms`, the answer is the same and nothing
    /// changes: a repetition, or a race of several who hold one token. May be retried, because `next`
    /// depends on `presented` alone. Of racing rotations one is carried out; every later one sees it.
    async fn rotate_refresh_token(
        &self,
        session_id: SessionId,
        rotation: &RefreshRotation,
    ) -> Result<Rotation, StoreError>;

    /// Ends all of `session_ids` in one step: from now on they are neither found nor listed nor
    /// refreshed. Those that are not there, or have ended, are no failure.
    ///
    /// They stay until [`delete_sessions`](Self::delete_sessions), or until they expire, so that
    /// whoever has to tell the nodes can do so again after a crash.
    async fn end_sessions(&self, session_ids: &[SessionId]) -> Result<(), StoreError>;

    /// Whose session has ended and is not deleted.
    async fn find_ended_session(&self, session_id: SessionId)
    -> Result<Option<UserId>, StoreError>;

    /// Sessions that have ended and are not deleted, at most `limit`, by person.
    async fn list_ended_sessions(
        &self,
        limit: usize,
    ) -> Result<Vec<(UserId, SessionId)>, StoreError>;

    /// Deletes all of `session_ids` in one step; those that are not there are no failure.
    async fn delete_sessions(&self, session_ids: &[SessionId]) -> Result<(), StoreError>;

    /// Sessions of a user that have neither ended nor expired, oldest first.
    async fn list_sessions(
        &self,
        user_id: UserId,
        now_ms: UnixMs,
    ) -> Result<Vec<Session>, StoreError>;

    /// Notes a password that is shown as a failure before it is known to be one, unless as many as
    /// `limits` allow count already. Of racing attempts at most so many are reserved.
    ///
    /// Repeating one that was reserved reserves it once. One that is not released counts until it
    /// expires.
    async fn reserve_attempt(
        &self,
        attempt: &PasswordAttempt,
        limits: AttemptLimits,
        now_ms: UnixMs,
    ) -> Result<Reservation, StoreError>;

    /// Takes back a reservation: the password was right, or was not looked at.
    async fn release_attempt(&self, attempt_id: AttemptId) -> Result<(), StoreError>;
}

/// How many failures may count, before a password is looked at.
#[derive(Clone, Copy, Debug)]
pub struct AttemptLimits {
    /// Of a stranger: under this name from this network, whoever asked. Of somebody who is signed in:
    /// under this name by people who are.
    pub own_max: u32,
    /// Under this name from everywhere; of no matter to whoever is signed in.
    pub name_max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    Reserved,
    /// Nothing is noted; there is room again then, if nothing fails meanwhile.
    TooMany {
        until_ms: UnixMs,
    },
}

/// The replacement of a session's refresh token.
#[derive(Clone, Copy)]
pub struct RefreshRotation {
    pub presented: TokenHash,
    /// Always the same one for one `presented`.
    pub next: TokenHash,
    pub now_ms: UnixMs,
    /// Until when the session lasts from now on.
    pub expires_at_ms: UnixMs,
    pub grace_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The session's token is `next` now, or has been for less than the grace.
    Rotated,
    /// The session is there, but its token is another one: `presented` was used before, and what
    /// replaced it, too, or too long ago.
    Reused,
    /// No such session, or it has ended or expired.
    NotFound,
}

/// What clients keep for a person.
#[async_trait]
pub trait SettingsStore: Send + Sync {
    /// Empty if nothing was kept yet.
    async fn get_settings(&self, user_id: UserId) -> Result<Settings, StoreError>;

    /// Merges `patch` as [`Settings::merged`] does, in one step: racing patches of different keys all
    /// hold. Returns all settings after the change; `None`, and nothing changes, if they would have more
    /// than [`SETTINGS_BYTES_MAX`](crate::model::settings::SETTINGS_BYTES_MAX).
    async fn update_settings(
        &self,
        user_id: UserId,
        patch: &Settings,
    ) -> Result<Option<Settings>, StoreError>;
}

/// Groups with their roles, members, bans and invites.
#[async_trait]
pub trait GroupStore: Send + Sync {
    /// Inserts a group with its roles, first channels and first members; all or nothing, and nothing
    /// if the group is there already.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] for a second official group.
    async fn insert_group(
        &self,
        group: &Group,
        roles: &[Role],
        channels: &[Channel],
        members: &[Member],
    ) -> Result<(), StoreError>;

    async fn find_group(&self, group_id: GroupId) -> Result<Option<Group>, StoreError>;

    async fn find_official_group(&self) -> Result<Option<Group>, StoreError>;

    /// Returns the group after the change.
    async fn update_group(
        &self,
        group_id: GroupId,
        patch: &GroupPatch,
    ) -> Result<Option<Group>, StoreError>;

    /// Deletes a group with everything in it, messages included. False if it was not there. What takes
    /// long goes on behind: nothing of the group is found from now on.
    async fn delete_group(&self, group_id: GroupId) -> Result<bool, StoreError>;

    /// Lowest rank first.
    async fn list_roles(&self, group_id: GroupId) -> Result<Vec<Role>, StoreError>;

    /// False, and nothing changes, if the person is a member already or the group does not exist.
    async fn insert_member(&self, member: &Member) -> Result<bool, StoreError>;

    /// Returns the member who was removed.
    async fn delete_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError>;

    async fn find_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError>;

    /// Returns the member after the change.
    async fn update_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
        patch: &MemberPatch,
    ) -> Result<Option<Member>, StoreError>;

    /// Members after `after` by user id; with `prefix` those whose user name begins with it, or whose
    /// display name or nickname does from one of its words on, without case.
    async fn list_members(
        &self,
        group_id: GroupId,
        prefix: Option<&str>,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError>;

    /// Who of `user_ids` (at most 1,000) is a member.
    async fn filter_members(
        &self,
        group_id: GroupId,
        user_ids: &[UserId],
    ) -> Result<Vec<UserId>, StoreError>;

    async fn count_members(&self, group_id: GroupId) -> Result<u64, StoreError>;

    /// A person's memberships, by group id.
    async fn list_memberships(&self, user_id: UserId) -> Result<Vec<Member>, StoreError>;

    /// Bans a person and ends their membership, in one step. Repeating it keeps the first ban; nothing
    /// happens in a group that does not exist.
    async fn insert_ban(&self, ban: &Ban) -> Result<(), StoreError>;

    async fn delete_ban(&self, group_id: GroupId, user_id: UserId) -> Result<bool, StoreError>;

    async fn find_ban(&self, group_id: GroupId, user_id: UserId)
    -> Result<Option<Ban>, StoreError>;

    /// Bans after `after` by user id.
    async fn list_bans(
        &self,
        group_id: GroupId,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Ban>, StoreError>;

    /// # Errors
    ///
    /// [`StoreError::Conflict`] if another invite has this code.
    async fn insert_invite(&self, invite: &Invite) -> Result<(), StoreError>;

    /// Also a spent or (for a while) an expired one; see [`Invite::is_open`].
    async fn find_invite(&self, code: &str) -> Result<Option<Invite>, StoreError>;

    /// Open invites of a group, newest first, at most `limit`; only `creator`'s if given.
    async fn list_invites(
        &self,
        group_id: GroupId,
        creator: Option<UserId>,
        now_ms: UnixMs,
        limit: usize,
    ) -> Result<Vec<Invite>, StoreError>;

    async fn delete_invite(&self, code: &str) -> Result<bool, StoreError>;

    /// Uses an invite and makes `member` a member, in one step: of racing people on the last use
    /// exactly one gets in, and somebody who is a member already uses nothing up.
    ///
    /// A ban is checked in the same step. May be retried: a member is told so also when the invite is
    /// spent by now.
    async fn redeem_invite(
        &self,
        code: &str,
        member: &Member,
        now_ms: UnixMs,
    ) -> Result<Redemption, StoreError>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redemption {
    Joined,
    AlreadyMember,
    Banned,
    /// Unknown, spent, expired, or of another group than the member's.
    NotFound,
}

/// How much there is of a group's channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelsSize {
    pub count: usize,
    /// Names and topics as JSON.
    pub text_bytes: usize,
}

/// Channels of groups and between people.
#[async_trait]
pub trait ChannelStore: Send + Sync {
    /// False, and nothing changes, if the group does not exist (any more).
    async fn insert_channel(&self, channel: &Channel) -> Result<bool, StoreError>;

    async fn find_channel(&self, channel_id: ChannelId) -> Result<Option<Channel>, StoreError>;

    /// By position, then id.
    async fn list_channels(&self, group_id: GroupId) -> Result<Vec<Channel>, StoreError>;

    /// How much [`list_channels`](Self::list_channels) would list.
    async fn measure_channels(&self, group_id: GroupId) -> Result<ChannelsSize, StoreError>;

    async fn update_channel(
        &self,
        channel_id: ChannelId,
        patch: &ChannelPatch,
    ) -> Result<Option<Channel>, StoreError>;

    /// Deletes a channel with its messages. False if it was not there. What takes long goes on behind:
    /// nothing of the channel is found from now on.
    async fn delete_channel(&self, channel_id: ChannelId) -> Result<bool, StoreError>;

    /// Returns the direct channel of exactly these people, inserting `candidate` if there is none and
    /// `quota` allows it. Racing calls for the same people get one channel.
    async fn open_direct_channel(
        &self,
        candidate: &Channel,
        quota: OpeningQuota,
    ) -> Result<Opening, StoreError>;

    /// Those `limit` of a person's direct channels in which something happened last (a message, else
    /// their opening), by id.
    async fn list_direct_channels(
        &self,
        user_id: UserId,
        limit: usize,
    ) -> Result<Vec<Channel>, StoreError>;

    /// The newest message of each of `channel_ids` (at most 10,000) that has one.
    async fn list_last_messages(
        &self,
        channel_ids: &[ChannelId],
    ) -> Result<Vec<(ChannelId, MessageId)>, StoreError>;
}

/// How many direct channels somebody may open: fewer than `opened_max` with ids of `since` or above
/// before the next one.
#[derive(Clone, Copy, Debug)]
pub struct OpeningQuota {
    pub opener: UserId,
    pub since: ChannelId,
    pub opened_max: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    New(Channel),
    Found(Channel),
    /// Nothing was inserted; `first` is the oldest one that counts against the quota.
    TooMany {
        first: ChannelId,
    },
}

/// Channel history: messages, reactions, pins, and what changed.
///
/// Keys follow Discord's: `((channel_id, bucket), message_id)`. "How Discord Stores Billions of
/// Messages" (2017).
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// Inserts `message` unless its author used its nonce in its channel before and that still counts
    /// (until `nonce_expires_at_ms` of the first use): then nothing changes and the stored one returns.
    ///
    /// If the stored one was deleted since, the answer is the repetition under the id of the first, not
    /// new, and nothing is stored. May be retried, also without a nonce: an id is stored once. Mentions
    /// are counted for read states from here on. A message for a channel that has just been deleted goes
    /// the way of the channel: it counts as stored before the deletion.
    ///
    /// With `slow_mode_ms` (at most [`SLOW_MODE_KEPT_MS`]) nothing changes either if the author's last
    /// message in the channel is younger than that; a repetition wins over it. Messages from before slow
    /// mode was switched on count, as far as they are among the channel's newest 100.
    async fn insert_message(
        &self,
        message: &Message,
        nonce_expires_at_ms: UnixMs,
        now_ms: UnixMs,
        slow_mode_ms: Option<u64>,
    ) -> Result<Result<Inserted, TooEarly>, StoreError>;

    /// The message that `author_id` sent with `nonce`, while the nonce still counts.
    async fn find_message_by_nonce(
        &self,
        author_id: UserId,
        channel_id: ChannelId,
        nonce: &str,
        now_ms: UnixMs,
    ) -> Result<Option<Message>, StoreError>;

    async fn find_message(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError>;

    /// Those of `message_ids` (at most 200) in `channel_id` that exist, in any order.
    async fn list_messages(
        &self,
        channel_id: ChannelId,
        message_ids: &[MessageId],
    ) -> Result<Vec<Message>, StoreError>;

    /// Messages older than `before`, newest first, at most `limit`.
    async fn messages_before(
        &self,
        channel_id: ChannelId,
        before: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// The oldest messages newer than `after`, **oldest first**, at most `limit`.
    async fn messages_after(
        &self,
        channel_id: ChannelId,
        after: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// Changes a message of its author and notes `change_id`. Returns it after the change, `None` if it
    /// is gone or somebody else's: an edit that races a deletion never brings the message back.
    async fn update_message(
        &self,
        edit: &MessageEdit,
        change_id: ChangeId,
    ) -> Result<Option<Message>, StoreError>;

    /// Deletes a message with its reactions, pin and mentions, and notes `change_id`. False if it was not there.
    async fn delete_message(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<bool, StoreError>;

    /// Changes with ids of `since` or above, oldest first, at most `limit`. They are kept for
    /// [`CHANGES_KEPT_MS`].
    async fn list_changes(
        &self,
        channel_id: ChannelId,
        since: ChangeId,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError>;

    /// Adds a reaction and notes `change_id` if it was new.
    async fn insert_reaction(
        &self,
        reaction: &Reaction,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError>;

    /// Removes a reaction and notes `change_id` if it was there.
    async fn delete_reaction(
        &self,
        reaction: &Reaction,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError>;

    /// Who reacted with `emoji`, by user id, after `after`.
    async fn list_reaction_users(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        emoji: &str,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError>;

    /// Reactions of `message_ids` (at most 200), emojis in order of their first use; `me` is `reader`'s.
    /// Messages without reactions are left out.
    async fn count_reactions(
        &self,
        channel_id: ChannelId,
        message_ids: &[MessageId],
        reader: Option<UserId>,
    ) -> Result<Vec<(MessageId, Vec<ReactionCount>)>, StoreError>;

    /// Pins a message and notes `change_id` if it was not pinned.
    async fn insert_pin(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError>;

    async fn delete_pin(
        &self,
        channel_id: ChannelId,
        message_id: MessageId,
        change_id: ChangeId,
    ) -> Result<Outcome, StoreError>;

    /// Pinned messages, newest message first.
    async fn list_pins(&self, channel_id: ChannelId) -> Result<Vec<Message>, StoreError>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inserted {
    pub message: Message,
    /// False for a repeated nonce.
    pub new: bool,
}

/// Slow mode does not let a message through yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooEarly {
    pub wait_ms: u64,
}

/// One person's emoji on one message. `at_ms` orders the emojis of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub channel_id: ChannelId,
    pub message_id: MessageId,
    pub emoji: String,
    pub user_id: UserId,
    pub at_ms: UnixMs,
}

/// What adding or removing a reaction or pin came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Changed,
    /// It was so already: nothing to announce.
    Unchanged,
    /// The message does not exist.
    NoMessage,
    /// The 101st pin, or the 51st emoji of a message.
    Full,
}

/// How far people have read, and the mentions that wait for them.
#[async_trait]
pub trait ReadStateStore: Send + Sync {
    async fn set_read_state(&self, mark: ReadMark) -> Result<(), StoreError>;

    /// Read states of a person in those of `scopes` that have one: where something was marked read, or
    /// a mention is unread. In any order.
    ///
    /// Nobody has to read what they wrote: where the person's own messages follow the mark, with nobody
    /// else's in between, `last_read_id` is the last of these (at most [`OWN_MESSAGES_MAX`]), if it was sent
    /// after the mark was set. Nothing is written for it, neither when they send nor here.
    async fn list_read_states(
        &self,
        user_id: UserId,
        scopes: &[ReadScope],
    ) -> Result<Vec<ReadState>, StoreError>;
}

/// How many own messages behind a mark are looked at. Beyond, they do not move it: so many without a word
/// of anybody else, and without ever reading, are those of a program.
pub const OWN_MESSAGES_MAX: u32 = 1000;

/// Up to where a person has read a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadMark {
    pub user_id: UserId,
    pub channel_id: ChannelId,
    pub last_read_id: MessageId,
    /// An id that was made for it: what the person has sent by then does not move the mark, so that it can
    /// be set back behind own messages, too.
    pub set_at: MessageId,
}

/// A channel the person may see, and the first message that could be sent after they joined: from there
/// on `@everyone` meant them, too, and what was before they do not have to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadScope {
    pub channel_id: ChannelId,
    pub joined_from: MessageId,
}
