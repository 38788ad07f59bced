//! The server under test, and the seats that a scenario takes there: who connects, and into which channel it writes.

use std::net::SocketAddr;
use std::net::ToSocketAddrs;

use anyhow::{Context, Result};
use serde_json::json;

use crate::api::{Account, Api};
use crate::packet;
use crate::plan::Marker;

pub struct Target {
    /// `http://host:port`
    pub origin: String,
    pub address: SocketAddr,
    /// The reference server: no accounts, and a room is what CONNECT says it is.
    pub bare: bool,
}

/// One connection's place.
pub struct Seat {
    /// The Socket.IO CONNECT packet.
    pub greeting: String,
    pub channel_id: String,
}

impl Target {
    /// # Errors
    ///
    /// If `origin` is not a plain `http://host:port`: TLS would be measured with the server, so it is left out.
    pub fn parse(origin: &str, bare: bool) -> Result<Self> {
        let origin = origin.trim_end_matches('/').to_owned();
        let host = origin.strip_prefix("http://").context("the target is http://host:port")?;
        let address = host.to_socket_addrs().with_context(|| format!("resolve {host}"))?.next();
        Ok(Self { address: address.context("no address")?, origin, bare })
    }

    /// `count` seats in the one group of everybody, shared out over `accounts`: hashing a password is slow on
    /// purpose, so 10,000 people would take minutes to register and change nothing in the fan-out.
    pub fn seats_together(&self, count: usize, accounts: usize, run: &Marker) -> Result<Vec<Seat>> {
        if self.bare {
            return Ok((0..count).map(|_| Seat::bare("general")).collect());
        }
        let api = Api::new(&self.origin);
        let accounts = register(&api, run, accounts.min(count))?;
        let channel_id = api.official_channel(accounts.first().context("no accounts")?)?;
        Ok(accounts
            .iter()
            .cycle()
            .take(count)
            .map(|person| Seat::of(person, &channel_id))
            .collect())
    }

    /// `members` seats in each of `groups` groups, group by group; each group has its own `accounts`.
    pub fn seats_in_groups(&self, size: GroupSizes, run: &Marker) -> Result<Vec<Seat>> {
        let GroupSizes { groups, members, accounts } = size;
        if self.bare {
            let seats_of = |group| (0..members).map(move |_| Seat::bare(&format!("room-{group}")));
            return Ok((0..groups).flat_map(seats_of).collect());
        }
        let api = Api::new(&self.origin);
        let accounts = accounts.min(members);
        let people = register(&api, run, groups * accounts)?;
        let mut seats = Vec::with_capacity(groups * members);
        for people in people.chunks(accounts) {
            let group = api.create_group(&people[0], &format!("load test {run}"))?;
            api.invite(&people[0], &group, &people[1..])?;
            let channel_id = group.general()?;
            seats.extend(
                people.iter().cycle().take(members).map(|person| Seat::of(person, &channel_id)),
            );
        }
        Ok(seats)
    }
}

/// How many of what; see [`Target::seats_in_groups`].
#[derive(Clone, Copy)]
pub struct GroupSizes {
    pub groups: usize,
    pub members: usize,
    pub accounts: usize,
}

impl Seat {
    fn of(account: &Account, channel_id: &str) -> Self {
        let greeting = packet::connect(&json!({ "token": account.access_token }));
        Self { greeting, channel_id: channel_id.to_owned() }
    }

    fn bare(room: &str) -> Self {
        Self { greeting: packet::connect(&json!({ "room": room })), channel_id: room.to_owned() }
    }
}

fn register(api: &Api, run: &Marker, count: usize) -> Result<Vec<Account>> {
    (0..count).map(|number| api.register(&format!("{run}.{number}"))).collect()
}
