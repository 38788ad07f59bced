//! What is left of groups and channels that were deleted.

use crate::model::id::{ChannelId, GroupId};
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::Ms;

statements! {
    note: write "INSERT INTO ks.garbage (kind, id, noted_at_ms) VALUES (?, ?, ?)";
}

/// What is deleted, or about to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Garbage {
    Group(GroupId),
    Channel(ChannelId),
}

impl Garbage {
    const fn kind(self) -> i8 {
        match self {
            Self::Group(_) => 0,
            Self::Channel(_) => 1,
        }
    }

    const fn id(self) -> i64 {
        match self {
            Self::Group(id) => id.to_i64(),
            Self::Channel(id) => id.to_i64(),
        }
    }
}

impl ScyllaStore {
    /// Before the deletion: from then on it is found by nobody else.
    pub(super) async fn note_garbage(&self, garbage: Garbage) -> Result<(), StoreError> {
        let now = Ms(self.0.clock.now_ms());
        let values = (garbage.kind(), garbage.id(), now);
        self.db().write(&self.cql().garbage.note, values).await
    }
}
