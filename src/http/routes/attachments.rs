//! Attachments, which are not there yet: there is none to be found.

use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::ChatError;
use crate::chat::error::Noun;
use crate::http::HttpState;
use crate::http::answer::{Failure, FailureBody};
use crate::http::session::Authenticated;

pub fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(create_attachment)).routes(routes!(get_attachment))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "documents the path")]
struct AttachmentPath {
    id: String,
    name: String,
}

/// Upload a file
///
/// Not there yet.
#[utoipa::path(post, path = "/attachments", tag = "attachments",
    responses((status = 404, description = "`attachment_not_found`", body = FailureBody)))]
async fn create_attachment(_: Authenticated) -> Failure {
    Failure(ChatError::NotFound(Noun::Attachment))
}

/// Download a file
///
/// Not there yet.
#[utoipa::path(get, path = "/attachments/{id}/{name}", tag = "attachments", params(AttachmentPath),
    responses((status = 404, description = "`attachment_not_found`", body = FailureBody)))]
async fn get_attachment(_: Authenticated) -> Failure {
    Failure(ChatError::NotFound(Noun::Attachment))
}
