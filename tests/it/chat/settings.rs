//! What clients keep for a person.

use futures_util::future::join_all;
use serde_json::{Value, json};
use vibetalk::chat::settings::{SettingsView, UpdateSettings};
use vibetalk::chat::{Caller, ChatError};

use crate::chat::{TestChat, code};

async fn update(
    test: &TestChat,
    caller: Caller,
    settings: Value,
) -> Result<SettingsView, ChatError> {
    let request: UpdateSettings = serde_json::from_value(json!({ "settings": settings })).unwrap();
    test.chat.update_settings(caller, request).await
}

fn as_json(view: SettingsView) -> Value {
    serde_json::to_value(view).unwrap()
}

#[tokio::test]
async fn settings_are_the_persons_alone() {
    let test = TestChat::start();
    let [ada, bob] = test.people::<2>("Person").await;
    let changed = update(&test, ada, json!({"theme": "dark"})).await.unwrap();
    assert_eq!(as_json(changed), json!({"settings": {"theme": "dark"}}));
    let announced = format!("settings:updated to user {}", ada.user_id);
    assert_eq!(test.announced().await, [announced]);
    assert_eq!(as_json(test.chat.get_settings(bob).await.unwrap()), json!({"settings": {}}));

    update(&test, ada, json!({})).await.unwrap();
    assert!(test.announced().await.is_empty(), "nothing has changed");
}

#[tokio::test]
async fn too_much_changes_nothing() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    let half = "é".repeat(4096);
    update(&test, ada, json!({"a": half})).await.unwrap();
    test.announced().await;
    for patch in [json!({"b": half}), json!({"a": null, "b": "x".repeat(16 * 1024)})] {
        let refused = update(&test, ada, patch).await.unwrap_err();
        assert!(refused.body().fields.unwrap().contains_key("settings"));
        assert_eq!(code::<()>(Err(refused)), "too_large");
    }
    assert!(test.announced().await.is_empty());
    let kept = as_json(test.chat.get_settings(ada).await.unwrap());
    assert_eq!(kept, json!({"settings": {"a": half}}));
}

#[tokio::test]
async fn numbers_come_back_as_they_were_sent() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    let sent = r#"{"settings":{"big":12345678901234567890123,"zoom":0.9452706955539223}}"#;
    let request: UpdateSettings = serde_json::from_str(sent).unwrap();
    let changed = test.chat.update_settings(ada, request).await.unwrap();
    assert_eq!(serde_json::to_string(&changed).unwrap(), sent);
    let kept = test.chat.get_settings(ada).await.unwrap();
    assert_eq!(serde_json::to_string(&kept).unwrap(), sent);
}

/// The last push is what is stored.
#[tokio::test]
async fn racing_changes_are_announced_as_they_were_stored() {
    let test = TestChat::start();
    let ada = test.person("ada").await;
    let changes = (0..100).map(|n| update(&test, ada, json!({format!("key {}", n % 10): n})));
    for changed in join_all(changes).await {
        changed.unwrap();
    }
    let bodies = test.bodies("settings:updated").await;
    let stored = as_json(test.chat.get_settings(ada).await.unwrap());
    assert_eq!(bodies.len(), 100);
    assert_eq!(bodies[99], stored);
    assert_eq!(stored["settings"].as_object().unwrap().len(), 10);
}
