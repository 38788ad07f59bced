//! All that is stored, record by record; see `store/records.rs`. The only reads here that go over whole tables.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::channel::Channel;
use crate::model::group::{Ban, Group, Invite, Member, MemberPatch};
use crate::model::id::{ChangeId, ChannelId, GroupId, MessageId, UserId};
use crate::model::message::{Change, Message};
use crate::store::records::{GroupRecord, Record, RecordKind, RecordPage, RecordStore};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::accounts::AccountRow;
use crate::store::scylla::activity::Happened;
use crate::store::scylla::bans::BanRow;
use crate::store::scylla::changes::kind_of;
use crate::store::scylla::database::Decoded;
use crate::store::scylla::direct_channels::direct_channel;
use crate::store::scylla::errors::failed;
use crate::store::scylla::groups::{GroupKind, RoleValue, role};
use crate::store::scylla::invites::InviteRow;
use crate::store::scylla::messages::MessageRow;
use crate::store::scylla::read_states::Mark;
use crate::store::scylla::sessions::SessionRow;
use crate::store::scylla::statement::{CqlStatement, statements};
use crate::store::scylla::value::{Ms, ttl_seconds};
use crate::store::{
    AccountStore, BanStore, CHANGES_KEPT_MS, ChannelStore, DirectOpening, GroupStore, InviteStore,
    MemberStore, OpeningQuota, Reaction, ReadMark, ReadStateStore, SessionStore, SettingsStore,
    StoreError,
};

/// Groups whose channels are one page: each has up to 500.
const GROUPS_AT_A_TIME: usize = 50;
/// Nobody waits for a page of them but who copies.
const READ_MAX: Duration = Duration::from_secs(30);

statements! {
    accounts: read "SELECT user_id, username, display_name, avatar, password_hash, operator, created_at_ms
                    FROM ks.users";
    sessions: read "SELECT session_id, user_id, refresh_hash, created_at_ms, last_used_at_ms, expires_at_ms, user_agent,
                           ended FROM ks.sessions";
    settings: read "SELECT user_id, settings FROM ks.user_settings";
    groups: read "SELECT DISTINCT group_id, name, icon, owner_id, official, created_at_ms, roles FROM ks.groups";
    direct_channels: read "SELECT people, channel_id, opener_id FROM ks.direct_channels_by_people";
    members: read "SELECT group_id, user_id, roles, nickname, joined_at_ms FROM ks.members";
    bans: read "SELECT group_id, user_id, reason, created_at_ms FROM ks.bans";
    invites: read "SELECT DISTINCT code, group_id, creator_id, uses, uses_max, expires_at_ms, created_at_ms
                   FROM ks.invites";
    uses: read "SELECT code, user_id, used_at_ms FROM ks.invites";
    messages: read "SELECT channel_id, message_id, author_id, content, edited_at_ms, reply_to, mentions,
                           mentions_everyone, nonce, edit_id, ever_mentioned FROM ks.messages";
    reactions: read "SELECT channel_id, message_id, emoji, user_id, at_ms FROM ks.reactions";
    pins: read "SELECT channel_id, message_id FROM ks.pins";
    changes: read "SELECT channel_id, change_id, message_id, kind FROM ks.channel_changes";
    marks: read "SELECT user_id, channel_id, mark FROM ks.read_states";
    use_noted: decide "INSERT INTO ks.invites (code, user_id, used_at_ms) VALUES (?, ?, ?) IF NOT EXISTS USING TTL ?";
}

/// What was asked about the rows of a page, which lie together as their partitions do: so each is asked once.
struct Asked<K, V>(HashMap<K, V>);

impl<K: Hash + Eq + Clone, V: Clone> Asked<K, V> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    async fn about(
        &mut self,
        key: &K,
        ask: impl Future<Output = Result<V, StoreError>>,
    ) -> Result<V, StoreError> {
        if let Some(answer) = self.0.get(key) {
            return Ok(answer.clone());
        }
        let answer = ask.await?;
        self.0.insert(key.clone(), answer.clone());
        Ok(answer)
    }
}

/// Of a group whose static columns these are; none if it is not there.
type GroupColumns = (
    GroupId,
    Option<String>,
    Option<String>,
    Option<UserId>,
    Option<bool>,
    Option<Ms>,
    Option<Vec<RoleValue>>,
);

fn group_record(columns: GroupColumns) -> Option<GroupRecord> {
    let (id, name, icon, owner_id, official, created_at_ms, roles) = columns;
    let Ms(created_at_ms) = created_at_ms?;
    let (name, official) = (name.unwrap_or_default(), official.unwrap_or_default());
    let group = Group { id, name, icon, owner_id, official, created_at_ms };
    let mut roles: Vec<_> = roles.unwrap_or_default().into_iter().map(role).collect();
    roles.sort_by(|a, b| (a.rank, &a.name).cmp(&(b.rank, &b.name)));
    Some(GroupRecord { group, roles: roles.into_iter().map(Into::into).collect() })
}

fn people_of(key: &str) -> Result<Vec<UserId>, StoreError> {
    key.split(',').map(|id| id.parse().map_err(failed)).collect()
}

type Page<R> = (Vec<R>, Option<String>);

impl ScyllaStore {
    async fn scan<R: Decoded>(
        &self,
        table: &CqlStatement,
        (from, limit): (Option<&str>, usize),
    ) -> Result<Page<R>, StoreError> {
        self.db().scan(table, from, limit).await
    }

    /// A page of a table whose rows each say all, or nothing.
    async fn simple<R: Decoded>(
        &self,
        table: &CqlStatement,
        place: (Option<&str>, usize),
        record: impl Fn(R) -> Result<Option<Record>, StoreError>,
    ) -> Result<RecordPage, StoreError> {
        let (rows, next) = self.scan::<R>(table, place).await?;
        let records = rows.into_iter().map(record).filter_map(Result::transpose);
        Ok(RecordPage { records: records.collect::<Result<_, _>>()?, next })
    }

    async fn read_page(
        &self,
        kind: RecordKind,
        place: (Option<&str>, usize),
    ) -> Result<RecordPage, StoreError> {
        let (cql, now_ms) = (&self.cql().records, self.0.clock.now_ms());
        match kind {
            RecordKind::Account => {
                let record = |row: AccountRow| Ok(Some(Record::Account(row.into())));
                self.simple(&cql.accounts, place, record).await
            }
            RecordKind::Session => {
                let record = |row: SessionRow| {
                    let is_open = row.is_open(now_ms);
                    let session = row.session()?;
                    Ok(is_open.then_some(Record::Session(session)))
                };
                self.simple(&cql.sessions, place, record).await
            }
            RecordKind::Settings => {
                let record = |(user_id, json): (UserId, String)| {
                    let settings = serde_json::from_str(&json).map_err(failed)?;
                    Ok(Some(Record::Settings { user_id, settings }))
                };
                self.simple(&cql.settings, place, record).await
            }
            RecordKind::Group => {
                let record = |columns| Ok(group_record(columns).map(Record::Group));
                self.simple(&cql.groups, place, record).await
            }
            RecordKind::Channel => self.read_channels(place).await,
            RecordKind::DirectChannel => {
                let record = |(people, id, opener): (String, ChannelId, UserId)| {
                    let channel = direct_channel(id, &people_of(&people)?);
                    let opener = (opener != UserId::ZERO).then_some(opener);
                    Ok(Some(Record::DirectChannel { channel, opener }))
                };
                self.simple(&cql.direct_channels, place, record).await
            }
            RecordKind::Member => self.read_members(place).await,
            RecordKind::Ban => self.read_bans(place).await,
            RecordKind::Invite => self.read_invites(place).await,
            RecordKind::InviteUse => self.read_uses(place).await,
            RecordKind::Message => self.read_messages(place).await,
            RecordKind::Reaction => self.read_reactions(place).await,
            RecordKind::Pin => self.read_pins(place).await,
            RecordKind::Change => self.read_changes(place).await,
            RecordKind::ReadMark => self.read_marks(place).await,
        }
    }

    async fn read_channels(
        &self,
        (from, limit): (Option<&str>, usize),
    ) -> Result<RecordPage, StoreError> {
        let place = (from, limit.min(GROUPS_AT_A_TIME));
        let (rows, next) = self.scan::<GroupColumns>(&self.cql().records.groups, place).await?;
        let group_ids: Vec<GroupId> = rows.into_iter().map(|columns| columns.0).collect();
        let channels = self.list_channels(&group_ids).await?;
        Ok(RecordPage { records: channels.into_iter().map(Record::Channel).collect(), next })
    }

    async fn read_members(&self, place: (Option<&str>, usize)) -> Result<RecordPage, StoreError> {
        type MemberColumns = (GroupId, UserId, Option<Vec<String>>, Option<String>, Option<Ms>);
        let (rows, next) = self.scan::<MemberColumns>(&self.cql().records.members, place).await?;
        let (mut kinds, mut records) = (Asked::new(), Vec::new());
        for (group_id, user_id, roles, nickname, joined) in rows {
            let kind = kinds.about(&group_id, self.kind_of(group_id)).await?;
            let roles = roles.unwrap_or_default();
            let joined_at_ms = match kind {
                None => continue,
                Some(GroupKind::Official) if nickname.is_none() && roles.is_empty() => continue,
                Some(GroupKind::Official) => 0, // Everybody is in it since they registered.
                Some(GroupKind::Ordinary) => joined.map_or(0, |Ms(at_ms)| at_ms),
            };
            records.push(Record::Member(Member {
                group_id,
                user_id,
                roles,
                nickname,
                joined_at_ms,
            }));
        }
        Ok(RecordPage { records, next })
    }

    async fn read_bans(&self, place: (Option<&str>, usize)) -> Result<RecordPage, StoreError> {
        let (rows, next) = self.scan::<BanRow>(&self.cql().records.bans, place).await?;
        let (mut kinds, mut records) = (Asked::new(), Vec::new());
        for ban in rows.into_iter().map(Ban::from) {
            if kinds.about(&ban.group_id, self.kind_of(ban.group_id)).await?.is_some() {
                records.push(Record::Ban(ban));
            }
        }
        Ok(RecordPage { records, next })
    }

    /// Whether an invite is one still.
    async fn is_kept(
        &self,
        invite: &Invite,
        kinds: &mut Asked<GroupId, Option<GroupKind>>,
    ) -> Result<bool, StoreError> {
        let now_ms = self.0.clock.now_ms();
        let expired = invite.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let kind = kinds.about(&invite.group_id, self.kind_of(invite.group_id)).await?;
        Ok(!expired && kind.is_some())
    }

    async fn read_invites(&self, place: (Option<&str>, usize)) -> Result<RecordPage, StoreError> {
        let (rows, next) = self.scan::<InviteRow>(&self.cql().records.invites, place).await?;
        let (mut kinds, mut records) = (Asked::new(), Vec::new());
        for invite in rows.into_iter().filter_map(InviteRow::invite) {
            if self.is_kept(&invite, &mut kinds).await? {
                records.push(Record::Invite(invite));
            }
        }
        Ok(RecordPage { records, next })
    }

    async fn read_uses(&self, place: (Option<&str>, usize)) -> Result<RecordPage, StoreError> {
        type UseColumns = (String, Option<UserId>, Option<Ms>);
        let (rows, next) = self.scan::<UseColumns>(&self.cql().records.uses, place).await?;
        let (mut invites, mut kinds, mut records) = (Asked::new(), Asked::new(), Vec::new());
        for (code, user_id, used_at) in rows {
            let (Some(user_id), Some(Ms(used_at_ms))) = (user_id, used_at) else { continue };
            if let Some(invite) = invites.about(&code, self.invite_row(&code)).await?
                && self.is_kept(&invite, &mut kinds).await?
            {
                records.push(Record::InviteUse { code, user_id, used_at_ms });
            }
        }
        Ok(RecordPage { records, next })
    }

    async fn read_messages(&self, place: (Option<&str>, usize)) -> Result<RecordPage, StoreError> {
        let (rows, next) = self.scan::<MessageRow>(&self.cql().records.messages, place).await?;
        let (mut there, mut records) = (Asked::new(), Vec::new());
        for message in rows.into_iter().filter_map(MessageRow::message) {
            let channel_id = message.channel_id;
            if there.about(&channel_id, self.is_there(channel_id)).await? {
                records.push(Record::Message(message));
            }
        }
        Ok(RecordPage { records, next })
    }

    /// Whether there is a message, in a channel that is there.
    async fn is_message(
        &self,
        (channel_id, message_id): (ChannelId, MessageId),
    ) -> Result<bool, StoreError> {
        let message = self.message_at(channel_id, message_id);
        Ok(self.in_channel(channel_id, message).await?.is_some())
    }

    async fn read_reactions(&self, place: (Option<&str>, usize)) -> Result<RecordPage, StoreError> {
        type ReactionColumns = (ChannelId, MessageId, String, UserId, Ms);
        let table = &self.cql().records.reactions;
        let (rows, next) = self.scan::<ReactionColumns>(table, place).await?;
        let (mut there, mut records) = (Asked::new(), Vec::new());
        for (channel_id, message_id, emoji, user_id, Ms(at_ms)) in rows {
            let at = (channel_id, message_id);
            if there.about(&at, self.is_message(at)).await? {
                let reaction = Reaction { channel_id, message_id, emoji, user_id, at_ms };
                records.push(Record::Reaction(reaction));
            }
        }
        Ok(RecordPage { records, next })
    }

    async fn read_pins(&self, place: (Option<&str>, usize)) -> Result<RecordPage, StoreError> {
        // Without a pin there may be a row for the version alone.
        type PinColumns = (ChannelId, Option<MessageId>);
        let (rows, next) = self.scan::<PinColumns>(&self.cql().records.pins, place).await?;
        let mut records = Vec::new();
        for (channel_id, message_id) in rows {
            if let Some(message_id) = message_id
                && self.is_message((channel_id, message_id)).await?
            {
                records.push(Record::Pin { channel_id, message_id });
            }
        }
        Ok(RecordPage { records, next })
    }

    async fn read_changes(&self, place: (Option<&str>, usize)) -> Result<RecordPage, StoreError> {
        type ChangeColumns = (ChannelId, ChangeId, MessageId, i8);
        let (rows, next) = self.scan::<ChangeColumns>(&self.cql().records.changes, place).await?;
        let since_ms = self.0.clock.now_ms().saturating_sub(CHANGES_KEPT_MS);
        let (mut there, mut records) = (Asked::new(), Vec::new());
        for (channel_id, id, message_id, code) in rows {
            let is_kept = MessageId::new(id.get()).timestamp_ms() > since_ms;
            if is_kept && there.about(&channel_id, self.is_there(channel_id)).await? {
                let kind = kind_of(id, code)?;
                records.push(Record::Change(Change { id, channel_id, message_id, kind }));
            }
        }
        Ok(RecordPage { records, next })
    }

    async fn read_marks(&self, place: (Option<&str>, usize)) -> Result<RecordPage, StoreError> {
        // Without a mark there may be a row for the last mention alone.
        type MarkColumns = (UserId, ChannelId, Option<Vec<u8>>);
        let (rows, next) = self.scan::<MarkColumns>(&self.cql().records.marks, place).await?;
        let (mut there, mut records) = (Asked::new(), Vec::new());
        for (user_id, channel_id, mark) in rows {
            let Some(bytes) = mark else { continue };
            if there.about(&channel_id, self.is_there(channel_id)).await? {
                let Mark { set_at, last_read_id } = Mark::from_bytes(&bytes)?;
                let mark = ReadMark { user_id, channel_id, last_read_id, set_at };
                records.push(Record::ReadMark(mark));
            }
        }
        Ok(RecordPage { records, next })
    }

    async fn write_member(&self, member: &Member) -> Result<(), StoreError> {
        if self.kind_of(member.group_id).await? != Some(GroupKind::Official) {
            return self.insert_member(member).await.map(drop);
        }
        let patch = MemberPatch {
            nickname: Some(member.nickname.clone()),
            roles: Some(member.roles.clone()),
        };
        self.update_member(member.group_id, member.user_id, &patch).await.map(drop)
    }

    async fn write_direct_channel(
        &self,
        channel: &Channel,
        opener: Option<UserId>,
    ) -> Result<(), StoreError> {
        let opener = opener.unwrap_or(UserId::ZERO);
        // They have opened as many as they have opened.
        let quota = OpeningQuota { opener, since: ChannelId::MAX, opened_max: u32::MAX };
        match self.open_direct_channel(channel, quota).await? {
            DirectOpening::Found(found) if found.id != channel.id => Err(StoreError::Conflict),
            _ => Ok(()),
        }
    }

    async fn write_use(
        &self,
        code: &str,
        user_id: UserId,
        used_at_ms: u64,
    ) -> Result<(), StoreError> {
        let Some(invite) = self.invite_row(code).await? else { return Ok(()) };
        let ttl = invite.expires_at_ms.map_or(0, |expires_at_ms| {
            ttl_seconds(expires_at_ms.saturating_sub(self.0.clock.now_ms()), CHANGES_KEPT_MS)
        });
        let values = (code, user_id, Ms(used_at_ms), ttl);
        self.db().decide(&self.cql().records.use_noted, values).await.map(drop)
    }

    /// As it was sent, whatever its nonce: that has no claim any more.
    async fn write_message(&self, message: &Message) -> Result<(), StoreError> {
        let Some(place) = self.place_of(message.channel_id).await? else { return Ok(()) };
        let happened = Happened::Message(message.id);
        self.note_activity(&place, message.channel_id, happened).await?;
        self.insert_row(message).await?;
        self.note_mentions_of(&place, message).await
    }

    async fn write(&self, record: &Record) -> Result<(), StoreError> {
        match record {
            Record::Account(account) => self.insert_account(account).await,
            Record::Session(session) => self.insert_session(session).await,
            Record::Settings { user_id, settings } => {
                self.update_settings(*user_id, settings).await.map(drop)
            }
            Record::Group(GroupRecord { group, roles }) => {
                let roles: Vec<_> = roles.iter().cloned().map(Into::into).collect();
                self.insert_group(group, &roles, &[], &[]).await
            }
            Record::Channel(channel) => self.insert_channel(channel).await.map(drop),
            Record::DirectChannel { channel, opener } => {
                self.write_direct_channel(channel, *opener).await
            }
            Record::Member(member) => self.write_member(member).await,
            Record::Ban(ban) => self.insert_ban(ban).await,
            Record::Invite(invite) => self.insert_invite(invite).await,
            Record::InviteUse { code, user_id, used_at_ms } => {
                self.write_use(code, *user_id, *used_at_ms).await
            }
            Record::Message(message) => self.write_message(message).await,
            Record::Reaction(reaction) => self.write_reaction(reaction).await,
            Record::Pin { channel_id, message_id } => {
                self.set_pinned((*channel_id, *message_id), true).await.map(drop)
            }
            Record::Change(Change { id, channel_id, message_id, kind }) => {
                self.note_change(*id, (*channel_id, *message_id), *kind).await
            }
            Record::ReadMark(mark) => self.set_read_state(*mark).await,
        }
    }
}

#[async_trait]
impl RecordStore for ScyllaStore {
    async fn read_records(
        &self,
        kind: RecordKind,
        from: Option<&str>,
        limit: usize,
    ) -> Result<RecordPage, StoreError> {
        self.call_within("read_records", READ_MAX, self.read_page(kind, (from, limit))).await
    }

    async fn write_record(&self, record: &Record) -> Result<(), StoreError> {
        self.call("write_record", self.write(record)).await
    }
}
