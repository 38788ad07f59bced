//! People as others see them.

use serde::Deserialize;

use crate::bus::envelope::{Changed, Entity, Topic};
use crate::chat::debts::Owed;
use crate::chat::error::Noun;
use crate::chat::turns::Subject;
use crate::chat::views::Users;
use crate::chat::{Caller, Chat, ChatError};
use crate::model::account::{User, UserPatch};
use crate::model::event::Push;
use crate::model::id::UserId;
use crate::model::name::{DISPLAY_NAME_CHARS_MAX, name};
use crate::model::text;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateUser {
    pub display_name: Option<String>,
    /// null removes it.
    #[serde(default, deserialize_with = "crate::chat::given")]
    pub avatar: Option<Option<String>>,
}

#[derive(Deserialize)]
pub struct SearchUsers {
    pub query: String,
    #[serde(default, deserialize_with = "crate::chat::whole_number")]
    pub limit: Option<u32>,
}

/// Longer lists are for looking through, not for searching.
const SEARCH_LIMIT_MAX: u32 = 50;
const SEARCH_LIMIT_DEFAULT: u32 = 20;

impl Chat {
    /// Changes what others see of the caller; absent fields stay.
    pub async fn update_user(
        &self,
        caller: Caller,
        request: UpdateUser,
    ) -> Result<User, ChatError> {
        let patch = parse(request)?;
        if patch == UserPatch::default() {
            return self.user(caller.user_id).await;
        }
        self.limit_changes(caller, None)?;
        let chat = self.clone();
        self.in_turn(Subject::User(caller.user_id), async move {
            chat.store_user(caller.user_id, &patch).await
        })
        .await
    }

    /// People whose user name begins with the query, or whose display name does from one of its words
    /// on, without case.
    pub async fn search_users(
        &self,
        _caller: Caller,
        request: SearchUsers,
    ) -> Result<Users, ChatError> {
        let query =
            text::filled(request.query, text::QUERY_CHARS_MAX).map_err(ChatError::text("query"))?;
        let limit = request.limit.unwrap_or(SEARCH_LIMIT_DEFAULT);
        if !(1..=SEARCH_LIMIT_MAX).contains(&limit) {
            return Err(ChatError::invalid("limit", "limit must be 1 to 50"));
        }
        Ok(Users { users: self.store.search_users(&query, limit as usize).await? })
    }

    async fn store_user(&self, user_id: UserId, patch: &UserPatch) -> Result<User, ChatError> {
        let (push, entity) = (Push::UserUpdated, Entity::User(user_id));
        let update = self.store.update_user(user_id, patch);
        let updated = self.owing(Owed::Current(push, entity), update).await;
        let changes = self.changed([Changed::Person(user_id)]);
        let (updated, debt) = updated?;
        let Some(user) = updated else {
            debt.void();
            return Err(ChatError::NotFound(Noun::User));
        };
        let topics = [Topic::User(user_id), Topic::Watchers(user_id)];
        let envelope = self.envelope(topics, self.current(push, entity, &user));
        self.announce(debt, envelope.with_changes(changes)).await;
        Ok(user)
    }
}

fn parse(request: UpdateUser) -> Result<UserPatch, ChatError> {
    let display_name = request
        .display_name
        .map(|display_name| name(display_name, DISPLAY_NAME_CHARS_MAX))
        .transpose()
        .map_err(ChatError::text("displayName"))?;
    let avatar = request
        .avatar
        .map(|avatar| avatar.map(text::image_url).transpose())
        .transpose()
        .map_err(ChatError::text("avatar"))?;
    Ok(UserPatch { display_name, avatar })
}
