//! Profiles and search.

use std::sync::Arc;

use futures_util::future::join_all;
use vibetalk::chat::users::{SearchUsers, UpdateUser};
use vibetalk::chat::{Caller, ChatError};
use vibetalk::model::account::User;

use crate::chat::{TestChat, code};

/// `update` is the JSON of the request.
async fn update(
    test: &TestChat,
    caller: Caller,
    update: serde_json::Value,
) -> Result<User, ChatError> {
    let request: UpdateUser = serde_json::from_value(update).unwrap();
    test.chat.update_user(caller, request).await
}

#[tokio::test]
async fn a_profile_changes_for_the_person_and_for_those_who_watch() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    assert_eq!(test.chat.user(ada.user_id).await.unwrap().display_name, "ada");
    let changed = serde_json::json!({"displayName": " Ada L. ", "avatar": "https://example.org/a"});
    let user = update(&test, ada, changed).await.unwrap();
    assert_eq!((user.display_name.as_str(), user.username.as_str()), (" Ada L. ", "ada"));
    assert_eq!(test.chat.user(ada.user_id).await.unwrap(), user, "caches know");
    let id = ada.user_id;
    assert_eq!(test.announced().await, [format!("user:updated to user {id} watchers of {id}")]);
}

#[tokio::test]
async fn absent_fields_stay_and_null_removes_the_avatar_only() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    let avatar = serde_json::json!({"avatar": "/api/v1/attachments/1/a.png"});
    let user = update(&test, ada, avatar).await.unwrap();
    assert_eq!(user.avatar.as_deref(), Some("/api/v1/attachments/1/a.png"));
    test.announced().await;
    for nothing in [serde_json::json!({}), serde_json::json!({"displayName": null})] {
        assert_eq!(update(&test, ada, nothing).await.unwrap(), user);
    }
    assert!(test.announced().await.is_empty(), "nothing has changed");
    let removed = update(&test, ada, serde_json::json!({"avatar": null})).await.unwrap();
    assert_eq!(removed, User { avatar: None, ..user });
}

#[tokio::test]
async fn profiles_are_checked() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    for (request, expected) in [
        (serde_json::json!({"displayName": ""}), "invalid_request"),
        (serde_json::json!({"displayName": " \u{3000}"}), "invalid_request"),
        (serde_json::json!({"displayName": "x".repeat(65)}), "too_large"),
        (serde_json::json!({"displayName": "👍".repeat(64)}), "ok"),
        (serde_json::json!({"avatar": "http://example.org/"}), "invalid_request"),
        (serde_json::json!({"avatar": format!("https://a/{}", "x".repeat(291))}), "too_large"),
    ] {
        assert_eq!(code(update(&test, ada, request.clone()).await), expected, "{request}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_change_announced_is_the_one_that_stays() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    let names = (0..200).map(|number| serde_json::json!({"displayName": format!("ada {number}")}));
    let test = Arc::new(test);
    let changes = names.map(|name| {
        let task_test = test.clone();
        let (sender, done) = tokio::sync::oneshot::channel();
        test.lifecycle.spawn("test", async move {
            let _unread = sender.send(update(&task_test, ada, name).await);
        });
        done
    });
    for result in join_all(changes).await {
        result.unwrap().unwrap();
    }
    let bodies = test.bodies("user:updated").await;
    let stored = test.store.find_account(ada.user_id).await.unwrap().unwrap().user;
    assert_eq!(bodies.len(), 200);
    assert_eq!(bodies[199]["displayName"], stored.display_name);
}

#[tokio::test]
async fn search_takes_prefixes_and_has_limits() {
    let test = TestChat::start();
    let [ada, ..] = test.people::<3>("Person").await;
    let search = async |query: &str, limit| {
        let request = SearchUsers { query: query.to_owned(), limit };
        test.chat.search_users(ada, request).await
    };
    assert_eq!(search("pErSoN", None).await.unwrap().users.len(), 3);
    assert_eq!(search("person2", None).await.unwrap().users.len(), 1);
    assert_eq!(search("person", Some(2)).await.unwrap().users.len(), 2);
    assert_eq!(search("erson", None).await.unwrap().users.len(), 0);
    let changed = serde_json::json!({"displayName": "Émile Zorn"});
    update(&test, ada, changed).await.unwrap();
    assert_eq!(search("zORN", None).await.unwrap().users[0].id, ada.user_id);
    for (query, limit, expected) in [
        ("", None, "invalid_request"),
        (&*"x".repeat(65), None, "too_large"),
        ("x", Some(0), "invalid_request"),
        ("x", Some(51), "invalid_request"),
        ("x", Some(50), "ok"),
    ] {
        assert_eq!(code(search(query, limit).await), expected, "{query} {limit:?}");
    }
    let refused = search("x", Some(51)).await.unwrap_err().body();
    assert!(refused.fields.unwrap().contains_key("limit"));
}
