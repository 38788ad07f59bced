//! The node's secrets: made on first start, kept in the data folder, readable by nobody else.
//!
//! The nodes of a cluster need the same ones: copy the files, or give all nodes one shared text.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// 256 bits, as HMAC-SHA256 wants (RFC 7518 §3.2).
pub type Secret = [u8; 32];

const ACCESS_TOKENS_FILE: &str = "access-tokens.key";
const SOCKET_IDS_FILE: &str = "socket-ids.key";
/// A secret that people choose is guessed sooner if it is shorter.
const SHARED_CHARS_MIN: usize = 32;
/// Readable or changeable by strangers, or changeable by the group. That the group reads is how
/// Kubernetes mounts secrets.
const MODE_REFUSED: u32 = 0o027;

/// One secret per purpose, so that none can stand in for another.
#[derive(Clone)]
pub struct Secrets {
    /// Signs access and refresh tokens.
    pub tokens: Secret,
    /// Seals the Engine.IO session ids on the wire.
    pub socket_ids: Secret,
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("cannot use the secret {path}")]
    Io {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("others may read or change the secret {path} (mode {mode:o}): chmod 600 it")]
    Exposed { path: PathBuf, mode: u32 },
    #[error("the secret {path} is damaged: restore it, or delete it, which signs everybody out")]
    Damaged { path: PathBuf },
    #[error("a shared secret needs at least {SHARED_CHARS_MIN} characters")]
    TooShort,
}

impl Secrets {
    /// Reads the secrets in `data_dir`, and makes those that are missing, mode 0600 and synced to disk
    /// before they are used. Of processes that start at once, all get the same.
    ///
    /// Blocks on the disk; for the start of the node.
    ///
    /// # Errors
    ///
    /// Rather than with a secret that others may know, the node does not start.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, SecretError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .map_err(|cause| SecretError::Io { path: data_dir.to_owned(), cause })?;
        Ok(Self {
            tokens: load_or_create(&data_dir.join(ACCESS_TOKENS_FILE))?,
            socket_ids: load_or_create(&data_dir.join(SOCKET_IDS_FILE))?,
        })
    }

    /// Reads the secrets that somebody has put into `folder`, and makes none.
    ///
    /// # Errors
    ///
    /// Like [`load_or_create`](Self::load_or_create), and for one that is missing.
    pub fn load(folder: &Path) -> Result<Self, SecretError> {
        Ok(Self {
            tokens: open(&folder.join(ACCESS_TOKENS_FILE))?,
            socket_ids: open(&folder.join(SOCKET_IDS_FILE))?,
        })
    }

    /// The files that [`load_or_create`](Self::load_or_create) makes.
    pub fn files(data_dir: &Path) -> Vec<PathBuf> {
        [ACCESS_TOKENS_FILE, SOCKET_IDS_FILE].map(|name| data_dir.join(name)).into()
    }

    /// Derives the secrets from one text that all nodes of a cluster are given.
    pub fn from_shared(text: &str) -> Result<Self, SecretError> {
        if text.chars().count() < SHARED_CHARS_MIN {
            return Err(SecretError::TooShort);
        }
        let derived = |purpose: &str| derive(text.as_bytes(), purpose);
        Ok(Self { tokens: derived("access tokens"), socket_ids: derived("socket ids") })
    }
}

/// A secret for one purpose, from which neither `from` nor its other derivations follow.
pub(crate) fn derive(from: &[u8], purpose: &str) -> Secret {
    let mut mac = Hmac::<Sha256>::new_from_slice(from).expect("HMAC takes keys of any length");
    mac.update(b"vibetalk ");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

fn load_or_create(path: &Path) -> Result<Secret, SecretError> {
    match open(path) {
        Err(SecretError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
            create(path).map_err(|cause| SecretError::Io { path: path.to_owned(), cause })?;
            open(path)
        }
        opened => opened,
    }
}

fn open(path: &Path) -> Result<Secret, SecretError> {
    let failed = |cause| SecretError::Io { path: path.to_owned(), cause };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & MODE_REFUSED != 0 {
        return Err(SecretError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(1024).read_to_string(&mut text).map_err(failed)?;
    let decoded = URL_SAFE_NO_PAD.decode(text.trim()).ok();
    decoded
        .and_then(|bytes| Secret::try_from(bytes).ok())
        .ok_or_else(|| SecretError::Damaged { path: path.to_owned() })
}

/// Writes a new secret beside `path`, then links it there: a crash leaves no half-written secret, and
/// one that another process made first is kept.
fn create(path: &Path) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    if let Err(error) = fs::remove_file(&unfinished)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{}", URL_SAFE_NO_PAD.encode(rand::random::<Secret>()))?;
    file.sync_all()?;
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let folder = path.parent().expect("a file in the data folder has a parent");
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets_in(dir: &Path) -> Secrets {
        Secrets::load_or_create(dir).unwrap()
    }

    #[test]
    fn secrets_are_made_once_and_differ() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("new/data");
        let (first, again) = (secrets_in(&data_dir), secrets_in(&data_dir));
        assert_eq!((first.tokens, first.socket_ids), (again.tokens, again.socket_ids));
        assert_ne!(first.tokens, first.socket_ids);
        for entry in fs::read_dir(&data_dir).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.path().extension().unwrap(), "key", "nothing unfinished is left");
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        secrets_in(dir.path());
        let path = dir.path().join(ACCESS_TOKENS_FILE);
        for (mode, accepted) in [(0o644, false), (0o620, false), (0o440, true), (0o400, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Secrets::load_or_create(dir.path()).is_ok(), accepted, "{mode:o}");
        }
    }

    #[test]
    fn given_secrets_are_read_and_never_made() {
        let dir = tempfile::tempdir().unwrap();
        let made = secrets_in(dir.path());
        let given = Secrets::load(dir.path()).unwrap();
        assert_eq!((made.tokens, made.socket_ids), (given.tokens, given.socket_ids));
        fs::remove_file(dir.path().join(SOCKET_IDS_FILE)).unwrap();
        assert!(matches!(Secrets::load(dir.path()), Err(SecretError::Io { .. })));
        assert!(!dir.path().join(SOCKET_IDS_FILE).exists());
    }

    #[test]
    fn a_damaged_secret_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        secrets_in(dir.path());
        let path = dir.path().join(SOCKET_IDS_FILE);
        for damage in ["", "c2hvcnQ", "not base64 at all !"] {
            fs::write(&path, damage).unwrap();
            let refused = Secrets::load_or_create(dir.path());
            assert!(matches!(refused, Err(SecretError::Damaged { .. })), "{damage:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), damage);
        }
    }

    #[test]
    fn all_nodes_derive_the_same_from_a_shared_text() {
        let text = "a text of thirty-two characters!";
        let (one, other) =
            (Secrets::from_shared(text).unwrap(), Secrets::from_shared(text).unwrap());
        assert_eq!((one.tokens, one.socket_ids), (other.tokens, other.socket_ids));
        assert_ne!(one.tokens, one.socket_ids);
        assert!(matches!(Secrets::from_shared(&text[1..]), Err(SecretError::TooShort)));
    }
}
