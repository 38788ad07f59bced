//! Whether the database takes writes, and how far its ids go.

use std::time::Duration;

use async_trait::async_trait;

use crate::clock::UnixMs;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::statement::{CqlStatement, statements};
use crate::store::{StateStore, StoreError};

/// Every person, session, group and channel is looked at: a million in some ten seconds.
const NEWEST_ID_TIMEOUT: Duration = Duration::from_secs(300);

statements! {
    probe: write "INSERT INTO ks.settings (name, value) VALUES ('probed_at_ms', ?)";
    users: read "SELECT user_id FROM ks.users";
    sessions: read "SELECT session_id FROM ks.sessions";
    attempts: read "SELECT attempt_id FROM ks.attempts_by_id";
    groups: read "SELECT DISTINCT group_id FROM ks.groups";
    channels: read "SELECT channel_id FROM ks.channel_places";
    // Changes stand for messages that are deleted.
    messages: read "SELECT last_message_id FROM ks.group_activity";
    changes: read "SELECT last_change_id FROM ks.group_activity";
    direct_messages: read "SELECT last_message_id FROM ks.direct_channels_by_user";
    direct_changes: read "SELECT last_change_id FROM ks.direct_channels_by_user";
}

impl ScyllaStore {
    /// The highest id of a table.
    async fn newest_in(&self, list: &CqlStatement) -> Result<u64, StoreError> {
        let mut newest = 0;
        let visit = |(id,): (Option<i64>,)| newest = newest.max(id.unwrap_or_default());
        self.db().each(list, (), visit).await?;
        Ok(newest.unsigned_abs())
    }
}

#[async_trait]
impl StateStore for ScyllaStore {
    async fn probe(&self, now_ms: UnixMs) -> Result<(), StoreError> {
        let value = now_ms.to_string();
        self.call("probe", self.db().write(&self.cql().state.probe, (value,))).await
    }

    async fn newest_id(&self) -> Result<u64, StoreError> {
        let cql = &self.cql().state;
        self.call_within("newest_id", NEWEST_ID_TIMEOUT, async {
            let lists = [
                &cql.users,
                &cql.sessions,
                &cql.attempts,
                &cql.groups,
                &cql.channels,
                &cql.messages,
                &cql.changes,
                &cql.direct_messages,
                &cql.direct_changes,
            ];
            let mut newest = 0;
            for list in lists {
                newest = newest.max(self.newest_in(list).await?);
            }
            Ok(newest)
        })
        .await
    }
}
