//! Who is in which group. Of the official one: everybody who has an account and is not banned, with what the rows of its
//! members say.

use std::collections::{HashMap, HashSet};

use scylla::DeserializeRow;

use crate::model::group::Member;
use crate::model::id::{Bucket, GroupId, UserId};
use crate::store::StoreError;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::accounts::bucket_of;
use crate::store::scylla::database::for_all;
use crate::store::scylla::groups::GroupKind;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{KEYS_AT_A_TIME, Ms, rows};

statements! {
    find: read "SELECT user_id, roles, nickname, joined_at_ms FROM ks.members WHERE group_id = ? AND user_id = ?";
    find_some: read "SELECT user_id, roles, nickname, joined_at_ms FROM ks.members
                     WHERE group_id = ? AND user_id IN ?";
    page: read "SELECT user_id, roles, nickname, joined_at_ms FROM ks.members
                WHERE group_id = ? AND user_id > ? LIMIT ?";
    banned: read "SELECT user_id FROM ks.bans WHERE group_id = ? AND user_id IN ?";
    registered: read "SELECT user_id, created_at_ms FROM ks.users WHERE user_id = ?";
    groups: read "SELECT group_id FROM ks.groups_by_user WHERE user_id = ?";
    buckets: read "SELECT bucket FROM ks.account_buckets WHERE scope = 0 AND bucket >= ?";
    accounts: read "SELECT user_id FROM ks.accounts WHERE bucket = ? AND user_id > ? LIMIT ?";
}

/// Which group, and of which kind it is.
pub(super) type KnownGroup = (GroupId, GroupKind);

/// In the official group it may have been written field by field.
#[derive(DeserializeRow)]
struct MemberRow {
    user_id: UserId,
    roles: Option<Vec<String>>,
    nickname: Option<String>,
    joined_at_ms: Option<Ms>,
}

impl MemberRow {
    fn member(self, group_id: GroupId) -> Member {
        Member {
            group_id,
            user_id: self.user_id,
            roles: self.roles.unwrap_or_default(),
            nickname: self.nickname,
            joined_at_ms: self.joined_at_ms.map_or(0, |Ms(at_ms)| at_ms),
        }
    }
}

impl ScyllaStore {
    /// What is stored of a member, whether or not there is such a group.
    pub(super) async fn member_row(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError> {
        let row: Option<MemberRow> =
            self.db().row(&self.cql().member_lists.find, (group_id, user_id)).await?;
        Ok(row.map(|row| row.member(group_id)))
    }

    pub(super) async fn member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError> {
        if self.0.official.get() == Some(&group_id) {
            return Ok(self.registered_among(group_id, &[user_id]).await?.pop());
        }
        let row = self.member_row(group_id, user_id);
        let (kind, row) = futures_util::try_join!(self.kind_of(group_id), row)?;
        match kind {
            None => Ok(None),
            Some(GroupKind::Ordinary) => Ok(row),
            Some(GroupKind::Official) => {
                Ok(self.registered_among(group_id, &[user_id]).await?.pop())
            }
        }
    }

    /// Those of `user_ids` who are members, in their order.
    pub(super) async fn members_among(
        &self,
        (group_id, kind): KnownGroup,
        user_ids: &[UserId],
    ) -> Result<Vec<Member>, StoreError> {
        if kind == GroupKind::Official {
            return self.registered_among(group_id, user_ids).await;
        }
        let mut rows = self.rows_among(group_id, user_ids).await?;
        Ok(user_ids.iter().filter_map(|user_id| rows.remove(user_id)).collect())
    }

    async fn rows_among(
        &self,
        group_id: GroupId,
        user_ids: &[UserId],
    ) -> Result<HashMap<UserId, Member>, StoreError> {
        let find = &self.cql().member_lists.find_some;
        let some = |ids: &[UserId]| {
            let values = (group_id, ids.to_vec());
            async move { self.db().rows::<MemberRow>(find, values).await }
        };
        let rows = for_all(user_ids.chunks(KEYS_AT_A_TIME), some).await?;
        Ok(rows.into_iter().flatten().map(|row| (row.user_id, row.member(group_id))).collect())
    }

    async fn banned_among(
        &self,
        group_id: GroupId,
        user_ids: &[UserId],
    ) -> Result<HashSet<UserId>, StoreError> {
        let banned = &self.cql().member_lists.banned;
        let some = |ids: &[UserId]| {
            let values = (group_id, ids.to_vec());
            async move { self.db().column::<UserId>(banned, values).await }
        };
        let banned = for_all(user_ids.chunks(KEYS_AT_A_TIME), some).await?;
        Ok(banned.into_iter().flatten().collect())
    }

    /// Likewise of the official group: the account, the ban and the row of each.
    async fn registered_among(
        &self,
        group_id: GroupId,
        user_ids: &[UserId],
    ) -> Result<Vec<Member>, StoreError> {
        let registered = &self.cql().member_lists.registered;
        let since = |user_id| self.db().row::<(UserId, Ms)>(registered, (user_id,));
        let (accounts, banned, mut rows) = futures_util::try_join!(
            for_all(user_ids.iter().copied(), since),
            self.banned_among(group_id, user_ids),
            self.rows_among(group_id, user_ids),
        )?;
        let member = |(user_id, Ms(joined_at_ms))| {
            let row = rows.remove(&user_id);
            let member = row.unwrap_or_else(|| Member::new(group_id, user_id, joined_at_ms));
            Member { joined_at_ms, ..member }
        };
        let accounts = accounts.into_iter().flatten();
        Ok(accounts.filter(|(user_id, _)| !banned.contains(user_id)).map(member).collect())
    }

    /// Members after `after` by user id.
    pub(super) async fn members_page(
        &self,
        (group_id, kind): KnownGroup,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        if kind == GroupKind::Official {
            return self.official_page(group_id, after, limit).await;
        }
        let values = (group_id, after, rows(limit));
        let page: Vec<MemberRow> = self.db().rows(&self.cql().member_lists.page, values).await?;
        Ok(page.into_iter().map(|row| row.member(group_id)).collect())
    }

    /// From one partition of accounts after the other, each in pieces of a page.
    async fn official_page(
        &self,
        group_id: GroupId,
        mut after: UserId,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        let (cql, mut members) = (&self.cql().member_lists, Vec::new());
        let buckets: Vec<Bucket> = self.db().column(&cql.buckets, (bucket_of(after),)).await?;
        for bucket in buckets {
            while members.len() < limit {
                let values = (bucket, after, rows(limit));
                let some: Vec<UserId> = self.db().column(&cql.accounts, values).await?;
                let Some(last) = some.last() else { break };
                after = *last;
                members.extend(self.registered_among(group_id, &some).await?);
                if some.len() < limit {
                    break; // The bucket ends here.
                }
            }
        }
        members.truncate(limit);
        Ok(members)
    }

    pub(super) async fn memberships_of(&self, user_id: UserId) -> Result<Vec<Member>, StoreError> {
        let listed = self.db().column::<GroupId>(&self.cql().member_lists.groups, (user_id,));
        let (mut group_ids, official) = futures_util::try_join!(listed, self.official_id())?;
        group_ids.extend(official);
        group_ids.sort_unstable();
        group_ids.dedup();
        let find = |group_id| self.member(group_id, user_id);
        Ok(for_all(group_ids, find).await?.into_iter().flatten().collect())
    }
}
