//! The HTTP API and the web client on a real store, without sockets: what is answered to whom, and how
//! it is refused.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use vibetalk::edge::PeerAddr;
use vibetalk::http::HttpState;
use vibetalk::http::client::ClientFiles;
use vibetalk::http::health::Readiness;

use crate::chat::TestChat;

mod access;
mod client;
mod commands;
mod document;
mod memory;
mod pages;
mod refusals;
mod statuses;

pub struct TestApi {
    pub test: TestChat,
    pub readiness: Readiness,
    router: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text))
    }

    /// Status and `error.code`, after a look at the form of the error.
    pub fn refusal(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(body["ok"], false, "{body}");
        assert!(body["error"]["message"].is_string(), "{body}");
        (self.status.as_u16(), body["error"]["code"].as_str().unwrap().to_owned())
    }

    pub fn check_refused(&self, status: u16, code: &str) {
        assert_eq!(self.refusal(), (status, code.to_owned()), "{}", self.text);
    }
}

impl TestApi {
    /// With a small client, whatever the client of this build is.
    pub async fn start() -> Self {
        Self::start_with(client_files()).await
    }

    pub async fn start_with(client: ClientFiles) -> Self {
        Self::start_on(TestChat::start(), client).await
    }

    pub async fn start_on(test: TestChat, client: ClientFiles) -> Self {
        test.chat.ensure_official_group().await.unwrap();
        let readiness = Readiness::new(&test.lifecycle);
        let mut state = HttpState::new(test.chat.clone(), readiness.clone());
        state.client = Arc::new(client);
        let router = vibetalk::http::router(state);
        Self { test, readiness, router }
    }

    /// Registers somebody; answers the access token and the user id.
    pub async fn register(&self, username: &str) -> (String, String) {
        let body = json!({ "username": username, "password": "correct horse" });
        let answer = self.send("POST", "/api/v1/auth/register", "", Some(body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        let body = answer.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&body["accessToken"]), text(&body["user"]["id"]))
    }

    /// A new group of the token's owner; answers its id and that of its channel.
    pub async fn group(&self, token: &str) -> (String, String) {
        let body = json!({ "name": "group" });
        let group = self.send("POST", "/api/v1/groups", token, Some(body)).await.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&group["id"]), text(&group["channels"][0]["id"]))
    }

    /// An empty token is none.
    pub async fn send(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.send_raw(request(method, path, token).body(Body::from(body)).unwrap()).await
    }

    pub async fn send_raw(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.answer_to(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.into()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

impl TestApi {
    /// An answer of which nothing is read yet.
    pub async fn answer_to(&self, mut request: Request<Body>) -> Response<Body> {
        request.extensions_mut().insert(PeerAddr(([192, 0, 2, 1], 4000).into()));
        self.router.clone().oneshot(request).await.unwrap()
    }
}

pub fn request(method: &str, path: &str, token: &str) -> http::request::Builder {
    let builder = Request::builder().method(method).uri(path);
    if token.is_empty() {
        builder
    } else {
        builder.header("authorization", format!("Bearer {token}"))
    }
}

/// As the client's build leaves its folder; what the encoded copies hold is not looked at.
pub fn client_files() -> ClientFiles {
    let files = [
        (".gitkeep", ""),
        ("index.html", "<!doctype html><title>the page</title>"),
        ("index.html.br", "the page in brotli"),
        ("index.html.gz", "the page in gzip"),
        ("sw.js", "the worker"),
        ("manifest.webmanifest", "{}"),
        ("icon.png", "a picture"),
        ("assets/index-1a2b.js", "the script"),
        ("assets/index-1a2b.js.br", "the script in brotli"),
        ("assets/index-1a2b.js.gz", "the script in gzip"),
        ("assets/index-3c4d.css", "the style"),
        ("assets/index-3c4d.css.gz", "the style in gzip"),
        ("assets/text-5e6f.woff2", "a font"),
    ];
    ClientFiles::new(files.map(|(path, text)| (path.to_owned(), Bytes::from(text))))
}
