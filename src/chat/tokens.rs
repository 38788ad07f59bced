//! Access tokens (JWT, HS256) and refresh tokens (opaque, each replaced by its one successor).
//!
//! Whether the session of a token still lasts is not known here: `sessions` asks the store.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::chat::secrets::derive;
use crate::chat::{Caller, ChatError};
use crate::clock::UnixMs;
use crate::model::account::TokenHash;
use crate::model::id::{SessionId, UserId};
use crate::section::section;

/// Short, because an access token that leaks is of use this long at most.
pub const ACCESS_TTL: Duration = Duration::from_secs(15 * 60);
/// A device that is not used for a quarter signs in again.
pub const REFRESH_TTL: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Ours have about 200 bytes; what is longer is not worth decoding.
const TOKEN_BYTES_MAX: usize = 1024;
const RANDOM_BYTES: usize = 32;
/// 128 bits, which nobody guesses online.
const MAC_BYTES: usize = 16;

/// Makes and checks tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    refresh_key: [u8; 32],
    successor_key: [u8; 32],
    access_ttl_ms: u64,
    refresh_ttl_ms: u64,
}

/// An access token and when it ceases to count.
pub struct AccessToken {
    pub text: String,
    pub expires_at_ms: UnixMs,
}

/// A refresh token for the client, and what the store keeps of it.
pub struct RefreshToken {
    pub text: String,
    pub hash: TokenHash,
}

/// A refresh token of ours that somebody has shown.
pub struct PresentedToken {
    pub session_id: SessionId,
    pub hash: TokenHash,
    /// What it is replaced by: the same one however often it is shown, so that whoever missed the
    /// answer gets it again, and two who refresh at once get one pair that serves both.
    pub successor: RefreshToken,
}

section! {
    /// What operators may set of sessions and their tokens.
    pub struct AuthSettings {
        /// Seconds that an access token is good for.
        access_token: Duration = "auth.access_token_seconds", Duration::from_secs(15 * 60), 1..;
        /// Seconds that a session lasts without being refreshed.
        session: Duration = "auth.session_seconds", Duration::from_secs(90 * 24 * 60 * 60), 1..;
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    sid: SessionId,
    /// Seconds since the Unix epoch, as RFC 7519 has it.
    iat: u64,
    exp: u64,
}

impl Tokens {
    pub fn new(secret: [u8; 32], access_ttl: Duration, refresh_ttl: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Against our own clock, in `read_access`; nothing else in a token of ours can be wrong.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self {
            encoding: EncodingKey::from_secret(&secret),
            decoding: DecodingKey::from_secret(&secret),
            validation,
            refresh_key: derive(&secret, "refresh tokens"),
            successor_key: derive(&secret, "successors of refresh tokens"),
            // None lasts longer than a session that is not refreshed.
            access_ttl_ms: in_ms(access_ttl.min(refresh_ttl)),
            refresh_ttl_ms: in_ms(refresh_ttl),
        }
    }

    pub fn issue_access(&self, caller: Caller, now_ms: UnixMs) -> AccessToken {
        let exp = (now_ms + self.access_ttl_ms) / 1000;
        let claims =
            Claims { sub: caller.user_id, sid: caller.session_id, iat: now_ms / 1000, exp };
        let text = encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .expect("an HMAC key of our own signs claims of our own");
        AccessToken { text, expires_at_ms: exp * 1000 }
    }

    /// Who `token` was issued to.
    ///
    /// # Errors
    ///
    /// `token_expired` for one of ours that is too old, `unauthorized` for everything else.
    pub fn read_access(&self, token: &str, now_ms: UnixMs) -> Result<Caller, ChatError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(ChatError::Unauthorized);
        }
        let claims = decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| ChatError::Unauthorized)?
            .claims;
        if now_ms >= claims.exp.saturating_mul(1000) {
            return Err(ChatError::TokenExpired);
        }
        Ok(Caller { user_id: claims.sub, session_id: claims.sid })
    }

    /// The first refresh token of a session.
    pub fn issue_refresh(&self, session_id: SessionId) -> RefreshToken {
        self.refresh_token(session_id, &rand::random())
    }

    /// What is known of a refresh token without the store; `None` if it is none of ours.
    ///
    /// The mac is compared in constant time, and the store compares only hashes of what passed it.
    pub fn read_refresh(&self, token: &str) -> Option<PresentedToken> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (session_id, secret) = token.split_once('.')?;
        let session_id = session_id.parse().ok()?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
        if secret.len() != RANDOM_BYTES + MAC_BYTES {
            return None;
        }
        let (random, mac) = secret.split_at(RANDOM_BYTES);
        self.refresh_mac(session_id, random).verify_truncated_left(mac).ok()?;
        let hash = Sha256::digest(&secret).into();
        // From the secret and not from its hash: the hash is in the store and in its backups.
        let next = mac_of(&self.successor_key, session_id, &secret).finalize().into_bytes();
        let successor = self.refresh_token(session_id, &next.into());
        Some(PresentedToken { session_id, hash, successor })
    }

    /// `<session id>.<random><mac>`. The mac says that the token was issued to that session: a stranger
    /// who guesses the id of a session must not be able to end it with a "used" token.
    fn refresh_token(&self, session_id: SessionId, random: &[u8; RANDOM_BYTES]) -> RefreshToken {
        let mac = self.refresh_mac(session_id, random).finalize().into_bytes();
        let secret = [&random[..], &mac[..MAC_BYTES]].concat();
        RefreshToken {
            text: format!("{session_id}.{}", URL_SAFE_NO_PAD.encode(&secret)),
            hash: Sha256::digest(&secret).into(),
        }
    }

    /// When a session that is used now ends by itself.
    pub fn session_expires_at_ms(&self, now_ms: UnixMs) -> UnixMs {
        now_ms + self.refresh_ttl_ms
    }

    fn refresh_mac(&self, session_id: SessionId, random: &[u8]) -> Hmac<Sha256> {
        mac_of(&self.refresh_key, session_id, random)
    }
}

fn mac_of(key: &[u8; 32], session_id: SessionId, bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&session_id.get().to_be_bytes());
    mac.update(bytes);
    mac
}

fn in_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: UnixMs = 1_795_521_600_500;
    const CALLER: Caller = Caller { user_id: UserId::new(17), session_id: SessionId::new(4711) };

    fn tokens() -> Tokens {
        Tokens::new([7; 32], ACCESS_TTL, REFRESH_TTL)
    }

    fn forged(header: &str, claims: &str, signature: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{signature}", part(header), part(claims))
    }

    #[test]
    fn an_access_token_counts_until_it_expires() {
        let token = tokens().issue_access(CALLER, NOW_MS);
        assert_eq!(token.expires_at_ms, (NOW_MS + 900_000) / 1000 * 1000);
        let read = |now_ms| tokens().read_access(&token.text, now_ms);
        assert_eq!(read(NOW_MS).unwrap(), CALLER);
        assert_eq!(read(token.expires_at_ms - 1).unwrap(), CALLER);
        assert!(matches!(read(token.expires_at_ms), Err(ChatError::TokenExpired)));
        assert_eq!(read(NOW_MS - 3_600_000).unwrap(), CALLER, "another node's clock may be ahead");
    }

    #[test]
    fn what_was_not_signed_here_is_unauthorized() {
        let token = tokens().issue_access(CALLER, NOW_MS).text;
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let other = Tokens::new([8; 32], ACCESS_TTL, REFRESH_TTL).issue_access(CALLER, NOW_MS);
        let changed = r#"{"sub":"18","sid":"4711","iat":1795521600,"exp":1895522500}"#;
        let none = r#"{"typ":"JWT","alg":"none"}"#;
        for bad in [
            "",
            "a.b.c",
            signed,
            &format!("{signed}."),
            &format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(changed)),
            &forged(none, changed, ""),
            &forged(r#"{"typ":"JWT","alg":"HS512"}"#, changed, signature),
            &format!("{header}.{claims}.{}", signature.to_uppercase()),
            &other.text,
            &"x".repeat(5000),
        ] {
            let refused = tokens().read_access(bad, NOW_MS);
            assert!(matches!(refused, Err(ChatError::Unauthorized)), "{bad}");
        }
    }

    #[test]
    fn an_expired_token_of_somebody_else_is_not_expired_but_unauthorized() {
        let other = Tokens::new([8; 32], ACCESS_TTL, REFRESH_TTL).issue_access(CALLER, 0);
        let refused = tokens().read_access(&other.text, NOW_MS);
        assert!(matches!(refused, Err(ChatError::Unauthorized)));
    }

    #[test]
    fn a_refresh_token_names_its_session_and_never_repeats() {
        let (one, two) =
            (tokens().issue_refresh(CALLER.session_id), tokens().issue_refresh(CALLER.session_id));
        assert_ne!((&one.text, one.hash), (&two.text, two.hash));
        let read = tokens().read_refresh(&one.text).unwrap();
        assert_eq!((read.session_id, read.hash), (CALLER.session_id, one.hash));
    }

    #[test]
    fn a_refresh_token_has_one_successor_that_only_the_server_can_tell() {
        let successor_by =
            |tokens: Tokens, text: &str| tokens.read_refresh(text).unwrap().successor;
        let first = tokens().issue_refresh(CALLER.session_id);
        let (second, again) =
            (successor_by(tokens(), &first.text), successor_by(tokens(), &first.text));
        assert_eq!((&second.text, second.hash), (&again.text, again.hash));
        let third = successor_by(tokens(), &second.text);
        let another = successor_by(tokens(), &tokens().issue_refresh(CALLER.session_id).text);
        let texts = [&first.text, &second.text, &third.text, &another.text];
        assert_eq!(std::collections::HashSet::from(texts).len(), 4, "{texts:?}");
        let elsewhere = Tokens::new([8; 32], ACCESS_TTL, REFRESH_TTL);
        assert!(elsewhere.read_refresh(&first.text).is_none());
    }

    #[test]
    fn a_refresh_token_is_bound_to_its_session() {
        let token = tokens().issue_refresh(CALLER.session_id).text;
        let (_, secret) = token.split_once('.').unwrap();
        let guessed = URL_SAFE_NO_PAD.encode([0; RANDOM_BYTES + MAC_BYTES]);
        for bad in [
            "",
            "4711",
            "4711.",
            secret,
            &format!("4712.{secret}"),
            &format!("4711.{guessed}"),
            &token[..token.len() - 1],
            &format!("{token}A"),
        ] {
            assert!(tokens().read_refresh(bad).is_none(), "{bad}");
        }
    }
}
