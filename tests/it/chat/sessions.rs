//! Sessions: listing and ending them.

use std::sync::atomic::Ordering::SeqCst;

use vibetalk::chat::Caller;
use vibetalk::chat::accounts::{ChangePassword, Refresh};
use vibetalk::chat::sessions::SESSIONS_PER_PERSON_MAX;
use vibetalk::chat::views::SignedIn;
use vibetalk::model::account::Session;
use vibetalk::model::id::SessionId;

use crate::chat::accounts::{PASSWORD, change_password, login, register, requester};
use crate::chat::{NOW_MS, TestChat, code};

async fn caller(test: &TestChat, session: &SignedIn) -> Caller {
    test.chat.authenticate(&session.access_token).await.unwrap()
}

#[tokio::test]
async fn a_person_sees_and_ends_their_own_sessions_only() {
    let test = TestChat::start();
    let first = caller(&test, &register(&test, "Ada").await.unwrap()).await;
    let second = caller(&test, &login(&test, "Ada", PASSWORD).await.unwrap()).await;
    let stranger = caller(&test, &register(&test, "Eve").await.unwrap()).await;

    let sessions = test.chat.list_sessions(second).await.unwrap().sessions;
    let listed: Vec<_> = sessions.iter().map(|session| (session.id, session.current)).collect();
    assert_eq!(listed, [(first.session_id, false), (second.session_id, true)]);
    assert_eq!(sessions[0].user_agent, "test");

    let end = async |caller, session_id| code(test.chat.end_session(caller, session_id).await);
    test.announced().await;
    assert_eq!(end(stranger, first.session_id).await, "session_not_found");
    assert!(test.announced().await.is_empty());
    assert!(test.chat.session_lasts(first).await.unwrap());
    assert_eq!(end(second, first.session_id).await, "ok");
    assert!(!test.chat.session_lasts(first).await.unwrap());
    test.announced().await;
    assert_eq!(end(second, first.session_id).await, "session_not_found");
    assert!(test.announced().await.is_empty());
    assert!(test.chat.session_lasts(second).await.unwrap());
}

/// Does `end` while nothing can be announced, then `retry`, which is to announce what has ended.
async fn check_retry<'a>(
    test: &'a TestChat,
    ended: Caller,
    end: impl AsyncFnOnce(&'a TestChat) -> &'static str,
    retry: impl AsyncFnOnce(&'a TestChat) -> &'static str,
    expected: &str,
) {
    test.bus_loses.store(true, SeqCst);
    assert_eq!(end(test).await, "unavailable");
    assert!(!test.chat.session_lasts(ended).await.unwrap(), "its tokens are refused already");
    test.bus_loses.store(false, SeqCst);
    assert!(test.announced().await.is_empty());
    assert_eq!(retry(test).await, expected);
    let announced = format!("nothing to user {}, ends sessions", ended.user_id);
    assert_eq!(test.announced().await, [announced]);
    test.chat.announce_endings().await.unwrap();
    assert!(test.announced().await.is_empty(), "everybody knows");
}

#[tokio::test]
async fn a_logout_that_could_not_be_announced_is_finished_by_a_retry() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    let ended = caller(&test, &session).await;
    test.announced().await;
    let token = &session.access_token;
    let logout = async |test: &TestChat| match test.chat.authenticate_leaving(token).await {
        Ok(caller) => code(test.chat.logout(caller).await),
        Err(error) => error.code(),
    };
    check_retry(&test, ended, logout, logout, "ok").await;
    assert_eq!(logout(&test).await, "unauthorized");
}

#[tokio::test]
async fn an_ended_session_that_could_not_be_announced_is_finished_by_a_retry() {
    let test = TestChat::start();
    let ended = caller(&test, &register(&test, "Ada").await.unwrap()).await;
    let other = caller(&test, &login(&test, "Ada", PASSWORD).await.unwrap()).await;
    let stranger = caller(&test, &register(&test, "Eve").await.unwrap()).await;
    test.announced().await;
    let end = async |test: &TestChat| code(test.chat.end_session(other, ended.session_id).await);
    let retry = async |test: &TestChat| {
        let by_stranger = test.chat.end_session(stranger, ended.session_id).await;
        assert_eq!(code(by_stranger), "session_not_found");
        assert!(test.announced().await.is_empty());
        end(test).await
    };
    check_retry(&test, ended, end, retry, "ok").await;
}

#[tokio::test]
async fn a_new_password_that_could_not_be_announced_is_finished_by_a_retry() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    let ended = caller(&test, &login(&test, "Ada", PASSWORD).await.unwrap()).await;
    test.announced().await;
    let change = async |test: &TestChat| change_password(test, &session, PASSWORD).await;
    check_retry(&test, ended, change, change, "ok").await;
    assert_eq!(change(&test).await, "ok", "the new one is the current one already");
    assert_eq!(code(login(&test, "Ada", "battery staple").await), "ok");
}

#[tokio::test]
async fn while_a_new_password_is_announced_wrong_ones_stay_wrong() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    login(&test, "Ada", PASSWORD).await.unwrap();
    let owner = caller(&test, &session).await;
    test.bus_loses.store(true, SeqCst);
    assert_eq!(change_password(&test, &session, PASSWORD).await, "unavailable");
    test.bus_loses.store(false, SeqCst);
    let request = ChangePassword {
        current_password: PASSWORD.into(),
        new_password: "another new one".into(),
    };
    let another = test.chat.change_password(owner, request, requester()).await;
    assert_eq!(code(another), "forbidden");
}

#[tokio::test]
async fn a_session_that_a_used_token_ended_is_announced_by_a_retry() {
    let test = TestChat::start();
    let first = register(&test, "Ada").await.unwrap();
    let ended = caller(&test, &first).await;
    let refresh = async |test: &TestChat, token: &str| {
        test.chat.refresh(Refresh { refresh_token: token.to_owned() }).await
    };
    let second = refresh(&test, &first.refresh_token).await.unwrap();
    refresh(&test, &second.refresh_token).await.unwrap();
    test.announced().await;
    let reuse = async |test: &TestChat| code(refresh(test, &first.refresh_token).await);
    check_retry(&test, ended, reuse, reuse, "unauthorized").await;
}

#[tokio::test]
async fn endings_that_nobody_retries_are_announced_by_the_node() {
    let test = TestChat::start();
    let ada = caller(&test, &register(&test, "Ada").await.unwrap()).await;
    let bob = caller(&test, &register(&test, "Bob").await.unwrap()).await;
    test.announced().await;
    test.bus_loses.store(true, SeqCst);
    for caller in [ada, bob] {
        assert_eq!(code(test.chat.logout(caller).await), "unavailable");
    }
    assert!(test.chat.announce_endings().await.is_err());
    test.bus_loses.store(false, SeqCst);
    test.chat.announce_endings().await.unwrap();
    let ended = |caller: Caller| format!("nothing to user {}, ends sessions", caller.user_id);
    assert_eq!(test.announced().await, [ended(ada), ended(bob)]);
}

#[tokio::test]
async fn signing_in_does_not_fail_because_an_old_session_cannot_be_announced() {
    let test = TestChat::start();
    let first = caller(&test, &register(&test, "Ada").await.unwrap()).await;
    fill_sessions(&test, first).await;
    test.clock.set(NOW_MS + 1000);
    test.bus_loses.store(true, SeqCst);
    login(&test, "Ada", PASSWORD).await.unwrap();
    test.bus_loses.store(false, SeqCst);
    assert!(!test.chat.session_lasts(first).await.unwrap());
    test.chat.announce_endings().await.unwrap();
    let ended = format!("nothing to user {}, ends sessions", first.user_id);
    assert_eq!(test.announced().await, [ended]);
}

#[tokio::test]
async fn signing_out_ends_this_session() {
    let test = TestChat::start();
    let session = register(&test, "Ada").await.unwrap();
    let caller = caller(&test, &session).await;
    test.announced().await;
    test.chat.logout(caller).await.unwrap();
    assert_eq!(
        test.announced().await,
        [format!("nothing to user {}, ends sessions", caller.user_id)]
    );
    assert_eq!(code(test.chat.authenticate(&session.access_token).await), "unauthorized");
}

#[tokio::test]
async fn a_session_has_ended_only_when_every_node_has_disconnected_it() {
    let test = TestChat::start();
    let caller = caller(&test, &register(&test, "Ada").await.unwrap()).await;
    test.hold();
    let ending = test.chat.logout(caller);
    tokio::pin!(ending);
    tokio::select! {
        _ = &mut ending => panic!("acknowledged before it was applied"),
        () = test.effect_delivered() => {}
    }
    assert!(!test.chat.session_lasts(caller).await.unwrap(), "tokens are refused already");
    test.resume();
    ending.await.unwrap();
}

#[tokio::test]
async fn an_ending_goes_on_when_its_caller_goes_away() {
    let test = TestChat::start();
    let caller = caller(&test, &register(&test, "Ada").await.unwrap()).await;
    test.announced().await;
    {
        let ending = test.chat.logout(caller);
        tokio::pin!(ending);
        assert!(futures_util::poll!(ending.as_mut()).is_pending());
    }
    test.effect_delivered().await;
    assert!(!test.chat.session_lasts(caller).await.unwrap());
}

/// Gives somebody with one session as many as are allowed.
async fn fill_sessions(test: &TestChat, first: Caller) {
    let session = test.store.find_session(first.session_id, NOW_MS).await.unwrap().unwrap();
    for number in 1..SESSIONS_PER_PERSON_MAX as u64 {
        let id = SessionId::new(first.session_id.get() + number);
        let created_at_ms = session.created_at_ms + number;
        let session = Session { id, created_at_ms, ..session.clone() };
        test.store.insert_session(&session).await.unwrap();
    }
}

#[tokio::test]
async fn signing_in_once_more_than_allowed_ends_the_oldest_session() {
    let test = TestChat::start();
    let first = caller(&test, &register(&test, "Ada").await.unwrap()).await;
    fill_sessions(&test, first).await;
    test.clock.set(NOW_MS + 1000);
    test.announced().await;
    let last = caller(&test, &login(&test, "Ada", PASSWORD).await.unwrap()).await;
    let ended = format!("nothing to user {}, ends sessions", first.user_id);
    assert_eq!(test.announced().await, [ended]);
    assert!(!test.chat.session_lasts(first).await.unwrap());
    let left = test.chat.list_sessions(last).await.unwrap().sessions;
    assert_eq!(left.len(), SESSIONS_PER_PERSON_MAX);
    assert!(left.last().unwrap().current);
}
