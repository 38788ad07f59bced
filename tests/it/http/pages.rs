//! Documents, pages, health, and what is measured.

use vibetalk::http::health::{Check, watch};

use super::{TestApi, request};

#[tokio::test]
async fn the_document_is_served_as_it_is_generated() {
    let api = TestApi::start().await;
    let answer = api.send("GET", "/api/v1/openapi.json", "", None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    assert_eq!(document, serde_json::to_value(vibetalk::http::document()).unwrap());
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere() {
    let api = TestApi::start().await;
    assert_eq!(api.send("GET", "/docs", "", None).await.headers["location"], "/docs/");
    for path in ["/", "/docs/"] {
        let page = api.send("GET", path, "", None).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
        assert!(page.headers.contains_key("content-security-policy"));
        assert!(!page.text.contains("src=\"http") && !page.text.contains("<link href=\"http"));
    }
    let script = api.send("GET", "/docs/swagger-initializer.js", "", None).await;
    assert!(script.text.contains("\"/api/v1/openapi.json\""), "{}", script.text);
    assert!(script.text.contains("\"validatorUrl\": \"none\""), "{}", script.text);
    for asset in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        assert_eq!(api.send("GET", &format!("/docs/{asset}"), "", None).await.status, 200);
    }
    assert_eq!(api.send("GET", "/docs/nope.js", "", None).await.status, 404);
}

#[tokio::test]
async fn no_answer_is_guessed_at_or_kept() {
    let api = TestApi::start().await;
    for path in ["/", "/docs/", "/healthz", "/nope", "/api/v1/users/me", "/api/v1/openapi.json"] {
        let headers = api.send("GET", path, "", None).await.headers;
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        let cached = if path.starts_with("/api/v1/users") { "no-store" } else { "no-" };
        assert!(headers["cache-control"].to_str().unwrap().starts_with(cached), "{path}");
    }
}

#[tokio::test]
async fn readiness_follows_the_node() {
    let api = TestApi::start().await;
    assert_eq!(api.send("GET", "/healthz", "", None).await.status, 200);
    let starting = api.send("GET", "/readyz", "", None).await;
    assert_eq!((starting.status.as_u16(), &starting.json()["ready"]), (503, &false.into()));
    assert_eq!(starting.json()["checks"]["startup"], "failing");

    api.readiness.started();
    let ready = api.send("GET", "/readyz", "", None).await;
    assert_eq!((ready.status.as_u16(), &ready.json()["ready"]), (200, &true.into()));

    let now_ms = api.test.clock.now_ms();
    api.test.chat.next_id().unwrap();
    api.test.clock.set(now_ms - 60_000);
    assert_eq!(api.send("GET", "/readyz", "", None).await.json()["checks"]["clock"], "failing");
    api.test.clock.set(now_ms);
    assert_eq!(api.send("GET", "/readyz", "", None).await.status, 200);

    api.test.ids.lease(0, now_ms);
    let over = api.send("GET", "/readyz", "", None).await;
    assert_eq!((over.status.as_u16(), &over.json()["checks"]["lease"]), (503, &"failing".into()));
    api.test.ids.lease(0, now_ms + 1);
    assert_eq!(api.send("GET", "/readyz", "", None).await.status, 200);

    api.test.lifecycle.drain();
    let draining = api.send("GET", "/readyz", "", None).await;
    assert_eq!(draining.status, 503);
    assert_eq!(draining.json()["checks"]["draining"], "failing");
    assert_eq!(api.send("GET", "/healthz", "", None).await.status, 200);
}

#[tokio::test]
async fn requests_are_counted_by_route_not_by_what_clients_make_up() {
    let metrics = vibetalk::telemetry::install_recorder();
    let api = TestApi::start().await;
    api.send("GET", "/api/v1/groups/123456", "", None).await;
    api.send("GET", "/made-up-path", "", None).await;
    api.send("GET", "/assets/index-1a2b.js", "", None).await;
    api.send("GET", "/assets/made-up.js", "", None).await;
    let deep = request("GET", "/c/123456", "").header("accept", "text/html");
    assert_eq!(api.send_raw(deep.body(axum::body::Body::empty()).unwrap()).await.status, 200);
    let odd = request("BREW", "/healthz", "").body(axum::body::Body::empty()).unwrap();
    assert_eq!(api.send_raw(odd).await.status, 405);
    let text = metrics.render();
    for labels in [
        r#"method="GET",route="/api/v1/groups/{groupId}",status="4xx""#,
        r#"method="GET",route="unknown",status="4xx""#,
        r#"method="GET",route="client",status="2xx""#,
        r#"method="other",route="/healthz",status="4xx""#,
    ] {
        let line = format!("vibetalk_http_requests_total{{{labels}}} ");
        assert!(text.contains(&line), "{line} in {text}");
    }
    assert!(text.contains("vibetalk_http_request_duration_seconds_bucket{"));
    assert!(
        !text.contains("123456")
            && !text.contains("made-up")
            && !text.contains("1a2b")
            && !text.contains("BREW")
    );
}

#[tokio::test]
async fn the_watch_looks_at_the_store_until_the_node_drains() {
    let api = TestApi::start().await;
    let lifecycle = &api.test.lifecycle;
    api.readiness.set(Check::Store, false);
    let watching =
        lifecycle.spawn("readiness", watch(api.readiness.clone(), api.test.chat.clone()));
    let degraded = async || api.send("GET", "/readyz", "", None).await.json()["degraded"].clone();
    while degraded().await != serde_json::json!([]) {
        tokio::task::yield_now().await;
    }
    lifecycle.drain();
    watching.await.unwrap();
}
