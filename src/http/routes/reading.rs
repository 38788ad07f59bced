//! What people do with messages that they read: reactions, pins, read states.

use axum::Json;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::pins::ListPins;
use crate::chat::reactions::{ListReactionUsers, ReactionTarget};
use crate::chat::read_states::MarkRead;
use crate::chat::views::{MessagesPage, UsersPage};
use crate::http::HttpState;
use crate::http::answer::{Answer, Done, FailureBody};
use crate::http::extract::{Body, Params, Search};
use crate::http::routes::{ChannelPath, MessagePath, ReactionPath};
use crate::http::session::Authenticated;
use crate::model::read_state::ReadState;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(list_reaction_users, add_reaction, remove_reaction))
        .routes(routes!(list_pins))
        .routes(routes!(add_pin, remove_pin))
        .routes(routes!(mark_read))
}

impl From<ReactionPath> for ReactionTarget {
    fn from(ReactionPath { channel_id, message_id, emoji }: ReactionPath) -> Self {
        Self { channel_id, message_id, emoji }
    }
}

/// List who reacted with an emoji
#[utoipa::path(get, path = "/channels/{channelId}/messages/{messageId}/reactions/{emoji}",
    tag = "messages", params(ReactionPath, ListReactionUsers),
    responses((status = 200, description = "Ordered by user id", body = UsersPage)))]
async fn list_reaction_users(
    session: Authenticated,
    Params(path): Params<ReactionPath>,
    Search(request): Search<ListReactionUsers>,
) -> Answer<UsersPage> {
    let command = session.run(|chat, caller| async move {
        chat.list_reaction_users(caller, path.into(), request).await
    });
    Ok(Json(command.await?))
}

/// React
///
/// Adding a reaction that is there changes nothing.
#[utoipa::path(put, path = "/channels/{channelId}/messages/{messageId}/reactions/{emoji}",
    tag = "messages", params(ReactionPath),
    responses(
        (status = 204, description = "It is there"),
        (status = 409, description = "`conflict`: too many different reactions", body = FailureBody)))]
async fn add_reaction(session: Authenticated, Params(path): Params<ReactionPath>) -> Done {
    session.run(|chat, caller| async move { chat.add_reaction(caller, path.into()).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a reaction back
#[utoipa::path(delete, path = "/channels/{channelId}/messages/{messageId}/reactions/{emoji}",
    tag = "messages", params(ReactionPath), responses((status = 204, description = "It is gone")))]
async fn remove_reaction(session: Authenticated, Params(path): Params<ReactionPath>) -> Done {
    let command =
        session.run(|chat, caller| async move { chat.remove_reaction(caller, path.into()).await });
    command.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List pinned messages
///
/// At most 100, newest message first, in pages of at most 2 MB.
#[utoipa::path(get, path = "/channels/{channelId}/pins", tag = "messages",
    params(ChannelPath, ListPins),
    responses((status = 200, description = "A page", body = MessagesPage)))]
async fn list_pins(
    session: Authenticated,
    Params(ChannelPath { channel_id }): Params<ChannelPath>,
    Search(request): Search<ListPins>,
) -> Answer<MessagesPage> {
    let command = session
        .run(move |chat, caller| async move { chat.list_pins(caller, channel_id, request).await });
    Ok(Json(command.await?))
}

/// Pin a message
#[utoipa::path(put, path = "/channels/{channelId}/pins/{messageId}", tag = "messages",
    params(MessagePath),
    responses(
        (status = 204, description = "It is pinned"),
        (status = 409, description = "`conflict`: the channel has 100 pins", body = FailureBody)))]
async fn add_pin(
    session: Authenticated,
    Params(MessagePath { channel_id, message_id }): Params<MessagePath>,
) -> Done {
    let command = session
        .run(move |chat, caller| async move { chat.add_pin(caller, channel_id, message_id).await });
    command.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unpin a message
#[utoipa::path(delete, path = "/channels/{channelId}/pins/{messageId}", tag = "messages",
    params(MessagePath), responses((status = 204, description = "It is not pinned")))]
async fn remove_pin(
    session: Authenticated,
    Params(MessagePath { channel_id, message_id }): Params<MessagePath>,
) -> Done {
    let command = session.run(move |chat, caller| async move {
        chat.remove_pin(caller, channel_id, message_id).await
    });
    command.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mark a channel read
///
/// Up to a message, which need not exist; may go backwards, and `"0"` marks everything unread.
#[utoipa::path(put, path = "/channels/{channelId}/read", tag = "messages", params(ChannelPath),
    request_body = MarkRead,
    responses((status = 200, description = "As it is now", body = ReadState)))]
async fn mark_read(
    session: Authenticated,
    Params(ChannelPath { channel_id }): Params<ChannelPath>,
    Body(request): Body<MarkRead>,
) -> Answer<ReadState> {
    let command = session
        .run(move |chat, caller| async move { chat.mark_read(caller, channel_id, request).await });
    Ok(Json(command.await?))
}
