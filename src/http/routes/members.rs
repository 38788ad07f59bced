//! Members and bans.

use axum::Json;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::members::{ListMembers, UpdateMember};
use crate::chat::moderation::{ListBans, Moderation};
use crate::chat::views::{BansPage, MemberView, MembersPage};
use crate::http::HttpState;
use crate::http::answer::{Answer, Done};
use crate::http::extract::{Body, OptionalBody, Params, Search};
use crate::http::routes::{GroupPath, MemberPath};
use crate::http::session::Authenticated;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(list_members))
        .routes(routes!(update_member, remove_member))
        .routes(routes!(list_bans))
        .routes(routes!(ban_member, unban_member))
}

/// In the query, because many a proxy drops the body of a DELETE.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Removal {
    reason: Option<String>,
}

/// List members
#[utoipa::path(get, path = "/groups/{groupId}/members", tag = "members",
    params(GroupPath, ListMembers),
    responses((status = 200, description = "Ordered by user id", body = MembersPage)))]
async fn list_members(
    session: Authenticated,
    Params(GroupPath { group_id }): Params<GroupPath>,
    Search(request): Search<ListMembers>,
) -> Answer<MembersPage> {
    let command = session
        .run(move |chat, caller| async move { chat.list_members(caller, group_id, request).await });
    Ok(Json(command.await?))
}

/// Change a member
///
/// A nickname, or roles below one's own.
#[utoipa::path(patch, path = "/groups/{groupId}/members/{userId}", tag = "members",
    params(MemberPath), request_body = UpdateMember,
    responses((status = 200, description = "As changed", body = MemberView)))]
async fn update_member(
    session: Authenticated,
    Params(MemberPath { group_id, user_id }): Params<MemberPath>,
    Body(request): Body<UpdateMember>,
) -> Answer<MemberView> {
    let command = session.run(move |chat, caller| async move {
        chat.update_member(caller, group_id, user_id, request).await
    });
    Ok(Json(command.await?))
}

/// Remove a member
///
/// They may come back by an invite.
#[utoipa::path(delete, path = "/groups/{groupId}/members/{userId}", tag = "members",
    params(MemberPath, Removal), responses((status = 204, description = "Removed")))]
async fn remove_member(
    session: Authenticated,
    Params(MemberPath { group_id, user_id }): Params<MemberPath>,
    Search(Removal { reason }): Search<Removal>,
) -> Done {
    let command = session.run(move |chat, caller| async move {
        chat.remove_member(caller, group_id, user_id, Moderation { reason }).await
    });
    command.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List bans
#[utoipa::path(get, path = "/groups/{groupId}/bans", tag = "members", params(GroupPath, ListBans),
    responses((status = 200, description = "Ordered by user id", body = BansPage)))]
async fn list_bans(
    session: Authenticated,
    Params(GroupPath { group_id }): Params<GroupPath>,
    Search(request): Search<ListBans>,
) -> Answer<BansPage> {
    let command = session
        .run(move |chat, caller| async move { chat.list_bans(caller, group_id, request).await });
    Ok(Json(command.await?))
}

/// Ban somebody
///
/// They leave the group if they are in it, and no invite lets them back in.
#[utoipa::path(put, path = "/groups/{groupId}/bans/{userId}", tag = "members",
    params(MemberPath), request_body = Option<Moderation>,
    responses((status = 204, description = "Banned")))]
async fn ban_member(
    session: Authenticated,
    Params(MemberPath { group_id, user_id }): Params<MemberPath>,
    OptionalBody(request): OptionalBody<Moderation>,
) -> Done {
    let command = session.run(move |chat, caller| async move {
        chat.ban_member(caller, group_id, user_id, request).await
    });
    command.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lift a ban
#[utoipa::path(delete, path = "/groups/{groupId}/bans/{userId}", tag = "members",
    params(MemberPath), responses((status = 204, description = "Not banned")))]
async fn unban_member(
    session: Authenticated,
    Params(MemberPath { group_id, user_id }): Params<MemberPath>,
) -> Done {
    let command = session
        .run(move |chat, caller| async move { chat.unban_member(caller, group_id, user_id).await });
    command.await?;
    Ok(StatusCode::NO_CONTENT)
}
