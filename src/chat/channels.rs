//! Channels of groups and between people.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::chat::views::{ChannelView, Channels};
use crate::chat::{Caller, Chat, ChatError};
use crate::model::channel::ChannelKind;
use crate::model::id::{ChannelId, GroupId, UserId};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateChannel {
    pub name: String,
    pub topic: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<ChannelKind>,
    pub position: Option<i32>,
    pub slow_mode_seconds: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateChannel {
    pub name: Option<String>,
    pub topic: Option<String>,
    pub position: Option<i32>,
    pub slow_mode_seconds: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenDirect {
    pub user_ids: Vec<UserId>,
}

/// A direct channel, and whether it is new.
#[derive(Debug)]
pub struct Opened {
    pub channel: ChannelView,
    pub new: bool,
}

impl Chat {
    pub async fn create_channel(
        &self,
        caller: Caller,
        group_id: GroupId,
        request: CreateChannel,
    ) -> Result<ChannelView, ChatError> {
        todo!()
    }
    pub async fn update_channel(
        &self,
        caller: Caller,
        channel_id: ChannelId,
        request: UpdateChannel,
    ) -> Result<ChannelView, ChatError> {
        todo!()
    }
    pub async fn delete_channel(
        &self,
        caller: Caller,
        channel_id: ChannelId,
    ) -> Result<(), ChatError> {
        todo!()
    }
    pub async fn get_channel(
        &self,
        caller: Caller,
        channel_id: ChannelId,
    ) -> Result<ChannelView, ChatError> {
        todo!()
    }
    pub async fn list_channels(
        &self,
        caller: Caller,
        group_id: GroupId,
    ) -> Result<Channels, ChatError> {
        todo!()
    }
    pub async fn open_direct(
        &self,
        caller: Caller,
        request: OpenDirect,
    ) -> Result<Opened, ChatError> {
        todo!()
    }
    /// The caller's direct channels, as `ready` shows them, with their newest message ids.
    pub async fn list_direct_channels(
        &self,
        caller: Caller,
    ) -> Result<Vec<ChannelView>, ChatError> {
        todo!()
    }
}
