//! What happened last in many channels, read: one partition for each group, and one for a person's direct channels.

use std::collections::{BTreeMap, HashSet};

use scylla::DeserializeRow;

use crate::model::id::{ChangeId, ChannelId, GroupId, MessageId, UserId};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::statement::statements;
use crate::store::{Activity, CHANGES_KEPT_MS, ChannelPlace, StoreError};

statements! {
    of_group: read "SELECT channel_id, last_message_id, last_change_id FROM ks.group_activity WHERE group_id = ?";
    of_person: read "SELECT channel_id, last_message_id, last_change_id FROM ks.direct_channels_by_user
                     WHERE user_id = ?";
}

#[derive(DeserializeRow)]
struct ActivityRow {
    channel_id: ChannelId,
    last_message_id: Option<MessageId>,
    last_change_id: Option<ChangeId>,
}

impl ActivityRow {
    /// None if nothing is left of what happened.
    fn activity(self, oldest_kept: ChangeId) -> Option<Activity> {
        let Self { channel_id, last_message_id, last_change_id } = self;
        let last_change_id = last_change_id.filter(|id| *id >= oldest_kept);
        let happened = last_message_id.is_some() || last_change_id.is_some();
        happened.then_some(Activity { channel_id, last_message_id, last_change_id })
    }
}

impl ScyllaStore {
    pub(super) async fn activity_in(
        &self,
        reader: UserId,
        channels: &[ChannelPlace],
    ) -> Result<Vec<Activity>, StoreError> {
        let mut asked: BTreeMap<Option<GroupId>, HashSet<ChannelId>> = BTreeMap::new();
        for ChannelPlace { channel_id, group_id } in channels {
            asked.entry(*group_id).or_default().insert(*channel_id);
        }
        let now_ms = self.0.clock.now_ms();
        let oldest_kept = ChangeId::first_at(now_ms.saturating_sub(CHANGES_KEPT_MS));
        let cql = &self.cql().activity_lists;
        let list = |(group_id, asked): (Option<GroupId>, HashSet<ChannelId>)| async move {
            let mut listed = Vec::new();
            let visit = |row: ActivityRow| {
                if asked.contains(&row.channel_id) {
                    listed.extend(row.activity(oldest_kept));
                }
            };
            match group_id {
                Some(group_id) => self.db().each(&cql.of_group, (group_id,), visit).await?,
                None => self.db().each(&cql.of_person, (reader,), visit).await?,
            }
            Ok(listed)
        };
        Ok(for_all(asked, list).await?.into_iter().flatten().collect())
    }
}
