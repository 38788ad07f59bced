//! Registering, signing in, refreshing, passwords.

use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use futures_util::future::join_all;
use vibetalk::chat::ChatError;
use vibetalk::chat::accounts::{ChangePassword, Login, Refresh, Register, Requester};
use vibetalk::chat::tokens::{ACCESS_TTL, REFRESH_TTL};
use vibetalk::chat::views::SignedIn;
use vibetalk::store::RefreshRotation;
use vibetalk::store::faults::Fault;

use crate::chat::{NOW_MS, TestChat, code};

pub const PASSWORD: &str = "correct horse";

pub fn requester() -> Requester {
    Requester { address: [192, 0, 2, 1].into(), user_agent: "test".into() }
}

pub async fn register(test: &TestChat, username: &str) -> Result<SignedIn, ChatError> {
    let request = Register {
        username: username.to_owned(),
        password: PASSWORD.to_owned(),
        display_name: None,
    };
    test.chat.register(request, requester()).await
}

pub async fn login(test: &TestChat, username: &str, password: &str) -> Result<SignedIn, ChatError> {
    let request = Login { username: username.to_owned(), password: password.to_owned() };
    test.chat.login(request, requester()).await
}

async fn refresh(test: &TestChat, refresh_token: &str) -> Result<SignedIn, ChatError> {
    test.chat.refresh(Refresh { refresh_token: refresh_token.to_owned() }).await
}

pub async fn change_password(test: &TestChat, session: &SignedIn, current: &str) -> &'static str {
    let caller = test.chat.authenticate(&session.access_token).await.unwrap();
    let request =
        ChangePassword { current_password: current.into(), new_password: "battery staple".into() };
    code(test.chat.change_password(caller, request, requester()).await)
}

/// From the `number`th of many addresses.
async fn login_from(test: &TestChat, number: u8, username: &str, password: &str) -> &'static str {
    let request = Login { username: username.to_owned(), password: password.to_owned() };
    let requester = Requester { address: [198, 51, 100, number].into(), ..requester() };
    code(test.chat.login(request, requester).await)
}

async fn token_code(test: &TestChat, session: &SignedIn) -> &'static str {
    code(test.chat.authenticate(&session.access_token).await)
}

#[tokio::test]
async fn whoever_registers_is_signed_in_and_in_the_official_group() {
    let test = TestChat::start();
    test.chat.ensure_official_group().await.unwrap();
    let signed_in = register(&test, "Ada_L").await.unwrap();
    assert_eq!(signed_in.user.username, "Ada_L");
    assert_eq!(signed_in.user.display_name, "Ada_L");
    let caller = test.chat.authenticate(&signed_in.access_token).await.unwrap();
    assert_eq!(caller.user_id, signed_in.user.id);
    let official = test.store.find_official_group().await.unwrap().unwrap();
    assert!(test.chat.find_member(official.id, caller.user_id).await.unwrap().is_some());
    assert_eq!(test.announced().await, <[String; 0]>::default(), "nobody is told of everybody");
}

#[tokio::test]
async fn a_name_is_taken_in_any_case_and_by_one_of_those_who_race_for_it() {
    let test = TestChat::start();
    let race = join_all(["Bob", "bob", "BOB"].map(|name| register(&test, name))).await;
    assert_eq!(race.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(code(register(&test, "boB").await), "conflict");
}

#[tokio::test]
async fn texts_of_a_registration_are_checked() {
    let test = TestChat::start();
    let long = |chars: usize| "x".repeat(chars);
    for (username, password, display_name, expected) in [
        ("ab", PASSWORD.into(), None, "invalid_request"),
        ("a b c", PASSWORD.into(), None, "invalid_request"),
        (&*long(33), PASSWORD.into(), None, "too_large"),
        ("abc", "1234567".to_owned(), None, "invalid_request"),
        ("abc", long(257), None, "too_large"),
        ("abc", PASSWORD.into(), Some(" "), "invalid_request"),
        ("abc", PASSWORD.into(), Some("Eve\u{202e}"), "invalid_request"),
        ("abc", "a\u{308}".repeat(7), None, "invalid_request"),
        ("abc", PASSWORD.into(), Some(&*long(65)), "too_large"),
        ("abc", "💬".repeat(256), Some("👍"), "ok"),
    ] {
        let request = Register {
            username: username.to_owned(),
            password,
            display_name: display_name.map(ToOwned::to_owned),
        };
        let result = test.chat.register(request, requester()).await;
        assert_eq!(code(result), expected, "{username} {display_name:?}");
    }
}

#[tokio::test]
async fn thirty_registrations_a_minute_come_from_one_address() {
    let test = TestChat::start();
    for _ in 0..30 {
        let tried = register(&test, "taken").await;
        assert_ne!(code(tried), "rate_limited");
    }
    let refused = register(&test, "another").await.err().unwrap();
    assert!(matches!(refused, ChatError::RateLimited { retry_after_ms: 60_000 }), "{refused}");
    let elsewhere = Requester { address: [192, 0, 2, 2].into(), ..requester() };
    let request =
        || Register { username: "elsewhere".into(), password: PASSWORD.into(), display_name: None };
    assert_eq!(code(test.chat.register(request(), elsewhere).await), "ok");
    test.clock.set(NOW_MS + 60_000);
    assert_eq!(code(register(&test, "another").await), "ok");
}

#[tokio::test]
async fn signing_in_takes_the_password_and_the_name_in_any_case() {
    let test = TestChat::start();
    register(&test, "Ada").await.unwrap();
    let signed_in = login(&test, "aDA", PASSWORD).await.unwrap();
    assert_eq!(signed_in.user.username, "Ada");
    assert_eq!(token_code(&test, &signed_in).await, "ok");
    for (username, password, expected) in [
        ("Ada", "wrong horse", "unauthorized"),
        ("Ada", "", "unauthorized"),
        ("nobody", PASSWORD, "unauthorized"),
        ("", PASSWORD, "unauthorized"),
        ("Ada", &*"x".repeat(257), "too_large"),
        (&*"x".repeat(33), PASSWORD, "too_large"),
    ] {
        assert_eq!(code(login(&test, username, password).await), expected, "{username}");
    }
}

#[tokio::test]
async fn only_the_letters_of_ascii_fold_in_a_name() {
    let test = TestChat::start();
    register(&test, "Kim.Ix").await.unwrap();
    assert_eq!(code(login(&test, "kIM.iX", PASSWORD).await), "ok");
    for other in ["\u{212a}im.Ix", "Kım.Ix", "Kim.İx", "Ｋim.Ix"] {
        assert_eq!(code(login(&test, other, PASSWORD).await), "unauthorized", "{other}");
    }
}

#[tokio::test]
async fn a_password_is_the_same_however_it_is_composed() {
    const COMPOSED: [&str; 2] = ["p\u{e4}sswort-lang", "\u{ac01}\u{ac01}-hangul-lang"];
    const DECOMPOSED: [&str; 2] =
        ["pa\u{308}sswort-lang", "\u{1100}\u{1161}\u{11a8}\u{1100}\u{1161}\u{11a8}-hangul-lang"];
    let test = TestChat::start();
    for (number, (one, other)) in COMPOSED.into_iter().zip(DECOMPOSED).enumerate() {
        for (side, set, shown) in [(0, one, other), (1, other, one)] {
            let username = format!("name-{number}-{side}");
            let request =
                Register { username: username.clone(), password: set.into(), display_name: None };
            let session = test.chat.register(request, requester()).await.unwrap();
            assert_eq!(code(login(&test, &username, shown).await), "ok", "{shown}");
            assert_eq!(code(login(&test, &username, "passwort-lang").await), "unauthorized");
            assert_eq!(change_password(&test, &session, shown).await, "ok", "{shown}");
        }
    }
}

#[tokio::test]
async fn a_password_that_was_hashed_as_it_was_typed_still_counts_as_typed() {
    let cheap =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let hash = cheap.hash_password("pa\u{308}sswort-lang".as_bytes()).unwrap();
    let test = TestChat::start();
    let ada = test.person_with_hash("Ada", &hash.to_string()).await;
    assert_eq!(code(login(&test, "Ada", "p\u{e4}sswort-lang").await), "unauthorized");
    assert_eq!(code(login(&test, "Ada", "passwort-lang").await), "unauthorized");
    let session = login(&test, "Ada", "pa\u{308}sswort-lang").await.unwrap();
    assert_eq!(session.user.id, ada.user_id);
    assert_eq!(change_password(&test, &session, "pa\u{308}sswort-lang").await, "ok");
}

#[tokio::test]
async fn ten_failures_close_a_name_to_an_address_whether_or_not_anybody_has_it() {
    let test = TestChat::start();
    register(&test, "Ada").await.unwrap();
    for name in ["ada", "nobody"] {
        for _ in 0..10 {
            assert_eq!(code(login(&test, name, "wrong horse").await), "unauthorized");
        }
        assert_eq!(code(login(&test, name, "wrong horse").await), "rate_limited");
    }
    let refused = login(&test, "ADA", PASSWORD).await.err().unwrap();
    assert!(matches!(refused, ChatError::RateLimited { retry_after_ms: 60_000 }), "{refused}");
    assert_eq!(login_from(&test, 1, "Ada", PASSWORD).await, "ok", "others are not hindered");
    test.clock.set(NOW_MS + 60_000);
    assert_eq!(code(login(&test, "Ada", PASSWORD).await), "ok");
}

#[tokio::test]
async fn a_hundred_failures_close_a_name_to_all_addresses() {
    let test = TestChat::with_limits(|limits| limits.login_failures_per_name_per_minute = 20);
    let session = register(&test, "Ada").await.unwrap();
    for number in 1..=10 {
        for _ in 0..2 {
            assert_eq!(login_from(&test, number, "Ada", "wrong horse").await, "unauthorized");
        }
    }
    assert_eq!(login_from(&test, 11, "Ada", PASSWORD).await, "rate_limited");
    assert_eq!(login_from(&test, 11, "nobody", PASSWORD).await, "unauthorized");
    assert_eq!(change_password(&test, &session, PASSWORD).await, "ok", "she is signed in");
    test.clock.set(NOW_MS + 60_000);
    assert_eq!(login_from(&test, 11, "Ada", "battery staple").await, "ok");
}

#[tokio::test]
async fn guesses_that_come_together_are_counted_one_by_one() {
    let test = TestChat::with_limits(|limits| limits.login_failures_per_name_per_minute = 20);
    register(&test, "Ada").await.unwrap();
    let refused = |codes: Vec<&str>| codes.iter().filter(|code| **code == "unauthorized").count();
    let from_one = join_all((0..15).map(|_| login_from(&test, 1, "Ada", "wrong horse"))).await;
    assert_eq!(refused(from_one), 10);
    let from_many = join_all((2..42).map(|n| login_from(&test, n, "Ada", "wrong horse"))).await;
    assert_eq!(refused(from_many), 10, "the rest of the twenty");
}

#[tokio::test]
async fn many_devices_of_one_address_sign_in_at_once() {
    let test = TestChat::start();
    register(&test, "Ada").await.unwrap();
    // One more than may fail; each waits until the others are known to be none of those.
    let logins = join_all((0..11).map(|_| login(&test, "Ada", PASSWORD))).await;
    assert_eq!(logins.into_iter().map(code).collect::<Vec<_>>(), ["ok"; 11]);
}

#[tokio::test]
async fn guesses_under_many_names_that_come_together_are_counted_one_by_one() {
    let test = TestChat::with_limits(|limits| limits.login_failures_per_address_per_minute = 3);
    let guesses = join_all(
        (0..8)
            .map(async |number| code(login(&test, &format!("name{number}"), "wrong horse").await)),
    )
    .await;
    assert_eq!(guesses.iter().filter(|code| **code == "unauthorized").count(), 3, "{guesses:?}");
}

#[tokio::test]
async fn failures_under_many_names_close_their_address() {
    let test = TestChat::with_limits(|limits| limits.login_failures_per_address_per_minute = 3);
    register(&test, "Ada").await.unwrap();
    for name in ["one", "two", "three"] {
        assert_eq!(code(login(&test, name, PASSWORD).await), "unauthorized");
    }
    assert_eq!(code(login(&test, "Ada", PASSWORD).await), "rate_limited");
    let elsewhere = Requester { address: [192, 0, 2, 2].into(), ..requester() };
    let request = Login { username: "Ada".into(), password: PASSWORD.into() };
    assert_eq!(code(test.chat.login(request, elsewhere).await), "ok");
}

#[tokio::test]
async fn refreshing_replaces_the_token_and_keeps_the_session() {
    let test = TestChat::start();
    let first = register(&test, "Ada").await.unwrap();
    let later_ms = NOW_MS + in_ms(ACCESS_TTL);
    test.clock.set(later_ms);
    assert_eq!(token_code(&test, &first).await, "token_expired");
    let second = refresh(&test, &first.refresh_token).await.unwrap();
    let caller = test.chat.authenticate(&second.access_token).await.unwrap();
    let sessions = test.chat.list_sessions(caller).await.unwrap().sessions;
    assert_eq!(sessions.len(), 1);
    assert_eq!((sessions[0].created_at.0, sessions[0].last_used_at.0), (NOW_MS, later_ms));
    assert_eq!(code(refresh(&test, &second.refresh_token).await), "ok");
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_is_answered_again() {
    let test = TestChat::start();
    let first = register(&test, "Ada").await.unwrap();
    let lost = refresh(&test, &first.refresh_token).await.unwrap();
    for after_ms in [0, 1, 59_999] {
        test.clock.set(NOW_MS + after_ms);
        let again = refresh(&test, &first.refresh_token).await.unwrap();
        assert_eq!(token_code(&test, &again).await, "ok");
        assert_eq!(again.refresh_token, lost.refresh_token, "whichever answer is kept, it works");
    }
    let next = refresh(&test, &lost.refresh_token).await.unwrap();
    assert_eq!(token_code(&test, &next).await, "ok");
    let caller = test.chat.authenticate(&next.access_token).await.unwrap();
    assert_eq!(test.chat.list_sessions(caller).await.unwrap().sessions.len(), 1);
}

#[tokio::test]
async fn a_refresh_token_that_comes_after_its_successor_ends_its_session() {
    let test = TestChat::start();
    let first = register(&test, "Ada").await.unwrap();
    let other = login(&test, "Ada", PASSWORD).await.unwrap();
    let second = refresh(&test, &first.refresh_token).await.unwrap();
    let third = refresh(&test, &second.refresh_token).await.unwrap();
    test.announced().await;
    assert_eq!(code(refresh(&test, &first.refresh_token).await), "unauthorized");
    let user_id = first.user.id;
    assert_eq!(test.announced().await, [format!("nothing to user {user_id}, ends sessions")]);
    assert_eq!(token_code(&test, &third).await, "unauthorized");
    assert_eq!(code(refresh(&test, &third.refresh_token).await), "unauthorized");
    assert_eq!(token_code(&test, &other).await, "ok", "other devices stay signed in");
}

#[tokio::test]
async fn a_refresh_token_that_was_replaced_a_minute_ago_ends_its_session() {
    let test = TestChat::start();
    let first = register(&test, "Ada").await.unwrap();
    let second = refresh(&test, &first.refresh_token).await.unwrap();
    test.clock.set(NOW_MS + 60_000);
    assert_eq!(code(refresh(&test, &first.refresh_token).await), "unauthorized");
    assert_eq!(token_code(&test, &second).await, "unauthorized");
}

#[tokio::test]
async fn many_who_refresh_at_once_all_get_a_pair_that_works() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    for presented in [&session, &refresh(&test, &session.refresh_token).await.unwrap()] {
        let race = join_all([(); 8].map(|()| refresh(&test, &presented.refresh_token))).await;
        for answer in race {
            let answer = answer.unwrap();
            assert_eq!(token_code(&test, &answer).await, "ok");
        }
    }
}

#[tokio::test]
async fn an_invented_refresh_token_ends_nothing() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    let (session_id, _) = session.refresh_token.split_once('.').unwrap();
    for invented in ["", "x", session_id, &format!("{session_id}.{}", "A".repeat(64))] {
        assert_eq!(code(refresh(&test, invented).await), "unauthorized");
    }
    assert_eq!(token_code(&test, &session).await, "ok");
}

#[tokio::test]
async fn a_session_that_is_not_used_expires() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    let caller = test.chat.authenticate(&session.access_token).await.unwrap();
    let expires_at_ms = NOW_MS + in_ms(REFRESH_TTL);
    assert_eq!(test.chat.session_expiry(caller).await.unwrap(), Some(expires_at_ms));
    test.clock.set(expires_at_ms - 1);
    assert!(test.chat.session_lasts(caller).await.unwrap());
    test.clock.set(expires_at_ms);
    assert!(!test.chat.session_lasts(caller).await.unwrap(), "also when it is cached");
    assert_eq!(code(refresh(&test, &session.refresh_token).await), "unauthorized");
}

#[tokio::test]
async fn a_refresh_prolongs_a_session_whatever_is_cached() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    let caller = test.chat.authenticate(&session.access_token).await.unwrap();
    test.clock.set(NOW_MS + 1000);
    refresh(&test, &session.refresh_token).await.unwrap();
    let expires_at_ms = NOW_MS + 1000 + in_ms(REFRESH_TTL);
    assert_eq!(test.chat.session_expiry(caller).await.unwrap(), Some(expires_at_ms));
    // As if another node had refreshed it since it was cached here.
    let stored = test.store.find_session(caller.session_id, NOW_MS).await.unwrap().unwrap();
    let rotation = RefreshRotation {
        presented: stored.refresh_hash,
        next: [9; 32],
        now_ms: NOW_MS,
        expires_at_ms: expires_at_ms + 5,
        grace_ms: 0,
    };
    test.store.rotate_refresh_token(caller.session_id, &rotation).await.unwrap();
    test.clock.set(expires_at_ms);
    assert_eq!(test.chat.session_expiry(caller).await.unwrap(), Some(expires_at_ms + 5));
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    let other = login(&test, "Ada", PASSWORD).await.unwrap();
    assert_eq!(token_code(&test, &other).await, "ok");
    assert_eq!(change_password(&test, &session, PASSWORD).await, "ok");
    assert_eq!(token_code(&test, &session).await, "ok");
    assert_eq!(token_code(&test, &other).await, "unauthorized");
    assert_eq!(code(refresh(&test, &other.refresh_token).await), "unauthorized");
    assert_eq!(code(login(&test, "Ada", PASSWORD).await), "unauthorized");
    assert_eq!(code(login(&test, "Ada", "battery staple").await), "ok");
}

#[tokio::test]
async fn a_login_with_the_old_password_does_not_slip_in_while_it_is_changed() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    // No stranger's password is checked until the other one is there.
    let line = &test.chat.passwords().strangers;
    let (places, waiting) = (line.running.available_permits(), line.waiting.available_permits());
    let hashing = line.running.acquire_many(places as u32).await.unwrap();
    let changing = async {
        while line.waiting.available_permits() == waiting {
            tokio::task::yield_now().await;
        }
        // The login has read the old hash, and waits.
        assert_eq!(change_password(&test, &session, PASSWORD).await, "ok");
        drop(hashing);
    };
    let (signed_in, ()) = tokio::join!(login(&test, "Ada", PASSWORD), changing);
    assert_eq!(code(signed_in), "unauthorized");
    let caller = test.chat.authenticate(&session.access_token).await.unwrap();
    assert_eq!(test.chat.list_sessions(caller).await.unwrap().sessions.len(), 1);
}

#[tokio::test]
async fn a_wrong_current_password_is_forbidden_and_a_failed_login() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    for _ in 0..10 {
        assert_eq!(change_password(&test, &session, "wrong horse").await, "forbidden");
    }
    assert_eq!(change_password(&test, &session, PASSWORD).await, "rate_limited");
    assert_eq!(code(login(&test, "Ada", PASSWORD).await), "rate_limited");
    assert_eq!(login_from(&test, 1, "Ada", PASSWORD).await, "ok");
}

#[tokio::test]
async fn current_passwords_are_guessed_by_all_sessions_of_a_person_together() {
    let test = TestChat::start();
    let sessions =
        [register(&test, "Ada").await.unwrap(), login(&test, "Ada", PASSWORD).await.unwrap()];
    let guesses =
        (0..12).map(|number| change_password(&test, &sessions[number % 2], "wrong horse"));
    let codes = join_all(guesses).await;
    assert_eq!(codes.iter().filter(|code| **code == "forbidden").count(), 10, "{codes:?}");
}

#[tokio::test]
async fn whoever_is_signed_in_is_not_hindered_by_guesses_of_strangers() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    for _ in 0..11 {
        login(&test, "Ada", "wrong horse").await.err().unwrap(); // From her own address, too.
    }
    assert_eq!(code(login(&test, "Ada", PASSWORD).await), "rate_limited");
    assert_eq!(change_password(&test, &session, PASSWORD).await, "ok");
}

fn in_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

#[tokio::test]
async fn a_change_of_password_that_was_stored_and_not_answered_is_finished_by_the_next_try() {
    for other_device in [true, false] {
        let test = TestChat::start();
        let session = register(&test, "Ada").await.unwrap();
        let other = match other_device {
            true => Some(login(&test, "Ada", PASSWORD).await.unwrap()),
            false => None,
        };
        test.faults.plan("change_password", Fault::AnswerLost);
        assert_eq!(change_password(&test, &session, PASSWORD).await, "timeout");
        test.faults.clear();
        // What the node does by itself must not make the next try fail.
        test.chat.announce_endings().await.unwrap();
        assert_eq!(change_password(&test, &session, "wrong horse").await, "ok", "as it is already");
        assert_eq!(token_code(&test, &session).await, "ok");
        if let Some(other) = other {
            assert_eq!(token_code(&test, &other).await, "unauthorized");
        }
        assert_eq!(code(login(&test, "Ada", "battery staple").await), "ok");
        assert_eq!(code(login(&test, "Ada", PASSWORD).await), "unauthorized");
    }
}
