//! Accounts: registering, signing in, refreshing, passwords. Sessions are in `sessions`.

use serde::Deserialize;

use crate::bus::envelope::Changed;
use crate::chat::attempts::rate_limited;
use crate::chat::tokens::PresentedToken;
use crate::chat::views::SignedIn;
use crate::chat::{Caller, Chat, ChatError};
use crate::clock::UnixMs;
use crate::model::account::{Account, Asker, PasswordAttempt, User};
use crate::model::address::network;
use crate::model::id::{AttemptId, UserId};
use crate::model::name::{self, DISPLAY_NAME_CHARS_MAX, USERNAME_CHARS_MAX};
use crate::model::password::{NewPassword, ShownPassword};
use crate::model::text;
use crate::store::{AttemptLimits, RefreshRotation, Reservation, Rotation, StoreError};
use crate::telemetry::{self, log_seldom};

/// A refresh token answers so long after it was replaced, while its successor is unused: its answer may
/// have been lost, or another tab was first.
const REFRESH_GRACE_MS: u64 = 60_000;
/// Failed logins count this long.
const LOGIN_FAILURE_MS: u64 = 60_000;
const NAME_TAKEN: ChatError = ChatError::Conflict("this user name is taken");
const WRONG_CURRENT_PASSWORD: ChatError = ChatError::Forbidden("the current password is wrong");

/// Where a request came from, for limits and the list of sessions.
#[derive(Clone, Debug)]
pub struct Requester {
    pub address: std::net::IpAddr,
    /// Enough of it to recognise a device by: cut where the request is read.
    pub user_agent: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Register {
    pub username: String,
    pub password: String,
    pub display_name: Option<String>,
}

#[derive(Deserialize)]
pub struct Login {
    pub username: String,
    pub password: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refresh {
    pub refresh_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangePassword {
    pub current_password: String,
    pub new_password: String,
}

/// A registration whose texts are as they have to be.
struct NewAccount {
    username: String,
    password: NewPassword,
    display_name: String,
}

impl NewAccount {
    fn parse(request: Register) -> Result<Self, ChatError> {
        let username = name::username(request.username).map_err(ChatError::text("username"))?;
        let password = NewPassword::parse(request.password).map_err(ChatError::text("password"))?;
        let display_name = request.display_name.unwrap_or_else(|| username.clone());
        let display_name = name::name(display_name, DISPLAY_NAME_CHARS_MAX)
            .map_err(ChatError::text("displayName"))?;
        Ok(Self { username, password, display_name })
    }
}

impl Chat {
    /// Makes an account, which is one more member of the official group, and signs it in.
    ///
    /// # Errors
    ///
    /// `conflict` if the name is taken, `rate_limited` after `limits.registrations_per_minute` tries.
    pub async fn register(
        &self,
        request: Register,
        requester: Requester,
    ) -> Result<SignedIn, ChatError> {
        let new = NewAccount::parse(request)?;
        if self.limits.rates {
            let max = self.limits.registrations_per_minute;
            self.attempts.registrations.take(requester.address, max, self.clock.now_ms()).await?;
        }
        // Asked before hashing, which is what costs; the insertion decides.
        if self.store.find_account_by_name(&new.username).await?.is_some() {
            return Err(NAME_TAKEN);
        }
        let password_hash = self.passwords.hash(Asker::Stranger, new.password).await?;
        let chat = self.clone();
        self.to_the_end(async move {
            let account =
                chat.insert_account(new.username, new.display_name, password_hash).await?;
            if let Some(official) = chat.official_group.get() {
                drop(chat.changed([Changed::MemberCount(*official)]));
            }
            chat.sign_in(account, &requester).await
        })
        .await
    }

    /// # Errors
    ///
    /// `unauthorized`; `rate_limited` after too many failures under this name or from this address,
    /// for the right password, too.
    pub async fn login(&self, request: Login, requester: Requester) -> Result<SignedIn, ChatError> {
        let outcome = self.check_login(request, requester).await;
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
        let Some(session) = self.store.find_session(session_id, now_ms).await? else {
            self.finish_ending(session_id).await?;
            return Err(ChatError::Unauthorized);
        };
        let caller = Caller { user_id: session.user_id, session_id };
        let user = self.user(caller.user_id).await?;

        let rotation = RefreshRotation {
            presented: hash,
            next: successor.hash,
            now_ms,
            expires_at_ms: self.tokens.session_expires_at_ms(now_ms),
            grace_ms: REFRESH_GRACE_MS,
        };
        match self.store.rotate_refresh_token(session_id, &rotation).await? {
            Rotation::Rotated => {
                // It lasts longer now.
                drop(self.changed([Changed::Session(session_id)]));
                Ok(self.signed_in(caller, user, successor.text, now_ms))
            }
            Rotation::NotFound => Err(ChatError::Unauthorized),
            Rotation::Reused => {
                log_seldom!(warn, session.id = %session_id, "refresh token used twice, session ended");
                self.end_sessions(caller.user_id, vec![session_id]).await?;
                Err(ChatError::Unauthorized)
            }
        }
    }

    /// Changes the caller's password and ends all their other sessions. May be retried while it fails:
    /// what was stored already is then finished.
    ///
    /// # Errors
    ///
    /// `forbidden` if the current password is wrong, which counts as a failed login; `rate_limited` after
    /// too many wrong ones of people who are signed in to this account, whatever strangers try.
    pub async fn change_password(
        &self,
        caller: Caller,
        request: ChangePassword,
        requester: Requester,
    ) -> Result<(), ChatError> {
        let new_password =
            NewPassword::parse(request.new_password).map_err(ChatError::text("newPassword"))?;
        let current = ShownPassword::parse(request.current_password)
            .map_err(ChatError::text("currentPassword"))?;
        let username = self.user(caller.user_id).await?.username;
        let turn = self.attempts.own_turn(caller.user_id).await?;
        let chat = self.clone();
        self.to_the_end(async move {
            let _turn = turn;
            let attempt = chat.attempt(Asker::SignedIn, username, &requester)?;
            match chat.check_password(attempt, current).await? {
                Some(account) => chat.store_password(caller, account, new_password).await,
                None => chat.finish_password_change(caller, new_password).await,
            }
        })
        .await
    }

    async fn store_password(
        &self,
        caller: Caller,
        account: Account,
        new_password: NewPassword,
    ) -> Result<(), ChatError> {
        let password_hash = self.passwords.hash(Asker::SignedIn, new_password).await?;
        self.replace_password(caller, &account.password_hash, &password_hash).await
    }

    async fn replace_password(
        &self,
        caller: Caller,
        replaced: &str,
        password_hash: &str,
    ) -> Result<(), ChatError> {
        let Caller { user_id, session_id } = caller;
        let changed = self.store.change_password(user_id, replaced, password_hash, session_id);
        let ended = changed.await?.ok_or(WRONG_CURRENT_PASSWORD)?;
        self.announce_ended(user_id, ended).await
    }

    /// For somebody who tries again after a change was stored and they were told that it failed: to them
    /// the old password is the current one. Whoever knows the password that is current now may end all
    /// other sessions, so nothing but that is needed; a wrong guess counts like any other.
    async fn finish_password_change(
        &self,
        caller: Caller,
        new_password: NewPassword,
    ) -> Result<(), ChatError> {
        let account = self.store.find_account(caller.user_id).await?;
        let hash = account.map(|account| account.password_hash).ok_or(WRONG_CURRENT_PASSWORD)?;
        let new_password = ShownPassword::from(&new_password);
        if !self.passwords.verify(Asker::SignedIn, new_password, Some(hash.clone())).await? {
            return Err(WRONG_CURRENT_PASSWORD);
        }
        self.replace_password(caller, &hash, &hash).await
    }

    async fn insert_account(
        &self,
        username: String,
        display_name: String,
        password_hash: String,
    ) -> Result<Account, ChatError> {
        let (id, created_at_ms) = self.next_id_and_time()?;
        let user_id = UserId::new(id);
        let user = User { id: user_id, username, display_name, avatar: None };
        let account = Account { user, password_hash, operator: false, created_at_ms };
        match self.store.insert_account(&account).await {
            Ok(()) => {}
            Err(StoreError::Conflict) => return Err(NAME_TAKEN),
            Err(error) => return Err(error.into()),
        }
        tracing::info!(user.id = %user_id, "registered user {user_id}");
        Ok(account)
    }

    async fn check_login(
        &self,
        request: Login,
        requester: Requester,
    ) -> Result<SignedIn, ChatError> {
        let password =
            ShownPassword::parse(request.password).map_err(ChatError::text("password"))?;
        let username = text::at_most(request.username, USERNAME_CHARS_MAX)
            .map_err(ChatError::text("username"))?;
        let turn = self.attempts.login_turn(&username, requester.address).await?;
        let chat = self.clone();
        // Somebody who does not wait for the answer has tried all the same.
        self.to_the_end(async move {
            let _turn = turn;
            let (address, now_ms) = (requester.address, chat.clock.now_ms());
            let max = chat.limits.login_failures_per_address_per_minute;
            let place = chat.attempts.failed_logins.reserve(address, max, now_ms).await?;
            let attempt = chat.attempt(Asker::Stranger, username, &requester)?;
            let Some(account) = chat.check_password(attempt, password).await? else {
                place.count(chat.clock.now_ms());
                return Err(ChatError::Unauthorized);
            };
            chat.sign_in(account, &requester).await
        })
        .await
    }

    fn attempt(
        &self,
        asker: Asker,
        username: String,
        requester: &Requester,
    ) -> Result<PasswordAttempt, ChatError> {
        let (id, now_ms) = (AttemptId::new(self.next_id()?), self.clock.now_ms());
        let expires_at_ms = now_ms + LOGIN_FAILURE_MS;
        let network = network(requester.address);
        Ok(PasswordAttempt { id, username, asker, network, expires_at_ms })
    }

    /// The account of the attempt's user name if `password` is its own. Counts as a failure from before
    /// it is looked at, so that no more can be tried at once than one after another.
    ///
    /// A name that nobody has takes as long, counts as much and answers the same, so that names cannot
    /// be probed here.
    ///
    /// # Errors
    ///
    /// `rate_limited`, before anything is hashed.
    async fn check_password(
        &self,
        attempt: PasswordAttempt,
        password: ShownPassword,
    ) -> Result<Option<Account>, ChatError> {
        self.reserve(&attempt).await?;
        let checked = self.verify(&attempt, password).await;
        if matches!(checked, Ok(None)) {
            return checked;
        }
        if let Err(error) = self.store.release_attempt(attempt.id).await {
            // It counts for a minute, as if it had been wrong.
            log_seldom!(warn, %error, "a password that was not wrong counts as wrong");
        }
        checked
    }

    async fn reserve(&self, attempt: &PasswordAttempt) -> Result<(), ChatError> {
        let limits = AttemptLimits {
            own_max: self.limits.login_failures_per_minute,
            name_max: self.limits.login_failures_per_name_per_minute,
        };
        let now_ms = self.clock.now_ms();
        match self.store.reserve_attempt(attempt, limits, now_ms).await? {
            Reservation::Reserved => Ok(()),
            Reservation::TooMany { until_ms } => {
                Err(rate_limited("login", until_ms.saturating_sub(now_ms)))
            }
        }
    }

    async fn verify(
        &self,
        attempt: &PasswordAttempt,
        password: ShownPassword,
    ) -> Result<Option<Account>, ChatError> {
        let account = self.store.find_account_by_name(&attempt.username).await?;
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let verified = self.passwords.verify(attempt.asker, password, hash).await?;
        Ok(account.filter(|_| verified))
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
