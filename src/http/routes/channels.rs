//! Channels of groups, and between people.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::channels::{CreateChannel, UpdateChannel};
use crate::chat::direct::OpenDirect;
use crate::chat::views::{ChannelView, Channels};
use crate::http::HttpState;
use crate::http::answer::{Answer, Created, Done, Failure, NewAnswer};
use crate::http::extract::{Body, Params};
use crate::http::routes::{ChannelPath, GroupPath};
use crate::http::session::Authenticated;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(list_channels, create_channel))
        .routes(routes!(get_channel, update_channel, delete_channel))
        .routes(routes!(open_direct_channel))
}

/// List a group's channels
#[utoipa::path(get, path = "/groups/{groupId}/channels", tag = "channels", params(GroupPath),
    responses((status = 200, description = "All that the caller may see", body = Channels)))]
async fn list_channels(
    session: Authenticated,
    Params(GroupPath { group_id }): Params<GroupPath>,
) -> Answer<Channels> {
    let command =
        session.run(move |chat, caller| async move { chat.list_channels(caller, group_id).await });
    Ok(Json(command.await?))
}

/// Create a channel
#[utoipa::path(post, path = "/groups/{groupId}/channels", tag = "channels", params(GroupPath),
    request_body = CreateChannel,
    responses((status = 201, description = "Created", body = ChannelView)))]
async fn create_channel(
    session: Authenticated,
    Params(GroupPath { group_id }): Params<GroupPath>,
    Body(request): Body<CreateChannel>,
) -> NewAnswer<ChannelView> {
    let command = session.run(move |chat, caller| async move {
        chat.create_channel(caller, group_id, request).await
    });
    Ok(Created(command.await?))
}

/// Get a channel
#[utoipa::path(get, path = "/channels/{channelId}", tag = "channels", params(ChannelPath),
    responses((status = 200, description = "As the caller sees it", body = ChannelView)))]
async fn get_channel(
    session: Authenticated,
    Params(ChannelPath { channel_id }): Params<ChannelPath>,
) -> Answer<ChannelView> {
    let command =
        session.run(move |chat, caller| async move { chat.get_channel(caller, channel_id).await });
    Ok(Json(command.await?))
}

/// Change a channel
#[utoipa::path(patch, path = "/channels/{channelId}", tag = "channels", params(ChannelPath),
    request_body = UpdateChannel,
    responses((status = 200, description = "As changed", body = ChannelView)))]
async fn update_channel(
    session: Authenticated,
    Params(ChannelPath { channel_id }): Params<ChannelPath>,
    Body(request): Body<UpdateChannel>,
) -> Answer<ChannelView> {
    let command = session.run(move |chat, caller| async move {
        chat.update_channel(caller, channel_id, request).await
    });
    Ok(Json(command.await?))
}

/// Delete a channel
#[utoipa::path(delete, path = "/channels/{channelId}", tag = "channels", params(ChannelPath),
    responses((status = 204, description = "Deleted")))]
async fn delete_channel(
    session: Authenticated,
    Params(ChannelPath { channel_id }): Params<ChannelPath>,
) -> Done {
    let command = session
        .run(move |chat, caller| async move { chat.delete_channel(caller, channel_id).await });
    command.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Open a direct channel
///
/// The same people always get the same channel, whoever asks.
#[utoipa::path(post, path = "/direct-channels", tag = "channels", request_body = OpenDirect,
    responses(
        (status = 201, description = "A new channel", body = ChannelView),
        (status = 200, description = "The channel that they had", body = ChannelView)))]
async fn open_direct_channel(
    session: Authenticated,
    Body(request): Body<OpenDirect>,
) -> Result<Response, Failure> {
    let command =
        session.run(|chat, caller| async move { chat.open_direct(caller, request).await });
    let opened = command.await?;
    Ok(match opened.new {
        true => Created(opened.channel).into_response(),
        false => Json(opened.channel).into_response(),
    })
}
