//! Why this side ends a connection or a session.

use std::sync::atomic::{AtomicU8, Ordering};

/// In logs and metrics; clients see only that they have to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseReason {
    /// The peer took nothing for too long, or too much was queued for it.
    SlowConsumer = 1,
    /// The node leaves service; the client should come back elsewhere.
    Drain = 2,
    /// The person's session ended, or an operator closed the connection.
    Kicked = 3,
    /// The connection broke, or broke the protocol.
    TransportError = 4,
    /// A message was larger than it may be, or had too many binaries.
    TooLarge = 5,
}

impl CloseReason {
    /// The value of the metric label `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SlowConsumer => "slow_consumer",
            Self::Drain => "drain",
            Self::Kicked => "kicked",
            Self::TransportError => "transport_error",
            Self::TooLarge => "too_large",
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::SlowConsumer),
            2 => Some(Self::Drain),
            3 => Some(Self::Kicked),
            4 => Some(Self::TransportError),
            5 => Some(Self::TooLarge),
            _ => None,
        }
    }
}

/// Set once: the first reason stays.
#[derive(Default)]
pub(super) struct FirstReason(AtomicU8);

impl FirstReason {
    /// False if there is one already.
    pub fn set(&self, reason: CloseReason) -> bool {
        self.0.compare_exchange(0, reason as u8, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    pub fn get(&self) -> Option<CloseReason> {
        CloseReason::from_code(self.0.load(Ordering::SeqCst))
    }
}
