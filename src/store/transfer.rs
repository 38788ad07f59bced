//! From one store to another, to a backup and back: all records, in the order of their kinds.
//!
//! Writing what is there already changes nothing. So what was broken off begins anew at the page in which it was, or at the
//! beginning, and comes to the same.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::UnixMs;
use crate::model::id::ChannelId;
use crate::store::records::{Record, RecordKind, RecordPage};
use crate::store::{Store, StoreError};

/// Records that are read at a time.
const PAGE: usize = 500;
/// Records that are written at a time.
const WRITES_AT_A_TIME: usize = 64;
/// A store that does not answer is asked again after 0.2 s, then later and later: for two minutes in all.
const TRIES_MAX: u32 = 14;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// What will have passed by then is not compared: stores forget it at their own time.
const PASSING_MS: u64 = 60 * 60 * 1000;
/// Differences that are told.
const DIFFERENCES_TOLD_MAX: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("{kind} cannot be read")]
    Read {
        kind: &'static str,
        #[source]
        source: StoreError,
    },
    #[error("{kind} cannot be written")]
    Write {
        kind: &'static str,
        #[source]
        source: StoreError,
    },
    #[error("another {kind} is in the place of one: the store is not empty")]
    Taken { kind: &'static str },
    #[error("the copy differs in {}", .0.join(", "))]
    Different(Vec<String>),
    #[error("line {line} is no record")]
    Line {
        line: u64,
        #[source]
        source: serde_json::Error,
    },
    #[error("line {line} is of another format: {found} instead of {FORMAT}")]
    Format { line: u64, found: u32 },
    #[error("the backup is cut off: {written} records, and no last line that says so many")]
    CutOff { written: u64 },
    #[error("the backup cannot be read or written")]
    File(#[from] std::io::Error),
}

/// How far a copy is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyPlace {
    pub kind: RecordKind,
    /// Where its next page begins.
    pub from: Option<String>,
    /// How many records were copied.
    pub copied: u64,
}

impl CopyPlace {
    pub const START: Self = Self { kind: RecordKind::ALL[0], from: None, copied: 0 };

    /// Behind the last page of a kind the next one begins.
    fn behind(kind: RecordKind, next: Option<String>, copied: u64) -> Self {
        let following = RecordKind::ALL.into_iter().find(|other| *other > kind);
        let kind = if next.is_some() { kind } else { following.unwrap_or(kind) };
        Self { kind, from: next, copied }
    }
}

/// Copies all records from `place` on. `progress` is told of each page that is written: how many records of its kind there
/// were so far, and where to go on.
///
/// # Errors
///
/// [`TransferError::Taken`] if something else is there already.
pub async fn copy(
    from: &dyn Store,
    to: &dyn Store,
    place: CopyPlace,
    mut progress: impl FnMut(RecordKind, u64, &CopyPlace) -> std::io::Result<()>,
) -> Result<u64, TransferError> {
    let CopyPlace { kind: first, from: mut next, mut copied } = place;
    for kind in RecordKind::ALL.into_iter().filter(|kind| *kind >= first) {
        let mut of_kind = 0;
        loop {
            let page = read(from, kind, next.as_deref()).await?;
            let count = page.records.len() as u64;
            write_all(to, page.records).await?;
            (copied, of_kind) = (copied + count, of_kind + count);
            next = page.next;
            progress(kind, of_kind, &CopyPlace::behind(kind, next.clone(), copied))?;
            if next.is_none() {
                break;
            }
        }
    }
    Ok(copied)
}

async fn read(
    store: &dyn Store,
    kind: RecordKind,
    from: Option<&str>,
) -> Result<RecordPage, TransferError> {
    let read = || store.read_records(kind, from, PAGE);
    patiently(read).await.map_err(|source| TransferError::Read { kind: kind.plural(), source })
}

async fn write_all(store: &dyn Store, records: Vec<Record>) -> Result<(), TransferError> {
    let write = |record: Record| async move {
        let kind = record.kind().plural();
        match patiently(|| store.write_record(&record)).await {
            Ok(()) => Ok(()),
            Err(StoreError::Conflict) => Err(TransferError::Taken { kind }),
            Err(source) => Err(TransferError::Write { kind, source }),
        }
    };
    let writes: Vec<_> = records.into_iter().map(write).collect();
    stream::iter(writes).buffer_unordered(WRITES_AT_A_TIME).try_collect().await
}

/// Again and again while the store only does not answer.
async fn patiently<T, F>(mut call: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES_MAX {
        match call().await {
            Err(StoreError::Busy | StoreError::Timeout | StoreError::Unavailable(_)) => {}
            done => return done,
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(PAUSE_MAX);
    }
    call().await
}

/// What there is of one kind in one channel, or all in all: how many records, and the sum of their hashes, whatever
/// their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Checksum {
    records: u64,
    sum: u64,
}

impl Checksum {
    fn add(&mut self, record: &Record) {
        let json = serde_json::to_vec(record).expect("a record is JSON");
        let hash = Sha256::digest(json);
        let first = hash.first_chunk().expect("it has 32 bytes");
        self.records += 1;
        self.sum = self.sum.wrapping_add(u64::from_be_bytes(*first));
    }
}

type Checksums = BTreeMap<(RecordKind, Option<ChannelId>), Checksum>;

async fn checksums(
    store: &dyn Store,
    now_ms: UnixMs,
    progress: &mut impl FnMut(RecordKind, u64),
) -> Result<Checksums, TransferError> {
    let mut sums = Checksums::new();
    for kind in RecordKind::ALL {
        let (mut next, mut count) = (None, 0);
        loop {
            let page = read(store, kind, next.as_deref()).await?;
            for record in &page.records {
                if record.passes_at_ms().is_none_or(|at_ms| at_ms > now_ms + PASSING_MS) {
                    sums.entry((kind, record.channel_id())).or_default().add(record);
                }
            }
            count += page.records.len() as u64;
            progress(kind, count);
            let Some(place) = page.next else { break };
            next = Some(place);
        }
    }
    Ok(sums)
}

/// Compares counts and checksums of everything, of what happened in channels for each channel.
///
/// # Errors
///
/// [`TransferError::Different`]
pub async fn compare(
    one: &dyn Store,
    other: &dyn Store,
    now_ms: UnixMs,
    mut progress: impl FnMut(RecordKind, u64),
) -> Result<(), TransferError> {
    let ones = checksums(one, now_ms, &mut progress).await?;
    let others = checksums(other, now_ms, &mut progress).await?;
    let keys = ones.keys().chain(others.keys().filter(|key| !ones.contains_key(key)));
    let differs = |key: &&(RecordKind, Option<ChannelId>)| ones.get(key) != others.get(key);
    let tell = |(kind, channel_id): &(RecordKind, Option<ChannelId>)| {
        let count = |sums: &Checksums| sums.get(&(*kind, *channel_id)).map_or(0, |sum| sum.records);
        let place = channel_id.map_or(String::new(), |id| format!(" of channel {id}"));
        format!("{}{place} ({} and {})", kind.plural(), count(&ones), count(&others))
    };
    let different: Vec<String> =
        keys.filter(differs).map(tell).take(DIFFERENCES_TOLD_MAX).collect();
    if different.is_empty() { Ok(()) } else { Err(TransferError::Different(different)) }
}

/// The first number that a backup has; changes when older programs cannot read it.
const FORMAT: u32 = 1;

/// The lines of a backup that are no records: the first and the last.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum BackupLine {
    First { vibetalk_backup: u32 },
    Last { records: u64 },
}

/// Writes all records, a line of JSON each.
pub async fn export(
    from: &dyn Store,
    to: &mut (impl Write + Send),
    mut progress: impl FnMut(RecordKind, u64),
) -> Result<u64, TransferError> {
    let mut records = 0;
    write_line(to, &BackupLine::First { vibetalk_backup: FORMAT })?;
    for kind in RecordKind::ALL {
        let (mut next, mut of_kind) = (None, 0);
        loop {
            let page = read(from, kind, next.as_deref()).await?;
            for record in &page.records {
                write_line(to, record)?;
            }
            of_kind += page.records.len() as u64;
            progress(kind, of_kind);
            let Some(place) = page.next else { break };
            next = Some(place);
        }
        records += of_kind;
    }
    write_line(to, &BackupLine::Last { records })?;
    to.flush()?;
    Ok(records)
}

fn write_line(to: &mut impl Write, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}

/// Writes what a backup says into a store.
///
/// # Errors
///
/// [`TransferError::CutOff`] if the last line is missing; what there was is written then.
pub async fn import(
    from: &mut (impl BufRead + Send),
    to: &dyn Store,
    mut progress: impl FnMut(RecordKind, u64),
) -> Result<u64, TransferError> {
    let (mut text, mut line, mut written) = (String::new(), 0, 0);
    let mut some: Vec<Record> = Vec::new();
    loop {
        text.clear();
        line += 1;
        if from.read_line(&mut text)? == 0 {
            write_all(to, some).await?;
            return Err(TransferError::CutOff { written });
        }
        let parsed = serde_json::from_str::<Record>(&text);
        let ends = match &parsed {
            Ok(record) => {
                some.len() >= PAGE || some.last().is_some_and(|it| it.kind() != record.kind())
            }
            Err(_) => true,
        };
        // One kind after the other: a record may be about one of an earlier kind.
        if ends && let Some(last) = some.last() {
            let kind = last.kind();
            write_all(to, std::mem::take(&mut some)).await?;
            progress(kind, written);
        }
        match parsed {
            Ok(record) => {
                some.push(record);
                written += 1;
            }
            Err(source) => match serde_json::from_str::<BackupLine>(&text) {
                Ok(BackupLine::First { vibetalk_backup: FORMAT }) if line == 1 => {}
                Ok(BackupLine::First { vibetalk_backup: found }) => {
                    return Err(TransferError::Format { line, found });
                }
                Ok(BackupLine::Last { records }) if records == written => return Ok(written),
                Ok(BackupLine::Last { .. }) => return Err(TransferError::CutOff { written }),
                _ => return Err(TransferError::Line { line, source }),
            },
        }
    }
}
