//! Accounts, sessions and tokens.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::accounts::{ChangePassword, Login, Refresh, Register};
use crate::chat::views::{Sessions, SignedIn};
use crate::http::HttpState;
use crate::http::answer::{Answer, Created, Done, FailureBody, NewAnswer};
use crate::http::extract::{Body, From, Params, StrangersBody};
use crate::http::session::{Authenticated, Leaving};
use crate::model::id::SessionId;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(change_password))
        .routes(routes!(list_sessions))
        .routes(routes!(end_session))
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
struct SessionPath {
    session_id: SessionId,
}

/// Register
///
/// Makes an account and signs in. Everybody who registers is a member of the official group.
#[utoipa::path(post, path = "/auth/register", tag = "auth", security(()), request_body = Register,
    responses(
        (status = 201, description = "Registered and signed in", body = SignedIn),
        (status = 409, description = "`conflict`: the user name is taken", body = FailureBody)))]
async fn register(
    State(state): State<HttpState>,
    From(requester): From,
    StrangersBody(request): StrangersBody<Register>,
) -> NewAnswer<SignedIn> {
    let command = |chat: crate::chat::Chat| async move { chat.register(request, requester).await };
    Ok(Created(state.commands.run(command).await?))
}

/// Log in
///
/// Begins a session, which lasts as long as its refresh tokens are used.
#[utoipa::path(post, path = "/auth/login", tag = "auth", security(()), request_body = Login,
    responses(
        (status = 200, description = "Signed in", body = SignedIn),
        (status = 401, description = "`unauthorized`: no such name and password", body = FailureBody)))]
async fn login(
    State(state): State<HttpState>,
    From(requester): From,
    StrangersBody(request): StrangersBody<Login>,
) -> Answer<SignedIn> {
    let command = |chat: crate::chat::Chat| async move { chat.login(request, requester).await };
    Ok(Json(state.commands.run(command).await?))
}

/// Refresh the tokens
///
/// Each refresh token is replaced by the one that is answered. It goes on answering that one for 60
/// seconds, because an answer may be lost; but once the new one was used, the old one ends the session.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", security(()), request_body = Refresh,
    responses(
        (status = 200, description = "New tokens of the same session", body = SignedIn),
        (status = 401, description = "`unauthorized`: an unknown or used token", body = FailureBody)))]
async fn refresh(
    State(state): State<HttpState>,
    StrangersBody(request): StrangersBody<Refresh>,
) -> Answer<SignedIn> {
    let command = |chat: crate::chat::Chat| async move { chat.refresh(request).await };
    Ok(Json(state.commands.run(command).await?))
}

/// Log out
///
/// Ends the session: its sockets are disconnected and its tokens refused.
#[utoipa::path(post, path = "/auth/logout", tag = "auth",
    responses((status = 204, description = "The session has ended")))]
async fn logout(Leaving(session): Leaving) -> Done {
    session.run(|chat, caller| async move { chat.logout(caller).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change the password
///
/// Ends all other sessions. A wrong `currentPassword` counts as a failed login.
#[utoipa::path(post, path = "/auth/password", tag = "auth", request_body = ChangePassword,
    responses(
        (status = 204, description = "Changed"),
        (status = 403, description = "`forbidden`: `currentPassword` is wrong", body = FailureBody)))]
async fn change_password(
    session: Authenticated,
    From(requester): From,
    Body(request): Body<ChangePassword>,
) -> Done {
    let command = session
        .run(|chat, caller| async move { chat.change_password(caller, request, requester).await });
    command.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List one's sessions
#[utoipa::path(get, path = "/auth/sessions", tag = "auth",
    responses((status = 200, description = "All that have not ended", body = Sessions)))]
async fn list_sessions(session: Authenticated) -> Answer<Sessions> {
    let command = session.run(|chat, caller| async move { chat.list_sessions(caller).await });
    Ok(Json(command.await?))
}

/// End a session
///
/// Disconnects its sockets and refuses its tokens, on every node within a second.
#[utoipa::path(delete, path = "/auth/sessions/{sessionId}", tag = "auth", params(SessionPath),
    responses((status = 204, description = "Ended")))]
async fn end_session(
    session: Authenticated,
    Params(SessionPath { session_id }): Params<SessionPath>,
) -> Done {
    session
        .run(move |chat, caller| async move { chat.end_session(caller, session_id).await })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
