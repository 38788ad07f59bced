//! Invites: codes that let people into a group.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::chat::views::{InvitePreview, InviteView, Invites, JoinedGroupView};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::id::GroupId;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateInvite {
    pub expires_in_seconds: Option<u64>,
    pub max_uses: Option<u32>,
}

impl Chat {
    pub async fn create_invite(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: CreateInvite,
    ) -> Result<InviteView, ChatError> {
        todo!()
    }
    pub async fn list_invites(
        &self,
        caller: Caller,
        group_id: GroupId,
    ) -> Result<Invites, ChatError> {
        todo!()
    }
    pub async fn get_invite(&self, caller: Caller, code: &str) -> Result<InvitePreview, ChatError> {
        todo!()
    }
    pub async fn accept_invite(
        &self,
        caller: Caller,
        code: &str,
    ) -> Result<JoinedGroupView, ChatError> {
        todo!()
    }
    pub async fn delete_invite(&self, caller: Caller, code: &str) -> Result<(), ChatError> {
        todo!()
    }
}
