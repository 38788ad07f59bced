//! Who is kept out of a group.

use async_trait::async_trait;
use scylla::DeserializeRow;

use crate::model::group::Ban;
use crate::model::id::{GroupId, UserId};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::groups::GroupKind;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{Ms, rows};
use crate::store::{BanStore, StoreError};

statements! {
    insert: decide "INSERT INTO ks.bans (group_id, user_id, reason, created_at_ms) VALUES (?, ?, ?, ?)
                    IF NOT EXISTS";
    delete: decide "DELETE FROM ks.bans WHERE group_id = ? AND user_id = ? IF EXISTS";
    find: read "SELECT group_id, user_id, reason, created_at_ms FROM ks.bans WHERE group_id = ? AND user_id = ?";
    list: read "SELECT group_id, user_id, reason, created_at_ms FROM ks.bans
                WHERE group_id = ? AND user_id > ? LIMIT ?";
}

#[derive(DeserializeRow)]
pub(super) struct BanRow {
    group_id: GroupId,
    user_id: UserId,
    reason: String,
    created_at_ms: Ms,
}

impl From<BanRow> for Ban {
    fn from(row: BanRow) -> Self {
        let BanRow { group_id, user_id, reason, created_at_ms } = row;
        Self { group_id, user_id, reason, created_at_ms: created_at_ms.0 }
    }
}

impl ScyllaStore {
    /// Whether or not there is such a group.
    pub(super) async fn is_banned(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<bool, StoreError> {
        let row: Option<BanRow> = self.db().row(&self.cql().bans.find, (group_id, user_id)).await?;
        Ok(row.is_some())
    }

    async fn delete_ban_row(&self, group_id: GroupId, user_id: UserId) -> Result<bool, StoreError> {
        let delete = &self.cql().bans.delete;
        self.db().decide(delete, (group_id, user_id)).await?.once()
    }
}

#[async_trait]
impl BanStore for ScyllaStore {
    async fn insert_ban(&self, ban: &Ban) -> Result<(), StoreError> {
        let (group_id, user_id) = (ban.group_id, ban.user_id);
        let steps = self.steps("insert_ban");
        self.call("insert_ban", async {
            let Some(kind) = self.kind_of(group_id).await? else { return Ok(()) };
            let values = (group_id, user_id, &ban.reason, Ms(ban.created_at_ms));
            let banned = self.db().decide(&self.cql().bans.insert, values).await?;
            steps.done()?;
            match kind {
                GroupKind::Ordinary => {
                    self.remove_member(group_id, user_id, &steps).await?;
                }
                GroupKind::Official => {
                    self.adjust_count(group_id, -i64::from(banned.applied()));
                    self.forget_official(group_id, user_id).await?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn delete_ban(&self, group_id: GroupId, user_id: UserId) -> Result<bool, StoreError> {
        let steps = self.steps("delete_ban");
        self.call("delete_ban", async {
            let Some(kind) = self.kind_of(group_id).await? else { return Ok(false) };
            if kind == GroupKind::Ordinary {
                steps.done()?;
                return self.delete_ban_row(group_id, user_id).await;
            }
            // Who is not banned keeps what they have.
            let is_banned = self.is_banned(group_id, user_id).await?;
            if is_banned {
                self.forget_official(group_id, user_id).await?;
            }
            steps.done()?;
            let deleted = self.delete_ban_row(group_id, user_id).await?;
            if deleted {
                self.adjust_count(group_id, 1);
            }
            if deleted && !is_banned {
                // It was on its way, and its own call has perhaps not come to this.
                self.forget_official(group_id, user_id).await?;
            }
            Ok(deleted)
        })
        .await
    }

    async fn find_ban(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Ban>, StoreError> {
        self.call("find_ban", async {
            let row = self.db().row::<BanRow>(&self.cql().bans.find, (group_id, user_id));
            let (kind, row) = futures_util::try_join!(self.kind_of(group_id), row)?;
            Ok(kind.and(row).map(Ban::from))
        })
        .await
    }

    async fn list_bans(
        &self,
        group_id: GroupId,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Ban>, StoreError> {
        self.call("list_bans", async {
            if self.kind_of(group_id).await?.is_none() {
                return Ok(Vec::new());
            }
            let values = (group_id, after, rows(limit));
            let listed: Vec<BanRow> = self.db().rows(&self.cql().bans.list, values).await?;
            Ok(listed.into_iter().map(Ban::from).collect())
        })
        .await
    }
}
