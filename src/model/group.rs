//! Groups: people who share channels, with roles, invites and bans.

use crate::clock::UnixMs;
use crate::model::id::{GroupId, UserId};
use crate::model::permission::{Permissions, Rank};

/// The group everybody is a member of is called this when it is made.
pub const OFFICIAL_GROUP_NAME: &str = "VibeTalk";
/// The channel that every new group starts with.
pub const FIRST_CHANNEL_NAME: &str = "general";
pub const ROLE_MODERATOR: &str = "moderator";
pub const ROLE_ADMIN: &str = "admin";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub icon: Option<String>,
    /// `None` for the official group.
    pub owner_id: Option<UserId>,
    pub official: bool,
    pub created_at_ms: UnixMs,
}

/// `Some(None)` removes the icon, `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupPatch {
    pub name: Option<String>,
    pub icon: Option<Option<String>>,
}

/// A named set of permissions in one group. Every group starts with [`built_in_roles`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub name: String,
    pub permissions: Permissions,
    pub rank: Rank,
}

pub fn built_in_roles() -> Vec<Role> {
    vec![
        Role {
            name: ROLE_MODERATOR.to_owned(),
            permissions: Permissions::MODERATOR,
            rank: Rank::MODERATOR,
        },
        Role { name: ROLE_ADMIN.to_owned(), permissions: Permissions::ALL, rank: Rank::ADMIN },
    ]
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub group_id: GroupId,
    pub user_id: UserId,
    /// Names of roles of the group, without repetition.
    pub roles: Vec<String>,
    pub nickname: Option<String>,
    pub joined_at_ms: UnixMs,
}

impl Member {
    pub fn new(group_id: GroupId, user_id: UserId, joined_at_ms: UnixMs) -> Self {
        Self { group_id, user_id, roles: Vec::new(), nickname: None, joined_at_ms }
    }
}

/// `Some(None)` removes the nickname.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberPatch {
    pub nickname: Option<Option<String>>,
    pub roles: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    pub group_id: GroupId,
    pub user_id: UserId,
    pub reason: String,
    pub created_at_ms: UnixMs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    pub code: String,
    pub group_id: GroupId,
    pub creator_id: UserId,
    pub uses: u32,
    pub uses_max: Option<u32>,
    pub expires_at_ms: Option<UnixMs>,
    pub created_at_ms: UnixMs,
}

impl Invite {
    /// False once spent or expired; such an invite answers like one that never was.
    pub fn is_open(&self, now_ms: UnixMs) -> bool {
        let spent = self.uses_max.is_some_and(|uses_max| self.uses >= uses_max);
        let expired = self.expires_at_ms.is_some_and(|expires_at_ms| expires_at_ms <= now_ms);
        !spent && !expired
    }
}

/// What `member` may do in `group`, whose roles are `roles`.
///
/// `operator` says that the person runs this installation: operators run the official group.
pub fn standing(
    group: &Group,
    roles: &[Role],
    member: &Member,
    operator: bool,
) -> (Permissions, Rank) {
    if group.owner_id == Some(member.user_id) || (group.official && operator) {
        return (Permissions::ALL, Rank::OWNER);
    }
    let held = roles.iter().filter(|role| member.roles.contains(&role.name));
    held.fold((Permissions::MEMBER, Rank::MEMBER), |(permissions, rank), role| {
        (permissions | role.permissions, rank.max(role.rank))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Group {
        Group {
            id: GroupId::new(1),
            name: "g".into(),
            icon: None,
            owner_id: Some(UserId::new(1)),
            official: false,
            created_at_ms: 0,
        }
    }

    fn member(user: u64, roles: &[&str]) -> Member {
        let roles = roles.iter().map(ToString::to_string).collect();
        Member { roles, ..Member::new(GroupId::new(1), UserId::new(user), 0) }
    }

    #[test]
    fn roles_add_to_what_members_have() {
        let roles = built_in_roles();
        let standing_of = |member: &Member| standing(&group(), &roles, member, false);
        assert_eq!(standing_of(&member(2, &[])), (Permissions::MEMBER, Rank::MEMBER));
        assert_eq!(standing_of(&member(2, &["moderator"])).0.bits(), 135 + 8 + 64 + 256);
        assert_eq!(
            standing_of(&member(2, &["moderator", "admin"])),
            (Permissions::ALL, Rank::ADMIN)
        );
        assert_eq!(standing_of(&member(1, &[])), (Permissions::ALL, Rank::OWNER));
        assert_eq!(standing_of(&member(2, &["long gone"])), (Permissions::MEMBER, Rank::MEMBER));
    }

    #[test]
    fn operators_run_the_official_group_only() {
        let official = Group { official: true, owner_id: None, ..group() };
        assert_eq!(standing(&official, &[], &member(2, &[]), true).1, Rank::OWNER);
        assert_eq!(standing(&official, &[], &member(2, &[]), false).1, Rank::MEMBER);
        assert_eq!(standing(&group(), &[], &member(2, &[]), true).1, Rank::MEMBER);
    }

    #[test]
    fn invites_close_when_spent_or_expired() {
        let invite = Invite {
            code: "c".into(),
            group_id: GroupId::new(1),
            creator_id: UserId::new(1),
            uses: 0,
            uses_max: None,
            expires_at_ms: None,
            created_at_ms: 0,
        };
        assert!(invite.is_open(u64::MAX));
        assert!(!Invite { uses: 2, uses_max: Some(2), ..invite.clone() }.is_open(0));
        assert!(!Invite { expires_at_ms: Some(10), ..invite.clone() }.is_open(10));
        assert!(Invite { expires_at_ms: Some(10), ..invite }.is_open(9));
    }
}
