use std::time::Duration;

use engineioxide::service::NotFoundService;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler;
use socketioxide::service::SocketIoService;
use tokio::sync::{Notify, Semaphore};

use super::*;
use crate::clock::Clock;
use crate::edge::{ACK_BYTES_QUEUED_MAX, CloseReason, Edge, EdgeConfig, EngineSession};
use crate::gateway::inbox::Rules;
use crate::gateway::test_client::TestClient;
use crate::lifecycle::Lifecycle;
use crate::model::rate::Rate;

/// What the handlers of these tests work on.
#[derive(Clone)]
struct Bench {
    carried_out: Arc<Mutex<Vec<u32>>>,
    changed: Arc<Notify>,
    /// Told when a `wait` begins.
    waiting: Arc<Notify>,
    /// Lets `wait` go on, one by one.
    gate: Arc<Semaphore>,
}

#[derive(Deserialize)]
struct Numbered {
    n: u32,
}

async fn echo(bench: Bench, request: Numbered) -> Result<u32, ChatError> {
    bench.carried_out.lock().push(request.n);
    bench.changed.notify_one();
    Ok(request.n)
}

async fn wait(bench: Bench, request: Numbered) -> Result<u32, ChatError> {
    bench.waiting.notify_one();
    bench.gate.acquire().await.unwrap().forget();
    echo(bench, request).await
}

async fn panics(_: Bench, _: Numbered) -> Result<(), ChatError> {
    panic!("on purpose")
}

static ROUTES: [Route<Bench>; 3] = [
    Route::new("echo", |bench, payload| answer(bench, payload, echo)),
    Route::new("wait", |bench, payload| answer(bench, payload, wait)),
    Route::new("panic", |bench, payload| answer(bench, payload, panics)),
];

fn find(event: &str) -> Option<&'static Route<Bench>> {
    ROUTES.iter().find(|route| route.event == event)
}

struct DispatchFixture {
    client: TestClient,
    bench: Bench,
    transport: Arc<EngineSession>,
    lifecycle: Lifecycle,
    clock: Clock,
}

fn rules() -> Rules {
    Rules {
        requests: None,
        unanswered_max: 1000,
        command_timeout: Duration::from_secs(60),
        clock: Clock::fixed(0),
        lifecycle: Lifecycle::new(),
    }
}

fn service(
    rules: Rules,
    bench: Bench,
    transport: Arc<EngineSession>,
) -> SocketIoService<NotFoundService> {
    let (service, io) = SocketIo::builder().max_buffer_size(64).build_svc();
    let rules = Arc::new(rules);
    let install = move |socket: SocketRef| {
        let inbox = Inbox::new(rules.clone(), transport.clone());
        socket.on_fallback(Dispatcher { inbox, context: bench.clone(), find });
        async { Ok::<(), std::convert::Infallible>(()) }
    };
    io.ns("/", (async || ()).with(install));
    service
}

async fn connect(rules: Rules) -> DispatchFixture {
    let (lifecycle, clock) = (rules.lifecycle.clone(), rules.clock.clone());
    let bench = Bench {
        carried_out: Arc::default(),
        changed: Arc::default(),
        waiting: Arc::default(),
        gate: Arc::new(Semaphore::new(0)),
    };
    let transport = Edge::new(EdgeConfig::default(), lifecycle.clone()).session_without_client();
    let service = service(rules, bench.clone(), transport.clone());
    let client = TestClient::connect(&service).await;
    DispatchFixture { client, bench, transport, lifecycle, clock }
}

impl DispatchFixture {
    async fn request(&mut self, ack_id: u32, event: &str, n: u32) {
        self.client.send(&format!(r#"2{ack_id}["{event}",{{"n":{n}}}]"#)).await;
    }

    /// The next ack: its id and what it says.
    async fn ack(&mut self) -> (u32, Json) {
        let packet = self.client.next().await;
        let (id, arguments) = packet.strip_prefix('3').unwrap().split_once('[').unwrap();
        let arguments: Json = serde_json::from_str(&format!("[{arguments}")).unwrap();
        (id.parse().unwrap(), arguments[0].clone())
    }

    async fn refusal(&mut self) -> (u32, String) {
        let (id, ack) = self.ack().await;
        assert_eq!(ack["ok"], false, "{ack}");
        (id, ack["error"]["code"].as_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_carried_out_and_acked_in_order() {
    let mut fixture = connect(rules()).await;
    for n in 0..50 {
        fixture.request(n, "echo", n).await;
    }
    for n in 0..50 {
        assert_eq!(fixture.ack().await, (n, json!({"ok": true, "data": n})));
    }
    assert_eq!(*fixture.bench.carried_out.lock(), (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_cannot_be_carried_out_is_acked_once() {
    let mut fixture = connect(rules()).await;
    let requests = [
        (r#"["echo"]"#, "invalid_request"),
        (r#"["echo",null]"#, "invalid_request"),
        (r#"["echo",[]]"#, "invalid_request"),
        (r#"["echo",{"n":"x"}]"#, "invalid_request"),
        (r#"["nope",{"n":1}]"#, "unknown_event"),
        (r#"["__proto__"]"#, "unknown_event"),
    ];
    for (id, (arguments, code)) in (0..).zip(requests) {
        fixture.client.send(&format!("2{id}{arguments}")).await;
        assert_eq!(fixture.refusal().await, (id, code.to_owned()), "{arguments}");
    }
    fixture.request(99, "echo", 1).await;
    assert_eq!(fixture.ack().await.0, 99, "and nothing in between");
}

#[tokio::test]
async fn a_request_without_ack_is_carried_out_and_not_acked() {
    let mut fixture = connect(rules()).await;
    fixture.client.send(r#"2["echo",{"n":1}]"#).await;
    fixture.client.send(r#"2["nope"]"#).await;
    fixture.request(7, "echo", 2).await;
    assert_eq!(fixture.ack().await.0, 7);
    assert_eq!(*fixture.bench.carried_out.lock(), [1, 2]);
}

#[tokio::test]
async fn a_panic_is_acked_and_closes_the_connection() {
    let mut fixture = connect(rules()).await;
    fixture.request(1, "wait", 1).await;
    fixture.request(2, "panic", 2).await;
    fixture.request(3, "echo", 3).await;
    fixture.bench.gate.add_permits(1);
    assert_eq!(fixture.ack().await.0, 1);
    let mut refused = [fixture.refusal().await, fixture.refusal().await];
    refused.sort();
    assert_eq!(refused, [(2, "unavailable".to_owned()), (3, "unavailable".to_owned())]);
    assert_eq!(fixture.transport.close_reason(), Some(CloseReason::TransportError));
    assert_eq!(*fixture.bench.carried_out.lock(), [1]);
}

#[tokio::test(start_paused = true)]
async fn an_overdue_request_is_acked_and_still_ends() {
    // Shorter than the time in which the connection wants a pong.
    let mut fixture = connect(Rules { command_timeout: Duration::from_secs(5), ..rules() }).await;
    fixture.request(1, "wait", 1).await;
    fixture.request(2, "echo", 2).await;
    assert_eq!(fixture.refusal().await, (1, "timeout".to_owned()));
    assert_eq!(fixture.ack().await.0, 2, "later requests do not wait for it");
    fixture.bench.gate.add_permits(1);
    while fixture.bench.carried_out.lock().len() < 2 {
        fixture.bench.changed.notified().await;
    }
    assert_eq!(*fixture.bench.carried_out.lock(), [2, 1]);
}

#[tokio::test]
async fn too_many_unanswered_requests_are_refused_and_the_others_answered() {
    let mut fixture = connect(Rules { unanswered_max: 3, ..rules() }).await;
    for id in 0..5 {
        fixture.request(id, "wait", id).await;
    }
    for id in [3, 4] {
        let (refused, ack) = fixture.ack().await;
        assert_eq!((refused, &ack["error"]["code"]), (id, &json!("rate_limited")));
        assert!(ack["error"]["retryAfterMs"].as_u64().unwrap() > 0);
    }
    fixture.bench.gate.add_permits(3);
    for id in 0..3 {
        assert_eq!(fixture.ack().await.0, id);
    }
    assert_eq!(fixture.transport.close_reason(), None);
}

#[tokio::test]
async fn requests_beyond_the_rate_are_refused_until_it_allows_more() {
    let rate = Rate { per_second: 10.0, burst: 2.0 };
    let mut fixture = connect(Rules { requests: Some(rate), ..rules() }).await;
    for id in 0..3 {
        fixture.request(id, "echo", id).await;
        let (_, ack) = fixture.ack().await;
        assert_eq!(ack["ok"], id < 2);
        assert_eq!(ack["error"]["retryAfterMs"].as_u64(), (id == 2).then_some(100));
    }
    fixture.clock.set(100);
    fixture.request(4, "echo", 4).await;
    assert_eq!(fixture.ack().await.1["ok"], true);
}

/// One request that is being carried out, and two behind it.
async fn busy(rules: Rules) -> DispatchFixture {
    let mut fixture = connect(rules).await;
    for id in 0..3 {
        fixture.request(id, "wait", id).await;
    }
    fixture.bench.waiting.notified().await;
    fixture
}

#[tokio::test]
async fn a_stopping_node_finishes_what_runs_and_acks_what_it_no_longer_carries_out() {
    let mut fixture = busy(rules()).await;
    fixture.lifecycle.stop();
    for id in [1, 2] {
        assert_eq!(fixture.refusal().await, (id, "unavailable".to_owned()));
    }
    fixture.request(4, "echo", 4).await;
    assert_eq!(fixture.refusal().await, (4, "unavailable".to_owned()));
    fixture.bench.gate.add_permits(3);
    assert_eq!(fixture.ack().await, (0, json!({"ok": true, "data": 0})));
    assert_eq!(*fixture.bench.carried_out.lock(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_stopping_node_waits_for_what_runs_only_so_long() {
    let mut fixture = busy(rules()).await;
    let stopped = tokio::time::Instant::now();
    fixture.lifecycle.stop();
    for id in [1, 2, 0] {
        assert_eq!(fixture.refusal().await, (id, "unavailable".to_owned()));
    }
    assert!(stopped.elapsed() < Duration::from_secs(4), "{:?}", stopped.elapsed());
}

#[tokio::test]
async fn what_a_stopped_inbox_holds_is_not_carried_out() {
    let mut fixture = connect(rules()).await;
    let inbox = Inbox::new(Arc::new(rules()), fixture.transport.clone());
    let wait = |n| {
        let (reply, bench) = (Reply::new(None, inbox.transport().clone()), fixture.bench.clone());
        inbox.push(unknown(), reply, || {
            Box::pin(async move { Ok(accepted(&wait(bench, Numbered { n }).await?)) })
        });
    };
    (0..3).for_each(&wait);
    fixture.bench.waiting.notified().await;
    inbox.stop();
    wait(3);
    fixture.bench.gate.add_permits(4);
    fixture.bench.changed.notified().await;
    fixture.request(5, "echo", 5).await;
    assert_eq!(fixture.ack().await.0, 5);
    assert_eq!(*fixture.bench.carried_out.lock(), [0, 5]);
}

/// That of request 12 or another of two digits.
const ACK: &str = r#"4312[{"ok":true,"data":345}]"#;

/// So many bytes may wait beside what does.
fn fill(transport: &EngineSession, bytes_left: usize) {
    transport.queue_ack(ACK_BYTES_QUEUED_MAX as usize - bytes_left);
}

#[tokio::test]
async fn an_ack_takes_the_room_that_its_packet_needs() {
    for (bytes_left, has_room) in [(ACK.len(), true), (ACK.len() - 1, false)] {
        let mut fixture = connect(rules()).await;
        fill(&fixture.transport, bytes_left);
        fixture.request(12, "echo", 345).await;
        assert_eq!(fixture.ack().await.0, 12);
        assert_eq!(fixture.transport.has_room(), has_room);
    }
}

#[tokio::test]
async fn requests_wait_until_there_is_room_for_their_answers() {
    let mut fixture = connect(rules()).await;
    fill(&fixture.transport, ACK.len() - 1);
    for id in 12..15 {
        fixture.request(id, "echo", 345).await;
    }
    assert_eq!(fixture.ack().await.0, 12);
    settle().await;
    assert_eq!(*fixture.bench.carried_out.lock(), [345], "the others wait");
    fixture.transport.polled(1);
    assert_eq!(fixture.ack().await.0, 13);
    settle().await;
    assert_eq!(*fixture.bench.carried_out.lock(), [345; 2], "and there is no more room");
    assert_eq!(fixture.transport.close_reason(), None);
}

#[tokio::test]
async fn requests_wait_no_longer_than_there_is_somebody_to_hear_the_answers() {
    let fixture = connect(rules()).await;
    fixture.transport.queue_ack(ACK_BYTES_QUEUED_MAX as usize + 1);
    let inbox = Inbox::new(Arc::new(rules()), fixture.transport.clone());
    let ask = |n| {
        let (reply, bench) = (Reply::new(None, inbox.transport().clone()), fixture.bench.clone());
        inbox.push(unknown(), reply, || {
            Box::pin(async move { Ok(accepted(&echo(bench, Numbered { n }).await?)) })
        });
    };
    (1..=3).for_each(&ask);
    settle().await;
    assert!(fixture.bench.carried_out.lock().is_empty(), "they wait");
    inbox.client_gone();
    while fixture.bench.carried_out.lock().len() < 3 {
        fixture.bench.changed.notified().await;
    }
    assert_eq!(*fixture.bench.carried_out.lock(), [1, 2, 3]);
    assert_eq!(fixture.transport.close_reason(), None);
}

/// Lets every task run that has something to do.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_makes_no_room_for_answers_is_slow() {
    let fixture = connect(rules()).await;
    fixture.transport.queue_ack(ACK_BYTES_QUEUED_MAX as usize + 1);
    let inbox = Inbox::new(Arc::new(rules()), fixture.transport.clone());
    let reply = Reply::new(None, inbox.transport().clone());
    inbox.push(unknown(), reply, || Box::pin(async { Ok(accepted(&())) }));
    fixture.transport.closed().await;
    assert_eq!(fixture.transport.close_reason(), Some(CloseReason::SlowConsumer));
}

#[tokio::test]
async fn acks_that_nobody_reads_close_the_connection() {
    let mut fixture = connect(rules()).await;
    let transport = fixture.transport.clone();
    let flood = async {
        for id in 0.. {
            fixture.request(id, "echo", id).await;
        }
    };
    tokio::select! {
        () = flood => {}
        () = transport.closed() => {}
    }
    assert_eq!(transport.close_reason(), Some(CloseReason::SlowConsumer));
}
