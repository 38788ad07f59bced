//! Why a command was refused or failed, and the stable codes that clients see.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::text::TextError;
use crate::store::StoreError;

/// When those come back whom a busy store refused: not all at the same time.
const BUSY_RETRY_MS: std::ops::Range<u64> = 1_000..3_000;

#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The request is malformed; with the field at fault where there is one.
    #[error("{message}")]
    Invalid { field: Option<&'static str>, message: Cow<'static, str> },
    #[error("unknown event")]
    UnknownEvent,
    #[error("{field} {message}")]
    TooLarge { field: &'static str, message: Cow<'static, str> },
    #[error("not signed in")]
    Unauthorized,
    #[error("the access token has expired")]
    TokenExpired,
    #[error("{0}")]
    Forbidden(&'static str),
    /// Also returned for what the caller may not see, so that ids cannot be probed.
    #[error("{} not found", .0.as_str())]
    NotFound(Noun),
    #[error("{0}")]
    Conflict(&'static str),
    #[error("too many requests, try again in {retry_after_ms} ms")]
    RateLimited { retry_after_ms: u64 },
    #[error("temporarily unavailable")]
    Unavailable,
    #[error("timed out")]
    Timeout,
    #[error("the store failed")]
    Store(#[source] Arc<StoreError>),
}

/// What can be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    Group,
    Channel,
    Message,
    Member,
    User,
    Invite,
    Session,
    Attachment,
    Route,
}

impl Noun {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Channel => "channel",
            Self::Message => "message",
            Self::Member => "member",
            Self::User => "user",
            Self::Invite => "invite",
            Self::Session => "session",
            Self::Attachment => "attachment",
            Self::Route => "route",
        }
    }
}

impl ChatError {
    pub const fn invalid(field: &'static str, message: &'static str) -> Self {
        Self::Invalid { field: Some(field), message: Cow::Borrowed(message) }
    }

    /// A request as a whole that does not decode.
    pub fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field: None, message: message.into() }
    }

    /// What is wrong with the text in `field`.
    pub fn text(field: &'static str) -> impl Fn(TextError) -> Self {
        move |error| match error {
            TextError::TooLong { .. } => {
                Self::TooLarge { field, message: error.to_string().into() }
            }
            TextError::Invalid(message) => {
                Self::Invalid { field: Some(field), message: format!("{field} {message}").into() }
            }
        }
    }

    /// The stable code sent to clients; `docs/protocol.md` lists them.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid_request",
            Self::UnknownEvent => "unknown_event",
            Self::TooLarge { .. } => "too_large",
            Self::Unauthorized => "unauthorized",
            Self::TokenExpired => "token_expired",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(noun) => match noun {
                Noun::Group => "group_not_found",
                Noun::Channel => "channel_not_found",
                Noun::Message => "message_not_found",
                Noun::Member => "member_not_found",
                Noun::User => "user_not_found",
                Noun::Invite => "invite_not_found",
                Noun::Session => "session_not_found",
                Noun::Attachment => "attachment_not_found",
                Noun::Route => "route_not_found",
            },
            Self::Conflict(_) => "conflict",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable | Self::Store(_) => "unavailable",
            Self::Timeout => "timeout",
        }
    }

    /// Ours to mend, not the client's.
    pub const fn is_fault(&self) -> bool {
        matches!(self, Self::Unavailable | Self::Store(_) | Self::Timeout)
    }

    /// What clients get; never the cause of a fault of ours.
    pub fn body(&self) -> ErrorBody {
        let field = match self {
            Self::Invalid { field, message } => field.map(|field| (field, message.to_string())),
            Self::TooLarge { field, message } => Some((*field, message.to_string())),
            _ => None,
        };
        let retry_after_ms = match self {
            Self::RateLimited { retry_after_ms } => Some((*retry_after_ms).max(1)),
            Self::Store(error) if matches!(**error, StoreError::Busy) => {
                Some(rand::random_range(BUSY_RETRY_MS))
            }
            _ => None,
        };
        ErrorBody {
            code: self.code(),
            message: self.to_string(),
            retry_after_ms,
            fields: field.map(|(name, message)| [(name, message)].into_iter().collect()),
        }
    }
}

impl From<StoreError> for ChatError {
    fn from(error: StoreError) -> Self {
        Self::from(Arc::new(error))
    }
}

/// From a coalesced read, whose failure all its readers share.
impl From<Arc<StoreError>> for ChatError {
    fn from(error: Arc<StoreError>) -> Self {
        match *error {
            StoreError::Timeout => Self::Timeout,
            _ => Self::Store(error),
        }
    }
}

/// `error` of an ack or an HTTP answer.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    pub code: &'static str,
    pub message: String,
    /// Always there with `rate_limited`, and with `unavailable` if there is too much to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<std::collections::BTreeMap<&'static str, String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_never_shows_its_cause() {
        let error = ChatError::from(StoreError::Failed("disk /secret/path is full".into()));
        let body = serde_json::to_string(&error.body()).unwrap();
        assert_eq!(error.code(), "unavailable");
        assert!(!body.contains("secret"), "{body}");
    }

    #[test]
    fn who_meets_a_busy_store_learns_when_to_come_back() {
        let body = ChatError::from(StoreError::Busy).body();
        assert_eq!(body.code, "unavailable");
        assert!(body.retry_after_ms.is_some_and(|wait_ms| BUSY_RETRY_MS.contains(&wait_ms)));
        let away = ChatError::from(StoreError::Unavailable("away".into()));
        assert_eq!(away.body().retry_after_ms, None);
    }

    #[test]
    fn rate_limited_always_says_when_to_retry() {
        let body = ChatError::RateLimited { retry_after_ms: 0 }.body();
        assert_eq!(body.retry_after_ms, Some(1));
    }
}
