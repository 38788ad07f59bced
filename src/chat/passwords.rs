//! Password hashes: argon2id, bounded, off the async threads.
//!
//! A hash costs 19 MiB and tens of milliseconds of one core, so only some run at once and only so
//! many wait; whoever comes later is told to come back. Whoever is signed in does not stand in line
//! with strangers.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::chat::attempts::rate_limited;
use crate::chat::{Chat, ChatError};
use crate::model::account::Asker;
use crate::model::password::{NewPassword, ShownPassword};
use crate::telemetry::log_seldom;

/// OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// With tens of milliseconds each, more could not be served within their deadline.
const WAITING_MAX: usize = 256;
const SIGNED_IN_WAITING_MAX: usize = 64;
/// Less than a request may take by default: who waited in vain is told so, and not `timeout`, after which a
/// client cannot know whether it was carried out.
const WAIT_MAX: Duration = Duration::from_secs(8);
/// What somebody who found the queue full is told: it has moved on by then.
const RETRY_AFTER_MS: u64 = 1_000;
/// A hash that no password has, with our own parameters: verifying against it takes as long as against
/// a real one.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Makes and checks password hashes.
pub struct Passwords {
    pub strangers: Line,
    pub signed_in: Line,
}

/// Where hashing is waited for.
pub struct Line {
    /// Places to hash.
    pub running: Arc<Semaphore>,
    /// Places to wait, those who hash included.
    pub waiting: Arc<Semaphore>,
}

impl Default for Passwords {
    /// Strangers get half the cores: the other half serves those who are signed in.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            strangers: Line::new((cores / 2).max(1), WAITING_MAX),
            signed_in: Line::new(1, SIGNED_IN_WAITING_MAX),
        }
    }
}

impl Chat {
    /// For those who want to see passwords wait for each other.
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }
}

impl Passwords {
    /// The hash of `password` with a new salt, in PHC string format.
    ///
    /// # Errors
    ///
    /// `rate_limited` if too many wait, `unavailable` after eight seconds of waiting.
    pub async fn hash(&self, asker: Asker, password: NewPassword) -> Result<String, ChatError> {
        let hash = move || hasher().hash_password(password.as_bytes()).map(|hash| hash.to_string());
        self.line(asker).run(hash).await?.map_err(failed)
    }

    /// Whether a spelling of `password` has `hash`; false, after as long a time, if there is none.
    ///
    /// # Errors
    ///
    /// Like [`hash`](Self::hash).
    pub async fn verify(
        &self,
        asker: Asker,
        password: ShownPassword,
        hash: Option<String>,
    ) -> Result<bool, ChatError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODYS_HASH.to_owned());
        let verify = move || is_any(password.spellings(), &hash);
        let verified = self.line(asker).run(verify).await?.map_err(failed)?;
        Ok(known && verified)
    }

    fn line(&self, asker: Asker) -> &Line {
        match asker {
            Asker::Stranger => &self.strangers,
            Asker::SignedIn => &self.signed_in,
        }
    }
}

fn is_any<'a>(spellings: impl Iterator<Item = &'a [u8]>, hash: &str) -> Result<bool, Error> {
    for spelling in spellings {
        match hasher().verify_password(spelling, hash) {
            Ok(()) => return Ok(true),
            Err(Error::PasswordInvalid) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

impl Line {
    fn new(running_max: usize, waiting_max: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running_max)),
            waiting: Arc::new(Semaphore::new(running_max + waiting_max)),
        }
    }

    /// Runs `work` on a blocking thread when it is its turn. The places go with it: a caller who goes
    /// away does not make room for more work than there are cores.
    async fn run<T, F>(&self, work: F) -> Result<T, ChatError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let places = self.take_places().await?;
        let blocking = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(places);
            result
        });
        blocking.await.map_err(|error| {
            log_seldom!(error, %error, "a password hash did not end");
            ChatError::Unavailable
        })
    }

    async fn take_places(&self) -> Result<[OwnedSemaphorePermit; 2], ChatError> {
        let waiting = self
            .waiting
            .clone()
            .try_acquire_owned()
            .map_err(|_| rate_limited("password", RETRY_AFTER_MS))?;
        match tokio::time::timeout(WAIT_MAX, self.running.clone().acquire_owned()).await {
            Ok(running) => Ok([waiting, running.expect("the semaphore is never closed")]),
            Err(_) => {
                log_seldom!(warn, "a password hash waited {WAIT_MAX:?} in vain");
                Err(ChatError::Unavailable)
            }
        }
    }
}

fn hasher() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("constants within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn failed(error: Error) -> ChatError {
    log_seldom!(error, %error, "password hashing failed");
    ChatError::Unavailable
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKER: Asker = Asker::Stranger;

    fn shown(text: &str) -> ShownPassword {
        ShownPassword::parse(text.to_owned()).unwrap()
    }

    async fn hash_of(passwords: &Passwords, text: &str) -> String {
        passwords.hash(ASKER, NewPassword::parse(text.to_owned()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_same_password_has_the_hash() {
        let passwords = Passwords::default();
        let hash = hash_of(&passwords, "correct horse 🐎").await;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = |text: &str| passwords.verify(ASKER, shown(text), Some(hash.clone()));
        assert!(verify("correct horse 🐎").await.unwrap());
        assert!(!verify("correct horse").await.unwrap());
    }

    #[tokio::test]
    async fn a_password_has_its_hash_however_it_is_composed() {
        let passwords = Passwords::default();
        let hash = hash_of(&passwords, "pa\u{308}sswort-lang").await;
        let as_typed = hasher().hash_password("pa\u{308}sswort-lang".as_bytes()).unwrap();
        let verify =
            |text: &str, hash: &str| passwords.verify(ASKER, shown(text), Some(hash.to_owned()));
        for (text, of_today, of_before) in [
            ("pa\u{308}sswort-lang", true, true),
            ("p\u{e4}sswort-lang", true, false),
            ("passwort-lang", false, false),
        ] {
            assert_eq!(verify(text, &hash).await.unwrap(), of_today, "{text}");
            assert_eq!(verify(text, &as_typed.to_string()).await.unwrap(), of_before, "{text}");
        }
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = Passwords::default();
        assert!(!passwords.verify(ASKER, shown("anything"), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_damaged_hash_is_our_fault_and_not_a_wrong_password() {
        let passwords = Passwords::default();
        let result = passwords.verify(ASKER, shown("anything"), Some("plain".into())).await;
        assert!(matches!(result, Err(ChatError::Unavailable)));
    }

    #[tokio::test]
    async fn when_too_many_wait_the_next_is_told_to_come_back() {
        let line = Line::new(1, 1);
        let _hashing = line.take_places().await.unwrap();
        let waiting = line.take_places();
        tokio::pin!(waiting);
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        let refused = line.take_places().await;
        assert!(matches!(refused, Err(ChatError::RateLimited { .. })));
    }

    #[tokio::test]
    async fn whoever_is_signed_in_does_not_wait_for_strangers() {
        let passwords = Passwords { strangers: Line::new(1, 0), ..Passwords::default() };
        let _hashing = passwords.strangers.take_places().await.unwrap();
        let refused = passwords.verify(Asker::Stranger, shown("anything"), None).await;
        assert!(matches!(refused, Err(ChatError::RateLimited { .. })));
        assert!(!passwords.verify(Asker::SignedIn, shown("anything"), None).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_has_a_deadline() {
        let line = Line::new(1, 1);
        let _hashing = line.take_places().await.unwrap();
        assert!(matches!(line.take_places().await, Err(ChatError::Unavailable)));
    }
}
