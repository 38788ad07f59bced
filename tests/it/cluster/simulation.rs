//! Random commands at random nodes, while the broker holds back, reorders and loses. A seed is a schedule: what is
//! done where, and what fails when. How the steps of commands interleave is up to the machine.
//!
//! `VIBETALK_SEEDS=1000 cargo test … simulation` (or `make soak`) runs as many, `VIBETALK_SEED=7` that one alone.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FuturesUnordered;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::time::timeout;
use vibetalk::chat::history::ListMessages;
use vibetalk::chat::moderation::Moderation;
use vibetalk::chat::{Caller, Chat};
use vibetalk::model::id::{ChannelId, GroupId};

use super::super::chat::messages::content;
use super::{Cluster, Screen};

const NODES: usize = 3;
const MEMBERS: usize = 2;
/// After each of them everything is healed and checked.
const ROUNDS: usize = 10;
const STEPS: usize = 6;
/// Long enough for most commands that nothing holds up.
const PAUSE: Duration = Duration::from_millis(20);
/// Of those that `make test` runs.
const SEEDS_DEFAULT: u64 = 12;

#[tokio::test]
async fn whatever_is_lost_or_late_in_between_all_nodes_end_with_what_the_store_says() {
    let seeds = match number("VIBETALK_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("VIBETALK_SEEDS").unwrap_or(SEEDS_DEFAULT),
    };
    for seed in seeds {
        println!("repeat with VIBETALK_SEED={seed}");
        Simulation::start(seed).await.run().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "what a test repeats is no setting of the server")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// A member, or somebody who was one or may become one.
struct Person {
    caller: Caller,
    screen: Screen,
    /// What came so far.
    shown: Vec<String>,
}

struct Simulation {
    random: StdRng,
    cluster: Cluster,
    owner: Caller,
    people: Vec<Person>,
    group_id: GroupId,
    channel_id: ChannelId,
    code: String,
    /// Commands that have begun, of which there is one in each of these.
    begun: usize,
    /// Contents that were acked.
    acked: HashSet<String>,
    /// By person: joinings under way, and how many commands had begun when the last one ended.
    joining: [(usize, usize); MEMBERS],
    /// Who is out for certain, and how many commands had begun by then: those that are sent later are not for
    /// them.
    out_since: HashMap<usize, usize>,
}

/// What a command came to.
enum Outcome {
    Sent(Option<String>),
    Joined { person: usize },
    Removed { person: usize, is_acked: bool },
}

impl Simulation {
    async fn start(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let cluster = Cluster::of(NODES as u16);
        let owner = cluster.person().await;
        let node = &cluster.nodes[0];
        let (group_id, channel_id) = node.group(owner).await;
        let code = node.invite(owner, group_id).await;
        let mut people = Vec::new();
        for _ in 0..MEMBERS {
            let caller = cluster.person().await;
            let screen = cluster.nodes.choose(&mut random).unwrap().open(caller).await;
            people.push(Person { caller, screen, shown: Vec::new() });
        }
        let (acked, out_since, joining) = Default::default();
        Self {
            random,
            cluster,
            owner,
            people,
            group_id,
            channel_id,
            code,
            begun: 0,
            acked,
            joining,
            out_since,
        }
    }

    async fn run(mut self) {
        for round in 0..ROUNDS {
            let mut running = FuturesUnordered::new();
            for _ in 0..STEPS {
                self.fail_or_heal();
                running.push(self.command());
                // Some commands end before the next begins, others go on beside it.
                for _ in 0..self.random.random_range(0..3) {
                    if let Ok(Some(outcome)) = timeout(PAUSE, running.next()).await {
                        self.note(outcome);
                    }
                }
            }
            self.heal_all();
            while let Some(outcome) = running.next().await {
                self.note(outcome);
            }
            self.settle().await;
            self.check(round).await;
        }
    }

    fn node(&mut self) -> Chat {
        self.cluster.nodes.choose(&mut self.random).unwrap().chat.clone()
    }

    fn command(&mut self) -> BoxFuture<'static, (usize, Outcome)> {
        self.begun += 1;
        let begun = self.begun;
        let chat = self.node();
        let person = self.random.random_range(0..MEMBERS);
        let caller = self.people[person].caller;
        let (owner, group_id, channel_id) = (self.owner, self.group_id, self.channel_id);
        let kind = self.random.random_range(0..10);
        let code = self.code.clone();
        if kind == 4 || kind == 5 {
            self.out_since.remove(&person);
            self.joining[person].0 += 1;
        }
        async move {
            let reason = Moderation::default();
            let outcome = match kind {
                0..=3 => {
                    let sender = if kind == 0 { owner } else { caller };
                    let text = format!("message {begun}");
                    let sent = chat.create_message(sender, channel_id, content(&text)).await;
                    Outcome::Sent(sent.is_ok().then_some(text))
                }
                4 | 5 => {
                    let _unbanned = chat.unban_member(owner, group_id, caller.user_id).await;
                    let _joined = chat.accept_invite(caller, &code).await;
                    Outcome::Joined { person }
                }
                6 => {
                    let left = chat.leave_group(caller, group_id).await;
                    Outcome::Removed { person, is_acked: left.is_ok() }
                }
                7 => {
                    let removed = chat.remove_member(owner, group_id, caller.user_id, reason).await;
                    Outcome::Removed { person, is_acked: removed.is_ok() }
                }
                _ => {
                    let banned = chat.ban_member(owner, group_id, caller.user_id, reason).await;
                    Outcome::Removed { person, is_acked: banned.is_ok() }
                }
            };
            (begun, outcome)
        }
        .boxed()
    }

    fn note(&mut self, (begun, outcome): (usize, Outcome)) {
        match outcome {
            Outcome::Sent(text) => self.acked.extend(text),
            Outcome::Joined { person } => {
                self.joining[person] = (self.joining[person].0 - 1, self.begun);
            }
            Outcome::Removed { person, is_acked } => {
                // A joining that was beside it may have had the last word.
                let (under_way, ended) = self.joining[person];
                if is_acked && under_way == 0 && ended < begun {
                    self.out_since.insert(person, self.begun);
                }
            }
        }
    }

    fn fail_or_heal(&mut self) {
        let ids: Vec<_> = self.cluster.nodes.iter().map(|node| node.id).collect();
        let mut any = || *ids.choose(&mut self.random).unwrap();
        let (publisher, node) = (any(), any());
        match self.random.random_range(0..10) {
            0..=3 => self.cluster.broker.hold(publisher, node),
            4..=6 => self.cluster.broker.release(publisher, node),
            7 => self.cluster.broker.lose(node),
            8 | 9 => self.cluster.broker.heal(node),
            _ => {}
        }
    }

    fn heal_all(&self) {
        let nodes = &self.cluster.nodes;
        for node in nodes {
            self.cluster.broker.heal(node.id);
            nodes.iter().for_each(|other| self.cluster.broker.release(other.id, node.id));
        }
    }

    /// Every session that may have missed something is opened anew. What is owed is paid only in some runs:
    /// who owes it may have died.
    async fn settle(&mut self) {
        let pays = self.random.random_bool(0.3);
        for node in self.cluster.nodes.iter().filter(|_| pays) {
            while !node.pay().await {
                tokio::task::yield_now().await;
            }
        }
        self.cluster.settle().await;
        for node in &self.cluster.nodes {
            node.reopened().await;
        }
    }

    async fn check(&mut self, round: usize) {
        let store = self.cluster.nodes[0].store.clone();
        for index in 0..NODES {
            let text = format!("marker {round} {index}");
            let chat = self.cluster.nodes[index].chat.clone();
            chat.create_message(self.owner, self.channel_id, content(&text)).await.unwrap();
            self.acked.insert(text);
        }
        self.cluster.settle().await;

        let history = self.history().await;
        for text in &self.acked {
            let count = history.iter().filter(|it| *it == text).count();
            assert_eq!(count, 1, "{text} is in the history");
        }
        let markers = format!("marker {round} ");
        for (index, person) in self.people.iter_mut().enumerate() {
            let user_id = person.caller.user_id;
            let is_member = store.find_member(self.group_id, user_id).await.unwrap().is_some();
            person.shown.append(&mut person.screen.messages());
            let shown = &person.shown;
            let marked = shown.iter().filter(|text| text.starts_with(&markers)).count();
            let expected = if is_member { NODES } else { 0 };
            assert_eq!(marked, expected, "person {index}, round {round}: {shown:?}");
            let unique: HashSet<&String> = shown.iter().collect();
            assert_eq!(unique.len(), shown.len(), "person {index} got one twice: {shown:?}");
            let Some(since) = self.out_since.get(&index) else { continue };
            assert!(!is_member, "person {index} was out after {since}, and is in");
            let late = |text: &&String| {
                let number = text.strip_prefix("message ").and_then(|it| it.parse().ok());
                number.is_some_and(|number: usize| number > *since)
            };
            let late: Vec<_> = shown.iter().filter(late).collect();
            assert!(late.is_empty(), "person {index} was out after {since}, and got {late:?}");
        }
    }

    async fn history(&mut self) -> Vec<String> {
        let request = ListMessages { limit: Some(100), ..ListMessages::default() };
        let page = self.node().list_messages(self.owner, self.channel_id, request).await.unwrap();
        page.messages.into_iter().map(|message| message.content.to_string()).collect()
    }
}
