//! Codes that let people into a group: one partition each, of which the invite is the static columns, and who used it are
//! the rows. What expires has all of its cells expire: each change writes all of them anew.

use async_trait::async_trait;
use scylla::DeserializeRow;
use scylla::value::MaybeUnset;

use crate::clock::UnixMs;
use crate::model::group::{Invite, Member};
use crate::model::id::{GroupId, UserId};
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::groups::GroupKind;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{Ms, ttl_seconds};
use crate::store::{InviteStore, Joining, REDEEMED_AGAIN_MS, Redemption, StoreError};

/// How much longer an invite is kept than it lets people in.
const KEPT_LONGER_MS: u64 = 24 * 60 * 60 * 1000;
/// How long one is kept after its last use.
const SPENT_KEPT_MS: u64 = 30 * KEPT_LONGER_MS;
/// Invites that are looked up at a time for a list.
const INVITES_AT_A_TIME: usize = 50;

statements! {
    find: read "SELECT DISTINCT code, group_id, creator_id, uses, uses_max, expires_at_ms, created_at_ms
                FROM ks.invites WHERE code = ?";
    used_at: read "SELECT used_at_ms FROM ks.invites WHERE code = ? AND user_id = ?";
    insert: decide "INSERT INTO ks.invites (code, group_id, creator_id, uses, uses_max, expires_at_ms, created_at_ms)
                    VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?";
    count_use: decide "UPDATE ks.invites USING TTL ?
                       SET group_id = ?, creator_id = ?, uses = ?, uses_max = ?, expires_at_ms = ?, created_at_ms = ?
                       WHERE code = ? IF uses = ?";
    note_use: decide "INSERT INTO ks.invites (code, user_id, used_at_ms) VALUES (?, ?, ?) USING TTL ?";
    delete: decide "DELETE group_id, creator_id, uses, uses_max, expires_at_ms, created_at_ms FROM ks.invites
                    WHERE code = ? IF uses >= 0";
    forget_uses: write "DELETE FROM ks.invites WHERE code = ?";
    list: read "SELECT created_at_ms, code FROM ks.invites_by_group WHERE group_id = ?";
    enter: write "INSERT INTO ks.invites_by_group (group_id, created_at_ms, code) VALUES (?, ?, ?) USING TTL ?";
    leave: write "DELETE FROM ks.invites_by_group WHERE group_id = ? AND created_at_ms = ? AND code = ?";
}

/// None of it but the code: who used it outlasts the invite by moments.
#[derive(DeserializeRow)]
pub(super) struct InviteRow {
    code: String,
    group_id: Option<GroupId>,
    creator_id: Option<UserId>,
    uses: Option<i32>,
    uses_max: Option<i32>,
    expires_at_ms: Option<Ms>,
    created_at_ms: Option<Ms>,
}

impl InviteRow {
    pub(super) fn invite(self) -> Option<Invite> {
        Some(Invite {
            code: self.code,
            group_id: self.group_id?,
            creator_id: self.creator_id?,
            uses: self.uses?.unsigned_abs(),
            uses_max: self.uses_max.map(i32::unsigned_abs),
            expires_at_ms: self.expires_at_ms.map(|Ms(at_ms)| at_ms),
            created_at_ms: self.created_at_ms?.0,
        })
    }
}

fn number(uses: u32) -> i32 {
    i32::try_from(uses).unwrap_or(i32::MAX)
}

/// For what is written of an invite at `now_ms`; 0 for one that stays.
fn ttl(invite: &Invite, now_ms: UnixMs) -> i32 {
    let until_expired = invite.expires_at_ms.map(|at_ms| at_ms.saturating_sub(now_ms));
    let is_spent = invite.uses_max.is_some_and(|uses_max| invite.uses >= uses_max);
    let spans = [until_expired, is_spent.then_some(SPENT_KEPT_MS)];
    let span = spans.into_iter().flatten().min();
    span.map_or(0, |span| ttl_seconds(span, KEPT_LONGER_MS))
}

fn is_same(one: &Invite, other: &Invite) -> bool {
    let key = |invite: &Invite| (invite.group_id, invite.creator_id, invite.created_at_ms);
    key(one) == key(other)
}

/// An invite as one person finds it.
struct FoundInvite {
    invite: Invite,
    used_at_ms: Option<UnixMs>,
}

impl FoundInvite {
    /// Whether it lets the person in.
    fn is_open(&self, now_ms: UnixMs) -> bool {
        let again = |at_ms: UnixMs| now_ms < at_ms.saturating_add(REDEEMED_AGAIN_MS);
        self.invite.is_open(now_ms) || self.used_at_ms.is_some_and(again)
    }
}

impl ScyllaStore {
    /// Also of a group that is gone.
    pub(super) async fn invite_row(&self, code: &str) -> Result<Option<Invite>, StoreError> {
        let row: Option<InviteRow> = self.db().row(&self.cql().invites.find, (code,)).await?;
        Ok(row.and_then(InviteRow::invite))
    }

    async fn invite(&self, code: &str) -> Result<Option<(Invite, GroupKind)>, StoreError> {
        let Some(invite) = self.invite_row(code).await? else { return Ok(None) };
        let kind = self.kind_of(invite.group_id).await?;
        Ok(kind.map(|kind| (invite, kind)))
    }

    async fn enter_invite(&self, invite: &Invite) -> Result<(), StoreError> {
        let created = Ms(invite.created_at_ms);
        let ttl = ttl(invite, invite.created_at_ms);
        let values = (invite.group_id, created, &invite.code, ttl);
        self.db().write(&self.cql().invites.enter, values).await
    }

    async fn leave_invite(&self, invite: &Invite) -> Result<(), StoreError> {
        let values = (invite.group_id, Ms(invite.created_at_ms), &invite.code);
        self.db().write(&self.cql().invites.leave, values).await
    }

    /// Of a group that is gone; another group may have the code.
    pub(super) async fn delete_invite_of(
        &self,
        group_id: GroupId,
        code: &str,
    ) -> Result<(), StoreError> {
        match self.invite_row(code).await? {
            Some(invite) if invite.group_id == group_id => {
                self.db().write(&self.cql().invites.forget_uses, (code,)).await
            }
            _ => Ok(()),
        }
    }

    /// False if another one has this code, or is this one.
    async fn insert_invite_row(&self, invite: &Invite) -> Result<bool, StoreError> {
        let Invite { code, group_id, creator_id, uses, uses_max, expires_at_ms, created_at_ms } =
            invite;
        let values = (
            code,
            group_id,
            creator_id,
            number(*uses),
            MaybeUnset::from_option(uses_max.map(number)),
            MaybeUnset::from_option(expires_at_ms.map(Ms)),
            Ms(*created_at_ms),
            ttl(invite, *created_at_ms),
        );
        Ok(self.db().decide(&self.cql().invites.insert, values).await?.applied())
    }

    /// None if it is of another group, or has expired.
    async fn find_for(
        &self,
        code: &str,
        member: &Member,
        now_ms: UnixMs,
    ) -> Result<Option<FoundInvite>, StoreError> {
        let values = (code, member.user_id);
        let used_at = self.db().value::<Ms>(&self.cql().invites.used_at, values);
        let (invite, used_at) = futures_util::try_join!(self.invite_row(code), used_at)?;
        let used_at_ms = used_at.map(|Ms(at_ms)| at_ms);
        let is_valid = |invite: &Invite| {
            let expired = invite.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms);
            invite.group_id == member.group_id && !expired
        };
        Ok(invite.filter(is_valid).map(|invite| FoundInvite { invite, used_at_ms }))
    }

    /// Takes one use for a person. False if somebody else changed the invite meanwhile.
    async fn take_use(
        &self,
        invite: &Invite,
        user_id: UserId,
        now_ms: UnixMs,
    ) -> Result<bool, StoreError> {
        let cql = &self.cql().invites;
        let used = Invite { uses: invite.uses + 1, ..invite.clone() };
        let ttl = ttl(&used, now_ms);
        let code = &invite.code;
        let values = (
            (
                ttl,
                used.group_id,
                used.creator_id,
                number(used.uses),
                MaybeUnset::from_option(used.uses_max.map(number)),
                MaybeUnset::from_option(used.expires_at_ms.map(Ms)),
                Ms(used.created_at_ms),
                code,
                number(invite.uses),
            ),
            (code, user_id, Ms(now_ms), ttl),
        );
        let partition = (0, GroupId::ZERO, UserId::ZERO, 0, 0, Ms(0), Ms(0), code, 0);
        let batch = [&cql.count_use, &cql.note_use];
        let taken = self.db().decide_all(&batch, values, partition).await?.applied();
        if taken && !used.is_open(now_ms) {
            // Among the open ones it would be looked at for ever.
            self.leave_invite(&used).await?;
        }
        Ok(taken)
    }

    /// False if it is spent by now.
    async fn use_invite(
        &self,
        mut found: FoundInvite,
        member: &Member,
        now_ms: UnixMs,
    ) -> Result<bool, StoreError> {
        let _turn = self.turn(("invite", &found.invite.code)).await;
        loop {
            if found.used_at_ms.is_some() {
                return Ok(true);
            }
            if self.take_use(&found.invite, member.user_id, now_ms).await? {
                return Ok(true);
            }
            let again = self.find_for(&found.invite.code, member, now_ms).await?;
            let Some(again) = again.filter(|found| found.is_open(now_ms)) else {
                return Ok(false);
            };
            found = again;
        }
    }

    /// What there is to do for somebody who is in the group already.
    async fn redeem_again(
        &self,
        kind: GroupKind,
        member: &Member,
    ) -> Result<Redemption, StoreError> {
        if kind == GroupKind::Official {
            return Ok(Redemption::AlreadyMember);
        }
        match self.complete_membership(member.group_id, member.user_id).await? {
            Joining::Banned => Ok(Redemption::Banned),
            _ => Ok(Redemption::AlreadyMember),
        }
    }
}

#[async_trait]
impl InviteStore for ScyllaStore {
    async fn insert_invite(&self, invite: &Invite) -> Result<(), StoreError> {
        self.call("insert_invite", async {
            let mut found = self.invite_row(&invite.code).await?;
            if found.is_none() {
                // An entry without its invite is passed over.
                self.enter_invite(invite).await?;
                if self.insert_invite_row(invite).await? {
                    return Ok(());
                }
                found = self.invite_row(&invite.code).await?;
            }
            let repeated = found.is_some_and(|found| is_same(&found, invite));
            if repeated { Ok(()) } else { Err(StoreError::Conflict) }
        })
        .await
    }

    async fn find_invite(&self, code: &str) -> Result<Option<Invite>, StoreError> {
        self.call("find_invite", async { Ok(self.invite(code).await?.map(|(invite, _)| invite)) })
            .await
    }

    async fn list_invites(
        &self,
        group_id: GroupId,
        creator: Option<UserId>,
        now_ms: UnixMs,
        limit: usize,
    ) -> Result<Vec<Invite>, StoreError> {
        let list = &self.cql().invites.list;
        self.call("list_invites", async {
            if self.kind_of(group_id).await?.is_none() {
                return Ok(Vec::new());
            }
            let entries: Vec<(Ms, String)> = self.db().rows(list, (group_id,)).await?;
            let find = |(created, code): (Ms, String)| async move {
                let invite = self.invite_row(&code).await?;
                let is_meant = |invite: &Invite| {
                    invite.group_id == group_id && invite.created_at_ms == created.0
                };
                Ok(invite.filter(is_meant))
            };
            let is_listed = |invite: &Invite| {
                invite.is_open(now_ms) && creator.is_none_or(|creator| creator == invite.creator_id)
            };
            let mut open = Vec::new();
            for some in entries.chunks(INVITES_AT_A_TIME) {
                let invites = for_all(some.to_vec(), find).await?;
                open.extend(invites.into_iter().flatten().filter(is_listed));
                if open.len() >= limit {
                    break;
                }
            }
            open.truncate(limit);
            Ok(open)
        })
        .await
    }

    async fn delete_invite(&self, code: &str) -> Result<bool, StoreError> {
        let cql = &self.cql().invites;
        self.call("delete_invite", async {
            let Some((invite, _)) = self.invite(code).await? else { return Ok(false) };
            let deleted = self.db().decide(&cql.delete, (code,)).await?.once()?;
            self.leave_invite(&invite).await?;
            self.db().write(&cql.forget_uses, (code,)).await?;
            Ok(deleted)
        })
        .await
    }

    async fn redeem_invite(
        &self,
        code: &str,
        member: &Member,
        now_ms: UnixMs,
    ) -> Result<Redemption, StoreError> {
        let (group_id, user_id) = (member.group_id, member.user_id);
        let steps = self.steps("redeem_invite");
        self.call("redeem_invite", async {
            let (found, kind, is_member) = futures_util::try_join!(
                self.find_for(code, member, now_ms),
                self.kind_of(group_id),
                self.member(group_id, user_id),
            )?;
            let (Some(found), Some(kind)) = (found, kind) else { return Ok(Redemption::NotFound) };
            if is_member.is_some() {
                return self.redeem_again(kind, member).await;
            }
            if !found.is_open(now_ms) {
                return Ok(Redemption::NotFound);
            }
            if self.is_banned(group_id, user_id).await? {
                return Ok(Redemption::Banned);
            }
            if kind == GroupKind::Official {
                return Ok(Redemption::NotFound); // Only somebody without an account is not in it.
            }
            steps.done()?;
            if !self.use_invite(found, member, now_ms).await? {
                return Ok(Redemption::NotFound);
            }
            steps.done()?;
            Ok(match self.join(member, &steps).await? {
                Joining::New => Redemption::Joined,
                Joining::Banned => Redemption::Banned,
                Joining::Already | Joining::NoGroup => Redemption::AlreadyMember,
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_is_kept_while_it_may_be_asked_for() {
        let invite = Invite {
            code: String::new(),
            group_id: GroupId::ZERO,
            creator_id: UserId::ZERO,
            uses: 1,
            uses_max: None,
            expires_at_ms: None,
            created_at_ms: 0,
        };
        let day = 24 * 60 * 60;
        assert_eq!(ttl(&invite, 5_000), 0, "for ever");
        let spent = Invite { uses_max: Some(1), ..invite.clone() };
        assert_eq!(ttl(&spent, 5_000), 31 * day);
        let expiring = Invite { expires_at_ms: Some(15_000), ..invite };
        assert_eq!(ttl(&expiring, 5_000), day + 10);
        assert_eq!(ttl(&expiring, 20_000), day, "already");
        assert_eq!(ttl(&Invite { expires_at_ms: Some(15_000), ..spent }, 5_000), day + 10);
    }
}
