//! Members: listing, nicknames and roles. Removing and banning are in `moderation.rs`.

use serde::Deserialize;

use crate::bus::envelope::{Changed, Content, Effect, Entity, Topic};
use crate::chat::access::GroupStanding;
use crate::chat::cache::GroupSnapshot;
use crate::chat::changes::Changes;
use crate::chat::debts::{Debt, Owed};
use crate::chat::error::Noun;
use crate::chat::joined::group_channel_views;
use crate::chat::limits::members_limit;
use crate::chat::turns::Subject;
use crate::chat::views::{MemberView, MembersPage};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::channel::Channel;
use crate::model::event::Push;
use crate::model::group::{Member, MemberPatch, Role, standing};
use crate::model::id::{GroupId, UserId};
use crate::model::name::{NICKNAME_CHARS_MAX, name};
use crate::model::permission::{Permissions, Rank};
use crate::model::text;
use crate::telemetry::log_seldom;

#[derive(Default, Deserialize)]
pub struct ListMembers {
    pub query: Option<String>,
    pub after: Option<UserId>,
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub limit: Option<u32>,
}

#[derive(Deserialize)]
pub struct UpdateMember {
    /// "" or null removes it.
    #[serde(default, deserialize_with = "crate::chat::given")]
    pub nickname: Option<Option<String>>,
    pub roles: Option<Vec<String>>,
}

impl Chat {
    /// Members by user id, after `after`.
    pub async fn list_members(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: ListMembers,
    ) -> Result<MembersPage, ChatError> {
        self.group_access(caller, group_id).await?;
        let limit = members_limit(request.limit)?;
        let query = |query| text::filled(query, text::QUERY_CHARS_MAX);
        let query = request.query.map(query).transpose().map_err(ChatError::text("query"))?;
        let after = request.after.unwrap_or(UserId::ZERO);
        let mut members =
            self.store.list_members(group_id, query.as_deref(), after, limit + 1).await?;
        let has_more = members.len() > limit;
        members.truncate(limit);
        Ok(MembersPage { members: self.member_views(&members).await?, has_more })
    }

    /// Changes nickname and roles; a request that changes nothing announces nothing.
    ///
    /// Everybody may change their own nickname, and nobody their own roles.
    ///
    /// # Errors
    ///
    /// `member_not_found` for somebody who is not in the group.
    pub async fn update_member(
        &self,
        caller: Caller,
        group_id: GroupId,
        user_id: UserId,
        request: UpdateMember,
    ) -> Result<MemberView, ChatError> {
        let standing = self.group_access(caller, group_id).await?;
        if user_id != caller.user_id || request.roles.is_some() {
            standing.require(Permissions::MANAGE_MEMBERS)?;
            let target = self.target_standing(user_id, group_id).await?;
            let target = target.ok_or(ChatError::NotFound(Noun::Member))?;
            standing.require_below(target.rank)?;
        }
        let patch = MemberPatch {
            nickname: request.nickname.map(parse_nickname).transpose()?,
            roles: request
                .roles
                .map(|roles| parse_roles(roles, &standing.group.roles, standing.rank))
                .transpose()?,
        };
        self.limit_changes(caller, Some(group_id))?;
        let chat = self.clone();
        self.in_turn(Subject::Memberships(user_id), async move {
            chat.store_member_patch(user_id, group_id, patch).await
        })
        .await
    }

    async fn store_member_patch(
        &self,
        user_id: UserId,
        group_id: GroupId,
        patch: MemberPatch,
    ) -> Result<MemberView, ChatError> {
        let missing = ChatError::NotFound(Noun::Member);
        // What they were decides what changes.
        let before = self.target_standing(user_id, group_id).await?;
        let Some(before) = before else { return Err(missing) };
        let person = self.person(user_id).await?;
        if !changes(&patch, &before.member) {
            if patch.roles.is_some() {
                self.repeat_roles(group_id, user_id).await?;
            }
            return Ok(MemberView::new(&before.member, person.user.clone()));
        }
        let owed = Owed::Member(group_id, user_id);
        let update = self.store.update_member(group_id, user_id, &patch);
        let updated = self.owing(owed, update).await;
        let changes = self.changed([Changed::Membership(group_id, user_id)]);
        if updated.is_err() && patch.roles.is_some() {
            drop(self.owe_permissions(user_id, &before.group.channels));
        }
        let (updated, debt) = updated?;
        let Some(updated) = updated else {
            debt.void();
            return Err(missing);
        };
        let view = MemberView::new(&updated, person.user.clone());
        let GroupSnapshot { group, roles, .. } = &*before.group;
        let (permissions, _) = standing(group, roles, &updated, person.operator);
        // An earlier change may not have been applied everywhere.
        let changed = permissions != before.permissions || self.debts.is_owed(&owed);
        let effect = changed.then_some(Effect::Membership { user_id, group_id, is_member: true });
        let told = self.announce_member(&view, group.official, changes, effect, debt).await;
        if changed {
            self.announce_permissions(user_id, &before, permissions).await;
        }
        told.map(|()| view)
    }

    /// Makes sure that the roles that somebody has hold everywhere: an earlier try may have stored them and got no
    /// further, perhaps at another node. In their turn.
    async fn repeat_roles(&self, group_id: GroupId, user_id: UserId) -> Result<(), ChatError> {
        let owed = Owed::Member(group_id, user_id);
        if self.debts.is_owed(&owed) {
            return self.announce_member_anew(group_id, user_id).await;
        }
        let debt = self.owe(owed);
        let changes = self.changed([Changed::Membership(group_id, user_id)]);
        let applied = self.apply_joined(user_id, group_id, changes, Content::None, &debt).await;
        debt.settled_by(&applied);
        applied
    }

    /// The members learn of it, except in the official group.
    ///
    /// # Errors
    ///
    /// [`ChatError::Unavailable`] if it is not certain that the effect holds everywhere. It is owed.
    async fn announce_member(
        &self,
        view: &MemberView,
        official: bool,
        changes: Changes,
        effect: Option<Effect>,
        debt: Debt,
    ) -> Result<(), ChatError> {
        if official && effect.is_none() {
            debt.paid();
            return Ok(());
        }
        let (topic, content) = match official {
            true => (Topic::User(view.user_id), Content::None),
            false => {
                let entity = Entity::Member(view.group_id, view.user_id);
                let content = self.current(Push::MemberUpdated, entity, view);
                (Topic::Group(view.group_id), content)
            }
        };
        let envelope = self.envelope([topic], content).with_changes(changes);
        let Some(effect) = effect else {
            self.announce(debt, envelope).await;
            return Ok(());
        };
        // From the answer on they may do what they may now, and no more, at every node.
        self.announce_applied(&debt, envelope.with_effect(effect)).await?;
        debt.paid();
        Ok(())
    }

    /// Tells a person which channels they have other permissions in now.
    async fn announce_permissions(
        &self,
        user_id: UserId,
        before: &GroupStanding,
        permissions: Permissions,
    ) {
        let differs = |channel: &&Channel| {
            permissions.in_channel(channel.kind) != before.permissions.in_channel(channel.kind)
        };
        let channels: Vec<Channel> =
            before.group.channels.iter().filter(differs).cloned().collect();
        let debts = self.owe_permissions(user_id, &channels);
        let last = match self.last_messages(user_id, &channels).await {
            Ok(last) => last,
            Err(error) => {
                log_seldom!(warn, %error, "somebody was not told of their new permissions yet");
                return;
            }
        };
        for (view, debt) in
            group_channel_views(&channels, permissions, &last).into_iter().zip(debts)
        {
            let entity = Entity::ChannelOf(user_id, view.id);
            let content = self.current(Push::ChannelUpdated, entity, &view);
            self.announce(debt, self.envelope([Topic::User(user_id)], content)).await;
        }
    }

    fn owe_permissions(&self, user_id: UserId, channels: &[Channel]) -> Vec<Debt> {
        let owed = |channel: &Channel| {
            Owed::Current(Push::ChannelUpdated, Entity::ChannelOf(user_id, channel.id))
        };
        channels.iter().map(|channel| self.owe(owed(channel))).collect()
    }

    /// Members as clients see them; somebody whose account is gone is left out.
    async fn member_views(&self, members: &[Member]) -> Result<Vec<MemberView>, ChatError> {
        let user_ids: Vec<UserId> = members.iter().map(|member| member.user_id).collect();
        let mut users = self.users_by_id(&user_ids).await?;
        let view = |member: &Member| {
            users.remove(&member.user_id).map(|user| MemberView::new(member, user))
        };
        Ok(members.iter().filter_map(view).collect())
    }
}

fn parse_nickname(nickname: Option<String>) -> Result<Option<String>, ChatError> {
    let Some(nickname) = nickname.filter(|nickname| !nickname.is_empty()) else { return Ok(None) };
    let parsed = name(nickname, NICKNAME_CHARS_MAX);
    parsed.map(Some).map_err(ChatError::text("nickname"))
}

/// Names of roles below one's own, each once.
fn parse_roles(names: Vec<String>, known: &[Role], own: Rank) -> Result<Vec<String>, ChatError> {
    let mut parsed: Vec<String> = Vec::new();
    for name in names {
        let role = known.iter().find(|role| role.name == name);
        let role =
            role.ok_or(ChatError::invalid("roles", "names a role the group does not have"))?;
        if role.rank >= own {
            return Err(ChatError::Forbidden("only roles below one's own can be given"));
        }
        if !parsed.contains(&name) {
            parsed.push(name);
        }
    }
    Ok(parsed)
}

fn changes(patch: &MemberPatch, member: &Member) -> bool {
    let nickname = patch.nickname.as_ref().is_some_and(|nickname| *nickname != member.nickname);
    let roles = patch.roles.as_ref().is_some_and(|roles| *roles != member.roles);
    nickname || roles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::group::built_in_roles;

    fn roles(names: &[&str], own: Rank) -> Result<Vec<String>, &'static str> {
        let names = names.iter().map(ToString::to_string).collect();
        parse_roles(names, &built_in_roles(), own).map_err(|error| error.code())
    }

    #[test]
    fn roles_are_known_below_ones_own_and_given_once() {
        assert_eq!(roles(&["moderator", "moderator"], Rank::ADMIN).unwrap(), ["moderator"]);
        assert_eq!(roles(&["admin", "moderator"], Rank::OWNER).unwrap(), ["admin", "moderator"]);
        assert_eq!(roles(&["admin"], Rank::ADMIN), Err("forbidden"));
        assert_eq!(roles(&["moderator"], Rank::MODERATOR), Err("forbidden"));
        assert_eq!(roles(&["king"], Rank::OWNER), Err("invalid_request"));
        assert_eq!(roles(&["owner"], Rank::OWNER), Err("invalid_request"));
    }

    #[test]
    fn an_empty_nickname_is_none() {
        assert_eq!(parse_nickname(Some(String::new())).unwrap(), None);
        assert_eq!(parse_nickname(None).unwrap(), None);
        assert_eq!(parse_nickname(Some("x".repeat(64))).unwrap(), Some("x".repeat(64)));
        assert_eq!(parse_nickname(Some("x".repeat(65))).unwrap_err().code(), "too_large");
    }

    #[test]
    fn a_patch_to_what_is_there_changes_nothing() {
        let member = Member::new(GroupId::new(1), UserId::new(2), 0);
        let patch = |nickname, roles| MemberPatch { nickname, roles };
        assert!(!changes(&patch(None, None), &member));
        assert!(!changes(&patch(Some(None), Some(vec![])), &member));
        assert!(changes(&patch(Some(Some("n".into())), None), &member));
        assert!(changes(&patch(None, Some(vec!["admin".into()])), &member));
    }
}
