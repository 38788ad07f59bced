//! Whole nodes in one process over one store and a network with faults: random commands of random clients, while
//! what carries them is late, lost, cut off, stands still and dies. All of it is in virtual time and drawn from a
//! seed, so a seed that fails fails again.
//!
//! `VIBETALK_SEEDS=1000 cargo test … simulation` (or `make soak`) runs as many, `VIBETALK_SEED=7` that one alone;
//! with `VIBETALK_TRACE=1` besides it tells what happens.
//!
//! Each node has a runtime of its own, whose time the simulation moves on step by step. The store is the embedded
//! one; its calls are carried out in one go and take virtual time before and after (`weather.rs`).

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::Value;
use vibetalk::chat::ChatError;
use vibetalk::chat::groups::CreateGroup;
use vibetalk::chat::invites::CreateInvite;
use vibetalk::model::id::{ChannelId, GroupId, MessageId, NodeId};
use vibetalk::model::message::Message;
use vibetalk::model::presence::ChosenStatus;
use vibetalk::store::{ChannelStore, MemberStore};

mod commands;
mod device;
mod ledger;
mod machine;
mod network;
mod trace;
mod weather;
mod world;

use commands::{Command, TRIES_MAX};
use device::Device;
use ledger::Group;
use world::{LEASE_MS, World};

/// Of those that `make test` runs.
const SEEDS_DEFAULT: u64 = 12;
const PEOPLE: usize = 4;
const GROUPS: usize = 2;
/// After each everything is mended and checked.
const ROUNDS: usize = 2;
const CHAOS_MS: u64 = 12_000;
/// Of the time in chaos, at most.
const STEP_MS: u64 = 15;
/// After the last fault presence is right within this.
const PRESENCE_MS: u64 = 6_000;
/// After the last fault clients show what is there within this.
const CONVERGENCE_MS: u64 = 50_000;
const CALM_STEP_MS: u64 = 20;

#[test]
fn whatever_is_lost_or_late_in_between_all_nodes_end_with_what_the_store_says() {
    let seeds = match number("VIBETALK_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("VIBETALK_SEEDS").unwrap_or(SEEDS_DEFAULT),
    };
    for seed in seeds {
        println!("repeat with VIBETALK_SEED={seed}");
        simulate(seed);
    }
}

#[expect(clippy::disallowed_methods, reason = "what a test repeats is no setting of the server")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Returns what the trace of all that happened comes to.
fn simulate(seed: u64) -> u64 {
    let mut world = World::new(seed);
    world.settle_in();
    for round in 0..ROUNDS {
        world.live_through_chaos();
        world.calm_down();
        world.check(round);
    }
    world.trace.hash()
}

impl World {
    fn settle_in(&mut self) {
        for _ in 0..PEOPLE {
            let user_id = self.add_person();
            for _ in 0..self.random.random_range(1..=2) {
                let caller = self.sign_in(user_id);
                self.devices.push(Device::new(self.people.len() - 1, caller));
            }
        }
        self.network.set_delay(5);
        for owner in 0..GROUPS {
            let device = self.devices.iter().position(|device| device.person == owner).unwrap();
            let caller = self.devices[device].caller;
            let group = self.done(0, |chat| async move {
                let request = CreateGroup { name: "group".into(), icon: None };
                let group = chat.create_group(caller, request).await.unwrap();
                let request = CreateInvite { expires_in_seconds: None, max_uses: None };
                let invite = chat.create_invite(caller, group.group.id, request).await.unwrap();
                let channels = group.channels.iter().map(|channel| channel.id).collect();
                Group { id: group.group.id, code: invite.code, channels }
            });
            self.groups.push(group);
        }
    }

    // Chaos.

    fn live_through_chaos(&mut self) {
        let delays = [5, 50, 400];
        self.network.set_delay(*delays.choose(&mut self.random).unwrap());
        let failing = *[0, 10, 50].choose(&mut self.random).unwrap();
        self.weather.set(*[2, 20, 100].choose(&mut self.random).unwrap(), failing);
        let ends_at_ms = self.now_ms + CHAOS_MS;
        let (mut commands_at_ms, mut faults_at_ms) = (self.now_ms, self.now_ms);
        let mut mends = Mends::new();
        while self.now_ms < ends_at_ms {
            if self.now_ms >= commands_at_ms {
                self.command();
                commands_at_ms = self.now_ms + self.random.random_range(1..150);
            }
            if self.now_ms >= faults_at_ms {
                self.fault(&mut mends);
                faults_at_ms = self.now_ms + self.random.random_range(50..2_500);
            }
            let due = mends.split_off(&(self.now_ms + 1));
            for mend in std::mem::replace(&mut mends, due).into_values().flatten() {
                self.mend(mend);
            }
            let step_ms = self.random.random_range(1..=STEP_MS);
            self.pass(step_ms);
        }
        mends.into_values().flatten().for_each(|mend| self.mend(mend));
    }

    fn command(&mut self) {
        let device = self.random.random_range(0..self.devices.len());
        let person = self.devices[device].person;
        let group = self.random.random_range(0..GROUPS);
        let Group { id: group_id, channels, .. } = &self.groups[group];
        let group_id = *group_id;
        let channel_id = *channels.choose(&mut self.random).unwrap();
        let target = self.random.random_range(0..PEOPLE);
        let user_id = self.people[target];
        let owners: Vec<usize> =
            (0..self.devices.len()).filter(|it| self.devices[*it].person == group).collect();
        let owner = *owners.choose(&mut self.random).unwrap();
        match self.random.random_range(0..100) {
            0..40 => {
                let (text, tries) = (String::new(), 0);
                self.give(device, Command::Send { group, channel_id, text, tries });
            }
            40..55 => self.give(device, Command::Join { person, group }),
            55..60 => self.give(device, Command::Leave { person, group, group_id }),
            60..70 => {
                let bans = self.random.random_bool(0.5);
                let command = Command::Remove { person: target, group, group_id, user_id, bans };
                self.give(owner, command);
            }
            70..77 => {
                let command = Command::Unban { person: target, group, group_id, user_id };
                self.give(owner, command);
            }
            77..80 => {
                let roles = [vec![], vec!["moderator".to_owned()]];
                let roles = roles.choose(&mut self.random).unwrap().clone();
                self.give(owner, Command::GiveRoles { group_id, user_id, roles });
            }
            80..85 => self.delete_one(),
            85..88 => self.edit_one(),
            88..89 => self.give(owner, Command::MakeChannel { group, group_id }),
            // The first stays.
            89..90 if channel_id != channels[0] => {
                self.give(owner, Command::DeleteChannel { channel_id });
            }
            89..91 => {
                use ChosenStatus::{Dnd, Idle, Invisible, Online};
                let status = *[Dnd, Idle, Invisible, Online].choose(&mut self.random).unwrap();
                self.give(device, Command::Choose { person, status });
            }
            91..93 => self.give(device, Command::LogOut),
            _ => {
                self.devices[device].is_on ^= true;
                if !self.devices[device].is_on {
                    self.leave(device);
                }
            }
        }
    }

    /// A message is deleted by who sent it or by the group's owner, whoever is connected.
    fn delete_one(&mut self) {
        let acked: Vec<_> = self.ledger.acked.iter().collect();
        let Some((text, (channel_id, message_id))) = acked.choose(&mut self.random) else { return };
        let (text, channel_id, message_id) = (text.to_string(), *channel_id, *message_id);
        let group = self.groups.iter().position(|it| it.channels.contains(&channel_id));
        let Some(group) = group else { return };
        let owner = self.devices.iter().position(|it| it.person == group && it.is_ready);
        let Some(owner) = owner else { return };
        self.give(owner, Command::Delete { channel_id, message_id, text });
    }

    fn edit_one(&mut self) {
        let acked: Vec<_> = self.ledger.acked.iter().collect();
        let Some((text, place)) = acked.choose(&mut self.random) else { return };
        let (text, (channel_id, message_id)) = (text.to_string(), **place);
        let author = self.ledger.authors[&text];
        let device = self.devices.iter().position(|it| it.person == author && it.is_ready);
        let Some(device) = device else { return };
        self.give(device, Command::Edit { channel_id, message_id, text });
    }

    fn fault(&mut self, mends: &mut Mends) {
        let index = self.random.random_range(0..self.nodes.len());
        let other = self.random.random_range(0..self.nodes.len());
        let [node, publisher] = [index, other].map(|it| NodeId::new(it as u16).unwrap());
        let for_ms = self.random.random_range(100..4_000);
        self.trace.note(format_args!("fault at node {index}"));
        match self.random.random_range(0..100) {
            0..30 => self.network.hold(publisher, node, for_ms),
            30..45 => self.network.overflow(node, 1),
            45..60 => {
                self.network.cut(node);
                mends.entry(self.now_ms + for_ms).or_default().push(Mend::Network(node));
            }
            60..65 => {
                for cut in [node, publisher] {
                    self.network.cut(cut);
                    mends.entry(self.now_ms + for_ms).or_default().push(Mend::Network(cut));
                }
            }
            65..80 => {
                let for_ms = self.random_pause();
                self.pause(index, for_ms);
            }
            80..90 => {
                let open = self.nodes.iter().filter(|node| node.is_open()).count();
                if open > 1 && self.nodes[index].is_open() {
                    match self.random.random_bool(0.7) {
                        true => self.kill(index),
                        false => self.stop(index),
                    }
                }
            }
            _ => {
                self.weather.set_away(index, true);
                mends.entry(self.now_ms + for_ms).or_default().push(Mend::Store(index));
            }
        }
    }

    fn random_pause(&mut self) -> u64 {
        match self.random.random_bool(0.8) {
            true => self.random.random_range(50..LEASE_MS - 500),
            false => self.random.random_range(LEASE_MS..LEASE_MS + 2_000),
        }
    }

    fn mend(&mut self, mend: Mend) {
        match mend {
            Mend::Network(node) => self.network.mend(node),
            Mend::Store(node) => self.weather.set_away(node, false),
        }
    }

    /// Nothing fails any more; whoever wants to be connected is.
    fn calm_down(&mut self) {
        self.trace.note(format_args!("calm"));
        self.network.release_all();
        self.network.set_delay(5);
        self.weather.set(2, 0);
        for index in 0..self.nodes.len() {
            if let Some(until_ms) = &mut self.nodes[index].paused_until_ms {
                *until_ms = (*until_ms).min(self.now_ms);
            }
            if let Some(starts_at_ms) = &mut self.nodes[index].starts_at_ms {
                *starts_at_ms = (*starts_at_ms).min(self.now_ms);
            }
            if let Some(noticed_at_ms) = &mut self.nodes[index].noticed_at_ms {
                *noticed_at_ms = (*noticed_at_ms).min(self.now_ms);
            }
        }
        // Somebody replaces the last, if nobody has.
        if !self.nodes.iter().any(|node| node.is_open() || node.starts_at_ms.is_some()) {
            self.nodes[0].starts_at_ms = Some(self.now_ms);
        }
    }

    // How commands end.

    pub fn note(
        &mut self,
        number: usize,
        device: usize,
        command: Command,
        result: Option<Result<Value, ChatError>>,
    ) {
        let is_acked = matches!(result, Some(Ok(_)));
        match command {
            Command::Send { group, text, .. } if is_acked => {
                let person = self.devices[device].person;
                assert!(
                    !self.ledger.is_after_removal((person, group), number),
                    "person {person} was out of group {group}, and sent {text}"
                );
                let Some(Ok(message)) = result else { return };
                let id = |field: &str| message[field].as_str().unwrap();
                let place: (ChannelId, MessageId) =
                    (id("channelId").parse().unwrap(), id("id").parse().unwrap());
                self.ledger.authors.insert(text.clone(), self.devices[device].person);
                self.ledger.acked.insert(text, place);
            }
            Command::Send { group, channel_id, text, tries } => match result {
                Some(Err(error)) if !error.is_fault() => {
                    let is_lost = error.code() == "message_not_found";
                    assert!(!is_lost || self.ledger.doomed.contains(&text), "{text} is lost");
                }
                _ if tries < TRIES_MAX => {
                    let at_ms = self.now_ms + self.random.random_range(0..2_000);
                    let command = Command::Send { group, channel_id, text, tries };
                    self.again.push((at_ms, self.devices[device].person, command));
                }
                _ => {}
            },
            Command::Join { person, group, .. } => {
                let is_banned = self.ledger.is_after_ban((person, group), number);
                assert!(
                    !is_acked || !is_banned,
                    "person {person} joined group {group} in spite of a ban"
                );
                self.ledger.joining_ended((person, group));
            }
            Command::Unban { person, group, .. } => {
                self.ledger.unbanning_ended((person, group));
            }
            Command::Remove { person, group, bans: true, .. } if is_acked => {
                self.ledger.banned((person, group), number);
                self.ledger.removed((person, group), number);
            }
            Command::Leave { person, group, .. } | Command::Remove { person, group, .. }
                if is_acked =>
            {
                self.ledger.removed((person, group), number);
            }
            Command::MakeChannel { group, .. } => {
                let Some(Ok(channel)) = result else { return };
                self.groups[group].channels.push(channel["id"].as_str().unwrap().parse().unwrap());
            }
            Command::DeleteChannel { channel_id } if is_acked => {
                self.groups.iter_mut().for_each(|it| it.channels.retain(|id| *id != channel_id));
            }
            Command::Delete { text, .. } if is_acked => {
                self.ledger.deleted.insert(text);
            }
            _ => {}
        }
    }

    // What must hold.

    fn check(&mut self, round: usize) {
        let calm_at_ms = self.now_ms;
        self.find_channels();
        while self.now_ms < calm_at_ms + PRESENCE_MS {
            self.pass(CALM_STEP_MS);
        }
        self.check_presence();
        let mut wrong = self.not_converged();
        while !wrong.is_empty() && self.now_ms < calm_at_ms + CONVERGENCE_MS {
            (0..10).for_each(|_| self.pass(CALM_STEP_MS));
            wrong = self.not_converged();
        }
        assert!(wrong.is_empty(), "round {round}: {wrong:#?}");
        self.check_history();
    }

    /// Nobody may have heard of some.
    fn find_channels(&mut self) {
        for index in 0..self.groups.len() {
            let channels = self.channels_of(self.groups[index].id);
            self.groups[index].channels = channels;
        }
    }

    fn channels_of(&self, group_id: GroupId) -> Vec<ChannelId> {
        let channels = self.ask(async |store| store.list_channels(&[group_id]).await).unwrap();
        channels.iter().map(|channel| channel.id).collect()
    }

    /// All see the same of everybody, and who is there is seen.
    fn check_presence(&self) {
        for (person, user_id) in self.people.iter().enumerate() {
            let is_there = self.devices.iter().any(|it| it.person == person && it.is_on);
            let seen: Vec<(usize, &str)> = self
                .devices
                .iter()
                .enumerate()
                .filter(|(_, device)| device.is_ready)
                .map(|(index, device)| (index, device.presences.get(user_id).map_or("", |it| it)))
                .collect();
            let agree = seen.windows(2).all(|pair| pair[0].1 == pair[1].1);
            assert!(agree, "person {person} looks different: {seen:?}");
            let Some((_, status)) = seen.first() else { continue };
            let is_seen = !status.contains("offline");
            let is_right =
                is_seen == is_there || (!is_seen && self.ledger.hidden.contains(&person));
            assert!(is_right, "person {person}: there {is_there}, seen {status}");
        }
    }

    fn check_history(&self) {
        let mut found = BTreeMap::new();
        for channel_id in self.groups.iter().flat_map(|group| self.channels_of(group.id)) {
            for message in self.history(channel_id) {
                let text = message.content.split(' ').next().unwrap_or_default();
                *found.entry(text.to_owned()).or_insert(0) += 1;
            }
        }
        for (text, count) in &found {
            assert_eq!(*count, 1, "{text} is in the history");
            assert!(!self.ledger.deleted.contains(text), "{text} was deleted");
        }
        for (text, (channel_id, _)) in &self.ledger.acked {
            let is_doomed = self.ledger.doomed.contains(text)
                || self.ledger.doomed_channels.contains(channel_id);
            let is_safe = found.contains_key(text) || is_doomed;
            assert!(is_safe, "{text} is lost");
        }
    }

    /// Which clients do not show what is there.
    fn not_converged(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if !self.running.is_empty() || !self.again.is_empty() {
            wrong.push(format!("{} commands go on", self.running.len() + self.again.len()));
        }
        let channels: Vec<Vec<ChannelId>> =
            self.groups.iter().map(|group| self.channels_of(group.id)).collect();
        let histories: BTreeMap<ChannelId, Vec<Message>> =
            channels.iter().flatten().map(|id| (*id, self.history(*id))).collect();
        for (index, device) in self.devices.iter().enumerate().filter(|(_, it)| it.is_on) {
            if !device.is_idle() {
                wrong.push(format!("device {index} is not ready"));
                continue;
            }
            let user_id = device.caller.user_id;
            for (group, channels) in self.groups.iter().zip(&channels) {
                let member = self.ask(async |store| store.find_member(group.id, user_id).await);
                let is_member = member.unwrap().is_some();
                if is_member != device.groups.contains(&group.id) {
                    wrong.push(format!("device {index}: member {is_member}"));
                    continue;
                }
                let shown = device.channels.iter().filter(|(_, it)| it.group_id == group.id);
                let shown: BTreeSet<ChannelId> = shown.map(|(id, _)| *id).collect();
                if is_member && shown != channels.iter().copied().collect() {
                    wrong.push(format!("device {index} shows {shown:?} of {channels:?}"));
                    continue;
                }
                for channel_id in channels.iter().filter(|_| is_member) {
                    let history = &histories[channel_id];
                    let there: BTreeMap<MessageId, &str> =
                        history.iter().map(|it| (it.id, it.content.as_str())).collect();
                    let shown: BTreeMap<MessageId, &str> = match device.channels.get(channel_id) {
                        Some(shown) => {
                            shown.messages.iter().map(|(id, it)| (*id, it.text.as_str())).collect()
                        }
                        None => BTreeMap::new(),
                    };
                    let missing = there.iter().filter(|(id, it)| shown.get(id) != Some(it));
                    let missing: Vec<_> = missing.collect();
                    let excess = shown.iter().filter(|(id, it)| there.get(id) != Some(it));
                    let excess: Vec<_> = excess.collect();
                    if shown != there {
                        wrong.push(format!("device {index} misses {missing:?}, shows {excess:?}"));
                    }
                }
            }
        }
        wrong
    }
}

/// What ends, by when.
type Mends = BTreeMap<u64, Vec<Mend>>;

enum Mend {
    Network(NodeId),
    Store(usize),
}
