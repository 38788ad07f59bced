//! Invites: codes that let people into a group.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::bus::envelope::{Changed, Content};
use crate::chat::debts::{Debt, Owed};
use crate::chat::error::Noun;
use crate::chat::turns::Subject;
use crate::chat::views::{InvitePreview, InviteView, InvitedGroup, Invites, JoinedGroupView};
use crate::chat::{Caller, Chat, ChatError};
use crate::clock::UnixMs;
use crate::model::group::{Invite, Member};
use crate::model::id::{GroupId, UserId};
use crate::model::permission::Permissions;
use crate::store::Redemption;

/// A year.
const EXPIRES_IN_SECONDS_MAX: u64 = 31_536_000;
const USES_MAX: u32 = 10_000;
/// Open invites of a group at most: what one list can show.
const OPEN_INVITES_MAX: usize = 1_000;
/// Of those, what one member may have: nobody uses up the group's.
const OPEN_INVITES_PER_CREATOR_MAX: usize = 100;
/// 72 bits cannot be guessed, and make a code of 12 characters.
const CODE_BYTES: usize = 9;
/// No code is longer; longer ones need not be looked up.
const CODE_CHARS_MAX: usize = 64;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInvite {
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub expires_in_seconds: Option<u64>,
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub max_uses: Option<u32>,
}

impl Chat {
    /// # Errors
    ///
    /// `conflict` for a group that has `OPEN_INVITES_MAX` open invites, and for somebody who has
    /// `OPEN_INVITES_PER_CREATOR_MAX` in it.
    pub async fn create_invite(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: CreateInvite,
    ) -> Result<InviteView, ChatError> {
        let standing = self.group_access(caller, group_id).await?;
        standing.require(Permissions::INVITE)?;
        let created_at_ms = self.clock.now_ms();
        let (uses_max, expires_at_ms) = parse_bounds(&request, created_at_ms)?;
        self.limit_making(caller)?;
        let invite = Invite {
            code: random_code(),
            group_id,
            creator_id: caller.user_id,
            uses: 0,
            uses_max,
            expires_at_ms,
            created_at_ms,
        };
        let chat = self.clone();
        self.in_turn(Subject::Group(group_id), async move { chat.store_invite(invite).await }).await
    }

    async fn store_invite(&self, invite: Invite) -> Result<InviteView, ChatError> {
        let Invite { group_id, creator_id, created_at_ms, .. } = invite;
        let open = self.store.list_invites(group_id, None, created_at_ms, OPEN_INVITES_MAX).await?;
        if open.len() >= OPEN_INVITES_MAX {
            return Err(ChatError::Conflict("the group has too many open invites"));
        }
        let own = open.iter().filter(|invite| invite.creator_id == creator_id).count();
        if own >= OPEN_INVITES_PER_CREATOR_MAX {
            return Err(ChatError::Conflict("you have too many open invites in the group"));
        }
        self.store.insert_invite(&invite).await?;
        Ok(InviteView::from(&invite))
    }

    /// Open invites, newest first: all of them for who manages the group, others see their own.
    pub async fn list_invites(
        &self,
        caller: Caller,
        group_id: GroupId,
    ) -> Result<Invites, ChatError> {
        let standing = self.group_access(caller, group_id).await?;
        let manages = standing.permissions.has(Permissions::MANAGE_GROUP);
        let creator = (!manages).then_some(caller.user_id);
        let now_ms = self.clock.now_ms();
        let invites = self.store.list_invites(group_id, creator, now_ms, OPEN_INVITES_MAX).await?;
        Ok(Invites { invites: invites.iter().map(InviteView::from).collect() })
    }

    /// What an invite leads to, for anybody who is signed in and has its code.
    pub async fn get_invite(
        &self,
        _caller: Caller,
        code: &str,
    ) -> Result<InvitePreview, ChatError> {
        let missing = ChatError::NotFound(Noun::Invite);
        let invite = self.open_invite(code).await?;
        let Some(snapshot) = self.find_group(invite.group_id).await? else { return Err(missing) };
        let group = InvitedGroup {
            id: snapshot.group.id,
            name: snapshot.group.name.clone(),
            icon: snapshot.group.icon.clone(),
            member_count: self.count_members(invite.group_id).await?,
        };
        let InviteView { code, expires_at, .. } = InviteView::from(&invite);
        Ok(InvitePreview { code, group, creator: self.user(invite.creator_id).await?, expires_at })
    }

    /// Makes the caller a member. Somebody who is one already gets the group, and nothing is used up.
    ///
    /// # Errors
    ///
    /// `forbidden` for a banned person, `conflict` for one who is in too many groups.
    pub async fn accept_invite(
        &self,
        caller: Caller,
        code: &str,
    ) -> Result<JoinedGroupView, ChatError> {
        // Also a spent one: its last use may be the caller's own, of which nobody knows yet.
        let invite = self.find_invite(code).await?.ok_or(ChatError::NotFound(Noun::Invite))?;
        let chat = self.clone();
        self.in_turn(Subject::Memberships(caller.user_id), async move {
            chat.redeem(caller.user_id, invite).await
        })
        .await
    }

    async fn redeem(&self, user_id: UserId, invite: Invite) -> Result<JoinedGroupView, ChatError> {
        if self.find_member(invite.group_id, user_id).await?.is_none() {
            self.require_room_for_a_group(user_id).await?;
        }
        let now_ms = self.clock.now_ms();
        let member = Member::new(invite.group_id, user_id, now_ms);
        let owed = Owed::Membership(invite.group_id, user_id);
        let redeeming = self.store.redeem_invite(&invite.code, &member, now_ms);
        let (redemption, debt) = self.owing(owed, redeeming).await?;
        let group_id = invite.group_id;
        match redemption {
            Redemption::Joined => {
                self.announce_joined(user_id, group_id, debt).await.map_err(group_is_gone)
            }
            Redemption::AlreadyMember => {
                debt.void();
                self.join_again(user_id, group_id).await.map_err(group_is_gone)
            }
            Redemption::Banned => {
                debt.void();
                Err(ChatError::Forbidden("you are banned from this group"))
            }
            Redemption::NotFound => {
                debt.void();
                Err(ChatError::NotFound(Noun::Invite))
            }
        }
    }

    /// Joining may have failed half way before: now it holds on every node.
    async fn join_again(
        &self,
        user_id: UserId,
        group_id: GroupId,
    ) -> Result<JoinedGroupView, ChatError> {
        self.settle_membership(group_id, user_id).await?;
        let changes = self.changed([Changed::Membership(group_id, user_id)]);
        let nothing_new = Debt::none();
        self.apply_joined(user_id, group_id, changes, Content::None, &nothing_new).await?;
        self.joined_group(user_id, group_id).await
    }

    /// Ends an invite: its creator's right while in the group, and that of who manages the group.
    ///
    /// # Errors
    ///
    /// `invite_not_found` for somebody who is not in the group.
    pub async fn delete_invite(&self, caller: Caller, code: &str) -> Result<(), ChatError> {
        let missing = ChatError::NotFound(Noun::Invite);
        let invite = self.open_invite(code).await?;
        let standing = self.standing_of(caller.user_id, invite.group_id).await?;
        let Some(standing) = standing else { return Err(missing) };
        if invite.creator_id != caller.user_id {
            standing.require(Permissions::MANAGE_GROUP)?;
        }
        if self.store.delete_invite(code).await? { Ok(()) } else { Err(missing) }
    }

    async fn find_invite(&self, code: &str) -> Result<Option<Invite>, ChatError> {
        Ok(match code.len() {
            1..=CODE_CHARS_MAX => self.store.find_invite(code).await?,
            _ => None,
        })
    }

    async fn open_invite(&self, code: &str) -> Result<Invite, ChatError> {
        let open =
            self.find_invite(code).await?.filter(|invite| invite.is_open(self.clock.now_ms()));
        open.ok_or(ChatError::NotFound(Noun::Invite))
    }
}

/// Uses at most, and when it expires.
fn parse_bounds(
    request: &CreateInvite,
    now_ms: UnixMs,
) -> Result<(Option<u32>, Option<UnixMs>), ChatError> {
    if request.max_uses.is_some_and(|uses| !(1..=USES_MAX).contains(&uses)) {
        return Err(ChatError::invalid("maxUses", "must be 1 to 10000"));
    }
    let seconds = request.expires_in_seconds;
    if seconds.is_some_and(|seconds| !(1..=EXPIRES_IN_SECONDS_MAX).contains(&seconds)) {
        return Err(ChatError::invalid("expiresInSeconds", "must be 1 to 31536000"));
    }
    Ok((request.max_uses, seconds.map(|seconds| now_ms + seconds * 1000)))
}

fn random_code() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; CODE_BYTES]>())
}

/// An invite goes with its group.
fn group_is_gone(error: ChatError) -> ChatError {
    match error {
        ChatError::NotFound(Noun::Group) => ChatError::NotFound(Noun::Invite),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(
        expires_in_seconds: Option<u64>,
        max_uses: Option<u32>,
    ) -> Option<(Option<u32>, Option<UnixMs>)> {
        parse_bounds(&CreateInvite { expires_in_seconds, max_uses }, 1000).ok()
    }

    #[test]
    fn bounds_are_a_second_to_a_year_and_1_to_10_000_uses() {
        assert_eq!(bounds(None, None), Some((None, None)));
        assert_eq!(bounds(Some(1), Some(1)), Some((Some(1), Some(2000))));
        assert_eq!(bounds(Some(31_536_000), Some(10_000)).unwrap().1, Some(31_536_001_000));
        assert_eq!(bounds(Some(0), None), None);
        assert_eq!(bounds(Some(31_536_001), None), None);
        assert_eq!(bounds(Some(u64::MAX), None), None);
        assert_eq!(bounds(None, Some(0)), None);
        assert_eq!(bounds(None, Some(10_001)), None);
    }

    #[test]
    fn codes_fit_a_url_as_they_are() {
        let code = random_code();
        assert_eq!(code.len(), 12);
        assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_ne!(code, random_code());
    }
}
