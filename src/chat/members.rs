//! Members: listing, nicknames, roles, removing, banning.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::chat::views::{BansPage, MemberView, MembersPage};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::id::{GroupId, UserId};

#[derive(Default, Deserialize, ToSchema, utoipa::IntoParams)]
pub struct ListMembers {
    pub query: Option<String>,
    pub after: Option<UserId>,
    pub limit: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
pub struct UpdateMember {
    /// "" or null removes it.
    #[serde(default, deserialize_with = "crate::chat::given")]
    #[schema(value_type = Option<String>)]
    pub nickname: Option<Option<String>>,
    pub roles: Option<Vec<String>>,
}

#[derive(Default, Deserialize, ToSchema)]
pub struct Moderation {
    pub reason: Option<String>,
}

#[derive(Default, Deserialize, ToSchema, utoipa::IntoParams)]
pub struct ListBans {
    pub after: Option<UserId>,
    pub limit: Option<u32>,
}

impl Chat {
    pub async fn list_members(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: ListMembers,
    ) -> Result<MembersPage, ChatError> {
        todo!()
    }
    pub async fn update_member(
        &self,
        caller: Caller,
        group_id: GroupId,
        user_id: UserId,
        request: UpdateMember,
    ) -> Result<MemberView, ChatError> {
        todo!()
    }
    pub async fn remove_member(
        &self,
        caller: Caller,
        group_id: GroupId,
        user_id: UserId,
        request: Moderation,
    ) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn ban_member(
        &self,
        caller: Caller,
        group_id: GroupId,
        user_id: UserId,
        request: Moderation,
    ) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn unban_member(
        &self,
        caller: Caller,
        group_id: GroupId,
        user_id: UserId,
    ) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn list_bans(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: ListBans,
    ) -> Result<BansPage, ChatError> {
        todo!()
    }
}
