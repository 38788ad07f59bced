//! What operators do with a store while no node uses it: its tables, copies, backups.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::app::opened::{OpenedStore, backend};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::config::Backend;
use crate::store::records::RecordKind;
use crate::store::transfer::{self, CopyPlace};

/// How often somebody is told how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Brings the tables of the store up to what this version needs.
///
/// # Errors
///
/// If the store cannot be opened; if a server has an embedded one open, too.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    OpenedStore::open(backend(config, &config.store)).await?.close().await;
    Ok(())
}

/// How far a copy is, in its file.
#[derive(Serialize, Deserialize)]
struct CopyFile {
    from: String,
    to: String,
    place: CopyPlace,
}

/// Copies everything from one store to another and compares both. What was broken off goes on where `progress` says that
/// it was. Returns how many records there are.
///
/// # Errors
///
/// If a store cannot be opened, the other one has something else in it, or the copy differs.
pub async fn copy(config: &Config, from: &str, to: &str, progress: &Path) -> anyhow::Result<u64> {
    let settings =
        |url: &str| config.store.at(url).map_err(|problem| anyhow::anyhow!("the store {problem}"));
    let (one, other) = (settings(from)?, settings(to)?);
    // As they are shown: without passwords.
    let names = [&one, &other].map(|settings| settings.url.to_string());
    let [source, target] = [one, other].map(|settings| backend(config, &settings));
    anyhow::ensure!(source != target, "both stores are the same");
    let source = open_filled(source).await?;
    let target = OpenedStore::open(target).await?;
    let place = broken_off(progress, &names)?;
    if place != CopyPlace::START {
        eprintln!("going on with the {}: {} records are copied", place.kind.plural(), place.copied);
    }
    let (one, other) = (source.shared(), target.shared());
    let mut told = ProgressLine::new();
    let note = |kind, of_kind, place: &CopyPlace| {
        told.tell("copied", kind, of_kind);
        let [from, to] = names.clone();
        replace(progress, &serde_json::to_vec(&CopyFile { from, to, place: place.clone() })?)
    };
    let copied = transfer::copy(&*one, &*other, place, note).await?;
    let mut told = ProgressLine::new();
    let now_ms = Clock::system().now_ms();
    transfer::compare(&*one, &*other, now_ms, |kind, count| told.tell("compared", kind, count))
        .await?;
    std::fs::remove_file(progress)?;
    source.close().await;
    target.close().await;
    Ok(copied)
}

/// One that there is: an embedded one would be made.
async fn open_filled(backend: Backend) -> anyhow::Result<OpenedStore> {
    if let Backend::Sqlite(config) = &backend {
        anyhow::ensure!(config.path.exists(), "there is no database {}", config.path.display());
    }
    OpenedStore::open(backend).await
}

fn broken_off(progress: &Path, [from, to]: &[String; 2]) -> anyhow::Result<CopyPlace> {
    let failed = || format!("cannot read {}", progress.display());
    let text = match std::fs::read(progress) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(CopyPlace::START),
        read => read.with_context(failed)?,
    };
    let file: CopyFile = serde_json::from_slice(&text).with_context(failed)?;
    anyhow::ensure!(
        file.from == *from && file.to == *to,
        "{} is of another copy, from {} to {}: delete it, or name another file with --progress",
        progress.display(),
        file.from,
        file.to
    );
    Ok(file.place)
}

/// There is always a whole file.
fn replace(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, text)?;
    std::fs::rename(&new, file)
}

/// Writes everything to a new file, which only its owner may read: it holds hashes of passwords.
///
/// # Errors
///
/// If the file is there already, or a store or file fails.
pub async fn export(config: &Config, file: &Path) -> anyhow::Result<u64> {
    let store = open_filled(backend(config, &config.store)).await?;
    let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let new = new.with_context(|| format!("cannot make {}", file.display()))?;
    let (mut writer, mut told) = (BufWriter::new(new), ProgressLine::new());
    let tell = |kind, count| told.tell("written", kind, count);
    let records = transfer::export(&*store.shared(), &mut writer, tell).await?;
    writer.into_inner().context("the backup cannot be written")?.sync_all()?;
    store.close().await;
    Ok(records)
}

/// Writes what such a file says into the store, which has to be empty; what was broken off is begun anew.
///
/// # Errors
///
/// If the file is no backup or is cut off, or something else is in the store.
pub async fn import(config: &Config, file: &Path) -> anyhow::Result<u64> {
    let opened = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let store = OpenedStore::open(backend(config, &config.store)).await?;
    let mut told = ProgressLine::new();
    let tell = |kind, count| told.tell("written, up to", kind, count);
    let written = transfer::import(&mut BufReader::new(opened), &*store.shared(), tell).await?;
    store.close().await;
    Ok(written)
}

/// Says how far something is: on a terminal again and again in one line, else when a kind is done.
struct ProgressLine {
    last: Option<(RecordKind, u64)>,
    at: Instant,
    is_terminal: bool,
}

impl ProgressLine {
    fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { last: None, at: Instant::now(), is_terminal }
    }

    fn tell(&mut self, done: &str, kind: RecordKind, count: u64) {
        match self.last {
            Some((last, of_last)) if last != kind => self.line(done, last, of_last),
            _ if self.is_terminal && self.at.elapsed() > TOLD_EVERY => {
                eprint!("\r{count} {} {done}", kind.plural());
                let _shown = std::io::stderr().flush(); // It is shown with what comes next.
                self.at = Instant::now();
            }
            _ => {}
        }
        self.last = Some((kind, count));
    }

    fn line(&self, done: &str, kind: RecordKind, count: u64) {
        let start = if self.is_terminal { "\r" } else { "" };
        if count > 0 {
            eprintln!("{start}{count} {} {done}", kind.plural());
        }
    }
}
