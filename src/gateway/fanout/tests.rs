use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};

use super::subscriber::HELD_MAX;
use super::*;
use crate::bus::envelope::{About, Content, Envelope};
use crate::bus::node_event::NodeEvent;
use crate::bus::{BusError, DELIVERIES_QUEUED_MAX, GapFlag, Inbound, Place};
use crate::model::channel::ChannelKind;
use crate::model::id::{ChannelId, MessageId, UserId};
use crate::model::presence::{Presence, Status};

const GROUP: GroupId = GroupId::new(100);
const OTHER_GROUP: GroupId = GroupId::new(200);
const ADA: UserId = UserId::new(1);
const BOB: UserId = UserId::new(2);

/// Counts binds; they are confirmed while the gate is open, unless it refuses.
struct CountingBus {
    bound: Mutex<BTreeMap<String, i32>>,
    gate: Semaphore,
    refuses: AtomicBool,
}

#[async_trait]
impl Bus for CountingBus {
    async fn publish(&self, _: Envelope) -> Result<(), BusError> {
        unreachable!("the fan-out publishes nothing")
    }

    async fn publish_applied(&self, _: Envelope) -> Result<(), BusError> {
        unreachable!("the fan-out publishes nothing")
    }

    fn publish_volatile(&self, _: Envelope) {}

    async fn bind(&self, topic: Topic) -> Result<(), BusError> {
        *self.bound.lock().entry(format!("{topic:?}")).or_default() += 1;
        let _open = self.gate.acquire().await.unwrap();
        match self.refuses.load(Ordering::Relaxed) {
            true => Err(BusError::Timeout),
            false => Ok(()),
        }
    }

    fn unbind(&self, topic: Topic) {
        *self.bound.lock().entry(format!("{topic:?}")).or_default() -= 1;
    }

    async fn publish_here(&self, envelope: Envelope) -> Result<(), BusError> {
        unreachable!("the fan-out publishes nothing, and not {envelope:?}")
    }

    async fn tell_nodes(&self, event: Arc<NodeEvent>) -> Result<(), BusError> {
        unreachable!("the fan-out tells nothing, and not {event:?}")
    }

    fn missed(&self) {
        unreachable!("the fan-out is told of gaps")
    }

    fn is_alone(&self) -> bool {
        true
    }
}

/// A socket that takes `room` packets.
#[derive(Clone)]
struct FakeSocket {
    packets: Arc<Mutex<Vec<String>>>,
    room: Arc<Mutex<usize>>,
    end: Arc<Mutex<Option<&'static str>>>,
}

impl Outlet for FakeSocket {
    fn emit(&self, push: Push, body: &RawValue) -> Result<(), EmitError> {
        let mut room = self.room.lock();
        *room = room.checked_sub(1).ok_or(EmitError::Full)?;
        self.packets.lock().push(format!("{} {}", push.name(), body.get()));
        Ok(())
    }

    fn close(&self, reason: CloseReason) {
        *self.end.lock() = Some(reason.as_str());
    }

    fn closes_in(&self, spread: Duration) -> Duration {
        spread / 4
    }

    fn end(&self) {
        *self.end.lock() = Some("ended");
    }
}

impl FakeSocket {
    fn new() -> Self {
        let room = Arc::new(Mutex::new(usize::MAX));
        Self { packets: Arc::default(), room, end: Arc::default() }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.packets.lock())
    }
}

struct FanoutFixture {
    fanout: Fanout<FakeSocket>,
    bus: Arc<CountingBus>,
    next_key: u64,
    /// Whatever waits behind a delivery that is being taken.
    inflow: Inflow<FakeSocket>,
    behind: mpsc::Sender<Delivery>,
    gap: GapFlag,
    handle: FanoutHandle<FakeSocket>,
}

impl FanoutFixture {
    fn new() -> Self {
        let (bound, gate, refuses) = (Mutex::default(), Semaphore::new(1), AtomicBool::new(false));
        let bus = Arc::new(CountingBus { bound, gate, refuses });
        let context = Context {
            bus: bus.clone(),
            clock: Clock::fixed(1000),
            node: NodeId::default(),
            lifecycle: Lifecycle::new(),
            gaps: Gaps::default(),
        };
        let (behind, queue) = mpsc::channel(DELIVERIES_QUEUED_MAX);
        let (handle, commands) = FanoutHandle::new();
        let gap = GapFlag::default();
        let deliveries = Deliveries::new(queue, gap.clone());
        let inflow = Inflow { commands, deliveries };
        Self { fanout: Fanout::new(context), bus, next_key: 0, inflow, behind, gap, handle }
    }

    async fn attach(&mut self, user_id: UserId) -> (SocketKey, FakeSocket) {
        self.next_key += 1;
        let (key, inbox) = (SocketKey(self.next_key), FakeSocket::new());
        let own = Bindings::bind(self.bus.clone(), [Topic::User(user_id)]).await;
        let session_id = SessionId::new(self.next_key);
        let subscriber = Box::new(Subscriber::new(session_id, inbox.clone(), own));
        self.fanout.obey(FanoutCommand::Attach { key, subscriber }).await;
        (key, inbox)
    }

    async fn join(&mut self, key: SocketKey, groups: &[GroupId]) {
        self.join_with(key, groups, None).await;
    }

    async fn join_with(&mut self, key: SocketKey, groups: &[GroupId], own: Option<Topic>) {
        let (done, _) = oneshot::channel();
        let topics = groups.iter().map(|group_id| Topic::Group(*group_id));
        let bindings = Bindings::bind(self.bus.clone(), topics.chain(own)).await;
        let permissions = Permissions::MEMBER;
        let audiences = groups.iter().map(|id| Audience { group_id: *id, permissions }).collect();
        self.fanout.obey(FanoutCommand::Join { key, bindings, audiences, done }).await;
    }

    async fn hold(&mut self, key: SocketKey) {
        self.fanout.obey(FanoutCommand::Hold { key }).await;
    }

    /// Opens a live session anew.
    async fn reopen(&mut self, user_id: UserId, key: SocketKey, groups: &[GroupId]) {
        self.hold(key).await;
        self.join_with(key, groups, Some(Topic::User(user_id))).await;
        self.open(key).await;
    }

    /// To all sessions that are due one.
    async fn mark(&mut self) {
        for part in 0..MARK_PARTS {
            self.fanout.obey(FanoutCommand::Mark { part, body: raw("{}".into()) }).await;
        }
    }

    async fn open(&mut self, key: SocketKey) {
        let (done, _) = oneshot::channel();
        self.fanout.obey(FanoutCommand::Open { key, ready: raw("{}".into()), done }).await;
    }

    /// A session that is live, with `ready` read.
    async fn live(&mut self, user_id: UserId, groups: &[GroupId]) -> (SocketKey, FakeSocket) {
        let (key, inbox) = self.attach(user_id).await;
        self.join(key, groups).await;
        self.open(key).await;
        assert_eq!(inbox.take(), ["ready {}"]);
        (key, inbox)
    }

    async fn watch(&mut self, key: SocketKey, user_ids: &[UserId]) {
        let (done, _) = oneshot::channel();
        let topics = user_ids.iter().map(|user_id| Topic::Watchers(*user_id));
        let bindings = Bindings::bind(self.bus.clone(), topics).await;
        self.fanout.obey(FanoutCommand::Watch { key, bindings, done }).await;
    }

    async fn deliver(&mut self, topics: &[Topic], effect: Option<Effect>, content: Content) {
        self.take(delivery(topics, effect, content)).await;
    }

    async fn deliver_about(&mut self, about: About, content: Content) {
        let envelope = Envelope::new(NodeId::default(), 0, [Topic::Group(GROUP)], content);
        let envelope = Arc::new(Envelope { about, ..envelope });
        self.take(Delivery::Envelope { envelope, applied: None }).await;
    }

    async fn take(&mut self, delivery: Delivery) {
        self.fanout.take(delivery, &mut self.inflow).await;
    }

    /// What is left of what was queued behind.
    async fn take_the_rest(&mut self) {
        while let Ok(next) = self.inflow.deliveries.try_recv() {
            self.take(next).await;
        }
    }

    async fn say(&mut self, topics: &[Topic], n: u32) {
        self.deliver(topics, None, push(n)).await;
    }

    async fn place(&mut self, place: Place) {
        self.take(placed(&[], place, Content::None)).await;
    }

    async fn effect(&mut self, effect: Effect) {
        self.deliver(&[], Some(effect), Content::None).await;
    }

    fn bound(&self) -> BTreeMap<String, i32> {
        let mut bound = self.bus.bound.lock().clone();
        bound.retain(|_, count| *count != 0);
        bound
    }
}

fn delivery(topics: &[Topic], effect: Option<Effect>, content: Content) -> Delivery {
    let envelope = Envelope::new(NodeId::default(), 0, topics.iter().copied(), content);
    Delivery::Envelope { envelope: Arc::new(Envelope { effect, ..envelope }), applied: None }
}

fn placed(topics: &[Topic], place: Place, content: Content) -> Delivery {
    let Delivery::Envelope { envelope, .. } = delivery(topics, None, content) else {
        unreachable!("that is what it makes");
    };
    Delivery::Placed { place, envelope, applied: oneshot::channel().0 }
}

fn push(n: u32) -> Content {
    Content::Push { push: Push::MessageCreated, body: raw(n.to_string()) }
}

fn said(numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|n| format!("message:created {n}")).collect()
}

fn joins(user_id: UserId, group_id: GroupId) -> Place {
    Place { user_id, group_id, permissions: Some(Permissions::MEMBER) }
}

fn leaves(user_id: UserId, group_id: GroupId) -> Place {
    Place { user_id, group_id, permissions: None }
}

#[tokio::test]
async fn ready_comes_first_and_what_the_snapshot_holds_does_not_come_again() {
    let mut fixture = FanoutFixture::new();
    let (key, inbox) = fixture.attach(ADA).await;
    fixture.say(&[Topic::User(ADA)], 1).await;
    fixture.join(key, &[GROUP]).await;
    fixture.say(&[Topic::Group(GROUP)], 2).await;
    fixture.say(&[Topic::User(ADA)], 3).await;
    assert!(inbox.take().is_empty());
    fixture.open(key).await;
    fixture.say(&[Topic::Group(GROUP)], 4).await;
    let expected = [vec!["ready {}".to_owned()], said(&[2, 3, 4])].concat();
    assert_eq!(inbox.take(), expected);
}

#[tokio::test]
async fn effects_that_arrive_while_the_audiences_are_read_leave_no_stale_membership() {
    let mut fixture = FanoutFixture::new();
    let (key, inbox) = fixture.attach(ADA).await;
    // The audiences that are read are from before all of these.
    fixture.place(leaves(ADA, GROUP)).await;
    fixture.place(joins(ADA, OTHER_GROUP)).await;
    fixture.place(joins(BOB, GROUP)).await;
    fixture.join(key, &[GROUP]).await;
    fixture.open(key).await;
    inbox.take();
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    fixture.say(&[Topic::Group(OTHER_GROUP)], 2).await;
    assert_eq!(inbox.take(), said(&[2]));
}

#[tokio::test]
async fn a_group_that_closes_while_the_audiences_are_read_stays_closed() {
    let mut fixture = FanoutFixture::new();
    let (key, inbox) = fixture.attach(ADA).await;
    fixture.effect(Effect::CloseGroup { group_id: GROUP }).await;
    fixture.join(key, &[GROUP]).await;
    fixture.open(key).await;
    inbox.take();
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    assert!(inbox.take().is_empty());
}

#[tokio::test]
async fn who_joins_gets_the_content_and_who_leaves_does_not() {
    let mut fixture = FanoutFixture::new();
    let (_, ada) = fixture.live(ADA, &[GROUP]).await;
    let (_, bob) = fixture.live(BOB, &[]).await;
    fixture.take(placed(&[Topic::Group(GROUP)], joins(BOB, GROUP), push(1))).await;
    assert_eq!((ada.take(), bob.take()), (said(&[1]), said(&[1])));
    fixture.take(placed(&[Topic::Group(GROUP)], leaves(ADA, GROUP), push(2))).await;
    assert_eq!((ada.take(), bob.take()), (said(&[]), said(&[2])));
    let close = Effect::CloseGroup { group_id: GROUP };
    fixture.deliver(&[Topic::Group(GROUP)], Some(close), push(3)).await;
    fixture.say(&[Topic::Group(GROUP)], 4).await;
    assert_eq!((ada.take(), bob.take()), (said(&[]), said(&[3])));
}

#[tokio::test]
async fn a_session_in_several_topics_gets_one_copy() {
    let mut fixture = FanoutFixture::new();
    let (key, inbox) = fixture.live(ADA, &[GROUP]).await;
    fixture.watch(key, &[ADA, BOB]).await;
    let topics = [Topic::Group(GROUP), Topic::User(ADA), Topic::Watchers(BOB)];
    fixture.say(&topics, 1).await;
    assert_eq!(inbox.take(), said(&[1]));
}

#[tokio::test]
async fn a_message_announced_twice_is_emitted_once() {
    let mut fixture = FanoutFixture::new();
    let (_, inbox) = fixture.live(ADA, &[GROUP]).await;
    for _ in 0..2 {
        fixture
            .deliver_about(About::NewMessage(ChannelId::new(6), MessageId::new(7)), push(1))
            .await;
    }
    assert_eq!(inbox.take(), said(&[1]));
}

#[tokio::test]
async fn a_channel_carries_the_permissions_of_each_receiver() {
    let mut fixture = FanoutFixture::new();
    let (_, ada) = fixture.live(ADA, &[GROUP]).await;
    let (_, bob) = fixture.live(BOB, &[GROUP]).await;
    let all = Permissions::ALL;
    let promoted = Place { permissions: Some(all), ..joins(ADA, GROUP) };
    fixture.place(promoted).await;
    let (push, kind) = (Push::ChannelUpdated, ChannelKind::Announcement);
    let content = Content::ChannelPush { push, kind, body: raw(r#"{"id":"5"}"#.into()) };
    fixture.deliver(&[Topic::Group(GROUP)], None, content).await;
    let expected = |bits| [format!(r#"channel:updated {{"id":"5","permissions":"{bits}"}}"#)];
    assert_eq!((ada.take(), bob.take()), (expected(511).to_vec(), expected(133).to_vec()));
}

#[tokio::test]
async fn each_session_gets_the_presences_it_watches_and_its_own_in_one_array() {
    let mut fixture = FanoutFixture::new();
    let carol = UserId::new(3);
    let (ada_key, ada) = fixture.live(ADA, &[]).await;
    let (_, bob) = fixture.live(BOB, &[]).await;
    fixture.watch(ada_key, &[BOB]).await;
    fixture.watch(ada_key, &[carol]).await;
    let presence = |user_id| Presence { user_id, status: Status::Online, text: String::new() };
    let presences = Content::Presences(vec![presence(ADA), presence(BOB), presence(carol)]);
    fixture.deliver(&[], None, presences).await;
    let one = |id| format!(r#"{{"userId":"{id}","status":"online","text":""}}"#);
    assert_eq!(ada.take(), [format!("presence:changed [{},{}]", one(1), one(3))]);
    assert_eq!(bob.take(), [format!("presence:changed [{}]", one(2))]);
}

#[tokio::test]
async fn what_is_queued_for_the_same_audience_goes_round_with_it_in_order() {
    let mut fixture = FanoutFixture::new();
    let (_, ada) = fixture.live(ADA, &[GROUP, OTHER_GROUP]).await;
    let (_, bob) = fixture.live(BOB, &[GROUP]).await;
    let (group, other) = ([Topic::Group(GROUP)], [Topic::Group(OTHER_GROUP)]);
    for (topics, n) in [(&group, 2), (&group, 3), (&other, 4), (&group, 5)] {
        fixture.behind.send(delivery(topics, None, push(n))).await.unwrap();
    }
    fixture.say(&group, 1).await;
    assert_eq!((ada.take(), bob.take()), (said(&[1, 2, 3]), said(&[1, 2, 3])));
    fixture.take_the_rest().await;
    assert_eq!((ada.take(), bob.take()), (said(&[4, 5]), said(&[5])));
}

#[tokio::test]
async fn nothing_goes_along_that_changes_an_audience() {
    let mut fixture = FanoutFixture::new();
    let (_, ada) = fixture.live(ADA, &[GROUP]).await;
    let group = [Topic::Group(GROUP)];
    fixture.behind.send(placed(&group, leaves(ADA, GROUP), push(2))).await.unwrap();
    fixture.behind.send(delivery(&group, None, push(3))).await.unwrap();
    fixture.say(&group, 1).await;
    fixture.take_the_rest().await;
    assert_eq!(ada.take(), said(&[1]), "who has left gets nothing more");
}

impl FanoutFixture {
    /// A group so large that others get turns while it is told something.
    async fn many(&mut self) -> Vec<FakeSocket> {
        let mut inboxes = Vec::new();
        for _ in 0..100 {
            inboxes.push(self.live(ADA, &[GROUP]).await.1);
        }
        inboxes
    }

    /// Says 2 to 20, one whenever the fan-out gives others a turn.
    fn say_more(&self) {
        let behind = self.behind.clone();
        self.fanout.context.lifecycle.spawn("saying", async move {
            for n in 2..=20 {
                behind.send(delivery(&[Topic::Group(GROUP)], None, push(n))).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
    }
}

#[tokio::test]
async fn while_a_session_waits_nothing_joins_a_round_that_has_begun() {
    let mut fixture = FanoutFixture::new();
    let inboxes = fixture.many().await;
    fixture.handle.detach(SocketKey(0)).await;
    fixture.say_more();
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    assert!(inboxes.iter().all(|inbox| inbox.take() == said(&[1])));
}

#[tokio::test]
async fn who_joins_on_the_way_reaches_everybody_once_and_in_order() {
    let mut fixture = FanoutFixture::new();
    let inboxes = fixture.many().await;
    let slow = inboxes[50].clone();
    *slow.room.lock() = 2;
    fixture.say_more();
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    assert!(inboxes[99].packets.lock().len() > 1, "what was said on the way came along");
    fixture.take_the_rest().await;
    let all: Vec<u32> = (1..=20).collect();
    for (index, inbox) in inboxes.iter().enumerate() {
        let expected = if index == 50 { said(&[1, 2]) } else { said(&all) };
        assert_eq!(inbox.take(), expected, "session {index}");
    }
    assert_eq!(*slow.end.lock(), Some("slow_consumer"));
}

#[tokio::test]
async fn a_slow_consumer_is_closed_and_gets_nothing_behind_the_hole() {
    let mut fixture = FanoutFixture::new();
    let (_, slow) = fixture.live(ADA, &[GROUP]).await;
    let (_, quick) = fixture.live(BOB, &[GROUP]).await;
    *slow.room.lock() = 1;
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    fixture.say(&[Topic::Group(GROUP)], 2).await;
    *slow.room.lock() = 100;
    fixture.say(&[Topic::Group(GROUP)], 3).await;
    assert_eq!((slow.take(), quick.take()), (said(&[1]), said(&[1, 2, 3])));
    assert_eq!((*slow.end.lock(), *quick.end.lock()), (Some("slow_consumer"), None));
}

#[tokio::test]
async fn what_is_held_is_bounded() {
    let mut fixture = FanoutFixture::new();
    let (key, inbox) = fixture.attach(ADA).await;
    fixture.join(key, &[]).await;
    for n in 0..HELD_MAX as u32 {
        fixture.say(&[Topic::User(ADA)], n).await;
    }
    assert_eq!(*inbox.end.lock(), None);
    fixture.say(&[Topic::User(ADA)], 0).await;
    assert_eq!(*inbox.end.lock(), Some("slow_consumer"));
    fixture.open(key).await;
    assert!(inbox.take().is_empty());
}

#[tokio::test]
async fn sessions_that_end_are_disconnected_for_good_whatever_their_state() {
    let mut fixture = FanoutFixture::new();
    let (_, live) = fixture.live(ADA, &[GROUP]).await;
    let (_, opening) = fixture.attach(ADA).await;
    let (_, other) = fixture.live(ADA, &[GROUP]).await;
    let session_ids = vec![SessionId::new(1), SessionId::new(2)];
    let of_bob = Effect::EndSessions { user_id: BOB, session_ids: session_ids.clone() };
    fixture.effect(of_bob).await;
    assert_eq!((*live.end.lock(), *opening.end.lock()), (None, None), "not his");
    fixture.effect(Effect::EndSessions { user_id: ADA, session_ids }).await;
    fixture.say(&[Topic::Group(GROUP), Topic::User(ADA)], 1).await;
    assert_eq!((*live.end.lock(), *opening.end.lock()), (Some("ended"), Some("ended")));
    assert_eq!((live.take(), other.take()), (said(&[]), said(&[1])));
}

#[tokio::test]
async fn a_socket_that_is_ended_gets_nothing_more_and_others_of_its_person_do() {
    let mut fixture = FanoutFixture::new();
    let (key, ended) = fixture.live(ADA, &[GROUP]).await;
    let (_, other) = fixture.live(ADA, &[GROUP]).await;
    for _ in 0..2 {
        fixture.fanout.obey(FanoutCommand::End { key }).await;
    }
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    assert_eq!(*ended.end.lock(), Some("ended"));
    assert_eq!((ended.take(), other.take()), (said(&[]), said(&[1])));
}

#[tokio::test]
async fn what_a_session_bound_is_given_back() {
    let mut fixture = FanoutFixture::new();
    let (key, _) = fixture.live(ADA, &[GROUP]).await;
    let (other, _) = fixture.live(ADA, &[GROUP]).await;
    fixture.place(joins(ADA, OTHER_GROUP)).await;
    fixture.place(joins(ADA, OTHER_GROUP)).await;
    fixture.watch(key, &[BOB]).await;
    assert_eq!(fixture.bound().values().copied().collect::<Vec<_>>(), [2, 2, 2, 1]);
    fixture.place(leaves(ADA, GROUP)).await;
    fixture.fanout.obey(FanoutCommand::Detach { key: other }).await;
    fixture.watch(key, &[]).await;
    assert_eq!(fixture.bound().values().copied().collect::<Vec<_>>(), [1, 1]);
    fixture.fanout.obey(FanoutCommand::Detach { key }).await;
    assert!(fixture.bound().is_empty() && fixture.fanout.subscribers.is_empty());
}

#[tokio::test]
async fn a_join_is_applied_once_its_topic_is_bound() {
    let mut fixture = FanoutFixture::new();
    fixture.live(ADA, &[]).await;
    let bus = fixture.bus.clone();
    let shut = bus.gate.acquire().await.unwrap();
    let (applied, mut told) = oneshot::channel();
    let mut joining = placed(&[], joins(ADA, GROUP), Content::None);
    if let Delivery::Placed { applied: confirmation, .. } = &mut joining {
        *confirmation = applied;
    }
    fixture.take(joining).await;
    assert!(told.try_recv().is_err());
    drop(shut);
    told.await.unwrap();
}

#[tokio::test]
async fn every_session_is_told_when_it_is_going_to_be_closed() {
    let mut fixture = FanoutFixture::new();
    let mut inboxes = Vec::new();
    for _ in 0..250 {
        inboxes.push(fixture.live(ADA, &[]).await.1);
    }
    let FanoutFixture { fanout, inflow, handle, .. } = fixture;
    let running = Lifecycle::new().spawn("fanout", fanout.run(inflow));
    handle.announce_draining(Duration::from_secs(20)).await.unwrap();
    let told = [r#"server:draining {"reconnectInMs":5000}"#];
    assert!(inboxes.iter().all(|inbox| inbox.take() == told), "as the outlet says");
    running.abort();
}

#[tokio::test]
async fn a_gap_is_raised_for_those_who_open_sessions_anew() {
    let mut fixture = FanoutFixture::new();
    let (_, inbox) = fixture.live(ADA, &[GROUP]).await;
    let gaps = fixture.fanout.context.gaps.subscribe();
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    assert!(!gaps.has_changed().unwrap());
    fixture.take(Delivery::Gap).await;
    assert!(gaps.has_changed().unwrap());
    assert_eq!(inbox.take(), said(&[1]), "sessions hear of it with their second ready");
}

#[tokio::test]
async fn a_session_that_is_opened_anew_is_in_the_groups_that_were_read_and_in_no_others() {
    let mut fixture = FanoutFixture::new();
    let (key, inbox) = fixture.live(ADA, &[GROUP]).await;
    fixture.watch(key, &[BOB]).await;
    fixture.hold(key).await;
    fixture.say(&[Topic::Group(GROUP)], 1).await; // In the snapshot, which is taken later.
    fixture.join(key, &[OTHER_GROUP]).await;
    fixture.say(&[Topic::Group(GROUP)], 2).await;
    fixture.say(&[Topic::Group(OTHER_GROUP)], 3).await;
    assert_eq!(inbox.take(), said(&[]), "nothing goes out between");
    fixture.open(key).await;
    fixture.say(&[Topic::Group(OTHER_GROUP), Topic::Group(GROUP)], 4).await;
    assert_eq!(inbox.take(), ["ready {}", "message:created 3", "message:created 4"]);
    let bound: Vec<String> = fixture.bound().into_keys().collect();
    assert_eq!(bound.len(), 3, "its own, the group's, and whom it watches: {bound:?}");
}

#[tokio::test]
async fn changes_while_a_session_is_opened_anew_hold_against_what_was_read_before_them() {
    let mut fixture = FanoutFixture::new();
    let (key, inbox) = fixture.live(ADA, &[GROUP]).await;
    fixture.hold(key).await;
    fixture.place(leaves(ADA, GROUP)).await;
    fixture.place(joins(ADA, OTHER_GROUP)).await;
    fixture.join(key, &[GROUP]).await; // What was read before.
    fixture.open(key).await;
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    fixture.say(&[Topic::Group(OTHER_GROUP)], 2).await;
    assert_eq!(inbox.take(), ["ready {}", "message:created 2"]);
    assert_eq!(fixture.bound().values().copied().collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn a_session_that_cannot_be_opened_anew_goes_on_with_what_was_held() {
    let mut fixture = FanoutFixture::new();
    let (key, inbox) = fixture.live(ADA, &[GROUP]).await;
    fixture.hold(key).await;
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    fixture.place(leaves(ADA, GROUP)).await;
    fixture.say(&[Topic::Group(GROUP)], 2).await;
    fixture.say(&[Topic::User(ADA)], 3).await;
    fixture.fanout.obey(FanoutCommand::Release { key }).await;
    fixture.say(&[Topic::User(ADA)], 4).await;
    assert_eq!(inbox.take(), said(&[1, 3, 4]), "nothing of a group that was left meanwhile");
}

#[tokio::test]
async fn who_got_something_and_misses_nothing_gets_a_mark() {
    let mut fixture = FanoutFixture::new();
    let (key, inbox) = fixture.live(ADA, &[GROUP]).await;
    let (_, idle) = fixture.live(BOB, &[]).await;
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    fixture.mark().await;
    assert_eq!(inbox.take(), ["message:created 1", "sync:mark {}"]);
    fixture.mark().await;
    assert!(inbox.take().is_empty() && idle.take().is_empty(), "nothing since");

    fixture.say(&[Topic::Group(GROUP)], 2).await;
    fixture.take(Delivery::Gap).await;
    fixture.say(&[Topic::Group(GROUP)], 3).await;
    fixture.mark().await;
    assert_eq!(inbox.take(), said(&[2, 3]), "it may miss what came between");
    fixture.hold(key).await;
    fixture.say(&[Topic::Group(GROUP)], 4).await;
    fixture.mark().await;
    fixture.fanout.obey(FanoutCommand::Release { key }).await;
    fixture.mark().await;
    assert_eq!(inbox.take(), said(&[4]), "it was not opened anew");
    fixture.hold(key).await;
    fixture.join(key, &[GROUP]).await;
    fixture.open(key).await;
    fixture.mark().await;
    assert_eq!(inbox.take(), ["ready {}", "sync:mark {}"]);
}

/// What was published to a topic that is not bound did not arrive, and nobody knows what that was.
#[tokio::test]
async fn who_misses_what_a_failed_bind_kept_away_gets_no_mark_before_everything_is_bound() {
    let mut fixture = FanoutFixture::new();
    let refuse = |fixture: &FanoutFixture, refuses| {
        fixture.bus.refuses.store(refuses, Ordering::Relaxed);
    };
    let marked = async |fixture: &mut FanoutFixture, inbox: &FakeSocket| {
        fixture.say(&[Topic::User(ADA)], 1).await;
        fixture.mark().await;
        inbox.take().iter().any(|push| push.starts_with("sync:mark"))
    };
    let (key, inbox) = fixture.attach(ADA).await;
    refuse(&fixture, true);
    fixture.join(key, &[GROUP]).await;
    fixture.open(key).await;
    assert!(!marked(&mut fixture, &inbox).await, "a group");
    fixture.hold(key).await;
    fixture.fanout.obey(FanoutCommand::Release { key }).await;
    refuse(&fixture, false);
    assert!(!marked(&mut fixture, &inbox).await, "it was not opened anew");
    fixture.reopen(ADA, key, &[GROUP]).await;
    assert!(marked(&mut fixture, &inbox).await);

    refuse(&fixture, true);
    fixture.place(joins(ADA, OTHER_GROUP)).await;
    assert!(!marked(&mut fixture, &inbox).await, "a group that was joined");
    fixture.place(leaves(ADA, OTHER_GROUP)).await;
    assert!(!marked(&mut fixture, &inbox).await, "and left again");
    refuse(&fixture, false);
    fixture.reopen(ADA, key, &[GROUP, OTHER_GROUP]).await;
    assert!(marked(&mut fixture, &inbox).await);

    refuse(&fixture, true);
    fixture.watch(key, &[BOB]).await;
    assert!(marked(&mut fixture, &inbox).await, "a sync answers no presences");
    let (key, inbox) = fixture.attach(ADA).await;
    refuse(&fixture, false);
    fixture.join(key, &[]).await;
    fixture.open(key).await;
    assert!(!marked(&mut fixture, &inbox).await, "what is for them alone");
    refuse(&fixture, true);
    fixture.reopen(ADA, key, &[]).await;
    assert!(!marked(&mut fixture, &inbox).await, "it is not bound yet");
    refuse(&fixture, false);
    fixture.reopen(ADA, key, &[]).await;
    assert!(marked(&mut fixture, &inbox).await);
    fixture.fanout.obey(FanoutCommand::Detach { key }).await;
    let left: Vec<i32> = fixture.bound().into_values().collect();
    assert_eq!(left, [1, 1, 1, 1], "the other session's");
}

#[tokio::test]
async fn who_was_not_told_to_sync_after_a_gap_gets_no_mark() {
    let mut fixture = FanoutFixture::new();
    let (key, inbox) = fixture.live(ADA, &[GROUP]).await;
    fixture.take(Delivery::Gap).await;
    fixture.hold(key).await;
    fixture.join(key, &[GROUP]).await;
    fixture.fanout.obey(FanoutCommand::Release { key }).await; // The snapshot could not be read.
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    fixture.mark().await;
    assert_eq!(inbox.take(), said(&[1]));

    fixture.hold(key).await;
    fixture.join(key, &[GROUP]).await;
    fixture.take(Delivery::Gap).await; // Perhaps after the snapshot.
    fixture.open(key).await;
    fixture.mark().await;
    assert_eq!(inbox.take(), ["ready {}"]);
    fixture.reopen(ADA, key, &[GROUP]).await;
    fixture.mark().await;
    assert_eq!(inbox.take(), ["ready {}", "sync:mark {}"]);
}

/// Counts the gaps that it hears.
#[derive(Default)]
struct GapCounter(AtomicUsize);

impl Inbound for GapCounter {
    fn heard(&self, delivery: Delivery, _: &mpsc::Sender<Delivery>) -> Option<Delivery> {
        if matches!(delivery, Delivery::Gap) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Some(delivery)
    }
}

/// Whoever hears of it lets marks go on, so those that follow must find their sessions behind.
#[tokio::test]
async fn a_gap_during_a_round_is_heard_when_sessions_are_told_of_it() {
    let mut fixture = FanoutFixture::new();
    let counter = Arc::new(GapCounter::default());
    let (behind, queue) = mpsc::channel(DELIVERIES_QUEUED_MAX);
    let deliveries = Deliveries::new(queue, fixture.gap.clone());
    (fixture.behind, fixture.inflow.deliveries) = (behind, deliveries.heard_by(counter.clone()));
    let (_, inbox) = fixture.live(ADA, &[GROUP]).await;
    fixture.behind.send(delivery(&[Topic::Group(GROUP)], None, push(2))).await.unwrap();
    fixture.gap.raise();
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    assert_eq!((inbox.take(), counter.0.load(Ordering::Relaxed)), (said(&[1]), 0));
    fixture.take_the_rest().await;
    fixture.mark().await;
    assert_eq!((inbox.take(), counter.0.load(Ordering::Relaxed)), (said(&[2]), 1));
}

#[tokio::test]
async fn marks_go_to_one_part_of_the_sessions_at_a_time() {
    let mut fixture = FanoutFixture::new();
    let mut inboxes = Vec::new();
    for _ in 0..3 * MARK_PARTS {
        inboxes.push(fixture.live(ADA, &[GROUP]).await.1);
    }
    fixture.say(&[Topic::Group(GROUP)], 1).await;
    let marked = |inboxes: &[FakeSocket]| {
        let is_mark = |push: &String| push.starts_with("sync:mark");
        inboxes.iter().filter(|inbox| inbox.take().iter().any(is_mark)).count()
    };
    for part in 0..MARK_PARTS {
        fixture.fanout.obey(FanoutCommand::Mark { part, body: raw("{}".into()) }).await;
        assert_eq!(marked(&inboxes), 3, "part {part}");
    }
    fixture.mark().await;
    assert_eq!(marked(&inboxes), 0, "each has had one");
}
