//! Accounts: registering, signing in and out, passwords, sessions.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::chat::views::{Sessions, SignedIn};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::id::SessionId;

/// Where a request came from, for limits and the list of sessions.
#[derive(Clone, Debug)]
pub struct Origin {
    pub address: std::net::IpAddr,
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

impl Chat {
    pub async fn register(&self, request: Register, origin: Origin) -> Result<SignedIn, ChatError> {
        todo!()
    }
    pub async fn login(&self, request: Login, origin: Origin) -> Result<SignedIn, ChatError> {
        todo!()
    }
    pub async fn refresh(&self, request: Refresh) -> Result<SignedIn, ChatError> {
        todo!()
    }
    pub async fn logout(&self, caller: Caller) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn change_password(
        &self,
        caller: Caller,
        request: ChangePassword,
    ) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn list_sessions(&self, caller: Caller) -> Result<Sessions, ChatError> {
        todo!()
    }
    pub async fn end_session(
        &self,
        caller: Caller,
        session_id: SessionId,
    ) -> Result<(), ChatError> {
        todo!()
    }
    /// Who an access token belongs to, while its session lasts.
    pub async fn authenticate(&self, access_token: &str) -> Result<Caller, ChatError> {
        todo!()
    }
}
