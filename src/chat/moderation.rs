//! Removing, banning and unbanning, and the list of bans.

use serde::Deserialize;

use crate::chat::debts::Owed;
use crate::chat::error::Noun;
use crate::chat::limits::members_limit;
use crate::chat::turns::Subject;
use crate::chat::views::{BanView, BansPage};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::group::Ban;
use crate::model::id::{GroupId, UserId};
use crate::model::permission::Permissions;
use crate::model::text;

#[derive(Default, Deserialize)]
pub struct Moderation {
    pub reason: Option<String>,
}

#[derive(Default, Deserialize)]
pub struct ListBans {
    pub after: Option<UserId>,
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub limit: Option<u32>,
}

impl Chat {
    /// Ends a membership; the person may come back with an invite. The reason is kept nowhere.
    pub async fn remove_member(
        &self,
        caller: Caller,
        group_id: GroupId,
        user_id: UserId,
        request: Moderation,
    ) -> Result<(), ChatError> {
        let standing = self.group_access(caller, group_id).await?;
        standing.require(Permissions::MANAGE_MEMBERS)?;
        if standing.group.group.official {
            return Err(ChatError::Forbidden("everybody is in the official group, unless banned"));
        }
        if user_id == caller.user_id {
            return Err(ChatError::Forbidden("removing oneself is called leaving"));
        }
        let Some(target) = self.target_standing(user_id, group_id).await? else {
            return self.repeat_departure(user_id, group_id, Noun::Member).await;
        };
        standing.require_below(target.rank)?;
        parse_reason(request.reason)?;
        let chat = self.clone();
        self.in_turn(Subject::Memberships(user_id), async move {
            chat.store_departure(user_id, group_id, Noun::Member).await
        })
        .await
    }

    /// Ends somebody's membership, if they have one, and keeps them out. Banning again keeps the first
    /// ban and its reason.
    ///
    /// # Errors
    ///
    /// `user_not_found`.
    pub async fn ban_member(
        &self,
        caller: Caller,
        group_id: GroupId,
        user_id: UserId,
        request: Moderation,
    ) -> Result<(), ChatError> {
        let standing = self.group_access(caller, group_id).await?;
        standing.require(Permissions::MANAGE_MEMBERS)?;
        self.person(user_id).await?;
        if user_id == caller.user_id {
            return Err(ChatError::Forbidden("nobody bans themselves"));
        }
        if let Some(target) = self.target_standing(user_id, group_id).await? {
            standing.require_below(target.rank)?;
        }
        let reason = parse_reason(request.reason)?;
        let ban = Ban { group_id, user_id, reason, created_at_ms: self.clock.now_ms() };
        let chat = self.clone();
        self.in_turn(Subject::Memberships(user_id), async move { chat.store_ban(ban).await }).await
    }

    async fn store_ban(&self, ban: Ban) -> Result<(), ChatError> {
        let Ban { group_id, user_id, .. } = ban;
        let is_member = self.find_member(group_id, user_id).await?.is_some();
        let owed = match is_member {
            true => Owed::Membership(group_id, user_id),
            false => Owed::Absence(group_id, user_id),
        };
        let (_, debt) = self.owing(owed, self.store.insert_ban(&ban)).await?;
        match is_member {
            true => self.announce_left(user_id, group_id, debt).await,
            // They may have joined through another node a moment ago.
            false => self.apply_absent(user_id, group_id, debt).await,
        }
    }

    /// Lifts a ban; also answers ok if there is none. In the official group the person is a member
    /// again at once, like everybody.
    pub async fn unban_member(
        &self,
        caller: Caller,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<(), ChatError> {
        let standing = self.group_access(caller, group_id).await?;
        standing.require(Permissions::MANAGE_MEMBERS)?;
        let official = standing.group.group.official;
        let chat = self.clone();
        self.in_turn(Subject::Memberships(user_id), async move {
            let owed = Owed::Membership(group_id, user_id);
            let (_, debt) = chat.owing(owed, chat.store.delete_ban(group_id, user_id)).await?;
            // Also if there was none: an earlier try may have lifted it, and got no further.
            if official && chat.store.find_member(group_id, user_id).await?.is_some() {
                return chat.announce_joined(user_id, group_id, debt).await.map(drop);
            }
            debt.void();
            chat.settle_membership(group_id, user_id).await
        })
        .await
    }

    /// Bans by user id, after `after`.
    pub async fn list_bans(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: ListBans,
    ) -> Result<BansPage, ChatError> {
        let standing = self.group_access(caller, group_id).await?;
        standing.require(Permissions::MANAGE_MEMBERS)?;
        let limit = members_limit(request.limit)?;
        let after = request.after.unwrap_or(UserId::ZERO);
        let mut bans = self.store.list_bans(group_id, after, limit + 1).await?;
        let has_more = bans.len() > limit;
        bans.truncate(limit);
        let user_ids: Vec<UserId> = bans.iter().map(|ban| ban.user_id).collect();
        let mut users = self.users_by_id(&user_ids).await?;
        let view = |ban: &Ban| users.remove(&ban.user_id).map(|user| BanView::new(ban, user));
        Ok(BansPage { bans: bans.iter().filter_map(view).collect(), has_more })
    }
}

fn parse_reason(reason: Option<String>) -> Result<String, ChatError> {
    let reason = reason.unwrap_or_default();
    text::at_most(reason, text::REASON_CHARS_MAX).map_err(ChatError::text("reason"))
}
