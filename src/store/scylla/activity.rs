//! What happened last in each channel: each cell with the time of its id, so that the highest stays.

use crate::model::id::{ChangeId, ChannelId, MessageId};
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::places::ChannelOwner;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::timestamp;

statements! {
    message: write "UPDATE ks.group_activity USING TIMESTAMP ? SET last_message_id = ?
                    WHERE group_id = ? AND channel_id = ?";
    change: write "UPDATE ks.group_activity USING TIMESTAMP ? SET last_change_id = ?
                   WHERE group_id = ? AND channel_id = ?";
    everyone: write "UPDATE ks.group_activity USING TIMESTAMP ? SET last_everyone_id = ?
                     WHERE group_id = ? AND channel_id = ?";
    direct_message: write "UPDATE ks.direct_channels_by_user USING TIMESTAMP ? SET last_message_id = ?
                           WHERE user_id = ? AND channel_id = ?";
    direct_change: write "UPDATE ks.direct_channels_by_user USING TIMESTAMP ? SET last_change_id = ?
                          WHERE user_id = ? AND channel_id = ?";
    direct_everyone: write "UPDATE ks.direct_channels_by_user USING TIMESTAMP ? SET last_everyone_id = ?
                            WHERE user_id = ? AND channel_id = ?";
}

/// Something that happened in a channel.
#[derive(Clone, Copy, Debug)]
pub enum Happened {
    Message(MessageId),
    Change(ChangeId),
    /// A message that mentions everyone.
    Everyone(MessageId),
}

impl Happened {
    const fn id(self) -> i64 {
        match self {
            Self::Message(id) | Self::Everyone(id) => id.to_i64(),
            Self::Change(id) => id.to_i64(),
        }
    }
}

impl ScyllaStore {
    /// In a group it is one row; between people one for each of them.
    pub(super) async fn note_activity(
        &self,
        place: &ChannelOwner,
        channel_id: ChannelId,
        happened: Happened,
    ) -> Result<(), StoreError> {
        let (cql, id) = (&self.cql().activity, happened.id());
        let at = timestamp(id.unsigned_abs());
        match place {
            ChannelOwner::Group(group_id) => {
                let statement = match happened {
                    Happened::Message(_) => &cql.message,
                    Happened::Change(_) => &cql.change,
                    Happened::Everyone(_) => &cql.everyone,
                };
                self.db().write(statement, (at, id, *group_id, channel_id)).await
            }
            ChannelOwner::Direct(people) => {
                let statement = match happened {
                    Happened::Message(_) => &cql.direct_message,
                    Happened::Change(_) => &cql.direct_change,
                    Happened::Everyone(_) => &cql.direct_everyone,
                };
                let note = |user_id| self.db().write(statement, (at, id, user_id, channel_id));
                for_all(people.iter().copied(), note).await.map(drop)
            }
        }
    }
}
