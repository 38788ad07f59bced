//! Who may ask at all, and how fast.

use vibetalk::chat::tokens::ACCESS_TTL;

use super::TestApi;
use crate::chat::NOW_MS;

/// Every operation of the document, with something in place of the names in its path.
fn operations(public: bool) -> Vec<(String, String)> {
    let document = serde_json::to_value(vibetalk::http::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let filled: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "no-id" } else { part })
            .collect();
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"].as_array().unwrap().is_empty() == public {
                found.push((method.to_uppercase(), filled.join("/")));
            }
        }
    }
    found
}

#[tokio::test]
async fn a_stranger_is_unauthorized_whatever_else_is_wrong() {
    let api = TestApi::start().await;
    let operations = operations(false);
    assert!(operations.len() > 35);
    for (method, path) in operations {
        for token in ["", "rubbish"] {
            let answer = api.send(&method, &path, token, Some("no object".into())).await;
            answer.check_refused(401, "unauthorized");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
}

#[tokio::test]
async fn what_is_public_asks_for_no_token() {
    let api = TestApi::start().await;
    for (method, path) in operations(true) {
        let answer = api.send(&method, &path, "", None).await;
        assert_ne!(answer.status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn an_expired_token_says_so() {
    let api = TestApi::start().await;
    let (token, _) = api.register("ada").await;
    assert_eq!(api.send("GET", "/api/v1/users/me", &token, None).await.status, 200);
    api.test.clock.set(NOW_MS + ACCESS_TTL.as_millis() as u64 + 1000);
    api.send("GET", "/api/v1/users/me", &token, None).await.check_refused(401, "token_expired");
}

#[tokio::test]
async fn a_session_that_has_ended_is_unauthorized() {
    let api = TestApi::start().await;
    let (token, _) = api.register("ada").await;
    assert_eq!(api.send("POST", "/api/v1/auth/logout", &token, None).await.status, 204);
    api.send("GET", "/api/v1/users/me", &token, None).await.check_refused(401, "unauthorized");
}

#[tokio::test]
async fn one_session_has_bursts_of_500_and_the_others_their_own() {
    let api = TestApi::start().await;
    let (fast, _) = api.register("fast").await;
    let (other, _) = api.register("other").await;
    for _ in 0..500 {
        assert_eq!(api.send("GET", "/api/v1/users/me", &fast, None).await.status, 200);
    }
    let refused = api.send("GET", "/api/v1/users/me", &fast, None).await;
    refused.check_refused(429, "rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.json()["error"]["retryAfterMs"], 5);
    assert_eq!(api.send("GET", "/api/v1/users/me", &other, None).await.status, 200);
    api.test.clock.set(NOW_MS + 5);
    assert_eq!(api.send("GET", "/api/v1/users/me", &fast, None).await.status, 200);
}

#[tokio::test]
async fn hidden_things_answer_as_unknown_ones() {
    let api = TestApi::start().await;
    let (owner, _) = api.register("owner").await;
    let (stranger, _) = api.register("stranger").await;
    let (group_id, channel_id) = api.group(&owner).await;
    let hidden = [
        (format!("groups/{group_id}"), "groups/5", "group_not_found"),
        (format!("channels/{channel_id}"), "channels/5", "channel_not_found"),
        (format!("channels/{channel_id}/messages/7"), "channels/5/messages/7", "channel_not_found"),
    ];
    for (real, unknown, code) in hidden {
        let real = api.send("GET", &format!("/api/v1/{real}"), &stranger, None).await;
        real.check_refused(404, code);
        let unknown = api.send("GET", &format!("/api/v1/{unknown}"), &stranger, None).await;
        assert_eq!(real.text, unknown.text);
    }
}
