//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Load tests for Socket.IO chat servers. Exits with 1 if anything was lost, doubled, refused or closed.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args)]
pub struct Common {
    /// The server, without TLS; VibeTalk has to run with `limits.rates=false`
    #[arg(long, global = true, default_value = "http://127.0.0.1:3000")]
    pub url: String,
    /// The server is a reference server (`bare-socketioxide`, `node/server.mjs`): no accounts
    #[arg(long, global = true)]
    pub bare: bool,
    /// Process whose memory and CPU are read (Linux, same machine)
    #[arg(long, global = true)]
    pub server_pid: Option<u32>,
    /// Print one JSON object instead of lines
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Memory and CPU of connections that do nothing
    Idle(IdleLoad),
    /// Messages by plan to one large group
    Fanout(FanoutLoad),
    /// Messages by plan, spread over many groups
    Chat(ChatLoad),
    /// Stored messages per second: every socket sends when its last message was acked
    Senders(SendersLoad),
    /// Round trip of an event that needs no store
    Rtt(RttLoad),
    /// Print files of JSON reports, one per line, as a table with ratios to the first file
    Compare {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Args)]
pub struct IdleLoad {
    #[arg(long, default_value_t = 10_000)]
    pub connections: usize,
    /// Accounts that share the connections
    #[arg(long, default_value_t = 250)]
    pub accounts: usize,
    /// Watched time; two ping intervals by default, so that both servers answer as many pings
    #[arg(long, default_value_t = Seconds(40.0))]
    pub hold: Seconds,
}

#[derive(Args)]
pub struct FanoutLoad {
    #[arg(long, default_value_t = 10_000)]
    pub receivers: usize,
    /// Accounts that share the connections
    #[arg(long, default_value_t = 250)]
    pub accounts: usize,
    /// Receivers that take turns in sending
    #[arg(long, default_value_t = 64)]
    pub senders: usize,
    #[command(flatten)]
    pub open_model: OpenModel,
}

#[derive(Args)]
pub struct ChatLoad {
    #[arg(long, default_value_t = 100)]
    pub groups: usize,
    /// Connections in each group; all take turns in sending
    #[arg(long, default_value_t = 100)]
    pub members: usize,
    /// Accounts of each group that share its connections
    #[arg(long, default_value_t = 4)]
    pub accounts: usize,
    #[command(flatten)]
    pub open_model: OpenModel,
}

#[derive(Args)]
pub struct SendersLoad {
    /// Sockets, each with an account and a group of its own
    #[arg(long, default_value_t = 64)]
    pub count: usize,
    #[arg(long, default_value_t = 64)]
    pub payload_bytes: usize,
    #[command(flatten)]
    pub closed_loop: ClosedLoop,
}

#[derive(Args)]
pub struct RttLoad {
    /// More than one shows throughput rather than a round trip
    #[arg(long, default_value_t = 1)]
    pub sockets: usize,
    #[command(flatten)]
    pub closed_loop: ClosedLoop,
}

#[derive(Args)]
pub struct OpenModel {
    /// Messages per second over all groups
    #[arg(long, default_value_t = 32.0)]
    pub rate: f64,
    /// Measured time
    #[arg(long, default_value_t = Seconds(30.0))]
    pub duration: Seconds,
    /// Load before it that is not measured
    #[arg(long, default_value_t = Seconds(3.0))]
    pub warmup: Seconds,
    /// Wait for what is missing after the last send
    #[arg(long, default_value_t = Seconds(10.0))]
    pub drain: Seconds,
    /// Length of a message's content
    #[arg(long, default_value_t = 64)]
    pub payload_bytes: usize,
}

#[derive(Args)]
pub struct ClosedLoop {
    /// Measured time
    #[arg(long, default_value_t = Seconds(10.0))]
    pub duration: Seconds,
    /// Load before it that is not measured
    #[arg(long, default_value_t = Seconds(1.0))]
    pub warmup: Seconds,
}

/// A time on the command line: seconds, 0 to a day.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(f64);

const SECONDS_MAX: f64 = 86_400.0;

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
        if (0.0..=SECONDS_MAX).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err("0 to 86400 seconds".into())
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs_f64(seconds.0)
    }
}
