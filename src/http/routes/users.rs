//! People.

use axum::Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::settings::{SettingsView, UpdateSettings};
use crate::chat::users::{SearchUsers, UpdateUser};
use crate::chat::views::Users;
use crate::http::HttpState;
use crate::http::answer::Answer;
use crate::http::extract::{Body, Search};
use crate::http::session::Authenticated;
use crate::model::account::User;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(get_me, update_me))
        .routes(routes!(get_settings, update_settings))
        .routes(routes!(search_users))
}

/// Get oneself
#[utoipa::path(get, path = "/users/me", tag = "users",
    responses((status = 200, description = "The caller", body = User)))]
async fn get_me(session: Authenticated) -> Answer<User> {
    let command = session.run(|chat, caller| async move { chat.user(caller.user_id).await });
    Ok(Json(command.await?))
}

/// Change oneself
#[utoipa::path(patch, path = "/users/me", tag = "users", request_body = UpdateUser,
    responses((status = 200, description = "As changed", body = User)))]
async fn update_me(session: Authenticated, Body(request): Body<UpdateUser>) -> Answer<User> {
    let command =
        session.run(|chat, caller| async move { chat.update_user(caller, request).await });
    Ok(Json(command.await?))
}

/// Get what clients keep for oneself
#[utoipa::path(get, path = "/users/me/settings", tag = "users",
    responses((status = 200, description = "All settings", body = SettingsView)))]
async fn get_settings(session: Authenticated) -> Answer<SettingsView> {
    let command = session.run(|chat, caller| async move { chat.get_settings(caller).await });
    Ok(Json(command.await?))
}

/// Change what clients keep for oneself
///
/// Merged by key; null removes one. At most 16 KiB of JSON: what would be more changes nothing.
#[utoipa::path(patch, path = "/users/me/settings", tag = "users", request_body = UpdateSettings,
    responses((status = 200, description = "All settings, as changed", body = SettingsView)))]
async fn update_settings(
    session: Authenticated,
    Body(request): Body<UpdateSettings>,
) -> Answer<SettingsView> {
    let command =
        session.run(|chat, caller| async move { chat.update_settings(caller, request).await });
    Ok(Json(command.await?))
}

/// Search people
///
/// `query` is the beginning of a user name, or of a display name from one of its words on; case does
/// not matter.
#[utoipa::path(get, path = "/users", tag = "users", params(SearchUsers),
    responses((status = 200, description = "At most `limit`", body = Users)))]
async fn search_users(
    session: Authenticated,
    Search(request): Search<SearchUsers>,
) -> Answer<Users> {
    let command =
        session.run(|chat, caller| async move { chat.search_users(caller, request).await });
    Ok(Json(command.await?))
}
