//! What changed in a channel.

use scylla::DeserializeRow;

use crate::model::id::{ChangeId, ChannelId, MessageId};
use crate::model::message::{Change, ChangeKind};
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::activity::Happened;
use crate::store::scylla::errors::failed;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::rows;

statements! {
    note: write "INSERT INTO ks.channel_changes (channel_id, change_id, message_id, kind) VALUES (?, ?, ?, ?)";
    since: read "SELECT change_id, message_id, kind FROM ks.channel_changes
                 WHERE channel_id = ? AND change_id >= ? LIMIT ?";
}

#[derive(DeserializeRow)]
struct ChangeRow {
    change_id: ChangeId,
    message_id: MessageId,
    kind: i8,
}

pub(super) fn kind_of(change_id: ChangeId, code: i8) -> Result<ChangeKind, StoreError> {
    let kind = ChangeKind::from_code(code.cast_unsigned());
    kind.ok_or_else(|| failed(format!("change {change_id} is of no known kind")))
}

impl ScyllaStore {
    /// Noting a change twice is a no-op.
    pub(super) async fn note_change(
        &self,
        change_id: ChangeId,
        (channel_id, message_id): (ChannelId, MessageId),
        kind: ChangeKind,
    ) -> Result<(), StoreError> {
        let Some(place) = self.place_of(channel_id).await? else { return Ok(()) };
        self.note_activity(&place, channel_id, Happened::Change(change_id)).await?;
        let values = (channel_id, change_id, message_id, kind.code().cast_signed());
        self.db().write(&self.cql().changes.note, values).await
    }

    /// Oldest first, from `since` on.
    pub(super) async fn changes_since(
        &self,
        channel_id: ChannelId,
        since: ChangeId,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError> {
        let values = (channel_id, since, rows(limit));
        let listed: Vec<ChangeRow> = self.db().rows(&self.cql().changes.since, values).await?;
        let change = |ChangeRow { change_id, message_id, kind }| {
            let kind = kind_of(change_id, kind)?;
            Ok(Change { id: change_id, channel_id, message_id, kind })
        };
        listed.into_iter().map(change).collect()
    }
}
