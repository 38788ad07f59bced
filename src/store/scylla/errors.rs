//! What the driver's errors mean to a caller.

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};

use crate::store::StoreError;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What was read does not decode, or what is bound does not fit: a fault of ours.
pub fn failed(cause: impl Into<Cause>) -> StoreError {
    StoreError::Failed(cause.into())
}

/// Of a write, everything but [`StoreError::Failed`] is an unknown outcome.
impl From<ExecutionError> for StoreError {
    fn from(error: ExecutionError) -> Self {
        match &error {
            ExecutionError::RequestTimeout(_) => Self::Timeout,
            ExecutionError::EmptyPlan | ExecutionError::ConnectionPoolError(_) => {
                unavailable(&error)
            }
            ExecutionError::LastAttemptError(cause) => match cause {
                RequestAttemptError::DbError(answer, _) => of_answer(answer, &error),
                RequestAttemptError::BrokenConnectionError(_)
                | RequestAttemptError::UnableToAllocStreamId => unavailable(&error),
                _ => failed(error),
            },
            _ => failed(error),
        }
    }
}

fn of_answer(answer: &DbError, error: &ExecutionError) -> StoreError {
    /// A conditional write of which nobody knows whether it was carried out (CQL's protocol, version 5).
    const CAS_WRITE_UNKNOWN: i32 = 0x1700;
    match answer {
        DbError::ReadTimeout { .. }
        | DbError::WriteTimeout { .. }
        | DbError::Other(CAS_WRITE_UNKNOWN) => StoreError::Timeout,
        DbError::Unavailable { .. }
        | DbError::Overloaded
        | DbError::IsBootstrapping
        | DbError::ReadFailure { .. }
        | DbError::WriteFailure { .. }
        | DbError::RateLimitReached { .. }
        | DbError::ServerError => unavailable(error),
        _ => StoreError::Failed(error.to_string().into()),
    }
}

fn unavailable(error: &ExecutionError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// Whether nobody knows what became of a write that failed so.
pub fn is_unknown(error: &StoreError) -> bool {
    matches!(error, StoreError::Timeout | StoreError::Unavailable(_))
}
