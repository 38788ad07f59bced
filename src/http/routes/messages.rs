//! Messages.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::history::ListMessages;
use crate::chat::messages::{CreateMessage, UpdateMessage};
use crate::chat::views::{MessageView, MessagesPage};
use crate::http::HttpState;
use crate::http::answer::{Answer, Created, Done, Failure};
use crate::http::extract::{Body, Params, Search};
use crate::http::routes::{ChannelPath, MessagePath};
use crate::http::session::Authenticated;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(list_messages, create_message)).routes(routes!(
        get_message,
        update_message,
        delete_message
    ))
}

/// List messages
///
/// Newest first. With at most one of `before`, `after` and `around`, which need not exist; without,
/// the newest.
#[utoipa::path(get, path = "/channels/{channelId}/messages", tag = "messages",
    params(ChannelPath, ListMessages),
    responses((status = 200, description = "A page", body = MessagesPage)))]
async fn list_messages(
    session: Authenticated,
    Params(ChannelPath { channel_id }): Params<ChannelPath>,
    Search(request): Search<ListMessages>,
) -> Answer<MessagesPage> {
    let command = session.run(move |chat, caller| async move {
        chat.list_messages(caller, channel_id, request).await
    });
    Ok(Json(command.await?))
}

/// Send a message
///
/// It is durable when the answer comes. With a `nonce` it may be tried again for ten minutes.
#[utoipa::path(post, path = "/channels/{channelId}/messages", tag = "messages",
    params(ChannelPath), request_body = CreateMessage,
    responses(
        (status = 201, description = "Stored", body = MessageView),
        (status = 200, description = "The nonce was used: the message stored then", body = MessageView)))]
async fn create_message(
    session: Authenticated,
    Params(ChannelPath { channel_id }): Params<ChannelPath>,
    Body(request): Body<CreateMessage>,
) -> Result<Response, Failure> {
    let command = session.run(move |chat, caller| async move {
        chat.create_message(caller, channel_id, request).await
    });
    let sent = command.await?;
    let message = Arc::clone(&sent.message);
    Ok(if sent.new { Created(message).into_response() } else { Json(message).into_response() })
}

/// Get a message
#[utoipa::path(get, path = "/channels/{channelId}/messages/{messageId}", tag = "messages",
    params(MessagePath),
    responses((status = 200, description = "The message", body = MessageView)))]
async fn get_message(
    session: Authenticated,
    Params(MessagePath { channel_id, message_id }): Params<MessagePath>,
) -> Answer<MessageView> {
    let command = session.run(move |chat, caller| async move {
        chat.get_message(caller, channel_id, message_id).await
    });
    Ok(Json(command.await?))
}

/// Edit a message
///
/// Only its author may.
#[utoipa::path(patch, path = "/channels/{channelId}/messages/{messageId}", tag = "messages",
    params(MessagePath), request_body = UpdateMessage,
    responses((status = 200, description = "As edited", body = MessageView)))]
async fn update_message(
    session: Authenticated,
    Params(MessagePath { channel_id, message_id }): Params<MessagePath>,
    Body(request): Body<UpdateMessage>,
) -> Answer<MessageView> {
    let command = session.run(move |chat, caller| async move {
        chat.update_message(caller, channel_id, message_id, request).await
    });
    Ok(Json(command.await?))
}

/// Delete a message
///
/// Its author may, and who manages messages.
#[utoipa::path(delete, path = "/channels/{channelId}/messages/{messageId}", tag = "messages",
    params(MessagePath), responses((status = 204, description = "Deleted")))]
async fn delete_message(
    session: Authenticated,
    Params(MessagePath { channel_id, message_id }): Params<MessagePath>,
) -> Done {
    let command = session.run(move |chat, caller| async move {
        chat.delete_message(caller, channel_id, message_id).await
    });
    command.await?;
    Ok(StatusCode::NO_CONTENT)
}
