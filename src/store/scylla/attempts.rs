//! Passwords that were shown: those of a name are one partition, whose version each reservation changes.

use async_trait::async_trait;
use scylla::DeserializeRow;

use crate::clock::UnixMs;
use crate::model::account::{Asker, PasswordAttempt};
use crate::model::id::AttemptId;
use crate::model::name::folded_username;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{Ms, ttl_seconds};
use crate::store::{AttemptLimits, AttemptStore, Reservation, StoreError};

/// How much longer rows are kept than they count: beyond what clocks are apart.
const KEPT_LONGER_MS: u64 = 60_000;

statements! {
    list: read "SELECT version, attempt_id, network, signed_in, expires_at_ms FROM ks.password_attempts
                WHERE username_folded = ?";
    count: decide "UPDATE ks.password_attempts USING TTL ? SET version = ? WHERE username_folded = ?
                   IF version = ?";
    insert: decide "INSERT INTO ks.password_attempts (username_folded, attempt_id, network, signed_in, expires_at_ms)
                    VALUES (?, ?, ?, ?, ?) USING TTL ?";
    note: write "INSERT INTO ks.attempts_by_id (attempt_id, username_folded) VALUES (?, ?) USING TTL ?";
    find: read "SELECT username_folded FROM ks.attempts_by_id WHERE attempt_id = ?";
    delete: decide "DELETE FROM ks.password_attempts WHERE username_folded = ? AND attempt_id = ? IF EXISTS";
}

/// While all attempts have expired and the version has not there is a row without an attempt.
#[derive(DeserializeRow)]
struct AttemptRow {
    version: Option<i32>,
    attempt_id: Option<AttemptId>,
    network: Option<String>,
    signed_in: Option<bool>,
    expires_at_ms: Option<Ms>,
}

/// When there is room for one more attempt among those that count: the `max`th of them, from the one that counts
/// longest, has to cease first. None while there is room.
fn full_until<'a>(
    rows: impl Iterator<Item = &'a AttemptRow>,
    max: u32,
    now_ms: UnixMs,
) -> Option<UnixMs> {
    let expiries = rows.filter_map(|row| row.expires_at_ms).map(|Ms(at_ms)| at_ms);
    let mut counting: Vec<UnixMs> = expiries.filter(|at_ms| *at_ms > now_ms).collect();
    counting.sort_unstable_by(|a, b| b.cmp(a));
    counting.get((max as usize).saturating_sub(1)).copied()
}

fn judge(
    rows: &[AttemptRow],
    attempt: &PasswordAttempt,
    limits: AttemptLimits,
    now_ms: UnixMs,
) -> Reservation {
    let network = attempt.network.to_string();
    let full_until = if attempt.asker == Asker::SignedIn {
        full_until(rows.iter().filter(|row| row.signed_in == Some(true)), limits.own_max, now_ms)
    } else {
        let own = rows.iter().filter(|row| row.network.as_ref() == Some(&network));
        let own = full_until(own, limits.own_max, now_ms);
        own.max(full_until(rows.iter(), limits.name_max, now_ms))
    };
    full_until.map_or(Reservation::Reserved, |until_ms| Reservation::TooMany { until_ms })
}

impl ScyllaStore {
    /// `None` if somebody else reserved one meanwhile.
    async fn reserve(
        &self,
        attempt: &PasswordAttempt,
        limits: AttemptLimits,
        now_ms: UnixMs,
    ) -> Result<Option<Reservation>, StoreError> {
        let (cql, name) = (&self.cql().attempts, folded_username(&attempt.username));
        let rows: Vec<AttemptRow> = self.db().rows(&cql.list, (&name,)).await?;
        if rows.iter().any(|row| row.attempt_id == Some(attempt.id)) {
            return Ok(Some(Reservation::Reserved));
        }
        let judged = judge(&rows, attempt, limits, now_ms);
        if judged != Reservation::Reserved {
            return Ok(Some(judged));
        }
        let ttl = ttl_seconds(attempt.expires_at_ms.saturating_sub(now_ms), KEPT_LONGER_MS);
        self.db().write(&cql.note, (attempt.id, &name, ttl)).await?;
        let version = rows.iter().find_map(|row| row.version);
        let next = version.map_or(1, |version| version.wrapping_add(1));
        let signed_in = attempt.asker == Asker::SignedIn;
        let expires = Ms(attempt.expires_at_ms);
        let values = (
            // The version outlasts the rows that it counts.
            (ttl.saturating_mul(2), next, &name, version),
            (&name, attempt.id, attempt.network.to_string(), signed_in, expires, ttl),
        );
        let partition = (0, 0, &name, 0);
        let decision = self.db().decide_all(&[&cql.count, &cql.insert], values, partition).await?;
        Ok(decision.applied().then_some(Reservation::Reserved))
    }
}

#[async_trait]
impl AttemptStore for ScyllaStore {
    async fn reserve_attempt(
        &self,
        attempt: &PasswordAttempt,
        limits: AttemptLimits,
        now_ms: UnixMs,
    ) -> Result<Reservation, StoreError> {
        self.call("reserve_attempt", async {
            let _turn = self.turn(("attempts", folded_username(&attempt.username))).await;
            loop {
                if let Some(reservation) = self.reserve(attempt, limits, now_ms).await? {
                    return Ok(reservation);
                }
            }
        })
        .await
    }

    async fn release_attempt(&self, attempt_id: AttemptId) -> Result<(), StoreError> {
        let cql = &self.cql().attempts;
        self.call("release_attempt", async {
            let Some(name) = self.db().value::<String>(&cql.find, (attempt_id,)).await? else {
                return Ok(());
            };
            self.db().decide(&cql.delete, (name, attempt_id)).await.map(drop)
        })
        .await
    }
}
