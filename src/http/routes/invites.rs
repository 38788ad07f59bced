//! Invites.

use axum::Json;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::invites::CreateInvite;
use crate::chat::views::{InvitePreview, InviteView, Invites, JoinedGroupView};
use crate::http::HttpState;
use crate::http::answer::{Answer, Created, Done, NewAnswer};
use crate::http::extract::{OptionalBody, Params};
use crate::http::routes::{GroupPath, InvitePath};
use crate::http::session::Authenticated;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(list_invites, create_invite))
        .routes(routes!(get_invite, delete_invite))
        .routes(routes!(accept_invite))
}

/// List invites
///
/// All of the group for who manages it, one's own for others.
#[utoipa::path(get, path = "/groups/{groupId}/invites", tag = "invites", params(GroupPath),
    responses((status = 200, description = "Those that still work", body = Invites)))]
async fn list_invites(
    session: Authenticated,
    Params(GroupPath { group_id }): Params<GroupPath>,
) -> Answer<Invites> {
    let command =
        session.run(move |chat, caller| async move { chat.list_invites(caller, group_id).await });
    Ok(Json(command.await?))
}

/// Create an invite
///
/// Without limits it never expires.
#[utoipa::path(post, path = "/groups/{groupId}/invites", tag = "invites", params(GroupPath),
    request_body = Option<CreateInvite>,
    responses((status = 201, description = "Created", body = InviteView)))]
async fn create_invite(
    session: Authenticated,
    Params(GroupPath { group_id }): Params<GroupPath>,
    OptionalBody(request): OptionalBody<CreateInvite>,
) -> NewAnswer<InviteView> {
    let command = session.run(move |chat, caller| async move {
        chat.create_invite(caller, group_id, request).await
    });
    Ok(Created(command.await?))
}

/// Look at an invite
#[utoipa::path(get, path = "/invites/{code}", tag = "invites", params(InvitePath),
    responses((status = 200, description = "What it leads to", body = InvitePreview)))]
async fn get_invite(
    session: Authenticated,
    Params(InvitePath { code }): Params<InvitePath>,
) -> Answer<InvitePreview> {
    let command = session.run(|chat, caller| async move { chat.get_invite(caller, &code).await });
    Ok(Json(command.await?))
}

/// Delete an invite
///
/// Its creator may, and who manages the group.
#[utoipa::path(delete, path = "/invites/{code}", tag = "invites", params(InvitePath),
    responses((status = 204, description = "Deleted")))]
async fn delete_invite(
    session: Authenticated,
    Params(InvitePath { code }): Params<InvitePath>,
) -> Done {
    session.run(|chat, caller| async move { chat.delete_invite(caller, &code).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Join a group
///
/// What is published after the answer reaches the caller's sockets.
#[utoipa::path(post, path = "/invites/{code}/accept", tag = "invites", params(InvitePath),
    responses((status = 200, description = "The caller is a member", body = JoinedGroupView)))]
async fn accept_invite(
    session: Authenticated,
    Params(InvitePath { code }): Params<InvitePath>,
) -> Answer<JoinedGroupView> {
    let command =
        session.run(|chat, caller| async move { chat.accept_invite(caller, &code).await });
    Ok(Json(command.await?))
}
