//! Channels between people: a claim for each set of people, a place for the channel, and an entry in each person's list.

use std::cmp::Reverse;

use scylla::DeserializeRow;
use scylla::value::MaybeUnset;

use crate::model::channel::{Channel, ChannelKind};
use crate::model::id::{ChannelId, MessageId, UserId};
use crate::store::faults::Steps;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::errors::failed;
use crate::store::scylla::statement::statements;
use crate::store::{DirectOpening, OpeningQuota, StoreError};

statements! {
    find_claim: read "SELECT channel_id, opener_id FROM ks.direct_channels_by_people WHERE people = ?";
    claim: decide "INSERT INTO ks.direct_channels_by_people (people, channel_id, opener_id) VALUES (?, ?, ?)
                   IF NOT EXISTS";
    place: write "INSERT INTO ks.channel_places (channel_id, recipients) VALUES (?, ?)";
    enter: write "INSERT INTO ks.direct_channels_by_user (user_id, channel_id, recipients, opened)
                  VALUES (?, ?, ?, ?)";
    entry: read "SELECT recipients FROM ks.direct_channels_by_user WHERE user_id = ? AND channel_id = ?";
    list: read "SELECT channel_id, recipients, last_message_id FROM ks.direct_channels_by_user WHERE user_id = ?";
    since: read "SELECT channel_id, opened FROM ks.direct_channels_by_user WHERE user_id = ? AND channel_id >= ?";
}

/// Which channel people have, and who opened it.
#[derive(Clone, Copy, DeserializeRow)]
struct PeopleClaim {
    channel_id: ChannelId,
    opener_id: UserId,
}

/// Without recipients it is no entry yet: something happened in the channel before it was made.
#[derive(DeserializeRow)]
struct Entry {
    channel_id: ChannelId,
    recipients: Option<Vec<UserId>>,
    last_message_id: Option<MessageId>,
}

/// Nothing of it can be changed.
pub(super) fn direct_channel(id: ChannelId, people: &[UserId]) -> Channel {
    Channel {
        id,
        group_id: None,
        kind: ChannelKind::Direct,
        name: String::new(),
        topic: String::new(),
        position: 0,
        slow_mode_seconds: 0,
        recipients: people.to_vec(),
    }
}

/// The key of their claim.
fn claim_key(people: &[UserId]) -> String {
    people.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

impl ScyllaStore {
    /// The channel of `people`, who are sorted.
    pub(super) async fn open_direct(
        &self,
        candidate: ChannelId,
        people: &[UserId],
        quota: OpeningQuota,
        steps: &Steps,
    ) -> Result<DirectOpening, StoreError> {
        let key = claim_key(people);
        if let Some(claim) = self.claim_of(&key).await? {
            return self.complete_direct(claim, people, steps).await.map(DirectOpening::Found);
        }
        if let Some(first) = self.opened_too_many(quota).await? {
            return Ok(DirectOpening::TooMany { first });
        }
        let claim = PeopleClaim { channel_id: candidate, opener_id: quota.opener };
        let values = (&key, candidate, quota.opener);
        let decision = self.db().decide(&self.cql().direct_channels.claim, values).await?;
        let found = decision.found::<ChannelId>("channel_id")?.filter(|_| !decision.applied());
        if found.is_none_or(|id| id == candidate) {
            return self.complete_direct(claim, people, steps).await.map(DirectOpening::New);
        }
        let missing = || failed("a claim is gone");
        let claim = self.claim_of(&key).await?.ok_or_else(missing)?;
        self.complete_direct(claim, people, steps).await.map(DirectOpening::Found)
    }

    async fn claim_of(&self, key: &str) -> Result<Option<PeopleClaim>, StoreError> {
        self.db().row(&self.cql().direct_channels.find_claim, (key,)).await
    }

    /// The oldest of those that count against the quota, if there are as many as it allows.
    async fn opened_too_many(&self, quota: OpeningQuota) -> Result<Option<ChannelId>, StoreError> {
        let (mut opened, mut first) = (0, None);
        let visit = |(channel_id, by_them): (ChannelId, Option<bool>)| {
            if by_them == Some(true) {
                opened += 1;
                first.get_or_insert(channel_id); // They are in order.
            }
        };
        let since = &self.cql().direct_channels.since;
        self.db().each(since, (quota.opener, quota.since), visit).await?;
        Ok(first.filter(|_| opened >= quota.opened_max))
    }

    /// Does what is missing after the claim.
    async fn complete_direct(
        &self,
        claim: PeopleClaim,
        people: &[UserId],
        steps: &Steps,
    ) -> Result<Channel, StoreError> {
        let cql = &self.cql().direct_channels;
        steps.done()?;
        if self.place_of(claim.channel_id).await?.is_none() {
            self.db().write(&cql.place, (claim.channel_id, people)).await?;
        }
        steps.done()?;
        let enter = |user_id: UserId| async move {
            let at = (user_id, claim.channel_id);
            let entry: Option<Option<Vec<UserId>>> = self.db().value(&cql.entry, at).await?;
            if entry.flatten().is_none() {
                let opened = MaybeUnset::from_option((user_id == claim.opener_id).then_some(true));
                let values = (user_id, claim.channel_id, people, opened);
                self.db().write(&cql.enter, values).await?;
            }
            Ok(())
        };
        for_all(people.iter().copied(), enter).await?;
        Ok(direct_channel(claim.channel_id, people))
    }

    /// The ids of channels and messages are times, and can be compared.
    pub(super) async fn direct_channels_of(
        &self,
        user_id: UserId,
        limit: usize,
    ) -> Result<Vec<Channel>, StoreError> {
        let list = &self.cql().direct_channels.list;
        let mut active: Vec<(u64, Channel)> = Vec::new();
        let visit = |entry: Entry| {
            if let Some(people) = &entry.recipients {
                let last = entry.last_message_id.map_or(0, MessageId::get);
                let at = last.max(entry.channel_id.get());
                active.push((at, direct_channel(entry.channel_id, people)));
            }
        };
        self.db().each(list, (user_id,), visit).await?;
        active.sort_unstable_by_key(|(at, _)| Reverse(*at));
        active.truncate(limit);
        let mut channels: Vec<Channel> = active.into_iter().map(|(_, channel)| channel).collect();
        channels.sort_unstable_by_key(|channel| channel.id);
        Ok(channels)
    }
}
