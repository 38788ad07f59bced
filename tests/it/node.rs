//! A whole node on a data folder that is not as it should be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use vibetalk::app::App;
use vibetalk::clock::Clock;
use vibetalk::config::{Config, Sources};
use vibetalk::model::id::{MessageId, UserId};
use vibetalk::store::AccountStore;
use vibetalk::store::sqlite::{SqliteConfig, SqliteStore};

use super::cassandra;
use super::people::account;

/// Nothing in these tests takes longer, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

async fn start(data_dir: &Path) -> anyhow::Result<App> {
    start_with_keys(data_dir, "").await
}

async fn start_with_keys(data_dir: &Path, keys_dir: &str) -> anyhow::Result<App> {
    start_with(data_dir, &[("keys_dir", keys_dir)]).await
}

async fn start_with(data_dir: &Path, more: &[(&str, &str)]) -> anyhow::Result<App> {
    let flags = [
        ("data_dir", data_dir.to_str().unwrap()),
        ("listen", "127.0.0.1:0"),
        ("metrics.listen", "127.0.0.1:0"),
        ("drain.seconds", "0"),
    ];
    let flags = flags.iter().chain(more);
    let flags = flags.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    App::start(&Config::load(&Sources { file: None, flags })?).await
}

/// The status of an answer, and its body.
async fn call(app: &App, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = reqwest::Client::new().request(method, format!("http://{}{path}", app.address));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.timeout(PATIENCE).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn register(app: &App, username: &str) -> (u16, Value) {
    let body = json!({ "username": username, "password": "correct horse" });
    call(app, "POST", "/api/v1/auth/register", Some(body)).await
}

/// Waits until `/readyz` says `check`: the node looks by itself.
async fn wait_for(app: &App, check: &str, outcome: &str) -> u16 {
    let waiting = async {
        loop {
            let (status, report) = call(app, "GET", "/readyz", None).await;
            if report["checks"][check] == outcome {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await; // Readiness is polled, as by a balancer.
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}

fn refused(outcome: anyhow::Result<App>) -> String {
    match outcome {
        Ok(_) => panic!("it started"),
        Err(error) => format!("{error:#}"),
    }
}

/// A data folder that a node has used, and an account in it.
async fn used_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    use_folder(folder.path()).await;
    folder
}

async fn use_folder(data_dir: &Path) {
    let app = start(data_dir).await.unwrap();
    assert_eq!(register(&app, "ada").await.0, 201);
    app.leave().await;
}

/// Somebody who was stored when the clock was so far ahead.
async fn store_ahead(data_dir: &Path, ahead_ms: u64) -> UserId {
    let store =
        SqliteStore::open(&SqliteConfig::new(data_dir.join("vibetalk.db")), Clock::system());
    let store = store.unwrap();
    let id = UserId::first_at(Clock::system().now_ms() + ahead_ms);
    store.insert_account(&account(id, "future")).await.unwrap();
    store.close().await;
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_was_far_ahead_lets_nothing_be_stored_before_what_is_there() {
    let folder = used_folder().await;
    store_ahead(folder.path(), 3_600_000).await;
    let app = start(folder.path()).await.unwrap();
    let (status, report) = call(&app, "GET", "/readyz", None).await;
    assert_eq!((status, &report["checks"]["clock"]), (503, &json!("failing")));
    let (status, body) = register(&app, "late").await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("unavailable")));
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_go_on_above_a_clock_that_was_a_little_ahead() {
    let folder = used_folder().await;
    let newest = store_ahead(folder.path(), 3_500).await;
    let app = start(folder.path()).await.unwrap();
    let (status, body) = register(&app, "next").await;
    assert_eq!(status, 201, "{body}");
    let id: MessageId = body["user"]["id"].as_str().unwrap().parse().unwrap();
    assert!(id.get() > newest.get());
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_deleted_or_replaced_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (data, aside) = (folder.path().join("data"), folder.path().join("aside"));
    let app = start(&data).await.unwrap();
    assert_eq!(register(&app, "before").await.0, 201);

    fs::rename(&data, &aside).unwrap();
    let (status, body) = register(&app, "lost").await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("unavailable")));
    assert_eq!(wait_for(&app, "files", "failing").await, 503);

    fs::create_dir(&data).unwrap();
    for entry in fs::read_dir(&aside).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), data.join(entry.file_name())).unwrap();
    }
    assert_eq!(register(&app, "copied").await.0, 503, "a copy is another file");
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&aside, &data).unwrap();
    assert_eq!(wait_for(&app, "files", "ok").await, 200);
    assert_eq!(register(&app, "back").await.0, 201);
    app.leave().await;

    let app = start(&data).await.unwrap();
    assert_eq!(register(&app, "before").await.0, 409);
    assert_eq!(register(&app, "lost").await.0, 201, "what was refused was not stored");
    app.leave().await;
}

/// A log that belongs to what was put in the place of the database is not this node's to delete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_database_keeps_its_log() {
    let folder = used_folder().await;
    let app = start(folder.path()).await.unwrap();
    assert_eq!(register(&app, "in-the-log").await.0, 201);
    let backup = tempfile::tempdir().unwrap();
    for name in ["vibetalk.db", "vibetalk.db-wal"] {
        fs::copy(folder.path().join(name), backup.path().join(name)).unwrap();
        fs::remove_file(folder.path().join(name)).unwrap();
        fs::copy(backup.path().join(name), folder.path().join(name)).unwrap();
    }
    wait_for(&app, "files", "failing").await;
    app.leave().await;
    let app = start(folder.path()).await.unwrap();
    assert_eq!(register(&app, "in-the-log").await.0, 409);
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_lost_its_database_is_refused() {
    let folder = used_folder().await;
    let database = folder.path().join("vibetalk.db");
    let kept = fs::read(&database).unwrap();
    for emptied in [true, false] {
        if emptied { fs::write(&database, "") } else { fs::remove_file(&database) }.unwrap();
        let error = refused(start(folder.path()).await);
        assert!(error.contains("missing or empty") && error.contains("backup"), "{error}");
        assert!(error.contains(".key"), "{error}");
        assert_eq!(database.exists(), emptied, "nothing is made");
    }
    fs::write(&database, kept).unwrap();
    let app = start(folder.path()).await.unwrap();
    assert_eq!(register(&app, "ada").await.0, 409);
    app.leave().await;
}

/// A secret that is mounted before the first start says nothing about a database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_given_start_an_empty_node() {
    let (used, folder) = (used_folder().await, tempfile::tempdir().unwrap());
    let (data, keys) = (folder.path().join("data"), folder.path().join("keys"));
    fs::create_dir(&keys).unwrap();
    let given = || start_with_keys(&data, keys.to_str().unwrap());
    let error = refused(given().await);
    assert!(error.contains("access-tokens.key"), "{error}");
    for name in ["access-tokens.key", "socket-ids.key"] {
        fs::copy(used.path().join(name), keys.join(name)).unwrap();
        fs::set_permissions(keys.join(name), fs::Permissions::from_mode(0o440)).unwrap();
    }
    let app = given().await.unwrap();
    let (_, tokens) = register(&app, "ada").await;
    app.leave().await;
    for entry in fs::read_dir(&data).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_str().unwrap().ends_with(".key"), "{name:?}");
    }
    let app = given().await.unwrap();
    let body = json!({ "refreshToken": tokens["refreshToken"] });
    assert_eq!(call(&app, "POST", "/api/v1/auth/refresh", Some(body)).await.0, 200);
    app.leave().await;
}

/// Nodes that are given one text believe each other's tokens and session ids.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_derived_from_a_shared_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("secret"));
    let (text, path) = ("correct horse battery staple and more", file.to_str().unwrap());
    let app = start_with(&data, &[("cluster.secret", text)]).await.unwrap();
    let (_, tokens) = register(&app, "ada").await;
    app.leave().await;
    for entry in fs::read_dir(&data).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_str().unwrap().ends_with(".key"), "{name:?}");
    }
    let error = refused(start_with(&data, &[("cluster.secret_file", path)]).await);
    assert!(error.contains(path), "{error}");
    let both = [("cluster.secret", text), ("keys_dir", path)];
    let error = refused(start_with(&data, &both).await);
    assert!(error.contains("cluster.secret") && !error.contains("horse"), "{error}");

    fs::write(&file, format!("{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    let app = start_with(&data, &[("cluster.secret_file", path)]).await.unwrap();
    let body = json!({ "refreshToken": tokens["refreshToken"] });
    assert_eq!(call(&app, "POST", "/api/v1/auth/refresh", Some(body)).await.0, 200);
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_say_which_node_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let app = start_with(folder.path(), &[("node.name", "chat-1")]).await.unwrap();
    let url = format!("http://{}/metrics", app.metrics_address.unwrap());
    let metrics = reqwest::get(url).await.unwrap().text().await.unwrap();
    let info = metrics.lines().find(|line| {
        line.starts_with("vibetalk_build_info{") && line.contains(r#"node_name="chat-1""#)
    });
    assert!(info.is_some_and(|info| info.contains(r#"node_id="n0""#)), "{metrics}");
    app.leave().await;
}

/// People log in again; nothing else is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_secrets_are_made_anew() {
    let folder = used_folder().await;
    for name in ["access-tokens.key", "socket-ids.key"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let app = start(folder.path()).await.unwrap();
    let body = json!({ "username": "ada", "password": "correct horse" });
    assert_eq!(call(&app, "POST", "/api/v1/auth/login", Some(body)).await.0, 200);
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_reads_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    start(&data).await.unwrap().leave().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for name in ["vibetalk.db", "vibetalk.db.lock"] {
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let app = start(&data).await.unwrap();
    assert_eq!(register(&app, "ada").await.0, 201);
    let names: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(names.len() >= 6, "{names:?}");
    for path in names {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    app.leave().await;
}

/// Each with a data folder of its own, as on another machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_one_shared_store_know_the_same_people() {
    let url = cassandra::config("nodes").await.address.to_string();
    let settings = [("store.url", url.as_str()), ("store.scylla.replication", "1")];
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let one = start_with(folders[0].path(), &settings).await.unwrap();
    let other = start_with(folders[1].path(), &settings).await.unwrap();
    let (status, registered) = register(&one, "ada").await;
    assert_eq!(status, 201, "{registered}");
    assert_eq!(register(&other, "ADA").await.0, 409, "the name is taken");

    // What one of them has signed the other believes.
    let token = registered["accessToken"].as_str().unwrap();
    let me = reqwest::Client::new().get(format!("http://{}/api/v1/users/me", other.address));
    let answer = me.bearer_auth(token).timeout(PATIENCE).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(std::fs::read_dir(folders[0].path()).unwrap().count(), 0, "nothing is kept here");
    one.leave().await;
    other.leave().await;
}
