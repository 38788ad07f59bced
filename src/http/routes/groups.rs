//! Groups.

use axum::Json;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::groups::{CreateGroup, UpdateGroup};
use crate::chat::views::{GroupView, Groups, JoinedGroupView, WholeGroup};
use crate::http::HttpState;
use crate::http::answer::{Answer, Created, Done, NewAnswer};
use crate::http::extract::{Body, Params};
use crate::http::routes::GroupPath;
use crate::http::session::Authenticated;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(list_groups, create_group))
        .routes(routes!(get_group, update_group, delete_group))
        .routes(routes!(leave_group))
}

/// List one's groups
///
/// With their channels and the caller's membership. At most 2 MB: groups whose channels do not fit come
/// without them, with `partial`.
#[utoipa::path(get, path = "/groups", tag = "groups",
    responses((status = 200, description = "All that the caller is in", body = Groups)))]
async fn list_groups(session: Authenticated) -> Answer<Groups> {
    let command = session.run(|chat, caller| async move { chat.list_groups(caller).await });
    Ok(Json(command.await?))
}

/// Create a group
///
/// The caller owns it. It has a text channel `general`.
#[utoipa::path(post, path = "/groups", tag = "groups", request_body = CreateGroup,
    responses((status = 201, description = "Created", body = JoinedGroupView)))]
async fn create_group(
    session: Authenticated,
    Body(request): Body<CreateGroup>,
) -> NewAnswer<JoinedGroupView> {
    let command =
        session.run(|chat, caller| async move { chat.create_group(caller, request).await });
    Ok(Created(command.await?))
}

/// Get a group
///
/// Whole, however many channels it has.
#[utoipa::path(get, path = "/groups/{groupId}", tag = "groups", params(GroupPath),
    responses((status = 200, description = "With channels, membership and read states", body = WholeGroup)))]
async fn get_group(
    session: Authenticated,
    Params(GroupPath { group_id }): Params<GroupPath>,
) -> Answer<WholeGroup> {
    let command =
        session.run(move |chat, caller| async move { chat.get_group(caller, group_id).await });
    Ok(Json(command.await?))
}

/// Change a group
#[utoipa::path(patch, path = "/groups/{groupId}", tag = "groups", params(GroupPath),
    request_body = UpdateGroup,
    responses((status = 200, description = "As changed", body = GroupView)))]
async fn update_group(
    session: Authenticated,
    Params(GroupPath { group_id }): Params<GroupPath>,
    Body(request): Body<UpdateGroup>,
) -> Answer<GroupView> {
    let command = session
        .run(move |chat, caller| async move { chat.update_group(caller, group_id, request).await });
    Ok(Json(command.await?))
}

/// Delete a group
///
/// Only its owner may, and nothing brings it back.
#[utoipa::path(delete, path = "/groups/{groupId}", tag = "groups", params(GroupPath),
    responses((status = 204, description = "Deleted")))]
async fn delete_group(
    session: Authenticated,
    Params(GroupPath { group_id }): Params<GroupPath>,
) -> Done {
    session
        .run(move |chat, caller| async move { chat.delete_group(caller, group_id).await })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leave a group
///
/// Its owner cannot, and nobody leaves the official group.
#[utoipa::path(post, path = "/groups/{groupId}/leave", tag = "groups", params(GroupPath),
    responses((status = 204, description = "Left")))]
async fn leave_group(
    session: Authenticated,
    Params(GroupPath { group_id }): Params<GroupPath>,
) -> Done {
    session
        .run(move |chat, caller| async move { chat.leave_group(caller, group_id).await })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
