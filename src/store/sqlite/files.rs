//! The files of a database: who may read them, whether they belong together, and whether they are still
//! those that were opened.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::sync::watch;

use crate::store::sqlite::OpenError;

/// The first bytes of a database end in its read version, 1 without and 2 with a write-ahead log.
const READ_VERSION_OFFSET: usize = 19;
const WITHOUT_LOG: u8 = 1;

/// A file that lies beside the database: `-wal`, `-shm`, `.lock`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Locks a file beside the database, for as long as it is open; the system unlocks it when the process
/// dies. It stays there: deleting it could take it from under a process that is about to lock it.
///
/// Before anything is made, what is there is looked at: see [`refuse_half_restored`].
pub fn lock(path: &Path, companions: &[PathBuf]) -> Result<File, OpenError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let builder = &mut DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).map_err(failed(folder))?;
        warn_of_open_folder(folder);
    }
    let lock_path = beside(path, ".lock");
    let file = open_private(&lock_path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Err(OpenError::InUse(path.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => return Err(failed(&lock_path)(source)),
    }
    refuse_half_restored(path, companions)?;
    // Made here, because SQLite would let everybody read it; its other files take its mode.
    open_private(path)?;
    for suffix in ["-wal", "-shm"] {
        let path = beside(path, suffix);
        if path.exists() {
            open_private(&path)?;
        }
    }
    Ok(file)
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { path, source }
}

/// Opens a file, or makes one, that only we may read; one that others may read is taken from them.
fn open_private(path: &Path) -> Result<File, OpenError> {
    let options = &mut OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(failed(path))?;
    let mode = file.metadata().map_err(failed(path))?.mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        match file.set_permissions(Permissions::from_mode(0o600)) {
            Ok(()) => tracing::warn!("others could read {path} (mode {mode:o}), now mode 600"),
            Err(error) => tracing::warn!(%error, "others may read {path} (mode {mode:o})"),
        }
    }
    Ok(file)
}

/// It may be a folder that others need, such as `/tmp`: it is not ours to change.
fn warn_of_open_folder(folder: &Path) {
    let mode = folder.metadata().map_or(0, |metadata| metadata.mode() & 0o777);
    if mode & 0o077 != 0 {
        let folder = folder.display();
        tracing::warn!(
            "others may look into the data folder {folder} (mode {mode:o}): chmod 700 it"
        );
    }
}

/// An empty database is made only where nothing says that there was one. SQLite would delete a log
/// that lies beside an empty file, and would put one of another database into a copy.
///
/// # Errors
///
/// [`OpenError::HalfRestored`] for no database, or an empty one, beside a log with data or one of
/// `companions`; [`OpenError::ForeignLog`] for a copy that never had a log beside one.
fn refuse_half_restored(path: &Path, companions: &[PathBuf]) -> Result<(), OpenError> {
    let log = beside(path, "-wal");
    let has_log = log.metadata().is_ok_and(|metadata| metadata.len() > 0);
    if path.metadata().is_ok_and(|metadata| metadata.len() > 0) {
        let read_version = read_version(path).map_err(failed(path))?;
        return match has_log && read_version == Some(WITHOUT_LOG) {
            true => Err(OpenError::ForeignLog { database: path.to_owned(), log }),
            false => Ok(()),
        };
    }
    let companion = companions.iter().find(|companion| companion.exists()).cloned();
    match has_log.then_some(log).or(companion) {
        Some(found) => Err(OpenError::HalfRestored { database: path.to_owned(), found }),
        None => Ok(()),
    }
}

fn read_version(path: &Path) -> std::io::Result<Option<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(READ_VERSION_OFFSET as u64 + 1).read_to_end(&mut head)?;
    Ok(head.get(READ_VERSION_OFFSET).copied())
}

/// Whether the files that were opened are still the ones that the next start will find. SQLite goes on
/// writing into files that were deleted or replaced, and all of it would be lost.
pub struct OpenFiles {
    /// The database, then what lies beside it.
    opened: Vec<(PathBuf, FileId)>,
    intact: watch::Sender<bool>,
}

/// A device and an inode: which file, whatever its name.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

fn file_id(path: &Path) -> std::io::Result<FileId> {
    path.metadata().map(|metadata| FileId(metadata.dev(), metadata.ino()))
}

impl OpenFiles {
    /// The files of a database that has just been opened, with a write-ahead log.
    pub fn of(path: &Path, intact: watch::Sender<bool>) -> std::io::Result<Self> {
        Self::named([path, &beside(path, "-wal"), &beside(path, "-shm")], intact)
    }

    pub fn named<'a>(
        paths: impl IntoIterator<Item = &'a Path>,
        intact: watch::Sender<bool>,
    ) -> std::io::Result<Self> {
        let identified = |path: &Path| file_id(path).map(|id| (path.to_owned(), id));
        let opened: std::io::Result<_> = paths.into_iter().map(identified).collect();
        Ok(Self { opened: opened?, intact })
    }

    /// Looks at the names again, which costs microseconds. The cause if one stands for another file now,
    /// or for none. Going, and coming back, is logged once.
    pub fn lost(&self) -> Option<String> {
        let is_lost = |(path, id): &&(PathBuf, FileId)| file_id(path).ok() != Some(*id);
        let lost = self.opened.iter().find(is_lost);
        let changed = self.intact.send_if_modified(|intact| {
            let changed = *intact != lost.is_none();
            *intact = lost.is_none();
            changed
        });
        let cause = lost.map(|(path, _)| {
            format!("{} was deleted or replaced while it was open", path.display())
        });
        match &cause {
            Some(cause) if changed => tracing::error!(
                "{cause}: nothing is stored any more. Stop the server, put the files back, start it"
            ),
            None if changed => tracing::info!("the files of the database are back"),
            _ => {}
        }
        cause
    }

    /// Whether the database itself is still there, so that the log may be copied into it.
    pub fn has_database(&self) -> bool {
        self.opened.first().is_some_and(|(path, id)| file_id(path).ok() == Some(*id))
    }
}
