//! Signed-in sessions, refresh tokens, and failed logins.

use futures_util::future::join_all;
use vibetalk::model::account::Session;
use vibetalk::model::id::{SessionId, UserId};
use vibetalk::store::{LoginFailures, RefreshRotation, Rotation, Store};

use super::{MINUTE_MS, NOW_MS, next_id, user_id};

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

pub async fn failed_logins_count_until_they_expire(store: &dyn Store) {
    let username = format!("Name-{}", next_id());
    for expires_at_ms in [NOW_MS + 30, NOW_MS + 10, NOW_MS + 20] {
        store.insert_login_failure(&username, NOW_MS, expires_at_ms).await.unwrap();
    }
    for (now_ms, count, first_expires_at_ms) in [
        (NOW_MS, 3, NOW_MS + 10),
        (NOW_MS + 10, 2, NOW_MS + 20),
        (NOW_MS + 29, 1, NOW_MS + 30),
        (NOW_MS + 30, 0, 0),
    ] {
        let counted = store.count_login_failures(&username.to_lowercase(), now_ms).await.unwrap();
        assert_eq!(counted, LoginFailures { count, first_expires_at_ms });
    }
    let another = store.count_login_failures("another", NOW_MS).await.unwrap();
    assert_eq!(another, LoginFailures::default());
}
