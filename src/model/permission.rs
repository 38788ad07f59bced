//! What somebody may do, as bits, and the built-in roles that grant them.

use std::ops::{BitAnd, BitOr};

use serde::{Serialize, Serializer};

use crate::model::channel::ChannelKind;
use crate::model::id::GroupId;

/// A set of permissions; a decimal string on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Permissions(u32);

impl Permissions {
    pub const NONE: Self = Self(0);
    pub const VIEW: Self = Self(1);
    pub const SEND: Self = Self(2);
    pub const REACT: Self = Self(4);
    /// Deletes others' messages, pins, and is free of slow mode.
    pub const MANAGE_MESSAGES: Self = Self(8);
    pub const MANAGE_CHANNELS: Self = Self(16);
    /// Changes the group, and deletes others' invites.
    pub const MANAGE_GROUP: Self = Self(32);
    /// Removes, bans, renames, and gives roles below one's own.
    pub const MANAGE_MEMBERS: Self = Self(64);
    pub const INVITE: Self = Self(128);
    pub const MENTION_EVERYONE: Self = Self(256);

    pub const ALL: Self = Self(511);
    /// What every member of a group has.
    pub const MEMBER: Self = Self(1 + 2 + 4 + 128);
    /// What the role `moderator` adds.
    pub const MODERATOR: Self = Self(8 + 64 + 256);
    /// What everyone in a direct channel has. Pinning is allowed besides.
    pub const DIRECT: Self = Self(1 + 2 + 4);

    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    pub const fn bits(self) -> u32 {
        self.0
    }

    /// True if every permission of `wanted` is in this set.
    pub const fn has(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    pub const fn without(self, removed: Self) -> Self {
        Self(self.0 & !removed.0)
    }

    /// What these group-wide permissions come to in a channel of `kind`: in an announcement channel
    /// only people who manage messages may send.
    pub const fn in_channel(self, kind: ChannelKind) -> Self {
        match kind {
            ChannelKind::Announcement if !self.has(Self::MANAGE_MESSAGES) => {
                self.without(Self::SEND)
            }
            _ => self,
        }
    }
}

impl BitOr for Permissions {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Permissions {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A group whose pushes somebody gets, and with which permissions.
#[derive(Clone, Copy, Debug)]
pub struct Audience {
    pub group_id: GroupId,
    pub permissions: Permissions,
}

/// Who outranks whom in a group: owner above admin above moderator above member.
///
/// Moderation works only on people strictly below one's own rank. Custom roles get ranks between
/// these, by their position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(pub u32);

impl Rank {
    pub const MEMBER: Self = Self(0);
    pub const MODERATOR: Self = Self(100);
    pub const ADMIN: Self = Self(200);
    pub const OWNER: Self = Self(u32::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_manages_messages_sends_to_an_announcement_channel() {
        let member = Permissions::MEMBER.in_channel(ChannelKind::Announcement);
        assert!(
            !member.has(Permissions::SEND) && member.has(Permissions::VIEW | Permissions::REACT)
        );
        let moderator =
            (Permissions::MEMBER | Permissions::MODERATOR).in_channel(ChannelKind::Announcement);
        assert!(moderator.has(Permissions::SEND));
        assert!(Permissions::MEMBER.in_channel(ChannelKind::Text).has(Permissions::SEND));
    }

    #[test]
    fn permissions_are_decimal_strings() {
        assert_eq!(serde_json::to_string(&Permissions::MEMBER).unwrap(), "\"135\"");
    }

    #[test]
    fn having_a_set_means_having_all_of_it() {
        assert!(!Permissions::VIEW.has(Permissions::VIEW | Permissions::SEND));
        assert!(Permissions::ALL.has(Permissions::MEMBER | Permissions::MODERATOR));
    }
}
