//! `loadtest`: measures what a Socket.IO chat server costs and how fast it delivers.
//!
//! It speaks the contract of docs/protocol.md to VibeTalk, and the same events without accounts to the reference
//! server (`bare-socketioxide`), so that two runs of one generator give a ratio. It measures over WebSocket only, and
//! on one machine: absolute figures of another machine are not comparable. See README.md.

mod api;
mod arguments;
mod compare;
mod connection;
mod frame;
mod ledger;
mod packet;
mod plan;
mod process;
mod report;
mod scenario;
mod swarm;
mod target;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::arguments::{
    Arguments, ChatLoad, Command, FanoutLoad, IdleLoad, OpenModel, RttLoad, SendersLoad,
};
use crate::plan::{Marker, Plan};
use crate::process::Process;
use crate::report::Outcome;
use crate::scenario::closed_loop::{self, Request, Rtt, Senders};
use crate::scenario::idle;
use crate::scenario::traffic::{Chat, Fanout, Outcomes, Shape, Traffic};
use crate::swarm::Swarm;
use crate::target::{GroupSizes, Seat, Target};

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let failed = match arguments.command {
        Command::Compare { files } => {
            print!("{}", compare::table(&files)?);
            false
        }
        command => Run::new(arguments.common)?.command(command)?,
    };
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What every measurement needs.
struct Run {
    target: Target,
    server: Option<Process>,
    marker: Marker,
    swarm: Swarm,
    json: bool,
}

impl Run {
    fn new(common: arguments::Common) -> Result<Self> {
        let target = Target::parse(&common.url, common.bare)?;
        Ok(Self {
            swarm: Swarm::new(target.address)?,
            server: common.server_pid.map(Process::find).transpose()?,
            marker: Marker::random(),
            target,
            json: common.json,
        })
    }

    /// True if the run failed.
    fn command(self, command: Command) -> Result<bool> {
        match command {
            Command::Idle(load) => self.idle(load),
            Command::Fanout(load) => self.fanout(load),
            Command::Chat(load) => self.chat(load),
            Command::Senders(load) => self.senders(load),
            Command::Rtt(load) => self.rtt(load),
            Command::Compare { .. } => unreachable!("it measures nothing"),
        }
    }

    fn idle(mut self, load: IdleLoad) -> Result<bool> {
        let server = self.server.clone().context("idle needs --server-pid")?;
        let rss_start_kib = server.rss_kib()?;
        let seats = self.target.seats_together(load.connections, load.accounts, &self.marker)?;
        let hold = load.hold.into();
        let outcome = idle::run(&mut self.swarm, seats, hold, &server, rss_start_kib)?;
        self.print(&outcome)
    }

    fn fanout(mut self, load: FanoutLoad) -> Result<bool> {
        let seats = self.target.seats_together(load.receivers, load.accounts, &self.marker)?;
        let outcome = self.traffic(&seats, 1, load.senders, &load.open_model)?;
        self.print(&Fanout(outcome))
    }

    fn chat(mut self, load: ChatLoad) -> Result<bool> {
        let ChatLoad { groups, members, accounts, ref open_model } = load;
        let sizes = GroupSizes { groups, members, accounts };
        let seats = self.target.seats_in_groups(sizes, &self.marker)?;
        let outcome = self.traffic(&seats, groups, members, open_model)?;
        self.print(&Chat(outcome))
    }

    fn senders(mut self, load: SendersLoad) -> Result<bool> {
        let sizes = GroupSizes { groups: load.count, members: 1, accounts: 1 };
        let seats = self.target.seats_in_groups(sizes, &self.marker)?;
        self.open(&seats)?;
        let content = "x".repeat(load.payload_bytes);
        let request = Request::MessageCreate { marker: &self.marker, content };
        let (warmup, duration) = (load.closed_loop.warmup.into(), load.closed_loop.duration.into());
        let server = self.server.as_ref();
        let rounds = closed_loop::run(&mut self.swarm, &seats, &request, warmup, duration, server)?;
        self.print(&Senders(rounds))
    }

    fn rtt(mut self, load: RttLoad) -> Result<bool> {
        let seats = self.target.seats_together(load.sockets, load.sockets, &self.marker)?;
        self.open(&seats)?;
        let (warmup, duration) = (load.closed_loop.warmup.into(), load.closed_loop.duration.into());
        let (server, request) = (self.server.as_ref(), Request::WatchNobody);
        let rounds = closed_loop::run(&mut self.swarm, &seats, &request, warmup, duration, server)?;
        self.print(&Rtt(rounds))
    }

    fn traffic(
        &mut self,
        seats: &[Seat],
        groups: usize,
        senders: usize,
        load: &OpenModel,
    ) -> Result<Outcomes> {
        ensure!(load.rate > 0.0, "--rate is above 0");
        let members = seats.len() / groups;
        let shape = Shape {
            groups,
            members,
            senders: senders.clamp(1, members),
            payload_bytes: load.payload_bytes,
            drain: load.drain.into(),
        };
        let plan = Plan::new(load.rate, load.warmup.into(), load.duration.into());
        self.open(seats)?;
        Traffic::new(shape, plan, &self.marker).run(&mut self.swarm, seats, self.server.as_ref())
    }

    fn open(&mut self, seats: &[Seat]) -> Result<()> {
        self.swarm.open(seats.iter().map(|seat| seat.greeting.clone()).collect())
    }

    fn print<T: Outcome>(&self, outcome: &T) -> Result<bool> {
        if let Some(reason) = &self.swarm.first_close {
            eprintln!("{} connections ended, the first one: {reason}", self.swarm.closed);
        }
        report::print(outcome, &self.target.origin, self.target.bare, self.json)
    }
}
