//! Who becomes and ceases to be a member, and what members change. What is read is in `member_lists.rs`.

use async_trait::async_trait;
use scylla::value::MaybeUnset;

use crate::model::group::{Member, MemberPatch};
use crate::model::id::{GroupId, UserId};
use crate::store::faults::Steps;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::groups::GroupKind;
use crate::store::scylla::member_words::keys_of;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::Ms;
use crate::store::{Joining, MemberStore, StoreError};

statements! {
    insert: decide "INSERT INTO ks.members (group_id, user_id, roles, nickname, joined_at_ms) VALUES (?, ?, ?, ?, ?)
                    IF NOT EXISTS";
    update: decide "UPDATE ks.members SET nickname = ?, roles = ? WHERE group_id = ? AND user_id = ? IF EXISTS";
    delete: decide "DELETE FROM ks.members WHERE group_id = ? AND user_id = ? IF EXISTS";
    enter: decide "INSERT INTO ks.groups_by_user (user_id, group_id) VALUES (?, ?) IF NOT EXISTS";
    leave: decide "DELETE FROM ks.groups_by_user WHERE user_id = ? AND group_id = ? IF EXISTS";
}

impl ScyllaStore {
    /// False if the person is a member already. Whether there is such a group is not asked.
    async fn insert_member_row(&self, member: &Member) -> Result<bool, StoreError> {
        let Member { group_id, user_id, roles, nickname, joined_at_ms } = member;
        let nickname = MaybeUnset::from_option(nickname.as_ref());
        let values = (group_id, user_id, roles, nickname, Ms(*joined_at_ms));
        Ok(self.db().decide(&self.cql().members.insert, values).await?.applied())
    }

    /// In the person's list of groups. A condition, because clocks would decide otherwise whether somebody who has just
    /// left is in it.
    async fn enter_group(&self, group_id: GroupId, user_id: UserId) -> Result<(), StoreError> {
        self.db().decide(&self.cql().members.enter, (user_id, group_id)).await.map(drop)
    }

    async fn leave_group(&self, group_id: GroupId, user_id: UserId) -> Result<(), StoreError> {
        self.db().decide(&self.cql().members.leave, (user_id, group_id)).await?;
        // Who has come back meanwhile found themselves in the list still.
        match self.member_row(group_id, user_id).await? {
            Some(_) => self.enter_group(group_id, user_id).await,
            None => Ok(()),
        }
    }

    /// Of a group that is not there yet.
    pub(super) async fn insert_first_member(&self, member: &Member) -> Result<(), StoreError> {
        self.insert_member_row(member).await?;
        self.enter_group(member.group_id, member.user_id).await?;
        let key = (member.group_id, member.user_id);
        self.note_nickname(key, member.nickname.as_deref(), None).await
    }

    /// Makes somebody, who was not banned a moment ago, a member of an ordinary group. Steps: the member, the list, a look
    /// for a ban.
    pub(super) async fn join(&self, member: &Member, steps: &Steps) -> Result<Joining, StoreError> {
        let (group_id, user_id) = (member.group_id, member.user_id);
        let new = self.insert_member_row(member).await?;
        if new {
            self.adjust_count(group_id, 1);
        }
        steps.done()?;
        self.enter_group(group_id, user_id).await?;
        if new {
            self.note_nickname((group_id, user_id), member.nickname.as_deref(), None).await?;
        }
        steps.done()?;
        match self.refuse_banned(group_id, user_id).await? {
            true => Ok(Joining::Banned),
            false => Ok(if new { Joining::New } else { Joining::Already }),
        }
    }

    /// What somebody may be missing who is a member already.
    pub(super) async fn complete_membership(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Joining, StoreError> {
        self.enter_group(group_id, user_id).await?;
        let is_banned = self.refuse_banned(group_id, user_id).await?;
        Ok(if is_banned { Joining::Banned } else { Joining::Already })
    }

    /// Takes the membership back of somebody who was banned while they joined.
    async fn refuse_banned(&self, group_id: GroupId, user_id: UserId) -> Result<bool, StoreError> {
        let is_banned = self.is_banned(group_id, user_id).await?;
        if is_banned {
            self.remove_member(group_id, user_id, &Steps::default()).await?;
        }
        Ok(is_banned)
    }

    /// Ends a membership of an ordinary group. Steps: the member, the list.
    pub(super) async fn remove_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
        steps: &Steps,
    ) -> Result<Option<Member>, StoreError> {
        let member = self.member_row(group_id, user_id).await?;
        let deleted = self.delete_member_row(group_id, user_id).await?;
        if deleted {
            self.adjust_count(group_id, -1);
        }
        steps.done()?;
        self.leave_group(group_id, user_id).await?;
        let member = self.forget_words_of(member).await?;
        // Who was not there yet a moment ago.
        let late = || Member::new(group_id, user_id, self.0.clock.now_ms());
        Ok(deleted.then(|| member.unwrap_or_else(late)))
    }

    /// Also if there seems to be none: a joining that got no answer may still be on its way, and the condition settles it.
    async fn delete_member_row(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<bool, StoreError> {
        self.db().decide(&self.cql().members.delete, (group_id, user_id)).await?.once()
    }

    /// Gives the member back.
    async fn forget_words_of(&self, member: Option<Member>) -> Result<Option<Member>, StoreError> {
        if let Some(member) = &member {
            let words = keys_of(member.nickname.as_deref());
            self.forget_nickname((member.group_id, member.user_id), &words).await?;
        }
        Ok(member)
    }

    /// Deletes what is stored of a member of the official group.
    pub(super) async fn forget_official(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<(), StoreError> {
        let member = self.member_row(group_id, user_id).await?;
        self.forget_words_of(member).await?;
        self.db().decide(&self.cql().members.delete, (group_id, user_id)).await.map(drop)
    }

    /// False if the member is not there.
    async fn update_row(&self, member: &Member, patch: &MemberPatch) -> Result<bool, StoreError> {
        let nickname = MaybeUnset::from_option(patch.nickname.as_ref());
        let roles = MaybeUnset::from_option(patch.roles.as_ref());
        let values = (nickname, roles, member.group_id, member.user_id);
        Ok(self.db().decide(&self.cql().members.update, values).await?.applied())
    }

    /// Changes what is stored of a member of the official group, of whom nothing may be stored yet. A ban may take it away
    /// again, also while this is being done.
    async fn update_official(
        &self,
        member: &Member,
        patch: &MemberPatch,
    ) -> Result<bool, StoreError> {
        let first = Member {
            nickname: patch.nickname.clone().flatten(),
            roles: patch.roles.clone().unwrap_or_default(),
            ..member.clone()
        };
        Ok(self.update_row(member, patch).await?
            || self.insert_member_row(&first).await?
            || self.update_row(member, patch).await?)
    }
}

#[async_trait]
impl MemberStore for ScyllaStore {
    async fn insert_member(&self, member: &Member) -> Result<Joining, StoreError> {
        let (group_id, user_id) = (member.group_id, member.user_id);
        let steps = self.steps("insert_member");
        self.call("insert_member", async {
            let kind = self.kind_of(group_id);
            let (kind, banned) = futures_util::try_join!(kind, self.is_banned(group_id, user_id))?;
            match kind {
                None => return Ok(Joining::NoGroup),
                Some(_) if banned => return Ok(Joining::Banned),
                Some(GroupKind::Official) => return Ok(Joining::Already),
                Some(GroupKind::Ordinary) => {}
            }
            steps.done()?;
            self.join(member, &steps).await
        })
        .await
    }

    async fn delete_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError> {
        let steps = self.steps("delete_member");
        self.call("delete_member", async {
            match self.kind_of(group_id).await? {
                Some(GroupKind::Ordinary) => self.remove_member(group_id, user_id, &steps).await,
                _ => Ok(None),
            }
        })
        .await
    }

    async fn find_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<Option<Member>, StoreError> {
        self.call("find_member", self.member(group_id, user_id)).await
    }

    async fn update_member(
        &self,
        group_id: GroupId,
        user_id: UserId,
        patch: &MemberPatch,
    ) -> Result<Option<Member>, StoreError> {
        self.call("update_member", async {
            let Some(before) = self.member(group_id, user_id).await? else { return Ok(None) };
            if *patch == MemberPatch::default() {
                return Ok(Some(before));
            }
            let changed = match self.kind_of(group_id).await? {
                None => false,
                Some(GroupKind::Ordinary) => self.update_row(&before, patch).await?,
                Some(GroupKind::Official) => self.update_official(&before, patch).await?,
            };
            let after = if changed { self.member(group_id, user_id).await? } else { None };
            if let Some(member) = after.as_ref().filter(|_| patch.nickname.is_some()) {
                let names = (member.nickname.as_deref(), before.nickname.as_deref());
                self.note_nickname((group_id, user_id), names.0, names.1).await?;
            }
            Ok(after)
        })
        .await
    }

    async fn list_members(
        &self,
        group_id: GroupId,
        prefix: Option<&str>,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        self.call("list_members", async {
            let Some(kind) = self.kind_of(group_id).await? else { return Ok(Vec::new()) };
            match prefix {
                None => self.members_page((group_id, kind), after, limit).await,
                Some(prefix) => self.members_named((group_id, kind), prefix, after, limit).await,
            }
        })
        .await
    }

    async fn filter_members(
        &self,
        group_id: GroupId,
        user_ids: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        self.call("filter_members", async {
            let Some(kind) = self.kind_of(group_id).await? else { return Ok(Vec::new()) };
            let members = self.members_among((group_id, kind), user_ids).await?;
            Ok(members.into_iter().map(|member| member.user_id).collect())
        })
        .await
    }

    async fn count_members(
        &self,
        group_ids: &[GroupId],
    ) -> Result<Vec<(GroupId, u64)>, StoreError> {
        self.call("count_members", self.counts_of(group_ids)).await
    }

    async fn list_memberships(&self, user_id: UserId) -> Result<Vec<Member>, StoreError> {
        self.call("list_memberships", self.memberships_of(user_id)).await
    }
}
