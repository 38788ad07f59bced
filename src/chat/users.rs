//! People as others see them.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::chat::views::Users;
use crate::chat::{Caller, Chat, ChatError};
use crate::model::account::User;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateUser {
    pub display_name: Option<String>,
    /// null removes it.
    #[serde(default, deserialize_with = "crate::chat::given")]
    #[schema(value_type = Option<String>)]
    pub avatar: Option<Option<String>>,
}

#[derive(Deserialize, ToSchema, utoipa::IntoParams)]
pub struct SearchUsers {
    pub query: String,
    pub limit: Option<u32>,
}

impl Chat {
    pub async fn update_user(
        &self,
        caller: Caller,
        request: UpdateUser,
    ) -> Result<User, ChatError> {
        todo!()
    }
    pub async fn search_users(
        &self,
        caller: Caller,
        request: SearchUsers,
    ) -> Result<Users, ChatError> {
        todo!()
    }
}
