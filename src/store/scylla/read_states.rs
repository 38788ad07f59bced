//! How far people have read, and what waits for them.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use scylla::DeserializeRow;

use crate::model::id::{ChannelId, GroupId, MessageId, UserId};
use crate::model::read_state::ReadState;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::errors::failed;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::timestamp;
use crate::store::{
    MENTIONS_COUNTED_MAX, OWN_MESSAGES_MAX, ReadMark, ReadScope, ReadStateStore, StoreError,
};

/// How many messages behind a mark are looked at first: the first of somebody else's ends it.
const LOOKED_AT_FIRST: usize = 20;

statements! {
    set: write "UPDATE ks.read_states USING TIMESTAMP ? SET mark = ? WHERE user_id = ? AND channel_id = ?";
    list: read "SELECT channel_id, mark, last_mention_id FROM ks.read_states WHERE user_id = ?";
    of_group: read "SELECT channel_id, last_message_id, last_everyone_id FROM ks.group_activity
                    WHERE group_id = ?";
    of_direct: read "SELECT channel_id, last_message_id, last_everyone_id FROM ks.direct_channels_by_user
                     WHERE user_id = ?";
}

/// The value of `mark`: the id that was made for it, then up to where. Of two marks with the same timestamp the one
/// with the later id is larger, and stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) set_at: MessageId,
    pub(super) last_read_id: MessageId,
}

impl Mark {
    fn to_bytes(self) -> Vec<u8> {
        [self.set_at, self.last_read_id].map(|id| id.get().to_be_bytes()).concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let id = |bytes: &[u8; 8]| MessageId::new(u64::from_be_bytes(*bytes));
        let decode = || {
            let (set_at, rest) = bytes.split_first_chunk()?;
            Some(Self { set_at: id(set_at), last_read_id: id(rest.first_chunk()?) })
        };
        decode().ok_or_else(|| failed("a mark is cut off"))
    }
}

#[derive(DeserializeRow)]
struct MarkRow {
    channel_id: ChannelId,
    mark: Option<Vec<u8>>,
    last_mention_id: Option<MessageId>,
}

#[derive(DeserializeRow)]
struct LastRow {
    channel_id: ChannelId,
    last_message_id: Option<MessageId>,
    last_everyone_id: Option<MessageId>,
}

/// What is known of a channel before anything in it is looked at.
#[derive(Clone, Copy, Debug, Default)]
struct KnownChannel {
    mark: Option<Mark>,
    last_mention_id: Option<MessageId>,
    last_message_id: Option<MessageId>,
    last_everyone_id: Option<MessageId>,
}

impl KnownChannel {
    /// The first message that is unread.
    fn unread_from(&self, scope: &ReadScope) -> MessageId {
        self.mark.map_or(scope.joined_from, |mark| next(mark.last_read_id))
    }
}

fn next(id: MessageId) -> MessageId {
    MessageId::new(id.get().saturating_add(1).min(MessageId::MAX.get()))
}

fn before(id: MessageId) -> MessageId {
    MessageId::new(id.get().saturating_sub(1))
}

impl ScyllaStore {
    /// One read for the person, and one for each group that is asked for.
    async fn known(
        &self,
        user_id: UserId,
        scopes: &[ReadScope],
    ) -> Result<HashMap<ChannelId, KnownChannel>, StoreError> {
        let cql = &self.cql().read_states;
        let groups: HashSet<GroupId> = scopes.iter().filter_map(|scope| scope.group_id).collect();
        let has_direct = scopes.iter().any(|scope| scope.group_id.is_none());
        let of_group = |group_id| self.db().rows::<LastRow>(&cql.of_group, (group_id,));
        let direct = async {
            if has_direct {
                self.db().rows::<LastRow>(&cql.of_direct, (user_id,)).await
            } else {
                Ok(Vec::new())
            }
        };
        let marks = self.db().rows::<MarkRow>(&cql.list, (user_id,));
        let (marks, direct, of_groups) =
            futures_util::try_join!(marks, direct, for_all(groups, of_group))?;
        let mut known: HashMap<ChannelId, KnownChannel> = HashMap::new();
        for MarkRow { channel_id, mark, last_mention_id } in marks {
            let entry = known.entry(channel_id).or_default();
            entry.mark = mark.as_deref().map(Mark::from_bytes).transpose()?;
            entry.last_mention_id = last_mention_id;
        }
        for row in direct.into_iter().chain(of_groups.into_iter().flatten()) {
            let entry = known.entry(row.channel_id).or_default();
            entry.last_message_id = row.last_message_id;
            entry.last_everyone_id = row.last_everyone_id;
        }
        Ok(known)
    }

    async fn read_state(
        &self,
        user_id: UserId,
        scope: &ReadScope,
        known: KnownChannel,
    ) -> Result<Option<ReadState>, StoreError> {
        let channel_id = scope.channel_id;
        let marked = known.mark.map(|mark| mark.last_read_id);
        let own = self.own_behind(user_id, scope, known).await?;
        let mention_count = self.mentions_behind(user_id, scope, known).await?;
        let last_read_id = own.or(marked);
        let is_something = last_read_id.is_some() || mention_count > 0;
        Ok(is_something.then_some(ReadState { channel_id, last_read_id, mention_count }))
    }

    /// The last of the person's own messages that follow the mark without anybody else's in between.
    async fn own_behind(
        &self,
        user_id: UserId,
        scope: &ReadScope,
        known: KnownChannel,
    ) -> Result<Option<MessageId>, StoreError> {
        let first = known.unread_from(scope);
        if known.last_message_id.is_none_or(|last| last < first) {
            return Ok(None);
        }
        let set_at = known.mark.map_or(MessageId::ZERO, |mark| mark.set_at);
        let max = OWN_MESSAGES_MAX as usize;
        for limit in [LOOKED_AT_FIRST, max] {
            let behind = self.authors_after(scope.channel_id, before(first), limit).await?;
            let own =
                behind.iter().take_while(|(_, author_id)| *author_id == Some(user_id)).count();
            if own < limit || limit == max {
                let last = behind[..own].last().map(|(message_id, _)| *message_id);
                return Ok(last.filter(|message_id| *message_id > set_at));
            }
        }
        Ok(None)
    }

    async fn mentions_behind(
        &self,
        user_id: UserId,
        scope: &ReadScope,
        known: KnownChannel,
    ) -> Result<u32, StoreError> {
        let channel_id = scope.channel_id;
        let read = known.mark.map(|mark| mark.last_read_id);
        let after = read.unwrap_or(MessageId::ZERO);
        let mut count = 0;
        if known.last_mention_id.is_some_and(|last| last > after) {
            count = self.count_mentions(user_id, channel_id, after).await?;
        }
        let first = read.map_or(MessageId::ZERO, next).max(scope.joined_from);
        if known.last_everyone_id.is_some_and(|last| last >= first) {
            count += self.count_everyone(user_id, channel_id, first).await?;
        }
        Ok(count.min(MENTIONS_COUNTED_MAX))
    }
}

#[async_trait]
impl ReadStateStore for ScyllaStore {
    async fn set_read_state(&self, mark: ReadMark) -> Result<(), StoreError> {
        let ReadMark { user_id, channel_id, last_read_id, set_at } = mark;
        let mark = Mark { set_at, last_read_id }.to_bytes();
        let values = (timestamp(set_at.get()), mark, user_id, channel_id);
        self.call("set_read_state", self.db().write(&self.cql().read_states.set, values)).await
    }

    async fn list_read_states(
        &self,
        user_id: UserId,
        scopes: &[ReadScope],
    ) -> Result<Vec<ReadState>, StoreError> {
        self.call("list_read_states", async {
            let known = self.known(user_id, scopes).await?;
            let asked =
                scopes.iter().filter_map(|scope| Some((scope, *known.get(&scope.channel_id)?)));
            let states = for_all(asked, |(scope, known)| self.read_state(user_id, scope, known));
            Ok(states.await?.into_iter().flatten().collect())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_that_was_made_later_is_larger() {
        let mark = |set_at, read| Mark {
            set_at: MessageId::new(set_at),
            last_read_id: MessageId::new(read),
        };
        assert!(mark(256, 1).to_bytes() > mark(255, 9).to_bytes());
        assert_eq!(Mark::from_bytes(&mark(7, 9).to_bytes()).unwrap(), mark(7, 9));
        assert!(Mark::from_bytes(&[0; 15]).is_err());
    }
}
