//! Signed-in sessions, refresh tokens, passwords, and attempts to guess them.

use futures_util::future::join_all;
use vibetalk::model::account::{Asker, PasswordAttempt, Session};
use vibetalk::model::id::{AttemptId, SessionId, UserId};
use vibetalk::store::{AttemptLimits, RefreshRotation, Reservation, Rotation, Store};

use super::{MINUTE_MS, NOW_MS, account, next_id, user_id};

fn session(user_id: UserId) -> Session {
    Session {
        id: SessionId::new(next_id()),
        user_id,
        refresh_hash: [1; 32],
        created_at_ms: NOW_MS,
        last_used_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + MINUTE_MS,
        user_agent: "agent".into(),
    }
}

pub async fn a_session_is_found_until_it_expires_or_is_deleted(store: &dyn Store) {
    let session = session(user_id());
    store.insert_session(&session).await.unwrap();
    let found_at = |now_ms| store.find_session(session.id, now_ms);
    assert!(found_at(NOW_MS).await.unwrap().as_ref() == Some(&session));
    assert!(found_at(session.expires_at_ms - 1).await.unwrap().is_some());
    assert!(found_at(session.expires_at_ms).await.unwrap().is_none());

    store.delete_sessions(&[session.id]).await.unwrap();
    store.delete_sessions(&[session.id]).await.unwrap();
    assert!(found_at(NOW_MS).await.unwrap().is_none());
}

pub async fn sessions_are_deleted_many_at_once(store: &dyn Store) {
    let person = user_id();
    let sessions: [Session; 5] = std::array::from_fn(|_| session(person));
    for session in &sessions {
        store.insert_session(session).await.unwrap();
    }
    let ids = sessions.each_ref().map(|session| session.id);
    store.delete_sessions(&[ids[0], SessionId::new(7), ids[2], ids[4]]).await.unwrap();
    let left = store.list_sessions(person, NOW_MS).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [ids[1], ids[3]]);
}

pub async fn sessions_are_listed_oldest_first(store: &dyn Store) {
    let person = user_id();
    for (created_at_ms, expires_at_ms) in
        [(20, NOW_MS + 2), (10, NOW_MS + 1), (30, NOW_MS), (15, NOW_MS + 9)]
    {
        let session = Session { created_at_ms, expires_at_ms, ..session(person) };
        store.insert_session(&session).await.unwrap();
    }
    store.insert_session(&session(user_id())).await.unwrap();
    let listed = store.list_sessions(person, NOW_MS).await.unwrap();
    let created: Vec<u64> = listed.iter().map(|session| session.created_at_ms).collect();
    assert_eq!(created, [10, 15, 20]);
}

const GRACE_MS: u64 = 1000;

fn rotation(presented: [u8; 32], next: [u8; 32], now_ms: u64) -> RefreshRotation {
    RefreshRotation {
        presented,
        next,
        now_ms,
        expires_at_ms: NOW_MS + 10 * MINUTE_MS,
        grace_ms: GRACE_MS,
    }
}

pub async fn racing_refreshes_rotate_once(store: &dyn Store) {
    let session = session(user_id());
    store.insert_session(&session).await.unwrap();
    let at = |now_ms| rotation(session.refresh_hash, [2; 32], now_ms);
    let rotations: Vec<_> = (0..10).map(|ms| at(NOW_MS + ms)).collect();
    let outcomes = join_all(
        rotations.iter().map(|rotation| store.rotate_refresh_token(session.id, rotation)),
    )
    .await;
    assert!(outcomes.into_iter().all(|outcome| outcome.unwrap() == Rotation::Rotated));
    let stored = store.find_session(session.id, NOW_MS).await.unwrap().unwrap();
    assert_eq!(stored.refresh_hash, [2; 32]);
}

pub async fn a_rotation_is_repeated_until_its_successor_is_used(store: &dyn Store) {
    let session = session(user_id());
    store.insert_session(&session).await.unwrap();
    let [first, second, third] = [session.refresh_hash, [2; 32], [3; 32]];
    let rotate = async |presented, next, now_ms| {
        let rotation = rotation(presented, next, now_ms);
        store.rotate_refresh_token(session.id, &rotation).await.unwrap()
    };
    assert_eq!(rotate(first, second, NOW_MS).await, Rotation::Rotated);
    for now_ms in [NOW_MS - 1, NOW_MS, NOW_MS + GRACE_MS - 1] {
        assert_eq!(rotate(first, second, now_ms).await, Rotation::Rotated, "{now_ms}");
    }
    let stored = store.find_session(session.id, NOW_MS).await.unwrap().unwrap();
    assert_eq!(stored.last_used_at_ms, NOW_MS, "repeating does not begin the grace anew");
    assert_eq!(rotate(second, third, NOW_MS + 1).await, Rotation::Rotated);
    assert_eq!(rotate(first, second, NOW_MS + 1).await, Rotation::Reused);
    assert_eq!(rotate(second, third, NOW_MS + 1).await, Rotation::Rotated, "third is unused");
}

pub async fn a_rotation_is_not_repeated_after_its_grace(store: &dyn Store) {
    let session = session(user_id());
    store.insert_session(&session).await.unwrap();
    for (now_ms, expected) in [(NOW_MS, Rotation::Rotated), (NOW_MS + GRACE_MS, Rotation::Reused)] {
        let rotation = rotation(session.refresh_hash, [2; 32], now_ms);
        assert_eq!(store.rotate_refresh_token(session.id, &rotation).await.unwrap(), expected);
    }
}

pub async fn a_rotation_extends_a_session(store: &dyn Store) {
    let session = session(user_id());
    store.insert_session(&session).await.unwrap();
    let rotation = rotation(session.refresh_hash, [2; 32], NOW_MS + 5);
    let rotated = store.rotate_refresh_token(session.id, &rotation).await.unwrap();
    assert_eq!(rotated, Rotation::Rotated);
    let stored = store.find_session(session.id, NOW_MS + 9 * MINUTE_MS).await.unwrap().unwrap();
    let times = (stored.last_used_at_ms, stored.expires_at_ms);
    assert_eq!(times, (rotation.now_ms, rotation.expires_at_ms));
}

pub async fn nothing_rotates_in_a_session_that_expired(store: &dyn Store) {
    let session = session(user_id());
    store.insert_session(&session).await.unwrap();
    for (session_id, now_ms) in
        [(session.id, session.expires_at_ms), (SessionId::new(next_id()), NOW_MS)]
    {
        let rotation = rotation(session.refresh_hash, [2; 32], now_ms);
        let outcome = store.rotate_refresh_token(session_id, &rotation).await;
        assert_eq!(outcome.unwrap(), Rotation::NotFound);
    }
}

pub async fn a_session_that_has_ended_is_nowhere_but_among_the_ended(store: &dyn Store) {
    let person = user_id();
    let [ended, other] = [session(person), session(person)];
    for session in [&ended, &other] {
        store.insert_session(session).await.unwrap();
    }
    for _ in 0..2 {
        store.end_sessions(&[ended.id, SessionId::new(7)]).await.unwrap();
    }
    assert!(store.find_session(ended.id, NOW_MS).await.unwrap().is_none());
    let listed = store.list_sessions(person, NOW_MS).await.unwrap();
    assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), [other.id]);
    for presented in [ended.refresh_hash, [5; 32]] {
        let rotation = rotation(presented, [2; 32], NOW_MS);
        let rotated = store.rotate_refresh_token(ended.id, &rotation).await.unwrap();
        assert_eq!(rotated, Rotation::NotFound);
    }
    let owner_of = async |id| store.find_ended_session(id).await.unwrap();
    assert_eq!([owner_of(ended.id).await, owner_of(other.id).await], [Some(person), None]);
    let all = store.list_ended_sessions(1_000).await.unwrap();
    assert!(all.contains(&(person, ended.id)) && !all.contains(&(person, other.id)));
    assert!(all.is_sorted_by_key(|(person, _)| *person));
    assert_eq!(store.list_ended_sessions(1).await.unwrap().len(), 1);

    store.delete_sessions(&[ended.id]).await.unwrap();
    assert_eq!(owner_of(ended.id).await, None);
    assert!(!store.list_ended_sessions(1_000).await.unwrap().contains(&(person, ended.id)));
}

pub async fn a_new_password_ends_the_other_sessions(store: &dyn Store) {
    let account = account();
    let user_id = account.user.id;
    store.insert_account(&account).await.unwrap();
    let sessions: [Session; 3] = std::array::from_fn(|_| session(user_id));
    let [kept, one, other] = sessions.each_ref().map(|session| session.id);
    for session in &sessions {
        store.insert_session(session).await.unwrap();
    }
    let stranger = session(super::user_id());
    store.insert_session(&stranger).await.unwrap();
    let change = async |replaced: &str, kept| {
        let ended = store.change_password(user_id, replaced, "new", kept).await.unwrap();
        ended.map(|mut ended| {
            ended.sort();
            ended
        })
    };
    assert_eq!(change("wrong", kept).await, None);
    assert!(store.find_session(one, NOW_MS).await.unwrap().is_some());
    for _ in 0..2 {
        assert_eq!(change(&account.password_hash, kept).await, Some(vec![one, other]), "retried");
    }
    assert_eq!(store.find_account(user_id).await.unwrap().unwrap().password_hash, "new");
    assert!(store.find_session(kept, NOW_MS).await.unwrap().is_some());
    assert!(store.find_session(one, NOW_MS).await.unwrap().is_none());
    assert!(store.find_session(stranger.id, NOW_MS).await.unwrap().is_some());
    store.delete_sessions(&[one, other]).await.unwrap();
    assert_eq!(change("new", kept).await, Some(vec![]));
    let nobody = store.change_password(super::user_id(), "", "new", kept).await.unwrap();
    assert_eq!(nobody, None);
}

const LIMITS: AttemptLimits = AttemptLimits { own_max: 2, name_max: 5 };

fn attempt(username: &str, asker: Asker, network: u8, expires_at_ms: u64) -> PasswordAttempt {
    PasswordAttempt {
        id: AttemptId::new(next_id()),
        username: username.to_owned(),
        asker,
        network: [192, 0, 2, network].into(),
        expires_at_ms,
    }
}

/// Reserves an attempt that expires after `ms`; when there is room again if there is none.
async fn reserve(
    store: &dyn Store,
    (username, asker, network): (&str, Asker, u8),
    ms: u64,
) -> Result<AttemptId, u64> {
    let attempt = attempt(username, asker, network, NOW_MS + ms);
    match store.reserve_attempt(&attempt, LIMITS, NOW_MS).await.unwrap() {
        Reservation::Reserved => Ok(attempt.id),
        Reservation::TooMany { until_ms } => Err(until_ms - NOW_MS),
    }
}

pub async fn attempts_are_limited_by_name_and_network(store: &dyn Store) {
    let [name, other] = [0; 2].map(|_| format!("Name-{}", next_id()));
    let from = |network| (name.as_str(), Asker::Stranger, network);
    reserve(store, from(1), 30).await.unwrap();
    reserve(store, from(1), 10).await.unwrap();
    assert_eq!(reserve(store, from(1), 99).await, Err(10));
    let upper = name.to_uppercase();
    assert_eq!(reserve(store, (&upper, Asker::Stranger, 1), 99).await, Err(10), "in any case");
    reserve(store, (&other, Asker::Stranger, 1), 40).await.unwrap();
    for network in [2, 2, 3] {
        reserve(store, from(network), 20).await.unwrap();
    }
    assert_eq!(reserve(store, from(9), 99).await, Err(10), "five of all networks");
    assert_eq!(reserve(store, from(2), 99).await, Err(20), "both limits");
}

pub async fn attempts_count_until_they_are_released_or_expire(store: &dyn Store) {
    let name = format!("Name-{}", next_id());
    let mine = (name.as_str(), Asker::Stranger, 1);
    let right = reserve(store, mine, 50).await.unwrap();
    reserve(store, mine, 10).await.unwrap();
    reserve(store, mine, 10).await.unwrap_err();
    for _ in 0..2 {
        store.release_attempt(right).await.unwrap();
    }
    reserve(store, mine, 20).await.unwrap();
    for (now_ms, expected) in [
        (NOW_MS + 9, Reservation::TooMany { until_ms: NOW_MS + 10 }),
        (NOW_MS + 10, Reservation::Reserved),
    ] {
        let attempt = attempt(&name, Asker::Stranger, 1, NOW_MS + 90);
        let reserved = store.reserve_attempt(&attempt, LIMITS, now_ms).await.unwrap();
        assert_eq!(reserved, expected);
        if expected == Reservation::Reserved {
            let again = store.reserve_attempt(&attempt, LIMITS, now_ms).await.unwrap();
            assert_eq!(again, Reservation::Reserved, "a retry");
        }
    }
}

pub async fn strangers_do_not_count_for_who_is_signed_in(store: &dyn Store) {
    let name = format!("Name-{}", next_id());
    for network in 1..=5 {
        reserve(store, (&name, Asker::Stranger, network), 10).await.unwrap();
    }
    let own = |network| (name.as_str(), Asker::SignedIn, network);
    reserve(store, own(1), 20).await.unwrap();
    reserve(store, own(2), 20).await.unwrap();
    assert_eq!(reserve(store, own(3), 20).await, Err(20), "from all networks");

    let name = format!("Name-{}", next_id());
    for _ in 0..2 {
        reserve(store, (&name, Asker::SignedIn, 1), 20).await.unwrap();
    }
    let login = reserve(store, (&name, Asker::Stranger, 1), 20).await;
    assert_eq!(login, Err(20), "their own failures count as logins");
}

pub async fn of_racing_attempts_so_many_are_reserved(store: &dyn Store) {
    let name = format!("Name-{}", next_id());
    let tries = (0..20).map(|network| reserve(store, (&name, Asker::Stranger, network), 10));
    let reserved = join_all(tries).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(reserved, 5);
}
