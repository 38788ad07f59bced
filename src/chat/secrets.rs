//! The keys that tokens and session ids are made with: where they come from.
//!
//! A node with an embedded store makes them on first start, and keeps them in the data folder, readable by nobody
//! else. Nodes that share a store derive them from one secret, which the first of them stored there; or all nodes are given one
//! text to derive them from. Nothing here is ever logged.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::secret::Secret;
use crate::store::{KeyStore, StoreError};

const ACCESS_TOKENS_FILE: &str = "access-tokens.key";
const SOCKET_IDS_FILE: &str = "socket-ids.key";
/// A secret that people choose is guessed sooner if it is shorter.
const SHARED_CHARS_MIN: usize = 32;
/// More than any text that somebody would call a secret.
const FILE_BYTES_MAX: u64 = 4096;
/// Readable or changeable by strangers, or changeable by the group. That the group reads is how
/// Kubernetes mounts secrets.
const MODE_REFUSED: u32 = 0o027;

/// One secret per purpose, so that none can stand in for another.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    #[error("the shared secret {path} needs at least {SHARED_CHARS_MIN} characters")]
    TooShort { path: PathBuf },
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

    /// Derives them from a text in a file, which all nodes are given, without the space around it.
    ///
    /// # Errors
    ///
    /// Like [`load`](Self::load), and for a text that is too short.
    pub fn from_shared_file(path: &Path) -> Result<Self, SecretError> {
        let text = read_private(path)?;
        if text.trim().chars().count() < SHARED_CHARS_MIN {
            return Err(SecretError::TooShort { path: path.to_owned() });
        }
        Ok(Self::derived_from(text.trim().as_bytes()))
    }

    /// Derives them from the secret that the nodes of `store` share: offers a new one, and the first one offered stays.
    ///
    /// # Errors
    ///
    /// The store's; it may be repeated.
    pub async fn of_store(store: &dyn KeyStore) -> Result<Self, StoreError> {
        let shared = store.shared_secret(&random_secret()).await?;
        Ok(Self::derived_from(shared.expose()))
    }

    /// As HKDF derives them (RFC 5869): from one of them follows neither `shared` nor the other. What comes out of what
    /// is never changed, because nodes of other versions derive them, too.
    pub fn derived_from(shared: &[u8]) -> Self {
        let derivation = Hkdf::<Sha256>::new(Some(b"vibetalk"), shared);
        let derived = |purpose: &str| {
            let mut key = [0; 32];
            derivation.expand(purpose.as_bytes(), &mut key).expect("HKDF gives 8,160 bytes");
            Secret::new(key)
        };
        Self { tokens: derived("access tokens"), socket_ids: derived("socket ids") }
    }
}

fn random_secret() -> Secret {
    Secret::new(rand::random())
}

/// A secret for one purpose, from which neither `from` nor its other derivations follow.
pub(crate) fn derive(from: &[u8], purpose: &str) -> [u8; 32] {
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
    let decoded = URL_SAFE_NO_PAD.decode(read_private(path)?.trim()).ok();
    decoded
        .and_then(|bytes| bytes.try_into().ok())
        .map(Secret::new)
        .ok_or_else(|| SecretError::Damaged { path: path.to_owned() })
}

/// A file that others can neither read nor change.
fn read_private(path: &Path) -> Result<String, SecretError> {
    let failed = |cause| SecretError::Io { path: path.to_owned(), cause };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & MODE_REFUSED != 0 {
        return Err(SecretError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
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
    writeln!(file, "{}", URL_SAFE_NO_PAD.encode(random_secret().expose()))?;
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
        assert_eq!(first, again);
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
        assert_eq!(made, given);
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

    /// What nodes of other versions derive.
    #[test]
    fn all_nodes_derive_the_same_from_a_shared_text() {
        let text = "a text of thirty-two characters!";
        let derived = Secrets::derived_from(text.as_bytes());
        assert_eq!(derived.tokens.expose()[..4], [0x1b, 0xa6, 0x6e, 0x7d]);
        assert_eq!(derived.socket_ids.expose()[..4], [0xfe, 0x12, 0x55, 0x03]);

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shared");
        let write = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Secrets::from_shared_file(&path)
        };
        assert_eq!(write(&format!("{text}\n"), 0o600).unwrap(), derived);
        assert!(matches!(
            write(&format!("{}\n", &text[1..]), 0o600),
            Err(SecretError::TooShort { .. })
        ));
        assert!(matches!(write(text, 0o644), Err(SecretError::Exposed { .. })));
    }

    #[test]
    fn secrets_are_not_printed() {
        let derived = Secrets::derived_from(b"x");
        assert_eq!(
            format!("{derived:?}"),
            "Secrets { tokens: Secret(..), socket_ids: Secret(..) }"
        );
    }
}
