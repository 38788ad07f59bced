//! Random calls, also failing and repeated ones, beside a model of plain maps; and racing ones, after which
//! what holds is checked.
//!
//! A case that fails is printed in its smallest form.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use futures_util::future::join_all;
use parking_lot::Mutex;
use proptest::prelude::*;
use vibetalk::clock::Clock;
use vibetalk::model::account::{Account, User};
use vibetalk::model::group::{Ban, Group, Invite, Member, MemberPatch, built_in_roles};
use vibetalk::model::id::{ChangeId, ChannelId, GroupId, MessageId, UserId};
use vibetalk::model::message::{Message, MessageEdit};
use vibetalk::store::faults::{Fault, Faults};
use vibetalk::store::scylla::ScyllaStore;
use vibetalk::store::sqlite::SqliteStore;
use vibetalk::store::{
    Joining, Outcome, Reaction, ReadMark, ReadScope, Redemption, Store, StoreError,
};

use super::{NOW_MS, account, channel, check_count, message_with_id, new_message, sqlite_config};
use crate::cassandra::OwnStore;

const GROUP: GroupId = GroupId::new(1);
const OFFICIAL: GroupId = GroupId::new(4);
const CHANNELS: [ChannelId; 2] = [ChannelId::new(2), ChannelId::new(3)];
const USERS: [UserId; 3] = [UserId::new(101), UserId::new(102), UserId::new(103)];
const EMOJIS: [&str; 2] = ["👍", "🎉"];
const CODE: &str = "code";
const NICKNAME: &str = "Nick";
/// One fewer than there are people.
const USES_MAX: u32 = 2;

/// People, channels, emojis and nonces by index; `message` picks one of those sent so far.
#[derive(Clone, Debug)]
enum Op {
    Join(usize),
    Leave(usize),
    Ban(usize),
    Unban(usize),
    /// Gives somebody a nickname in the official group.
    Name(usize),
    BanOfficially(usize),
    UnbanOfficially(usize),
    Redeem(usize),
    Send {
        author: usize,
        channel: usize,
        nonce: Option<u8>,
        mentioned: Option<usize>,
        everyone: bool,
    },
    Edit {
        message: usize,
        author: usize,
        mentioned: Option<usize>,
        everyone: bool,
    },
    Delete(usize),
    React {
        message: usize,
        user: usize,
        emoji: usize,
    },
    Unreact {
        message: usize,
        user: usize,
        emoji: usize,
    },
    Pin(usize),
    Unpin(usize),
    Read {
        message: usize,
        user: usize,
    },
}

/// What a call answered, or that it names a message while there is none.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Nothing,
    Happened(bool),
    Joining(Joining),
    Redeemed(Redemption),
    Sent { id: MessageId, new: bool },
    Outcome(Outcome),
}

impl Op {
    const fn operation(&self) -> &'static str {
        match self {
            Self::Join(_) => "insert_member",
            Self::Leave(_) => "delete_member",
            Self::Ban(_) | Self::BanOfficially(_) => "insert_ban",
            Self::Unban(_) | Self::UnbanOfficially(_) => "delete_ban",
            Self::Name(_) => "update_member",
            Self::Redeem(_) => "redeem_invite",
            Self::Send { .. } => "insert_message",
            Self::Edit { .. } => "update_message",
            Self::Delete(_) => "delete_message",
            Self::React { .. } => "insert_reaction",
            Self::Unreact { .. } => "delete_reaction",
            Self::Pin(_) => "insert_pin",
            Self::Unpin(_) => "delete_pin",
            Self::Read { .. } => "set_read_state",
        }
    }
}

fn ops() -> impl Strategy<Value = Op> {
    let user = || 0..USERS.len();
    let maybe_user = || proptest::option::of(0..USERS.len());
    let message = || 0_usize..100;
    let emoji = || 0..EMOJIS.len();
    prop_oneof![
        1 => user().prop_map(Op::Join),
        1 => user().prop_map(Op::Leave),
        1 => user().prop_map(Op::Ban),
        1 => user().prop_map(Op::Unban),
        1 => user().prop_map(Op::Name),
        1 => user().prop_map(Op::BanOfficially),
        1 => user().prop_map(Op::UnbanOfficially),
        1 => user().prop_map(Op::Redeem),
        5 => (user(), 0..CHANNELS.len(), proptest::option::of(0_u8..3), maybe_user(), any::<bool>())
            .prop_map(|(author, channel, nonce, mentioned, everyone)| {
                Op::Send { author, channel, nonce, mentioned, everyone }
            }),
        3 => (message(), user(), maybe_user(), any::<bool>()).prop_map(
            |(message, author, mentioned, everyone)| Op::Edit { message, author, mentioned, everyone }
        ),
        1 => message().prop_map(Op::Delete),
        2 => (message(), user(), emoji())
            .prop_map(|(message, user, emoji)| Op::React { message, user, emoji }),
        1 => (message(), user(), emoji())
            .prop_map(|(message, user, emoji)| Op::Unreact { message, user, emoji }),
        1 => message().prop_map(Op::Pin),
        1 => message().prop_map(Op::Unpin),
        1 => (message(), user()).prop_map(|(message, user)| Op::Read { message, user }),
    ]
}

fn faults() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(Fault::NotDone)),
        1 => Just(Some(Fault::StoppedAfter(1))),
        1 => Just(Some(Fault::AnswerLost)),
    ]
}

type Sent = Mutex<Vec<(ChannelId, MessageId)>>;

/// Carries calls out, under ids that depend on their place alone.
struct Caller<'a> {
    store: &'a dyn Store,
    faults: &'a Faults,
    sent: &'a Sent,
}

/// A call with all that it needs, so that it can be repeated as it was.
struct Call {
    op: Op,
    /// Of a new message, or of a change.
    id: u64,
    /// The message that it names.
    about: Option<(ChannelId, MessageId)>,
}

impl Call {
    fn new(op: Op, place: u64, sent: &Sent) -> Self {
        let sent = sent.lock();
        let pick = |message: usize| (!sent.is_empty()).then(|| sent[message % sent.len()]);
        let about = match op {
            Op::Edit { message, .. }
            | Op::Delete(message)
            | Op::React { message, .. }
            | Op::Unreact { message, .. }
            | Op::Pin(message)
            | Op::Unpin(message)
            | Op::Read { message, .. } => pick(message),
            _ => None,
        };
        Self { op, id: (NOW_MS << 21) + place, about }
    }

    fn reaction(&self, at: (ChannelId, MessageId), user: usize, emoji: usize) -> Reaction {
        let (channel_id, message_id) = at;
        let emoji = EMOJIS[emoji].to_owned();
        Reaction { channel_id, message_id, emoji, user_id: USERS[user], at_ms: NOW_MS }
    }

    async fn make(&self, store: &dyn Store) -> Result<Answer, StoreError> {
        let change_id = ChangeId::new(self.id);
        let member = |user: usize| Member::new(GROUP, USERS[user], NOW_MS);
        let ban = |group_id, user: usize| Ban {
            group_id,
            user_id: USERS[user],
            reason: String::new(),
            created_at_ms: NOW_MS,
        };
        Ok(match (&self.op, self.about) {
            (Op::Join(user), _) => Answer::Joining(store.insert_member(&member(*user)).await?),
            (Op::Leave(user), _) => {
                Answer::Happened(store.delete_member(GROUP, USERS[*user]).await?.is_some())
            }
            (Op::Ban(user), _) => {
                store.insert_ban(&ban(GROUP, *user)).await?;
                Answer::Nothing
            }
            (Op::Unban(user), _) => Answer::Happened(store.delete_ban(GROUP, USERS[*user]).await?),
            (Op::BanOfficially(user), _) => {
                store.insert_ban(&ban(OFFICIAL, *user)).await?;
                Answer::Nothing
            }
            (Op::UnbanOfficially(user), _) => {
                Answer::Happened(store.delete_ban(OFFICIAL, USERS[*user]).await?)
            }
            (Op::Name(user), _) => {
                let patch = MemberPatch { nickname: Some(Some(NICKNAME.into())), roles: None };
                let named = store.update_member(OFFICIAL, USERS[*user], &patch).await?;
                Answer::Happened(named.is_some())
            }
            (Op::Redeem(user), _) => {
                Answer::Redeemed(store.redeem_invite(CODE, &member(*user), NOW_MS).await?)
            }
            (Op::Send { author, channel, nonce, mentioned, everyone }, _) => {
                let id = MessageId::new(self.id);
                let message = Message {
                    author_id: USERS[*author],
                    nonce: nonce.map(|nonce| nonce.to_string()),
                    mentions: mentioned.iter().map(|user| USERS[*user]).collect(),
                    mentions_everyone: *everyone,
                    ..message_with_id(CHANNELS[*channel], id)
                };
                let sent = store.insert_message(&new_message(&message, NOW_MS)).await?;
                let sent = sent.expect("no channel is slow");
                Answer::Sent { id: sent.message.id, new: sent.new }
            }
            (Op::Edit { author, mentioned, everyone, .. }, Some((channel_id, message_id))) => {
                let edit = MessageEdit {
                    channel_id,
                    message_id,
                    author_id: USERS[*author],
                    content: format!("edit {change_id}"),
                    mentions: mentioned.iter().map(|user| USERS[*user]).collect(),
                    mentions_everyone: *everyone,
                    edited_at_ms: NOW_MS,
                };
                Answer::Happened(store.update_message(&edit, change_id).await?.is_some())
            }
            (Op::Delete(_), Some((channel_id, id))) => {
                Answer::Happened(store.delete_message(channel_id, id, change_id).await?)
            }
            (Op::React { user, emoji, .. }, Some(at)) => {
                let reaction = self.reaction(at, *user, *emoji);
                Answer::Outcome(store.insert_reaction(&reaction, change_id).await?)
            }
            (Op::Unreact { user, emoji, .. }, Some(at)) => {
                let reaction = self.reaction(at, *user, *emoji);
                Answer::Outcome(store.delete_reaction(&reaction, change_id).await?)
            }
            (Op::Pin(_), Some((channel_id, id))) => {
                Answer::Outcome(store.insert_pin(channel_id, id, change_id).await?)
            }
            (Op::Unpin(_), Some((channel_id, id))) => {
                Answer::Outcome(store.delete_pin(channel_id, id, change_id).await?)
            }
            (Op::Read { user, .. }, Some((channel_id, last_read_id))) => {
                let set_at = MessageId::new(self.id);
                let mark = ReadMark { user_id: USERS[*user], channel_id, last_read_id, set_at };
                store.set_read_state(mark).await?;
                Answer::Nothing
            }
            (_, None) => Answer::Nothing,
        })
    }
}

impl Caller<'_> {
    /// Makes a call that may fail, and repeats it until it is answered.
    async fn make(&self, call: &Call, fault: Option<Fault>) -> Answer {
        if let Some(fault) = fault {
            self.faults.plan(call.op.operation(), fault);
        }
        let answer = loop {
            let answer = call.make(self.store).await;
            self.faults.clear(); // Perhaps somebody else's fault, too, who repeats it all the same.
            match answer {
                Ok(answer) => break answer,
                Err(StoreError::Timeout) => {}
                Err(error) => panic!("{:?}: {error}", call.op),
            }
        };
        if let (Op::Send { channel, .. }, Answer::Sent { id, .. }) = (&call.op, &answer) {
            let mut sent = self.sent.lock();
            if !sent.contains(&(CHANNELS[*channel], *id)) {
                sent.push((CHANNELS[*channel], *id));
            }
        }
        answer
    }
}

#[derive(Debug)]
struct Kept {
    author: usize,
    content: String,
    mentioned: Option<usize>,
    everyone: bool,
    pinned: bool,
    /// By emoji and person.
    reactions: BTreeSet<(usize, usize)>,
}

/// What the store has to say after calls that did not race.
#[derive(Debug, Default)]
struct Model {
    members: BTreeSet<usize>,
    banned: BTreeSet<usize>,
    officially_banned: BTreeSet<usize>,
    officially_named: BTreeSet<usize>,
    used: BTreeSet<usize>,
    messages: BTreeMap<(ChannelId, MessageId), Kept>,
    claims: BTreeMap<(usize, ChannelId, u8), MessageId>,
    read: BTreeMap<(usize, ChannelId), MessageId>,
}

impl Model {
    fn make(&mut self, call: &Call) -> Answer {
        let outcome = |changed| match changed {
            true => Answer::Outcome(Outcome::Changed),
            false => Answer::Outcome(Outcome::Unchanged),
        };
        match (&call.op, call.about) {
            (Op::Join(user), _) => Answer::Joining(self.join(*user)),
            (Op::Leave(user), _) => Answer::Happened(self.members.remove(user)),
            (Op::Ban(user), _) => {
                self.banned.insert(*user);
                self.members.remove(user);
                Answer::Nothing
            }
            (Op::Unban(user), _) => Answer::Happened(self.banned.remove(user)),
            (Op::BanOfficially(user), _) => {
                self.officially_banned.insert(*user);
                self.officially_named.remove(user);
                Answer::Nothing
            }
            (Op::UnbanOfficially(user), _) => Answer::Happened(self.officially_banned.remove(user)),
            (Op::Name(user), _) => {
                let is_member = !self.officially_banned.contains(user);
                if is_member {
                    self.officially_named.insert(*user);
                }
                Answer::Happened(is_member)
            }
            (Op::Redeem(user), _) => Answer::Redeemed(self.redeem(*user)),
            (Op::Send { author, channel, nonce, mentioned, everyone }, _) => {
                let (channel_id, id) = (CHANNELS[*channel], MessageId::new(call.id));
                if let Some(nonce) = nonce {
                    let first = *self.claims.entry((*author, channel_id, *nonce)).or_insert(id);
                    if first != id {
                        return Answer::Sent { id: first, new: false };
                    }
                }
                let kept = Kept {
                    author: *author,
                    content: format!("message {id}"),
                    mentioned: *mentioned,
                    everyone: *everyone,
                    pinned: false,
                    reactions: BTreeSet::new(),
                };
                self.messages.insert((channel_id, id), kept);
                Answer::Sent { id, new: true }
            }
            (Op::Read { user, .. }, Some((channel_id, id))) => {
                self.read.insert((*user, channel_id), id);
                Answer::Nothing
            }
            (Op::Delete(_), Some(at)) => Answer::Happened(self.messages.remove(&at).is_some()),
            (Op::Edit { author, mentioned, everyone, .. }, Some(at)) => {
                let kept = self.messages.get_mut(&at).filter(|kept| kept.author == *author);
                let Some(kept) = kept else { return Answer::Happened(false) };
                kept.content = format!("edit {}", call.id);
                (kept.mentioned, kept.everyone) = (*mentioned, *everyone);
                Answer::Happened(true)
            }
            (op, Some(at)) => {
                let Some(kept) = self.messages.get_mut(&at) else {
                    return Answer::Outcome(Outcome::NoMessage);
                };
                match op {
                    Op::React { user, emoji, .. } => {
                        outcome(kept.reactions.insert((*emoji, *user)))
                    }
                    Op::Unreact { user, emoji, .. } => {
                        outcome(kept.reactions.remove(&(*emoji, *user)))
                    }
                    Op::Pin(_) => outcome(!std::mem::replace(&mut kept.pinned, true)),
                    _ => outcome(std::mem::replace(&mut kept.pinned, false)),
                }
            }
            (_, None) => Answer::Nothing,
        }
    }

    fn join(&mut self, user: usize) -> Joining {
        if self.banned.contains(&user) {
            return Joining::Banned;
        }
        if self.members.insert(user) { Joining::New } else { Joining::Already }
    }

    fn redeem(&mut self, user: usize) -> Redemption {
        if self.members.contains(&user) {
            return Redemption::AlreadyMember;
        }
        if self.used.len() == USES_MAX as usize && !self.used.contains(&user) {
            return Redemption::NotFound;
        }
        if self.banned.contains(&user) {
            return Redemption::Banned;
        }
        self.used.insert(user);
        self.members.insert(user);
        Redemption::Joined
    }

    fn mention_count(&self, user: usize, channel_id: ChannelId) -> u32 {
        let read = self.read.get(&(user, channel_id)).copied().unwrap_or(MessageId::ZERO);
        let counts = |((_, id), kept): &(&(ChannelId, MessageId), &Kept)| {
            *id > read && kept.author != user && (kept.everyone || kept.mentioned == Some(user))
        };
        let of_channel = self.messages.iter().filter(|((at, _), _)| *at == channel_id);
        of_channel.filter(counts).count() as u32
    }

    fn seen(&self) -> Seen {
        let history = |channel_id| {
            let of_channel =
                self.messages.iter().rev().filter(move |((at, _), _)| *at == channel_id);
            let seen = |((_, id), kept): (&(ChannelId, MessageId), &Kept)| SeenMessage {
                id: *id,
                author: USERS[kept.author],
                content: kept.content.clone(),
                pinned: kept.pinned,
                reactions: kept
                    .reactions
                    .iter()
                    .map(|(emoji, user)| (*emoji, USERS[*user]))
                    .collect(),
            };
            of_channel.map(seen).collect()
        };
        Seen {
            members: self.members.iter().map(|user| USERS[*user]).collect(),
            banned: self.banned.iter().map(|user| USERS[*user]).collect(),
            official: (0..USERS.len())
                .filter(|user| !self.officially_banned.contains(user))
                .map(|user| (USERS[user], self.officially_named.contains(&user)))
                .collect(),
            uses: self.used.len() as u32,
            history: CHANNELS.map(history),
            mention_counts: std::array::from_fn(|user| {
                CHANNELS.map(|channel_id| self.mention_count(user, channel_id))
            }),
        }
    }
}

/// All that can be read, in one value.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    members: Vec<UserId>,
    banned: Vec<UserId>,
    /// And whether they have the nickname.
    official: Vec<(UserId, bool)>,
    uses: u32,
    history: [Vec<SeenMessage>; 2],
    mention_counts: [[u32; 2]; 3],
}

#[derive(Debug, PartialEq, Eq)]
struct SeenMessage {
    id: MessageId,
    author: UserId,
    content: String,
    pinned: bool,
    reactions: BTreeSet<(usize, UserId)>,
}

/// Reads everything, and checks that all that tells of one thing agrees.
async fn see(store: &dyn Store) -> Seen {
    let members = store.list_members(GROUP, None, UserId::ZERO, 10).await.unwrap();
    let members: Vec<UserId> = members.iter().map(|member| member.user_id).collect();
    for user_id in USERS {
        let found = store.find_member(GROUP, user_id).await.unwrap().is_some();
        let memberships = store.list_memberships(user_id).await.unwrap();
        let listed = memberships.iter().any(|member| member.group_id == GROUP);
        assert_eq!((found, listed), (members.contains(&user_id), found));
        let found = store.find_member(OFFICIAL, user_id).await.unwrap();
        let listed = memberships.into_iter().find(|member| member.group_id == OFFICIAL);
        assert_eq!(found, listed);
    }
    let official = store.list_members(OFFICIAL, None, UserId::ZERO, 10).await.unwrap();
    for member in &official {
        let found = store.find_member(OFFICIAL, member.user_id).await.unwrap();
        assert_eq!(found.as_ref(), Some(member));
    }
    assert_eq!(store.filter_members(OFFICIAL, &USERS).await.unwrap().len(), official.len());
    check_count(store, OFFICIAL, official.len() as u64).await;
    assert_eq!(store.filter_members(GROUP, &USERS).await.unwrap().len(), members.len());
    check_count(store, GROUP, members.len() as u64).await;
    let bans = store.list_bans(GROUP, UserId::ZERO, 10).await.unwrap();
    let mut mention_counts = [[0; 2]; 3];
    for (user, user_id) in USERS.into_iter().enumerate() {
        let scope = |channel_id| ReadScope {
            channel_id,
            group_id: Some(GROUP),
            joined_from: MessageId::ZERO,
        };
        let states = store.list_read_states(user_id, &CHANNELS.map(scope)).await.unwrap();
        for state in states {
            let channel = CHANNELS.iter().position(|id| *id == state.channel_id).unwrap();
            mention_counts[user][channel] = state.mention_count;
        }
    }
    Seen {
        members,
        banned: bans.iter().map(|ban| ban.user_id).collect(),
        official: official.iter().map(|it| (it.user_id, it.nickname.is_some())).collect(),
        uses: store.find_invite(CODE).await.unwrap().unwrap().uses,
        history: [see_history(store, CHANNELS[0]).await, see_history(store, CHANNELS[1]).await],
        mention_counts,
    }
}

async fn see_history(store: &dyn Store, channel_id: ChannelId) -> Vec<SeenMessage> {
    let messages = store.messages_before(channel_id, MessageId::MAX, 200).await.unwrap();
    let pinned = store.list_pinned_ids(channel_id).await.unwrap();
    let mut history = Vec::new();
    for message in &messages {
        let mut reactions = BTreeSet::new();
        for (emoji, name) in EMOJIS.into_iter().enumerate() {
            let listed =
                store.list_reaction_users(channel_id, message.id, name, UserId::ZERO, 10).await;
            reactions.extend(listed.unwrap().into_iter().map(|user_id| (emoji, user_id)));
        }
        history.push(SeenMessage {
            id: message.id,
            author: message.author_id,
            content: message.content.clone(),
            pinned: pinned.contains(&message.id),
            reactions,
        });
    }
    let listed = store.list_pins(channel_id).await.unwrap();
    let of_history = messages.into_iter().filter(|message| pinned.contains(&message.id));
    assert_eq!(listed, of_history.collect::<Vec<_>>());
    history
}

/// How many reactions are counted of each message and emoji, which has to agree with who reacted.
async fn check_reaction_counts(store: &dyn Store, seen: &Seen) {
    for (channel_id, history) in CHANNELS.into_iter().zip(&seen.history) {
        for message in history {
            let counted = store.count_reactions(channel_id, &[message.id], None).await.unwrap();
            let mut counts = [0; 2];
            for count in counted.iter().flat_map(|(_, counts)| counts) {
                let emoji = EMOJIS.iter().position(|emoji| *emoji == count.emoji).unwrap();
                counts[emoji] = count.count as usize;
            }
            let reacted = |emoji| message.reactions.iter().filter(|(it, _)| *it == emoji).count();
            assert_eq!(counts, [reacted(0), reacted(1)]);
        }
    }
}

async fn fill(store: &dyn Store) {
    let group = Group { id: GROUP, ..super::group() };
    let channels = CHANNELS.map(|id| vibetalk::model::channel::Channel { id, ..channel(GROUP) });
    store.insert_group(&group, &built_in_roles(), &channels, &[]).await.unwrap();
    let official = Group { id: OFFICIAL, official: true, owner_id: None, ..super::group() };
    store.insert_group(&official, &built_in_roles(), &[], &[]).await.unwrap();
    for id in USERS {
        let user = User { id, username: format!("user-{id}"), ..account().user };
        store.insert_account(&Account { user, ..account() }).await.unwrap();
    }
    let invite = Invite {
        code: CODE.into(),
        group_id: GROUP,
        creator_id: USERS[0],
        uses: 0,
        uses_max: Some(USES_MAX),
        expires_at_ms: None,
        created_at_ms: NOW_MS,
    };
    store.insert_invite(&invite).await.unwrap();
}

/// One call after the other: the store says what the model says.
async fn check_calls(
    store: &dyn Store,
    faults: &Faults,
    is_one_commit: bool,
    calls: Vec<(Op, Option<Fault>)>,
) {
    fill(store).await;
    let (mut model, sent) = (Model::default(), Sent::default());
    let caller = Caller { store, faults, sent: &sent };
    for (place, (op, fault)) in (1..).zip(calls) {
        let call = Call::new(op, place, &sent);
        let (answer, expected) = (caller.make(&call, fault).await, model.make(&call));
        // What was done before its answer was lost was "so already" the second time.
        let may_be_so_already = match fault {
            Some(Fault::AnswerLost) => true,
            Some(Fault::StoppedAfter(_)) => !is_one_commit,
            Some(Fault::NotDone) | None => false,
        };
        if !may_be_so_already {
            assert_eq!(answer, expected, "{:?}", call.op);
        }
        let seen = see(store).await;
        assert_eq!(seen, model.seen(), "{:?}", call.op);
        check_reaction_counts(store, &seen).await;
    }
}

/// Several callers at once: what is there in the end is what some order would have left, as far as it is
/// promised.
async fn check_races(store: &dyn Store, faults: &Faults, callers: Vec<Vec<(Op, Option<Fault>)>>) {
    fill(store).await;
    let (sent, nonces) = (Sent::default(), Mutex::new(BTreeMap::new()));
    let (deleted, used) = (Mutex::new(Vec::new()), Mutex::new(BTreeSet::new()));
    let caller = Caller { store, faults, sent: &sent };
    let run = async |number: u64, calls: Vec<(Op, Option<Fault>)>| {
        for (place, (op, fault)) in (1..).zip(calls) {
            let call = Call::new(op, 1000 * number + place, &sent);
            let answer = caller.make(&call, fault).await;
            match (&call.op, answer) {
                (Op::Send { author, channel, nonce: Some(nonce), .. }, Answer::Sent { id, .. }) => {
                    let first = *nonces.lock().entry((*author, *channel, *nonce)).or_insert(id);
                    assert_eq!(first, id, "all repetitions are answered alike");
                }
                (Op::Delete(_), Answer::Happened(true)) => deleted.lock().extend(call.about),
                (Op::Redeem(user), Answer::Redeemed(Redemption::Joined)) => {
                    used.lock().insert(*user);
                }
                _ => {}
            }
        }
    };
    join_all((0..).zip(callers).map(|(number, calls)| run(number, calls))).await;

    let seen = see(store).await;
    let once: BTreeSet<_> = deleted.lock().iter().copied().collect();
    assert_eq!(deleted.lock().len(), once.len(), "a message is deleted once");
    assert!(seen.members.iter().all(|user_id| !seen.banned.contains(user_id)), "{seen:?}");
    for user_id in USERS {
        let is_banned = store.find_ban(OFFICIAL, user_id).await.unwrap().is_some();
        assert_eq!(seen.official.iter().any(|(it, _)| *it == user_id), !is_banned, "{seen:?}");
    }
    assert!(seen.uses <= USES_MAX && seen.uses as usize >= used.lock().len(), "{seen:?}");
    for (channel, (channel_id, history)) in CHANNELS.into_iter().zip(&seen.history).enumerate() {
        let ids: Vec<MessageId> = history.iter().map(|message| message.id).collect();
        assert!(deleted.lock().iter().all(|(at, id)| *at != channel_id || !ids.contains(id)));
        let answered = sent.lock().clone();
        assert!(ids.iter().all(|id| answered.contains(&(channel_id, *id))), "each once");
        let of_channel = |(_, at, _): &(usize, usize, u8)| *at == channel;
        let claimed: Vec<MessageId> =
            nonces.lock().iter().filter(|(key, _)| of_channel(key)).map(|(_, id)| *id).collect();
        let once: BTreeSet<MessageId> = claimed.iter().copied().collect();
        assert_eq!(claimed.len(), once.len(), "no message has two nonces");
    }
    settle_reactions(store, &seen).await;
    check_reaction_counts(store, &see(store).await).await;
}

/// Counts are about until somebody has reacted alone.
async fn settle_reactions(store: &dyn Store, seen: &Seen) {
    let mut change = (NOW_MS << 21) + 1_000_000;
    for (channel_id, history) in CHANNELS.into_iter().zip(&seen.history) {
        for message in history {
            for emoji in EMOJIS {
                let (message_id, user_id) = (message.id, UserId::new(999));
                let emoji = emoji.to_owned();
                let reaction = Reaction { channel_id, message_id, emoji, user_id, at_ms: NOW_MS };
                store.insert_reaction(&reaction, ChangeId::new(change)).await.unwrap();
                store.delete_reaction(&reaction, ChangeId::new(change + 1)).await.unwrap();
                change += 2;
            }
        }
    }
}

fn on_sqlite<Fut: Future<Output = ()>>(check: impl FnOnce(SqliteStore, Faults) -> Fut) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = sqlite_config(folder.path());
        let store = SqliteStore::open(&config, Clock::fixed(NOW_MS)).unwrap();
        let faults = store.faults().clone();
        check(store.clone(), faults).await;
        store.close().await;
    });
}

fn on_scylla<Fut: Future<Output = ()>>(check: impl FnOnce(ScyllaStore, Faults) -> Fut) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = OwnStore::open(Clock::fixed(NOW_MS)).await;
        let faults = store.faults().clone();
        check((*store).clone(), faults).await;
        store.close().await;
    });
}

proptest! {
    // Each takes seconds.
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_shared_store_does_what_a_model_does(
        calls in proptest::collection::vec((ops(), faults()), 1..60)
    ) {
        on_scylla(|store, faults| async move { check_calls(&store, &faults, false, calls).await });
    }

    #[test]
    fn what_holds_when_calls_race_holds_in_the_shared_store(
        callers in proptest::collection::vec(
            proptest::collection::vec((ops(), faults()), 1..30), 2..5)
    ) {
        on_scylla(|store, faults| async move { check_races(&store, &faults, callers).await });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_a_model_does(
        calls in proptest::collection::vec((ops(), faults()), 1..60)
    ) {
        on_sqlite(|store, faults| async move { check_calls(&store, &faults, true, calls).await });
    }

    #[test]
    fn what_holds_when_calls_race_holds(
        callers in proptest::collection::vec(
            proptest::collection::vec((ops(), faults()), 1..30), 2..5)
    ) {
        on_sqlite(|store, faults| async move { check_races(&store, &faults, callers).await });
    }
}
