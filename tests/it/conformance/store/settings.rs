//! What clients keep for a person.

use futures_util::future::join_all;
use serde_json::json;
use vibetalk::model::settings::{SETTINGS_BYTES_MAX, Settings};
use vibetalk::store::Store;

use super::user_id;

fn settings(json: serde_json::Value) -> Settings {
    serde_json::from_value(json).unwrap()
}

pub async fn settings_are_merged_by_key(store: &dyn Store) {
    let person = user_id();
    assert_eq!(store.get_settings(person).await.unwrap(), Settings::default());
    for (patch, expected) in [
        (json!({"theme": "dark", "muted": {"1": true}}), json!({"theme": "dark", "muted": {"1": true}})),
        (json!({"muted": {"2": true}}), json!({"theme": "dark", "muted": {"2": true}})),
        (json!({"theme": null, "density": 1.5}), json!({"muted": {"2": true}, "density": 1.5})),
        (json!({"theme": null}), json!({"muted": {"2": true}, "density": 1.5})),
    ] {
        let (patch, expected) = (settings(patch), settings(expected));
        let updated = store.update_settings(person, &patch).await.unwrap();
        assert_eq!(updated.as_ref(), Some(&expected));
        assert_eq!(store.get_settings(person).await.unwrap(), expected);
    }
    assert_eq!(store.get_settings(user_id()).await.unwrap(), Settings::default());
}

pub async fn racing_changes_of_different_settings_all_hold(store: &dyn Store) {
    let person = user_id();
    let patches: Vec<Settings> = (0..50).map(|n| settings(json!({format!("key {n}"): n}))).collect();
    let updates = patches.iter().map(|patch| store.update_settings(person, patch));
    assert!(join_all(updates).await.into_iter().all(|updated| updated.unwrap().is_some()));
    let expected = patches.into_iter().fold(Settings::default(), Settings::merged);
    assert_eq!(store.get_settings(person).await.unwrap(), expected);
}

pub async fn settings_have_a_size(store: &dyn Store) {
    let person = user_id();
    let half = "x".repeat(SETTINGS_BYTES_MAX / 2);
    let first = settings(json!({"a": half}));
    assert!(store.update_settings(person, &first).await.unwrap().is_some());
    let refused = store.update_settings(person, &settings(json!({"b": half}))).await.unwrap();
    assert_eq!(refused, None);
    assert_eq!(store.get_settings(person).await.unwrap(), first, "nothing has changed");

    let exactly = "x".repeat(SETTINGS_BYTES_MAX - json!({"c": ""}).to_string().len());
    let swap = settings(json!({"a": null, "c": exactly}));
    let updated = store.update_settings(person, &swap).await.unwrap().unwrap();
    assert_eq!(updated.to_json().len(), SETTINGS_BYTES_MAX);
    assert_eq!(store.update_settings(person, &settings(json!({"d": 1}))).await.unwrap(), None);
}
