//! How much of one person's answers may wait to be read.

use std::time::Duration;

use axum::body::Body;

use super::{TestApi, client_files, request};
use crate::chat::TestChat;

#[tokio::test]
async fn whoever_reads_no_answers_gets_no_more_of_them() {
    let test = TestChat::with_limits(|limits| {
        limits.rates = false;
        limits.command_timeout = Duration::from_secs(2);
    });
    let api = TestApi::start_on(test, client_files()).await;
    let (ada, _) = api.register("ada").await;
    let (bob, _) = api.register("bob").await;
    let (_, channel) = api.group(&ada).await;
    // No character is longer as JSON: 24 KB each.
    let body = serde_json::json!({ "content": "\u{1}".repeat(4000) });
    let messages = format!("/api/v1/channels/{channel}/messages");
    for _ in 0..80 {
        assert_eq!(api.send("POST", &messages, &ada, Some(body.clone())).await.status, 201);
    }
    let page =
        || request("GET", &format!("{messages}?limit=100"), &ada).body(Body::empty()).unwrap();
    let mut unread = Vec::new();
    let refused = loop {
        let answer = api.answer_to(page()).await;
        if answer.status() != 200 {
            break answer;
        }
        assert!(answer.headers().contains_key("content-length"));
        unread.push(answer);
        assert!(unread.len() < 50, "100 MB wait");
    };
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(unread.len() > 5, "what many devices ask for at once fits: {}", unread.len());
    assert_eq!(api.send("GET", "/api/v1/users/me", &bob, None).await.status, 200);
    unread.clear();
    assert_eq!(api.send_raw(page()).await.status, 200);
}
