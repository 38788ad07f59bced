//! Sessions: listing and ending them.

use vibetalk::chat::Caller;
use vibetalk::chat::sessions::SESSIONS_PER_PERSON_MAX;
use vibetalk::chat::views::SignedIn;
use vibetalk::model::account::Session;
use vibetalk::model::id::SessionId;

use crate::chat::accounts::{PASSWORD, login, register};
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
    // Its sockets may be there still if it ended half way before.
    assert_eq!(end(second, first.session_id).await, "session_not_found");
    let again = format!("nothing to user {}, ends sessions", second.user_id);
    assert_eq!(test.announced().await, [again]);
    assert!(test.chat.session_lasts(second).await.unwrap());
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

#[tokio::test]
async fn signing_in_once_more_than_allowed_ends_the_oldest_session() {
    let test = TestChat::start();
    let first = caller(&test, &register(&test, "Ada").await.unwrap()).await;
    let session = test.chat.store.find_session(first.session_id, NOW_MS).await.unwrap().unwrap();
    for number in 1..SESSIONS_PER_PERSON_MAX as u64 {
        let id = SessionId::new(first.session_id.get() + number);
        let created_at_ms = session.created_at_ms + number;
        let session = Session { id, created_at_ms, ..session.clone() };
        test.chat.store.insert_session(&session).await.unwrap();
    }
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
