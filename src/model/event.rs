//! The pushes that clients get, by name.

macro_rules! pushes {
    ($($variant:ident = $name:literal,)*) => {
        /// What a push is called on the wire; `docs/protocol.md` says what each carries.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Push { $($variant),* }

        impl Push {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// `None` for a name that this version does not have.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

pushes! {
    Ready = "ready",
    MessageCreated = "message:created",
    MessageUpdated = "message:updated",
    MessageDeleted = "message:deleted",
    PinAdded = "pin:added",
    PinRemoved = "pin:removed",
    ReactionAdded = "reaction:added",
    ReactionRemoved = "reaction:removed",
    TypingStarted = "typing:started",
    ChannelCreated = "channel:created",
    ChannelUpdated = "channel:updated",
    ChannelDeleted = "channel:deleted",
    GroupCreated = "group:created",
    GroupUpdated = "group:updated",
    GroupDeleted = "group:deleted",
    MemberJoined = "member:joined",
    MemberUpdated = "member:updated",
    MemberLeft = "member:left",
    PresenceChanged = "presence:changed",
    ReadStateUpdated = "readState:updated",
    UserUpdated = "user:updated",
    SettingsUpdated = "settings:updated",
    SyncRequired = "sync:required",
    SyncMark = "sync:mark",
    ServerDraining = "server:draining",
}

impl Push {
    /// Whether it tells of a message, or of something that happened to one: what a sync would answer.
    pub const fn is_of_history(self) -> bool {
        matches!(
            self,
            Self::MessageCreated
                | Self::MessageUpdated
                | Self::MessageDeleted
                | Self::ReactionAdded
                | Self::ReactionRemoved
                | Self::PinAdded
                | Self::PinRemoved
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_push_is_found_by_its_name() {
        for push in Push::ALL {
            assert_eq!(Push::from_name(push.name()), Some(*push));
        }
        assert_eq!(Push::from_name("message:exploded"), None);
    }
}
