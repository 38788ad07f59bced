//! People and their passwords.

use async_trait::async_trait;
use scylla::DeserializeRow;
use scylla::value::MaybeUnset;

use crate::model::account::{Account, User, UserPatch};
use crate::model::id::{Bucket, MessageId, SessionId, UserId};
use crate::model::name::folded_username;
use crate::model::search;
use crate::store::scylla::ScyllaStore;
use crate::store::scylla::database::for_all;
use crate::store::scylla::statement::statements;
use crate::store::scylla::value::{Ms, prefix_end, rows};
use crate::store::scylla::words::{first_character, note_words};
use crate::store::{AccountStore, StoreError};

statements! {
    find: read "SELECT user_id, username, display_name, avatar, password_hash, operator, created_at_ms
                FROM ks.users WHERE user_id = ?";
    find_user: read "SELECT user_id, username, display_name, avatar FROM ks.users WHERE user_id = ?";
    find_name: read "SELECT user_id FROM ks.users_by_name WHERE username_folded = ?";
    insert: decide "INSERT INTO ks.users (username, display_name, avatar, password_hash, operator, created_at_ms,
                                          user_id)
                    VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS";
    take_back: decide "DELETE FROM ks.users WHERE user_id = ? IF EXISTS";
    claim: decide "INSERT INTO ks.users_by_name (username_folded, user_id) VALUES (?, ?) IF NOT EXISTS";
    list: write "INSERT INTO ks.accounts (bucket, user_id) VALUES (?, ?)";
    unlist: write "DELETE FROM ks.accounts WHERE bucket = ? AND user_id = ?";
    note_bucket: write "INSERT INTO ks.account_buckets (scope, bucket) VALUES (0, ?)";
    note_name: write "INSERT INTO ks.user_names (first, username_folded, user_id) VALUES (?, ?, ?)";
    forget_name: write "DELETE FROM ks.user_names WHERE first = ? AND username_folded = ? AND user_id = ?";
    update: decide "UPDATE ks.users SET display_name = ?, avatar = ? WHERE user_id = ? IF EXISTS";
    change_password: decide "UPDATE ks.users SET password_hash = ? WHERE user_id = ?
                             IF password_hash IN (?, ?)";
    set_operator: decide "UPDATE ks.users SET operator = ? WHERE user_id = ? IF EXISTS";
    names: read "SELECT username_folded, user_id FROM ks.user_names
                 WHERE first = ? AND username_folded >= ? AND username_folded < ? LIMIT ?";
    words: read "SELECT username_folded, user_id FROM ks.user_words
                 WHERE first = ? AND word >= ? AND word < ? LIMIT ?";
}

/// Words that a search looks at: a letter that thousands of people's names begin with costs no more.
const WORDS_LOOKED_AT_MAX: usize = 2000;

#[derive(DeserializeRow)]
struct UserRow {
    user_id: UserId,
    username: String,
    display_name: String,
    avatar: Option<String>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let UserRow { user_id, username, display_name, avatar } = row;
        Self { id: user_id, username, display_name, avatar }
    }
}

#[derive(DeserializeRow)]
pub(super) struct AccountRow {
    user_id: UserId,
    username: String,
    display_name: String,
    avatar: Option<String>,
    password_hash: String,
    operator: bool,
    created_at_ms: Ms,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        let AccountRow {
            user_id,
            username,
            display_name,
            avatar,
            password_hash,
            operator,
            created_at_ms,
        } = row;
        let user = User { id: user_id, username, display_name, avatar };
        Self { user, password_hash, operator, created_at_ms: created_at_ms.0 }
    }
}

/// The partition of the list of accounts that has somebody.
pub(super) fn bucket_of(user_id: UserId) -> Bucket {
    MessageId::new(user_id.get()).bucket()
}

impl ScyllaStore {
    pub(super) async fn find_user(&self, user_id: UserId) -> Result<Option<User>, StoreError> {
        let row: Option<UserRow> =
            self.db().row(&self.cql().accounts.find_user, (user_id,)).await?;
        Ok(row.map(User::from))
    }

    pub(super) async fn account(&self, user_id: UserId) -> Result<Option<Account>, StoreError> {
        let row: Option<AccountRow> = self.db().row(&self.cql().accounts.find, (user_id,)).await?;
        Ok(row.map(Account::from))
    }

    async fn owner_of(&self, username_folded: &str) -> Result<Option<UserId>, StoreError> {
        self.db().value(&self.cql().accounts.find_name, (username_folded,)).await
    }

    async fn insert_account_row(&self, account: &Account) -> Result<(), StoreError> {
        let Account { user, password_hash, operator, created_at_ms } = account;
        let avatar = MaybeUnset::from_option(user.avatar.as_ref());
        let names = (&user.username, &user.display_name);
        let created = Ms(*created_at_ms);
        let values = (names.0, names.1, avatar, password_hash, operator, created, user.id);
        self.db().decide(&self.cql().accounts.insert, values).await.map(drop)
    }

    /// Among everybody, and where searches look.
    async fn list_account(&self, user: &User, username_folded: &str) -> Result<(), StoreError> {
        let (cql, bucket) = (&self.cql().accounts, bucket_of(user.id));
        self.db().write(&cql.note_bucket, (bucket,)).await?;
        self.db().write(&cql.list, (bucket, user.id)).await?;
        let first = first_character(username_folded);
        self.db().write(&cql.note_name, (first, username_folded, user.id)).await?;
        note_words(self, user, &[]).await
    }

    /// Takes back what was stored of an account whose name somebody else was faster to take.
    async fn take_back(&self, user: &User, username_folded: &str) -> Result<(), StoreError> {
        let cql = &self.cql().accounts;
        self.db().write(&cql.unlist, (bucket_of(user.id), user.id)).await?;
        let first = first_character(username_folded);
        self.db().write(&cql.forget_name, (first, username_folded, user.id)).await?;
        self.forget_words(user.id, &search::word_keys(&user.display_name)).await?;
        self.db().decide(&cql.take_back, (user.id,)).await.map(drop)
    }

    /// People by folded user name, whose names may have changed since they were noted.
    async fn candidates(
        &self,
        (username, word): (&str, &str),
        limit: usize,
    ) -> Result<Vec<(String, UserId)>, StoreError> {
        let cql = &self.cql().accounts;
        let range = |key: &str, limit| {
            (first_character(key).to_owned(), key.to_owned(), prefix_end(key), rows(limit))
        };
        let names = self.db().rows::<(String, UserId)>(&cql.names, range(username, limit));
        let words = self.db().rows(&cql.words, range(word, WORDS_LOOKED_AT_MAX));
        let (mut found, by_word) = futures_util::try_join!(names, words)?;
        found.extend(by_word);
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

#[async_trait]
impl AccountStore for ScyllaStore {
    async fn insert_account(&self, account: &Account) -> Result<(), StoreError> {
        let (user, steps) = (&account.user, self.steps("insert_account"));
        self.call("insert_account", async {
            let username = folded_username(&user.username);
            match self.owner_of(&username).await? {
                Some(owner) if owner == user.id => return Ok(()), // The name is last: all is there.
                Some(_) => return Err(StoreError::Conflict),
                None => {}
            }
            self.insert_account_row(account).await?;
            steps.done()?;
            self.list_account(user, &username).await?;
            steps.done()?;
            let claim = self.db().decide(&self.cql().accounts.claim, (&username, user.id)).await?;
            if claim.applied() || claim.found("user_id")? == Some(user.id) {
                if let Some(official) = self.0.official.get() {
                    self.adjust_count(*official, 1);
                }
                return Ok(());
            }
            self.take_back(user, &username).await?;
            Err(StoreError::Conflict)
        })
        .await
    }

    async fn find_account(&self, user_id: UserId) -> Result<Option<Account>, StoreError> {
        self.call("find_account", self.account(user_id)).await
    }

    async fn find_account_by_name(&self, username: &str) -> Result<Option<Account>, StoreError> {
        self.call("find_account_by_name", async {
            match self.owner_of(&folded_username(username)).await? {
                Some(user_id) => self.account(user_id).await,
                None => Ok(None),
            }
        })
        .await
    }

    async fn list_users(&self, user_ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        self.call("list_users", async {
            let found =
                for_all(user_ids.iter().copied(), |user_id| self.find_user(user_id)).await?;
            Ok(found.into_iter().flatten().collect())
        })
        .await
    }

    async fn update_user(
        &self,
        user_id: UserId,
        patch: &UserPatch,
    ) -> Result<Option<User>, StoreError> {
        self.call("update_user", async {
            let Some(before) = self.find_user(user_id).await? else { return Ok(None) };
            if *patch == UserPatch::default() {
                return Ok(Some(before));
            }
            let display_name = MaybeUnset::from_option(patch.display_name.as_ref());
            let avatar = MaybeUnset::from_option(patch.avatar.as_ref());
            let values = (display_name, avatar, user_id);
            if !self.db().decide(&self.cql().accounts.update, values).await?.applied() {
                return Ok(None);
            }
            let after = self.find_user(user_id).await?;
            if let Some(user) = after.as_ref().filter(|_| patch.display_name.is_some()) {
                note_words(self, user, &search::word_keys(&before.display_name)).await?;
            }
            Ok(after)
        })
        .await
    }

    async fn change_password(
        &self,
        user_id: UserId,
        replaced: &str,
        password_hash: &str,
        kept: SessionId,
    ) -> Result<Option<Vec<SessionId>>, StoreError> {
        let steps = self.steps("change_password");
        self.call("change_password", async {
            let values = (password_hash, user_id, replaced, password_hash);
            let changed = self.db().decide(&self.cql().accounts.change_password, values).await?;
            if !changed.applied() {
                return Ok(None);
            }
            steps.done()?;
            self.end_sessions_of(user_id, kept).await.map(Some)
        })
        .await
    }

    async fn set_operator(&self, user_id: UserId, operator: bool) -> Result<(), StoreError> {
        let set = &self.cql().accounts.set_operator;
        self.call("set_operator", async {
            self.db().decide(set, (operator, user_id)).await.map(drop)
        })
        .await
    }

    async fn search_users(&self, prefix: &str, limit: usize) -> Result<Vec<User>, StoreError> {
        let keys = (folded_username(prefix), search::key(prefix));
        let (username, word) = (keys.0.as_str(), keys.1.as_str());
        if username.is_empty() {
            return Ok(Vec::new());
        }
        let matches = |user: &User| {
            folded_username(&user.username).starts_with(username)
                || search::word_keys(&user.display_name).iter().any(|key| key.starts_with(word))
        };
        self.call("search_users", async {
            let mut found = Vec::new();
            for some in self.candidates((username, word), limit).await?.chunks(limit.max(1)) {
                let users = for_all(some, |(_, user_id)| self.find_user(*user_id)).await?;
                found.extend(users.into_iter().flatten().filter(matches));
                if found.len() >= limit {
                    break;
                }
            }
            found.truncate(limit);
            Ok(found)
        })
        .await
    }
}
