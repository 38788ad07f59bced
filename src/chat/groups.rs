//! Groups: making, changing, leaving, deleting.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::chat::views::{GroupView, Groups, JoinedGroupView};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::id::GroupId;

#[derive(Deserialize, ToSchema)]
pub struct CreateGroup {
    pub name: String,
    pub icon: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct UpdateGroup {
    pub name: Option<String>,
    /// null removes it.
    #[serde(default, deserialize_with = "crate::chat::given")]
    #[schema(value_type = Option<String>)]
    pub icon: Option<Option<String>>,
}

impl Chat {
    pub async fn create_group(
        &self,
        caller: Caller,
        request: CreateGroup,
    ) -> Result<JoinedGroupView, ChatError> {
        todo!()
    }
    pub async fn update_group(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: UpdateGroup,
    ) -> Result<GroupView, ChatError> {
        todo!()
    }
    pub async fn delete_group(&self, caller: Caller, group_id: GroupId) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn leave_group(&self, caller: Caller, group_id: GroupId) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn list_groups(&self, caller: Caller) -> Result<Groups, ChatError> {
        todo!()
    }
    pub async fn get_group(
        &self,
        caller: Caller,
        group_id: GroupId,
    ) -> Result<JoinedGroupView, ChatError> {
        todo!()
    }
}
