//! The pushes that clients get, by name.

/// What a push is called on the wire; `docs/protocol.md` says what each carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Push {
    Ready,
    MessageCreated,
    MessageUpdated,
    MessageDeleted,
    PinAdded,
    PinRemoved,
    ReactionAdded,
    ReactionRemoved,
    TypingStarted,
    ChannelCreated,
    ChannelUpdated,
    ChannelDeleted,
    GroupCreated,
    GroupUpdated,
    GroupDeleted,
    MemberJoined,
    MemberUpdated,
    MemberLeft,
    PresenceChanged,
    ReadStateUpdated,
    UserUpdated,
    SettingsUpdated,
    SyncRequired,
    ServerDraining,
}

impl Push {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::MessageCreated => "message:created",
            Self::MessageUpdated => "message:updated",
            Self::MessageDeleted => "message:deleted",
            Self::PinAdded => "pin:added",
            Self::PinRemoved => "pin:removed",
            Self::ReactionAdded => "reaction:added",
            Self::ReactionRemoved => "reaction:removed",
            Self::TypingStarted => "typing:started",
            Self::ChannelCreated => "channel:created",
            Self::ChannelUpdated => "channel:updated",
            Self::ChannelDeleted => "channel:deleted",
            Self::GroupCreated => "group:created",
            Self::GroupUpdated => "group:updated",
            Self::GroupDeleted => "group:deleted",
            Self::MemberJoined => "member:joined",
            Self::MemberUpdated => "member:updated",
            Self::MemberLeft => "member:left",
            Self::PresenceChanged => "presence:changed",
            Self::ReadStateUpdated => "readState:updated",
            Self::UserUpdated => "user:updated",
            Self::SettingsUpdated => "settings:updated",
            Self::SyncRequired => "sync:required",
            Self::ServerDraining => "server:draining",
        }
    }
}
