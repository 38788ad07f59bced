//! Accounts: registering, signing in, refreshing, passwords. Sessions are in `sessions`.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::chat::attempts::rate_limited;
use crate::chat::tokens::PresentedToken;
use crate::chat::views::SignedIn;
use crate::chat::{Caller, Chat, ChatError};
use crate::clock::UnixMs;
use crate::model::account::{Account, User};
use crate::model::id::UserId;
use crate::model::text;
use crate::store::{RefreshRotation, Rotation, StoreError};
use crate::telemetry;

/// A refresh token answers so long after it was replaced, while its successor is unused: its answer may
/// have been lost, or another tab was first.
const REFRESH_GRACE_MS: u64 = 60_000;
/// Failed logins count this long.
const LOGIN_FAILURE_MS: u64 = 60_000;
const NAME_TAKEN: ChatError = ChatError::Conflict("this user name is taken");

/// Where a request came from, for limits and the list of sessions.
#[derive(Clone, Debug)]
pub struct Origin {
    pub address: std::net::IpAddr,
    /// Enough of it to recognise a device by: cut where the request is read.
    pub user_agent: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Register {
    pub username: String,
    pub password: String,
    pub display_name: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct Login {
    pub username: String,
    pub password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refresh {
    pub refresh_token: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangePassword {
    pub current_password: String,
    pub new_password: String,
}

/// A registration whose texts are as they have to be.
struct NewAccount {
    username: String,
    password: String,
    display_name: String,
}

impl NewAccount {
    fn parse(request: Register) -> Result<Self, ChatError> {
        let username = text::username(request.username).map_err(ChatError::text("username"))?;
        let password = text::password(request.password).map_err(ChatError::text("password"))?;
        let display_name = request.display_name.unwrap_or_else(|| username.clone());
        let display_name = text::name(display_name, text::DISPLAY_NAME_CHARS_MAX)
            .map_err(ChatError::text("displayName"))?;
        Ok(Self { username, password, display_name })
    }
}

impl Chat {
    /// Makes an account that is a member of the official group, and signs it in.
    ///
    /// # Errors
    ///
    /// `conflict` if the name is taken, `rate_limited` after `limits.registrations_per_minute` tries.
    pub async fn register(&self, request: Register, origin: Origin) -> Result<SignedIn, ChatError> {
        let new = NewAccount::parse(request)?;
        if self.limits.rates {
            let max = self.limits.registrations_per_minute;
            self.attempts.registrations.take(origin.address, max, self.clock.now_ms()).await?;
        }
        // Asked before hashing, which is what costs; the insertion decides.
        if self.store.find_account_by_name(&new.username).await?.is_some() {
            return Err(NAME_TAKEN);
        }
        let password_hash = self.passwords.hash(new.password).await?;
        let chat = self.clone();
        self.to_the_end(async move {
            let user = chat.insert_account(new.username, new.display_name, password_hash).await?;
            chat.join_official_group(user.id).await?;
            chat.sign_in(user, &origin).await
        })
        .await
    }

    /// # Errors
    ///
    /// `unauthorized`; `rate_limited` after too many failures under this name or from this address,
    /// for the right password, too.
    pub async fn login(&self, request: Login, origin: Origin) -> Result<SignedIn, ChatError> {
        let outcome = self.check_login(request, origin).await;
        let label = match &outcome {
            Ok(_) => "ok",
            Err(ChatError::Unauthorized) => "refused",
            Err(ChatError::RateLimited { .. }) => "limited",
            Err(_) => "error",
        };
        metrics::counter!(telemetry::LOGINS, "outcome" => label).increment(1);
        outcome
    }

    /// Replaces a refresh token and issues an access token. May be repeated: for a minute a token
    /// answers the same successor as often as it comes, until that is used.
    ///
    /// # Errors
    ///
    /// `unauthorized` for an unknown token; one whose successor was used ends its session, because one
    /// of the two who have them is a thief.
    pub async fn refresh(&self, request: Refresh) -> Result<SignedIn, ChatError> {
        let PresentedToken { session_id, hash, successor } =
            self.tokens.read_refresh(&request.refresh_token).ok_or(ChatError::Unauthorized)?;
        let now_ms = self.clock.now_ms();
        let session = self.store.find_session(session_id, now_ms).await?;
        let caller = session
            .map(|session| Caller { user_id: session.user_id, session_id })
            .ok_or(ChatError::Unauthorized)?;
        let user = self.user(caller.user_id).await?;

        let rotation = RefreshRotation {
            presented: hash,
            next: successor.hash,
            now_ms,
            expires_at_ms: self.tokens.session_expires_at_ms(now_ms),
            grace_ms: REFRESH_GRACE_MS,
        };
        match self.store.rotate_refresh_token(session_id, &rotation).await? {
            Rotation::Rotated => Ok(self.signed_in(caller, user, successor.text, now_ms)),
            Rotation::NotFound => Err(ChatError::Unauthorized),
            Rotation::Reused => {
                tracing::warn!(session.id = %session_id, "refresh token used twice, session ended");
                self.end_sessions(caller.user_id, vec![session_id]).await?;
                Err(ChatError::Unauthorized)
            }
        }
    }

    /// Changes the caller's password and ends all their other sessions.
    ///
    /// # Errors
    ///
    /// `forbidden` if the current password is wrong, which counts as a failed login.
    pub async fn change_password(
        &self,
        caller: Caller,
        request: ChangePassword,
    ) -> Result<(), ChatError> {
        let new_password =
            text::password(request.new_password).map_err(ChatError::text("newPassword"))?;
        let current = text::at_most(request.current_password, text::PASSWORD_CHARS_MAX)
            .map_err(ChatError::text("currentPassword"))?;
        let username = self.user(caller.user_id).await?.username;
        // Held to the end: a login with the old password either comes first, and its session is ended,
        // or is refused.
        let turn = self.attempts.turn(&username).await?;
        let chat = self.clone();
        self.to_the_end(async move {
            let _turn = turn;
            if chat.check_password(&username, current).await?.is_none() {
                return Err(ChatError::Forbidden("the current password is wrong"));
            }
            let password_hash = chat.passwords.hash(new_password).await?;
            chat.store.set_password_hash(caller.user_id, &password_hash).await?;
            chat.end_other_sessions(caller).await
        })
        .await
    }

    async fn insert_account(
        &self,
        username: String,
        display_name: String,
        password_hash: String,
    ) -> Result<User, ChatError> {
        let (id, created_at_ms) = self.next_id_and_time()?;
        let user = User { id: UserId::new(id), username, display_name, avatar: None };
        let account = Account { user: user.clone(), password_hash, operator: false, created_at_ms };
        match self.store.insert_account(&account).await {
            Ok(()) => {}
            Err(StoreError::Conflict) => return Err(NAME_TAKEN),
            Err(error) => return Err(error.into()),
        }
        tracing::info!(user.id = %user.id, "registered user {}", user.id);
        Ok(user)
    }

    async fn check_login(&self, request: Login, origin: Origin) -> Result<SignedIn, ChatError> {
        let password = text::at_most(request.password, text::PASSWORD_CHARS_MAX)
            .map_err(ChatError::text("password"))?;
        let username = text::at_most(request.username, text::USERNAME_CHARS_MAX)
            .map_err(ChatError::text("username"))?;
        let turn = self.attempts.turn(&username).await?;
        let max = self.limits.login_failures_per_address_per_minute;
        self.attempts.failed_logins.check(origin.address, max, self.clock.now_ms()).await?;
        let chat = self.clone();
        // Somebody who does not wait for the answer has tried all the same.
        self.to_the_end(async move {
            let _turn = turn;
            let Some(account) = chat.check_password(&username, password).await? else {
                chat.attempts.failed_logins.count(origin.address, chat.clock.now_ms()).await;
                return Err(ChatError::Unauthorized);
            };
            chat.heal_official_membership(account.user.id).await?;
            chat.sign_in(account.user, &origin).await
        })
        .await
    }

    /// The account of `username` if `password` is its own; notes a failure if not.
    ///
    /// A name that nobody has takes as long, counts as much and answers the same, so that names cannot
    /// be probed here. To be called in the name's turn.
    ///
    /// # Errors
    ///
    /// `rate_limited`, before anything is hashed.
    async fn check_password(
        &self,
        username: &str,
        password: String,
    ) -> Result<Option<Account>, ChatError> {
        self.refuse_after_failures(username).await?;
        let account = self.store.find_account_by_name(username).await?;
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        if self.passwords.verify(password, hash).await? {
            return Ok(account);
        }
        let now_ms = self.clock.now_ms();
        self.store.insert_login_failure(username, now_ms, now_ms + LOGIN_FAILURE_MS).await?;
        Ok(None)
    }

    async fn refuse_after_failures(&self, username: &str) -> Result<(), ChatError> {
        let now_ms = self.clock.now_ms();
        let failures = self.store.count_login_failures(username, now_ms).await?;
        if failures.count < self.limits.login_failures_per_minute {
            return Ok(());
        }
        Err(rate_limited("login", failures.first_expires_at_ms.saturating_sub(now_ms)))
    }

    /// The body of an answer that signs somebody in.
    pub(crate) fn signed_in(
        &self,
        caller: Caller,
        user: User,
        refresh_token: String,
        now_ms: UnixMs,
    ) -> SignedIn {
        let access = self.tokens.issue_access(caller, now_ms);
        SignedIn {
            access_token: access.text,
            access_token_expires_at: crate::model::time::Timestamp(access.expires_at_ms),
            refresh_token,
            user,
        }
    }
}
