//! People and their passwords.

use async_trait::async_trait;

use crate::model::account::{Account, User, UserPatch};
use crate::model::id::{SessionId, UserId};
use crate::store::StoreError;

#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Steps: the account, which makes the person a member of the official group
    /// ([`MemberStore`](crate::store::MemberStore)); the list of accounts; its name, without which nobody can
    /// sign in to it. Of racing inserts of one name one succeeds. Repeating an insert that succeeded succeeds,
    /// and changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if the folded user name is taken.
    async fn insert_account(&self, account: &Account) -> Result<(), StoreError>;

    async fn find_account(&self, user_id: UserId) -> Result<Option<Account>, StoreError>;

    /// `username` in any case.
    async fn find_account_by_name(&self, username: &str) -> Result<Option<Account>, StoreError>;

    /// The users among `user_ids` that exist, in any order. At most 1,000 ids.
    async fn list_users(&self, user_ids: &[UserId]) -> Result<Vec<User>, StoreError>;

    /// Returns the user after the change, `None` if there is no such user.
    async fn update_user(
        &self,
        user_id: UserId,
        patch: &UserPatch,
    ) -> Result<Option<User>, StoreError>;

    /// Replaces a person's password and ends all their sessions but `kept`: whoever knew only the old
    /// password is out. Steps: the password, then the sessions. Returns those that have ended and are not deleted, earlier ones
    /// included; see [`end_sessions`](crate::store::SessionStore::end_sessions).
    ///
    /// `None`, and nothing changes, if the person's hash is neither `replaced` nor `password_hash`: the
    /// password was changed meanwhile. Of racing changes one is carried out.
    async fn change_password(
        &self,
        user_id: UserId,
        replaced: &str,
        password_hash: &str,
        kept: SessionId,
    ) -> Result<Option<Vec<SessionId>>, StoreError>;

    /// Nothing happens if there is no such user.
    async fn set_operator(&self, user_id: UserId, operator: bool) -> Result<(), StoreError>;

    /// Users whose user name begins with `prefix`, or whose display name does from one of its words on
    /// ([`search`](crate::model::search)), without case; by folded user name. Names that thousands share are not all looked at. A name that was
    /// just changed may be found by the old one.
    async fn search_users(&self, prefix: &str, limit: usize) -> Result<Vec<User>, StoreError>;
}
