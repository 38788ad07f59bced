//! What the gateway adds to bare socketioxide, as ratios measured in one run.
//!
//! - Fan-out: one message to a room of 1,000 sockets, from its envelope to the last byte written,
//!   against `io.to(room).emit(…)` of the same JSON. At most 1.1 times.
//! - Dispatch: a request's way to its ack, without a store, against a plain handler that acks the
//!   same. At most 1.3 times.
//!
//! Loopback TCP, one thread, and another one that reads what is sent. `cargo bench --bench gateway`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on may panic")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use tokio::sync::mpsc;
use vibetalk::bus::envelope::{Content, Envelope, Topic};
use vibetalk::bus::local::LocalBus;
use vibetalk::bus::{Bus, Deliveries, Delivery, GapFlag};
use vibetalk::chat::ChatError;
use vibetalk::clock::Clock;
use vibetalk::edge::{Edge, EdgeConfig, EngineLimits, EngineSession, engine_settings};
use vibetalk::gateway::dispatch::{Dispatcher, Route, answer};
use vibetalk::gateway::fanout::bindings::Bindings;
use vibetalk::gateway::fanout::subscriber::Subscriber;
use vibetalk::gateway::fanout::{Context, FanoutHandle, Gaps, spawn};
use vibetalk::gateway::inbox::{Inbox, Rules};
use vibetalk::gateway::socket_outlet::SocketOutlet;
use vibetalk::lifecycle::Lifecycle;
use vibetalk::model::event::Push;
use vibetalk::model::id::{GroupId, NodeId, SessionId, UserId};
use vibetalk::model::permission::{Audience, Permissions};
use vibetalk::model::presence::SocketKey;

mod stream;

use stream::{Peer, Service, Tally, connect, drain};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SOCKETS: usize = 1000;
const ROUNDS: usize = 200;
const REQUESTS_PER_ROUND: usize = 200;
const GROUP: GroupId = GroupId::new(7);

/// As the node's, but for pings, which these clients do not answer.
fn engine() -> (Service, SocketIo) {
    let settings = engine_settings(SocketIo::builder(), EngineLimits::default());
    settings.ping_timeout(Duration::from_secs(3600)).build_svc()
}

/// About 300 bytes, as a short chat message has.
#[derive(Clone, Serialize)]
struct Message {
    id: &'static str,
    #[serde(rename = "channelId")]
    channel_id: &'static str,
    author: Author,
    content: &'static str,
    reactions: [(); 0],
    pinned: bool,
}

#[derive(Clone, Serialize)]
struct Author {
    id: &'static str,
    username: &'static str,
    avatar: Option<()>,
}

const MESSAGE: Message = Message {
    id: "3765432109876543210",
    channel_id: "3765432109876543211",
    author: Author { id: "3765432109876543212", username: "ada", avatar: None },
    content: "The quick brown fox jumps over the lazy dog, and then it goes home to have a cup of tea \
              with the dog, who is not lazy at all, only tired.",
    reactions: [],
    pinned: false,
};

fn rules() -> Arc<Rules> {
    Arc::new(Rules {
        requests: Some(vibetalk::model::rate::Rate { per_second: 1e9, burst: 1e9 }),
        unanswered_max: 1000,
        command_timeout: Duration::from_secs(10),
        clock: Clock::system(),
        lifecycle: Lifecycle::new(),
    })
}

/// Of connections that no amount of pushes is too much for.
fn edge() -> Edge {
    let mut config = EdgeConfig::default();
    config.settings.pushes_queued_max = u32::MAX;
    config.settings.push_bytes_queued_max = u64::MAX;
    Edge::new(config, Lifecycle::new())
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        fan_out().await;
        dispatch().await;
    });
}

/// Alternates between both, so that what disturbs one disturbs the other, and compares medians.
struct Comparison {
    ours: Vec<Duration>,
    bare: Vec<Duration>,
}

impl Comparison {
    fn new() -> Self {
        Self { ours: Vec::new(), bare: Vec::new() }
    }

    fn report(&mut self, what: &str, per: usize, target: f64) {
        let median = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64() * 1e9 / per as f64
        };
        let (ours, bare) = (median(&mut self.ours), median(&mut self.bare));
        let ratio = ours / bare;
        println!("{what}: {ours:.0} ns, bare {bare:.0} ns, ratio {ratio:.2} (at most {target})");
    }
}

async fn fan_out() {
    let (ours, theirs) = (GatewayRoom::open().await, BareRoom::open().await);
    let mut comparison = Comparison::new();
    for _ in 0..ROUNDS {
        comparison.ours.push(ours.say().await);
        comparison.bare.push(theirs.say().await);
    }
    comparison.report("fan-out to 1,000 sockets, per socket", SOCKETS, 1.1);
}

/// The gateway's own fan-out, fed as the bus feeds it.
struct GatewayRoom {
    written: Arc<Tally>,
    _peers: Vec<Peer>,
    bus: mpsc::Sender<Delivery>,
    _fanout: FanoutHandle<SocketOutlet>,
}

impl GatewayRoom {
    async fn open() -> Self {
        let lifecycle = Lifecycle::new();
        let (local, _) = LocalBus::new();
        let local: Arc<dyn Bus> = Arc::new(local);
        let (bus, queue) = mpsc::channel(16);
        let context = Context {
            bus: local.clone(),
            clock: Clock::system(),
            node: NodeId::default(),
            lifecycle: lifecycle.clone(),
            gaps: Gaps::default(),
        };
        let deliveries = Deliveries::new(queue, GapFlag::default());
        let fanout = spawn::<SocketOutlet>(context, deliveries);
        let (service, io) = engine();
        let (opened, mut sockets) = mpsc::channel(SOCKETS);
        io.ns("/", async move |socket: SocketRef| opened.send(socket).await.unwrap());
        let (written, mut peers) = (Arc::<Tally>::default(), Vec::new());
        let (rules, edge) = (rules(), edge());
        for number in 1..=SOCKETS as u64 {
            peers.push(connect(&service, &written));
            let socket = sockets.recv().await.unwrap();
            let inbox = Inbox::new(rules.clone(), edge.session_without_client());
            let outlet = SocketOutlet { socket, inbox, lifecycle: lifecycle.clone() };
            join(&fanout, &local, SocketKey(number), outlet).await;
        }
        drain(&peers.iter().collect::<Vec<_>>());
        Self { written, _peers: peers, bus, _fanout: fanout }
    }

    async fn say(&self) -> Duration {
        let all = self.written.more(SOCKETS);
        let started = Instant::now();
        let body = serde_json::value::to_raw_value(&MESSAGE).unwrap().into();
        let content = Content::Push { push: Push::MessageCreated, body };
        let envelope = Envelope::new(NodeId::default(), 0, [Topic::Group(GROUP)], content);
        let delivery = Delivery::Envelope { envelope: Arc::new(envelope), applied: None };
        self.bus.send(delivery).await.unwrap();
        all.await;
        started.elapsed()
    }
}

async fn join(
    fanout: &FanoutHandle<SocketOutlet>,
    bus: &Arc<dyn Bus>,
    key: SocketKey,
    outlet: SocketOutlet,
) {
    let user_id = UserId::new(key.0);
    let own = Bindings::bind(bus.clone(), [Topic::User(user_id)]).await;
    let subscriber = Subscriber::new(SessionId::new(key.0), outlet, own);
    fanout.attach(key, subscriber).await.unwrap();
    let groups = Bindings::bind(bus.clone(), [Topic::Group(GROUP)]).await;
    let audience = Audience { group_id: GROUP, permissions: Permissions::MEMBER };
    fanout.join(key, groups, vec![audience]).await.unwrap();
    let ready = serde_json::value::to_raw_value("").unwrap().into();
    fanout.open(key, ready).await.unwrap();
}

/// A room of socketioxide.
struct BareRoom {
    written: Arc<Tally>,
    _peers: Vec<Peer>,
    io: SocketIo,
    _service: Service,
}

impl BareRoom {
    async fn open() -> Self {
        let (service, io) = engine();
        let (opened, mut sockets) = mpsc::channel(SOCKETS);
        io.ns("/", async move |socket: SocketRef| {
            socket.join("room");
            socket.emit("ready", "").unwrap();
            opened.send(()).await.unwrap();
        });
        let (written, mut peers) = (Arc::<Tally>::default(), Vec::new());
        for _ in 0..SOCKETS {
            peers.push(connect(&service, &written));
            sockets.recv().await.unwrap();
        }
        drain(&peers.iter().collect::<Vec<_>>());
        Self { written, _peers: peers, io, _service: service }
    }

    async fn say(&self) -> Duration {
        let all = self.written.more(SOCKETS);
        let started = Instant::now();
        self.io.to("room").emit("message:created", &MESSAGE).await.unwrap();
        all.await;
        started.elapsed()
    }
}

#[derive(Deserialize, Serialize)]
struct Request {
    content: String,
}

#[derive(Serialize)]
struct Ack {
    ok: bool,
    data: Request,
}

static ECHO: Route<()> = Route::new("echo", |context, payload| {
    answer(context, payload, |(), request: Request| async move { Ok::<_, ChatError>(request) })
});

async fn dispatch() {
    let transport = edge().session_without_client();
    let (ours, theirs) = (echo_gateway(transport.clone()).await, echo_bare().await);
    let packet = format!("2{}[\"echo\",{{\"content\":\"{}\"}}]", 1, MESSAGE.content);
    let mut comparison = Comparison::new();
    for peer in [&ours.1, &theirs.1] {
        peer.round_trips(&packet, 1).await;
    }
    for _ in 0..ROUNDS {
        comparison.ours.push(ours.1.round_trips(&packet, REQUESTS_PER_ROUND).await);
        transport.polled(u64::MAX); // There is room for the acks of the next round.
        comparison.bare.push(theirs.1.round_trips(&packet, REQUESTS_PER_ROUND).await);
    }
    comparison.report("dispatch, event to ack", REQUESTS_PER_ROUND, 1.3);
}

/// Says that handlers are in place.
async fn joined(socket: SocketRef) {
    socket.emit("ready", &MESSAGE).unwrap();
}

async fn join_alone(service: &Service) -> Peer {
    let written = Arc::<Tally>::default();
    let ready = written.more(1);
    let peer = connect(service, &written);
    ready.await;
    drain(&[&peer]);
    peer
}

async fn echo_gateway(transport: Arc<EngineSession>) -> (Service, Peer) {
    let (service, io) = engine();
    let rules = rules();
    let install = move |socket: SocketRef| {
        let inbox = Inbox::new(rules.clone(), transport.clone());
        let find = |event: &str| (event == ECHO.event).then_some(&ECHO);
        socket.on_fallback(Dispatcher { inbox, context: (), find });
        async { Ok::<(), std::convert::Infallible>(()) }
    };
    io.ns("/", joined.with(install));
    let peer = join_alone(&service).await;
    (service, peer)
}

async fn echo_bare() -> (Service, Peer) {
    let (service, io) = engine();
    let install = async |socket: SocketRef| {
        socket.on("echo", async |Data(request): Data<Request>, ack: AckSender| {
            ack.send(&Ack { ok: true, data: request }).unwrap();
        });
        Ok::<(), std::convert::Infallible>(())
    };
    io.ns("/", joined.with(install));
    let peer = join_alone(&service).await;
    (service, peer)
}
