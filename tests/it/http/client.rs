//! The web client as it is served: which path gets what, in which encoding, kept for how long, and
//! with what the browser is told about it.

use axum::body::Body;
use bytes::Bytes;
use vibetalk::http::client::ClientFiles;

use super::{Answer, TestApi, request};

const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const SCRIPT: &str = "/assets/index-1a2b.js";

async fn send(api: &TestApi, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let builder = headers
        .iter()
        .fold(request(method, path, ""), |builder, &(name, value)| builder.header(name, value));
    api.send_raw(builder.body(Body::empty()).unwrap()).await
}

async fn navigate(api: &TestApi, path: &str) -> Answer {
    send(api, "GET", path, &[("accept", NAVIGATION)]).await
}

async fn encoded(api: &TestApi, path: &str, accepted: &str) -> Answer {
    send(api, "GET", path, &[("accept-encoding", accepted)]).await
}

fn header<'answer>(answer: &'answer Answer, name: &str) -> &'answer str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn files_are_what_their_names_say() {
    let api = TestApi::start().await;
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/sw.js", "text/javascript; charset=utf-8"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/icon.png", "image/png"),
        (SCRIPT, "text/javascript; charset=utf-8"),
        ("/assets/index-3c4d.css", "text/css; charset=utf-8"),
        ("/assets/text-5e6f.woff2", "font/woff2"),
    ] {
        let answer = send(&api, "GET", path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(header(&answer, "content-type"), content_type, "{path}");
        let kept = if path.starts_with("/assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        assert_eq!(header(&answer, "cache-control"), kept, "{path}");
        assert_eq!(header(&answer, "vary"), "accept-encoding", "{path}");
        assert!(!answer.headers.contains_key("content-encoding"), "{path}");
    }
}

#[tokio::test]
async fn encodings_are_those_that_were_built_and_are_wanted() {
    let api = TestApi::start().await;
    for (path, accepted, encoding, text) in [
        (SCRIPT, "gzip, deflate, br", "br", "the script in brotli"),
        (SCRIPT, "gzip, deflate", "gzip", "the script in gzip"),
        (SCRIPT, "br;q=0.1, gzip", "gzip", "the script in gzip"),
        (SCRIPT, "br;q=0, gzip;q=0", "", "the script"),
        ("/assets/index-3c4d.css", "gzip, deflate, br", "gzip", "the style in gzip"),
        ("/icon.png", "gzip, deflate, br", "", "a picture"),
        ("/", "br", "br", "the page in brotli"),
    ] {
        let answer = encoded(&api, path, accepted).await;
        assert_eq!((header(&answer, "content-encoding"), &*answer.text), (encoding, text));
        assert_eq!(header(&answer, "content-length"), text.len().to_string());
    }
    assert_eq!(send(&api, "GET", &format!("{SCRIPT}.br"), &[]).await.status, 404);
}

#[tokio::test]
async fn a_tag_is_of_the_bytes_that_travel() {
    let api = TestApi::start().await;
    let plain = send(&api, "GET", SCRIPT, &[]).await;
    let brotli = encoded(&api, SCRIPT, "br").await;
    let (plain, brotli) = (header(&plain, "etag"), header(&brotli, "etag"));
    assert!(plain.starts_with('"') && plain.ends_with('"'), "{plain}");
    assert_ne!(plain, brotli);

    let ask = async |tag: &str| {
        let headers = [("if-none-match", tag), ("accept-encoding", "br")];
        send(&api, "GET", SCRIPT, &headers).await
    };
    for tag in [brotli, &format!("W/{brotli}"), &format!("\"other\", {brotli}"), "*"] {
        let same = ask(tag).await;
        assert_eq!((same.status.as_u16(), &*same.text), (304, ""), "{tag}");
        assert_eq!(header(&same, "etag"), brotli);
        assert_eq!(header(&same, "vary"), "accept-encoding");
        assert!(header(&same, "cache-control").contains("immutable"));
    }
    for tag in [plain, "\"other\"", "nonsense"] {
        assert_eq!(ask(tag).await.status, 200, "{tag}");
    }
}

#[tokio::test]
async fn the_page_is_at_every_address_of_the_client() {
    let api = TestApi::start().await;
    let page = navigate(&api, "/").await;
    for path in ["/c/123", "/c/123/456?jump=1", "/i/secret", "/settings", "/docsomething"] {
        let answer = navigate(&api, path).await;
        assert_eq!((answer.status.as_u16(), &answer.text), (200, &page.text), "{path}");
        assert_eq!(header(&answer, "cache-control"), "no-cache", "{path}");
        assert_eq!(header(&answer, "etag"), header(&page, "etag"), "{path}");
        assert_eq!(header(&answer, "vary"), "accept, accept-encoding", "{path}");
        // A script or picture that is not there must not come back as a page.
        let other = send(&api, "GET", path, &[("accept", "*/*")]).await;
        other.check_refused(404, "route_not_found");
    }
}

#[tokio::test]
async fn the_page_hides_nothing_of_the_server() {
    let api = TestApi::start().await;
    for path in [
        "/api",
        "/api/v1/nope",
        "/assets/nope.js",
        "/assets/../sw.js",
        "/admin",
        "/admin/nope",
        "/metrics",
        "/healthz/nope",
        "/socket.io/nope",
    ] {
        navigate(&api, path).await.check_refused(404, "route_not_found");
    }
    assert_eq!(navigate(&api, "/docs/nope.js").await.status, 404);
    assert_eq!(navigate(&api, "/docs").await.headers["location"], "/docs/");
    assert!(navigate(&api, "/docs/").await.text.contains("swagger"));
    assert_eq!(navigate(&api, "/healthz").await.text, "ok\n");
    assert_eq!(navigate(&api, "/readyz").await.status, 503);
    assert_eq!(navigate(&api, "/api/v1/users/me").await.status, 401);
}

#[tokio::test]
async fn files_are_only_read() {
    let api = TestApi::start().await;
    let get = encoded(&api, SCRIPT, "gzip").await;
    let head = send(&api, "HEAD", SCRIPT, &[("accept-encoding", "gzip")]).await;
    assert_eq!((head.status.as_u16(), &*head.text), (200, ""));
    assert_eq!(head.headers, get.headers);
    assert_eq!(header(&head, "content-length"), get.text.len().to_string());
    assert_eq!(send(&api, "HEAD", "/c/1", &[("accept", NAVIGATION)]).await.status, 200);

    let written = send(&api, "POST", "/", &[]).await;
    written.check_refused(405, "route_not_found");
    assert_eq!(header(&written, "allow"), "GET, HEAD");
    send(&api, "DELETE", "/nope", &[]).await.check_refused(404, "route_not_found");
}

#[tokio::test]
async fn the_browser_is_told_to_trust_nobody_else() {
    let api = TestApi::start().await;
    for path in ["/", "/c/123", "/sw.js", "/icon.png"] {
        let answer = navigate(&api, path).await;
        let policy = header(&answer, "content-security-policy");
        for part in [
            "default-src 'self'",
            "script-src 'self';",
            "style-src 'self';",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{path}: {part} in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header(&answer, "cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(header(&answer, "cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(header(&answer, "permissions-policy").contains("camera=()"), "{path}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer", "{path}");
    }
}

/// The page's policies hold for them, and they are many on a slow line.
#[tokio::test]
async fn scripts_and_styles_repeat_no_policy_of_the_page() {
    let api = TestApi::start().await;
    for path in [SCRIPT, "/assets/index-3c4d.css"] {
        let answer = send(&api, "GET", path, &[]).await;
        for name in ["content-security-policy", "permissions-policy", "cross-origin-opener-policy"]
        {
            assert!(!answer.headers.contains_key(name), "{path}: {name}");
        }
        assert_eq!(header(&answer, "cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn a_server_without_a_client_says_how_to_build_it() {
    let api = TestApi::start_with(ClientFiles::new([(".gitkeep".to_owned(), Bytes::new())])).await;
    for path in ["/", "/c/123"] {
        let page = navigate(&api, path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains("make run"), "{path}");
    }
    assert_eq!(navigate(&api, "/placeholder.css").await.status, 200);
}
