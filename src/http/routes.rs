//! The routes of `/api/v1`, one file a noun. Each is a line of `docs/protocol.md` (HTTP).

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

use crate::http::HttpState;
use crate::model::id::{ChannelId, GroupId, MessageId, UserId};

mod attachments;
mod auth;
mod channels;
mod groups;
mod invites;
mod members;
mod messages;
mod reading;
mod server;
mod users;

pub fn api() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .merge(auth::routes())
        .merge(users::routes())
        .merge(groups::routes())
        .merge(channels::routes())
        .merge(messages::routes())
        .merge(reading::routes())
        .merge(members::routes())
        .merge(invites::routes())
        .merge(attachments::routes())
        .merge(server::routes())
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct GroupPath {
    group_id: GroupId,
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct MemberPath {
    group_id: GroupId,
    user_id: UserId,
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct ChannelPath {
    channel_id: ChannelId,
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct MessagePath {
    channel_id: ChannelId,
    message_id: MessageId,
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct ReactionPath {
    channel_id: ChannelId,
    message_id: MessageId,
    /// 1 to 64 characters, percent-encoded.
    emoji: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct InvitePath {
    code: String,
}
