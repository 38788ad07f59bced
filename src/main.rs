//! The `vibetalk` command: arguments, and what to do with them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use vibetalk::app;
use vibetalk::config::{Config, Sources};
use vibetalk::telemetry;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A health check that takes longer has failed.
const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// A Socket.IO-compatible group chat server.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: SettingArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server; what happens without a command, too.
    Serve,
    /// Prints the settings that are in effect, as a TOML file.
    Config {
        /// Prints the reference of all settings instead, as Markdown.
        #[arg(long)]
        markdown: bool,
    },
    /// Asks the node on this machine whether it is ready; fails if not.
    Healthcheck,
    /// Looks after the store.
    Store {
        #[command(subcommand)]
        command: StoreCommand,
    },
    /// Manages people.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
}

#[derive(Subcommand)]
enum StoreCommand {
    /// Makes the tables, or brings them up to what this version needs, and ends. A node does so when it starts, too.
    Migrate,
    /// Copies everything from one store to another, which has to be empty, and compares them. No node may use either
    /// meanwhile. What was broken off goes on where it was.
    Copy {
        /// As store.url, for example sqlite:data/vibetalk.db.
        #[arg(long, value_name = "URL")]
        from: String,
        /// As store.url, for example scylla://10.0.0.1/vibetalk; other settings of the store are those of the
        /// configuration.
        #[arg(long, value_name = "URL")]
        to: String,
        /// Where it is kept how far the copy is, until it is done.
        #[arg(long, value_name = "FILE", default_value = "vibetalk-copy.json")]
        progress: PathBuf,
    },
    /// Writes everything that is in the store to a new file, as JSON Lines. No node may use the store meanwhile.
    Export { file: PathBuf },
    /// Writes what `export` wrote into an empty store.
    Import { file: PathBuf },
}

impl StoreCommand {
    async fn run(self, config: &Config) -> anyhow::Result<String> {
        Ok(match self {
            Self::Migrate => {
                app::migrate(config).await?;
                "the tables are up to date\n".to_owned()
            }
            Self::Copy { from, to, progress } => {
                let records = app::copy(config, &from, &to, &progress).await?;
                format!("copied {records} records, and both stores hold the same\n")
            }
            Self::Export { file } => {
                format!("wrote {} records\n", app::export(config, &file).await?)
            }
            Self::Import { file } => {
                format!("imported {} records\n", app::import(config, &file).await?)
            }
        })
    }
}

#[derive(Subcommand)]
enum UserCommand {
    /// Makes somebody an operator, who may run the official group.
    Promote { username: String },
}

#[derive(Args)]
struct SettingArguments {
    /// A TOML file with settings.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where clients connect, as 127.0.0.1:3000; port 0 takes a free one.
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The folder of the database and the secrets.
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Any setting, as store.url=sqlite; can be given several times.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

impl SettingArguments {
    fn load(self) -> anyhow::Result<Config> {
        let short = [("listen", self.listen), ("data_dir", self.data_dir)];
        let short = short.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Config::load(&Sources {
            file: self.config,
            flags: self.set.into_iter().chain(short).collect(),
        })
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vibetalk: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = arguments.settings.load()?;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(config),
        Command::Config { markdown: true } => print(&Config::reference()),
        Command::Config { markdown: false } => print(&config.to_toml()),
        Command::Healthcheck => healthcheck(config.node.listen),
        Command::Store { command } => print(&runtime()?.block_on(command.run(&config))?),
        Command::User { command: UserCommand::Promote { username } } => {
            runtime()?.block_on(app::promote(&config, &username))?;
            print(&format!("{username} is an operator now\n"))
        }
    }
}

fn serve(config: Config) -> anyhow::Result<()> {
    telemetry::init_logging(&config.log, &config.cluster.name.or_of_host())?;
    raise_file_limit();
    runtime()?.block_on(app::serve(config))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// Each connection is a file: takes as many as the system lets us have.
fn raise_file_limit() {
    const WANTED: u64 = 1 << 20;
    match rlimit::increase_nofile_limit(WANTED) {
        Ok(limit) => tracing::debug!(limit, "may open {limit} files"),
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

/// A closed pipe is no failure of ours.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn healthcheck(mut address: SocketAddr) -> anyhow::Result<()> {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let mut stream = TcpStream::connect_timeout(&address, HEALTHCHECK_TIMEOUT)
        .with_context(|| format!("no server answers at {address}"))?;
    stream.set_read_timeout(Some(HEALTHCHECK_TIMEOUT))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer).context("no answer in time")?;
    anyhow::ensure!(
        answer.starts_with("HTTP/1.1 200"),
        "not ready: {}",
        answer.lines().last().unwrap_or_default()
    );
    Ok(())
}
