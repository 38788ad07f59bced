//! What is known of every call of a store: how long it took, and how it failed.

use std::time::{Duration, Instant};

use crate::store::StoreError;
use crate::telemetry::{self, log_seldom};

/// A call that takes longer is logged: no person notices less, and no healthy store takes so long.
const SLOW: Duration = Duration::from_millis(500);

/// Waits for `call`, which is all of a call of `operation`.
pub async fn measured<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let started = Instant::now();
    let result = call.await;
    let elapsed = started.elapsed();
    metrics::histogram!(telemetry::STORE_DURATION, "operation" => operation)
        .record(elapsed.as_secs_f64());
    if elapsed > SLOW {
        let elapsed_ms = elapsed.as_millis();
        log_seldom!(
            warn,
            store.operation = operation,
            elapsed_ms,
            "{operation} took {elapsed_ms} ms"
        );
    }
    result.inspect_err(count_failure)
}

fn count_failure(error: &StoreError) {
    let cause = match error {
        StoreError::Conflict => return, // An answer, not a failure.
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Busy => "busy",
        StoreError::Timeout => "timeout",
        StoreError::Failed(_) => "failed",
    };
    metrics::counter!(telemetry::STORE_ERRORS, "cause" => cause).increment(1);
}
