//! Nodes, clients, a store and a network, and the time in which they live.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use vibetalk::chat::{Caller, Chat, ChatError};
use vibetalk::clock::Clock;
use vibetalk::model::id::{ChannelId, MessageId, NodeId, SessionId, UserId};
use vibetalk::model::message::Message;
use vibetalk::store::sqlite::SqliteStore;
use vibetalk::store::{AccountStore, MessageStore, SessionStore};

use super::super::super::chat::NOW_MS;
use super::super::super::people::{account, open_store, session};
use super::commands::Command;
use super::device::{Device, Seen};
use super::ledger::{Group, Ledger};
use super::machine::{Machine, Shown};
use super::network::Network;
use super::trace::Trace;
use super::weather::{Weather, in_one_go};

/// The clocks of nodes differ by twice that at most.
const SKEW_MS_MAX: i64 = 1_000;
/// After a connection broke a client waits so long at most.
const RECONNECT_MS_MAX: u64 = 1_000;
/// A node that was silent for longer has lost its place, and does not go on.
pub const LEASE_MS: u64 = 4_000;
/// What a node that stops does is done by then.
const STOP_MS: u64 = 6_000;

pub struct World {
    pub random: StdRng,
    pub now_ms: u64,
    pub trace: Trace,
    pub network: Arc<Network>,
    pub weather: Arc<Weather>,
    pub nodes: Vec<Node>,
    pub people: Vec<UserId>,
    pub devices: Vec<Device>,
    pub groups: Vec<Group>,
    pub ledger: Ledger,
    /// Commands that are being carried out.
    pub running: BTreeMap<usize, Running>,
    /// What is sent again, by whom and when.
    pub again: Vec<(u64, usize, Command)>,
    finished: Finished,
    store: Arc<SqliteStore>,
    last_id: u64,
    outside: Runtime,
    _folder: TempDir,
}

type Finished = Arc<Mutex<VecDeque<(usize, Result<Value, ChatError>)>>>;

/// A place for a machine.
#[derive(Default)]
pub struct Node {
    pub machine: Option<Machine>,
    /// It stands still until then.
    pub paused_until_ms: Option<u64>,
    paused_at_ms: u64,
    /// The broker notices then that it is gone.
    pub noticed_at_ms: Option<u64>,
    pub starts_at_ms: Option<u64>,
    /// It takes no connections, and its process ends then.
    pub stops_at_ms: Option<u64>,
}

impl Node {
    pub fn is_open(&self) -> bool {
        self.machine.is_some() && self.stops_at_ms.is_none()
    }
}

pub struct Running {
    pub node: usize,
    pub device: usize,
    /// Its client went away meanwhile.
    pub is_unheard: bool,
    pub command: Command,
}

fn id_of(node: usize) -> NodeId {
    NodeId::new(node as u16).unwrap()
}

impl World {
    pub fn new(seed: u64) -> Self {
        let trace = Trace::new();
        let mut random = StdRng::seed_from_u64(seed);
        let (store, folder) = open_store(Clock::fixed(NOW_MS), Some(1));
        let weather = Weather::new(seed, trace.clone());
        store.faults().surround(weather.clone());
        let nodes = random.random_range(2..=5);
        let mut world = Self {
            network: Network::new(seed, trace.clone()),
            random,
            now_ms: 0,
            trace,
            weather,
            nodes: (0..nodes).map(|_| Node::default()).collect(),
            people: Vec::new(),
            devices: Vec::new(),
            groups: Vec::new(),
            ledger: Ledger::default(),
            running: BTreeMap::new(),
            again: Vec::new(),
            finished: Finished::default(),
            store,
            last_id: 0,
            outside: Builder::new_current_thread().enable_time().build().unwrap(),
            _folder: folder,
        };
        (0..nodes).for_each(|node| world.start(node));
        world
    }

    // Outside of all nodes.

    /// What the store itself says.
    pub fn ask<T>(&self, question: impl AsyncFnOnce(&SqliteStore) -> T) -> T {
        let _context = self.outside.enter();
        in_one_go(question(&self.store))
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        MessageId::first_at(NOW_MS - 1_000).get() + self.last_id
    }

    pub fn add_person(&mut self) -> UserId {
        let id = UserId::new(self.next_id());
        let name = format!("person{}", self.people.len());
        self.ask(async |store| store.insert_account(&account(id, &name)).await).unwrap();
        self.people.push(id);
        id
    }

    pub fn sign_in(&mut self, user_id: UserId) -> Caller {
        let session_id = SessionId::new(self.next_id());
        let session = session(session_id, user_id);
        self.ask(async |store| store.insert_session(&session).await).unwrap();
        Caller { user_id, session_id }
    }

    pub fn history(&self, channel_id: ChannelId) -> Vec<Message> {
        let all = async |store: &SqliteStore| {
            store.messages_before(channel_id, MessageId::MAX, 10_000).await
        };
        self.ask(all).unwrap()
    }

    // Time.

    /// Everything goes on for so long.
    pub fn pass(&mut self, step_ms: u64) {
        self.now_ms += step_ms;
        self.trace.set_now(self.now_ms);
        self.network.run(self.now_ms);
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.shuffle(&mut self.random);
        order.into_iter().for_each(|node| self.run(node));
        self.finish();
        (0..self.devices.len()).for_each(|device| self.attend(device));
        self.send_again();
    }

    fn run(&mut self, index: usize) {
        let now_ms = self.now_ms;
        let is_due = |at_ms: Option<u64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let node = &mut self.nodes[index];
        if is_due(node.noticed_at_ms) {
            node.noticed_at_ms = None;
            self.network.leave(id_of(index));
        }
        if is_due(node.starts_at_ms) && node.noticed_at_ms.is_none() {
            node.starts_at_ms = None;
            self.start(index);
        }
        if is_due(self.nodes[index].stops_at_ms) {
            return self.kill(index);
        }
        let node = &mut self.nodes[index];
        let Some(machine) = &node.machine else { return };
        if node.paused_until_ms.is_some_and(|until_ms| until_ms > now_ms) {
            return;
        }
        self.weather.set_running(Some(index));
        if node.paused_until_ms.take().is_some() {
            if now_ms - node.paused_at_ms > LEASE_MS {
                self.weather.set_running(None);
                return self.kill(index);
            }
            machine.wake_up(now_ms);
        }
        machine.run_until(now_ms);
        self.weather.set_running(None);
    }

    fn start(&mut self, index: usize) {
        let skew_ms = self.random.random_range(-SKEW_MS_MAX..=SKEW_MS_MAX);
        self.trace.note(format_args!("node {index} starts, its clock is {skew_ms} ms ahead"));
        let machine =
            Machine::start(id_of(index), &self.network, self.store.clone(), self.now_ms, skew_ms);
        self.nodes[index].machine = Some(machine);
    }

    pub fn pause(&mut self, index: usize, for_ms: u64) {
        let node = &mut self.nodes[index];
        if node.machine.is_some() && node.paused_until_ms.is_none() {
            node.paused_until_ms = Some(self.now_ms + for_ms);
            node.paused_at_ms = self.now_ms;
        }
    }

    /// Ends a node politely: its clients are told to go, and it ends what it does.
    pub fn stop(&mut self, index: usize) {
        let is_there = |device: &Device| matches!(&device.seat, Some((node, _)) if *node == index);
        for device in 0..self.devices.len() {
            if is_there(&self.devices[device]) {
                self.leave(device);
            }
        }
        if let Some(machine) = &self.nodes[index].machine {
            self.trace.note(format_args!("node {index} stops"));
            machine.stop();
            self.nodes[index].stops_at_ms = Some(self.now_ms + STOP_MS);
        }
    }

    /// Ends a node in the middle of what it does. It starts anew a while after the broker has noticed.
    pub fn kill(&mut self, index: usize) {
        let Some(machine) = self.nodes[index].machine.take() else { return };
        self.trace.note(format_args!("node {index} dies"));
        drop(machine);
        self.network.die(id_of(index));
        let noticed_in_ms = match self.random.random_bool(0.5) {
            true => 0,
            false => self.random.random_range(0..=LEASE_MS),
        };
        let noticed_at_ms = self.now_ms + noticed_in_ms;
        let is_last = !self.nodes.iter().any(|it| it.is_open() || it.starts_at_ms.is_some());
        let is_replaced = self.random.random_bool(0.8) || is_last;
        let starts_in_ms = self.random.random_range(10..8_000);
        self.nodes[index] = Node {
            noticed_at_ms: Some(noticed_at_ms),
            starts_at_ms: is_replaced.then_some(noticed_at_ms + starts_in_ms),
            ..Node::default()
        };
        for device in 0..self.devices.len() {
            if matches!(&self.devices[device].seat, Some((node, _)) if *node == index) {
                self.disconnected(device);
            }
        }
        let lost: Vec<usize> = self
            .running
            .iter()
            .filter(|(_, it)| it.node == index)
            .map(|(number, _)| *number)
            .collect();
        for number in lost {
            let running = self.running.remove(&number).unwrap();
            self.ended(number, running, None);
        }
    }

    /// A node that takes connections.
    pub fn any_node(&mut self) -> Option<usize> {
        let is_open = |index: &usize| self.nodes[*index].is_open();
        let open: Vec<usize> = (0..self.nodes.len()).filter(is_open).collect();
        open.choose(&mut self.random).copied()
    }

    // Clients.

    fn attend(&mut self, index: usize) {
        while let Some((_, seat)) = &self.devices[index].seat
            && let Some(shown) = seat.screen.next()
        {
            self.show(index, shown);
        }
        let (now_ms, device) = (self.now_ms, &self.devices[index]);
        match &device.seat {
            None if device.is_on && device.connects_at_ms <= now_ms => self.connect(index),
            Some((node, seat)) => {
                let (node, seat) = (*node, seat.clone());
                for (number, request) in self.devices[index].ask(now_ms, &self.people) {
                    let Some(machine) = &self.nodes[node].machine else { continue };
                    let chat = machine.core.chat.clone();
                    machine.spawn(request.carry_out(chat, seat.clone(), number));
                }
            }
            None => {}
        }
    }

    fn show(&mut self, index: usize, shown: Shown) {
        let device = &mut self.devices[index];
        self.trace.note(format_args!("device {index} {}", told(&shown)));
        match shown {
            Shown::Closed => self.leave(index),
            Shown::Ended => {
                self.leave(index);
                let caller = self.sign_in(self.people[self.devices[index].person]);
                self.devices[index].signed_in(caller);
            }
            shown => match device.show(shown, self.now_ms) {
                Some(Seen::Broken(what)) => panic!("device {index}: {what}"),
                Some(Seen::Message { channel_id, text }) => self.saw(index, channel_id, &text),
                None => {}
            },
        }
    }

    /// Nobody gets what was sent after they were removed.
    fn saw(&self, index: usize, channel_id: ChannelId, text: &str) {
        let person = self.devices[index].person;
        let Some(group) = self.groups.iter().position(|it| it.channels.contains(&channel_id))
        else {
            return;
        };
        let Some(number) = number_of(text) else { return };
        assert!(
            !self.ledger.is_after_removal((person, group), number),
            "person {person} was out of group {group}, and got {text}"
        );
    }

    fn connect(&mut self, index: usize) {
        let Some(node) = self.any_node() else { return };
        let caller = self.devices[index].caller;
        let Some(machine) = &mut self.nodes[node].machine else { return };
        let seat = machine.connect(caller);
        self.trace.note(format_args!("device {index} connects to node {node}"));
        self.devices[index].connected(Some((node, seat)));
    }

    /// The client goes, and its node notices.
    pub fn leave(&mut self, index: usize) {
        let Some((node, seat)) = self.devices[index].seat.clone() else { return };
        if let Some(machine) = &self.nodes[node].machine {
            machine.spawn(seat.left());
        }
        self.disconnected(index);
    }

    fn disconnected(&mut self, index: usize) {
        let wait_ms = self.random.random_range(0..RECONNECT_MS_MAX);
        let device = &mut self.devices[index];
        device.connected(None);
        device.connects_at_ms = self.now_ms + wait_ms;
        for running in self.running.values_mut().filter(|running| running.device == index) {
            running.is_unheard = true;
        }
    }

    // Commands.

    /// Has a client give a command, if it is connected.
    pub fn give(&mut self, device: usize, command: Command) {
        let Some((node, _)) = &self.devices[device].seat else { return };
        if self.devices[device].is_ready {
            self.give_at(*node, device, command);
        }
    }

    fn give_at(&mut self, node: usize, device: usize, mut command: Command) {
        let Some(machine) = &self.nodes[node].machine else { return };
        let number = self.ledger.begun + 1;
        self.ledger.begun = number;
        command.begins(&mut self.ledger, number);
        self.trace.note(format_args!("command {number} at node {node}: {command:?}"));
        let caller = self.devices[device].caller;
        let key = self.devices[device].seat.as_ref().map(|(_, seat)| seat.key);
        let (finished, core) = (self.finished.clone(), machine.core.chat.clone());
        let code = match &command {
            Command::Join { group, .. } => self.groups[*group].code.clone(),
            _ => String::new(),
        };
        let work = command.clone().carry_out(core, caller, key, code);
        machine.spawn(async move {
            let result = work.await;
            finished.lock().push_back((number, result));
        });
        self.running.insert(number, Running { node, device, is_unheard: false, command });
    }

    fn send_again(&mut self) {
        for (at_ms, person, command) in std::mem::take(&mut self.again) {
            let ready = self.devices.iter().position(|it| it.person == person && it.is_ready);
            match ready {
                Some(device) if at_ms <= self.now_ms => self.give(device, command),
                None if !self.devices.iter().any(|it| it.person == person && it.is_on) => {}
                _ => self.again.push((at_ms, person, command)),
            }
        }
    }

    fn finish(&mut self) {
        let finished = std::mem::take(&mut *self.finished.lock());
        for (number, result) in finished {
            // One whose node has died is noted already.
            let Some(running) = self.running.remove(&number) else { continue };
            let code = result.as_ref().err().map_or("ok", ChatError::code);
            self.trace.note(format_args!("command {number} {code}"));
            self.ended(number, running, Some(result));
        }
    }

    /// `None` if nobody knows how: its node has died.
    fn ended(&mut self, number: usize, running: Running, result: Option<Result<Value, ChatError>>) {
        let Running { device, is_unheard, command, .. } = running;
        let known = result.filter(|_| !is_unheard);
        self.note(number, device, command, known);
    }

    /// Carries something out at a node, in calm weather.
    pub fn done<T: Send + 'static, F>(&mut self, node: usize, work: impl FnOnce(Chat) -> F) -> T
    where
        F: Future<Output = T> + Send + 'static,
    {
        let done: Arc<Mutex<Option<T>>> = Arc::default();
        let (machine, result) = (self.nodes[node].machine.as_ref().unwrap(), done.clone());
        let work = work(machine.core.chat.clone());
        machine.spawn(async move { *result.lock() = Some(work.await) });
        for _ in 0..1_000 {
            self.pass(5);
            if let Some(result) = done.lock().take() {
                return result;
            }
        }
        panic!("it is not done after five seconds of calm");
    }
}

/// The number of the command that sent `text`.
pub fn number_of(text: &str) -> Option<usize> {
    text.strip_prefix('m')?.split(' ').next()?.parse().ok()
}

/// Without what chance has drawn, in an order that does not change.
fn told(shown: &Shown) -> String {
    match shown {
        Shown::Push(push, Value::Array(items)) => {
            let mut items: Vec<String> = items.iter().map(ToString::to_string).collect();
            items.sort_unstable();
            format!("{} {items:?}", push.name())
        }
        Shown::Push(push, body) => {
            let named = ["id", "channelId", "messageId", "groupId", "content"];
            let named = named.iter().filter_map(|name| Some(format!("{name} {}", body.get(name)?)));
            format!("{} {:?}", push.name(), named.collect::<Vec<_>>())
        }
        Shown::Answer(number, answer) => {
            format!("{number} {}", answer.as_ref().err().map_or("ok", ChatError::code))
        }
        Shown::Closed | Shown::Ended => format!("{shown:?}"),
    }
}
