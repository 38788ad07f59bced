//! What is malformed, too large, or not there.

use axum::body::Body;
use serde_json::json;

use super::{TestApi, request};

#[tokio::test]
async fn what_is_no_id_is_invalid_whoever_asks() {
    let api = TestApi::start().await;
    let (owner, _) = api.register("owner").await;
    let (group_id, _) = api.group(&owner).await;
    for id in ["abc", "-1", "1.5", "%00", "%ff", "9223372036854775808"] {
        for path in [format!("channels/{id}/messages"), format!("groups/{group_id}/bans/{id}")] {
            let method = if path.contains("bans") { "DELETE" } else { "GET" };
            let answer = api.send(method, &format!("/api/v1/{path}"), &owner, None).await;
            answer.check_refused(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn queries_are_judged() {
    let api = TestApi::start().await;
    let (owner, _) = api.register("owner").await;
    let (_, channel_id) = api.group(&owner).await;
    let messages = format!("/api/v1/channels/{channel_id}/messages");
    for query in ["limit=abc", "limit=0", "limit=101", "before=x", "before=1&after=1"] {
        let answer = api.send("GET", &format!("{messages}?{query}"), &owner, None).await;
        answer.check_refused(400, "invalid_request");
    }
    for query in ["limit=&before=", "unknown=1", "around=1"] {
        let answer = api.send("GET", &format!("{messages}?{query}"), &owner, None).await;
        assert_eq!(answer.status, 200, "{query}");
    }
    let unasked = api.send("GET", "/api/v1/users", &owner, None).await;
    unasked.check_refused(400, "invalid_request");
}

#[tokio::test]
async fn bodies_have_to_be_json_objects() {
    let api = TestApi::start().await;
    let (owner, _) = api.register("owner").await;
    let post = |body: &'static str, content_type: Option<&'static str>| {
        let mut request = request("POST", "/api/v1/groups", &owner);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        api.send_raw(request.body(Body::from(body)).unwrap())
    };
    let good = r#"{"name":"x"}"#;
    for body in ["", "{", "[]", r#"["x",null]"#, "7", "null", r#"{"name":"x"}{"#, r#"{"name":7}"#] {
        post(body, None).await.check_refused(400, "invalid_request");
    }
    post(good, Some("text/plain")).await.check_refused(400, "invalid_request");
    assert_eq!(post(good, Some("application/json; charset=utf-8")).await.status, 201);
    assert_eq!(post(good, None).await.status, 201);
}

#[tokio::test]
async fn bodies_of_which_nothing_is_required_may_be_left_out() {
    let api = TestApi::start().await;
    let (owner, _) = api.register("owner").await;
    let (group_id, _) = api.group(&owner).await;
    let invites = format!("/api/v1/groups/{group_id}/invites");
    assert_eq!(api.send("POST", &invites, &owner, None).await.status, 201);
    let wrong = api.send("POST", &invites, &owner, Some(json!([]))).await;
    wrong.check_refused(400, "invalid_request");
}

#[tokio::test]
async fn more_than_a_megabyte_is_too_large() {
    let api = TestApi::start().await;
    let (owner, _) = api.register("owner").await;
    let body = json!({ "name": "x".repeat(1_000_000) });
    let answer = api.send("POST", "/api/v1/groups", &owner, Some(body)).await;
    answer.check_refused(413, "too_large");
    assert!(answer.json()["error"]["fields"]["body"].is_string());
    let body = json!({ "name": "x".repeat(900_000) });
    let answer = api.send("POST", "/api/v1/groups", &owner, Some(body)).await;
    answer.check_refused(413, "too_large");
    assert!(answer.json()["error"]["fields"]["name"].is_string());
}

#[tokio::test]
async fn unknown_routes_and_methods_are_refused_in_the_same_form() {
    let api = TestApi::start().await;
    let unknown =
        [("GET", "/nope"), ("GET", "/api/v1"), ("GET", "/api/v1/"), ("POST", "/api/v1/users/me/x")];
    for (method, path) in unknown {
        api.send(method, path, "", None).await.check_refused(404, "route_not_found");
    }
    let answer = api.send("DELETE", "/api/v1/groups", "", None).await;
    answer.check_refused(405, "route_not_found");
    let mut allowed: Vec<&str> =
        answer.headers["allow"].to_str().unwrap().split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
}

#[tokio::test]
async fn attachments_are_not_there_yet() {
    let api = TestApi::start().await;
    let (token, _) = api.register("ada").await;
    for (method, path) in [("POST", "attachments"), ("GET", "attachments/1/cat.png")] {
        let answer = api.send(method, &format!("/api/v1/{path}"), &token, None).await;
        answer.check_refused(404, "attachment_not_found");
    }
}
