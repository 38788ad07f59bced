//! The OpenAPI document: generated from the handlers, completed with what all of them share.

use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, OpenApi, Ref, RefOr, Response};

use crate::http::answer::FailureBody;
use crate::model::id::{ChannelId, GroupId, MessageId, SessionId, UserId};

mod answers;
mod describe;
mod requests;
mod values;

const BEARER: &str = "bearer";

/// What handlers cannot say: the head of the document, and schemas that only parameters use.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "VibeTalk",
        description = "Group chat over HTTP: the same commands as the Socket.IO events. Errors are \
            `{ ok: false, error }`; decide by `error.code`, `error.message` is for developers.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(FailureBody, UserId, GroupId, ChannelId, MessageId, SessionId)),
    tags(
        (name = "auth", description = "Accounts, sessions and tokens"),
        (name = "users", description = "People"),
        (name = "groups", description = "Groups"),
        (name = "channels", description = "Channels of groups, and between people"),
        (name = "messages", description = "Messages, reactions, pins and read states"),
        (name = "members", description = "Members and bans"),
        (name = "invites", description = "Invites"),
        (name = "attachments", description = "Files (not there yet)"),
        (name = "operations", description = "For those who run the server"),
    )
)]
pub struct OpenApiHead;

/// An error that many operations share.
struct SharedError {
    status: &'static str,
    name: &'static str,
    description: &'static str,
    applies: fn(&Operation) -> bool,
}

const SHARED_ERRORS: &[SharedError] = &[
    SharedError {
        status: "400",
        name: "InvalidRequest",
        description: "`invalid_request`: something is malformed or out of its range",
        applies: |operation| operation.parameters.is_some() || operation.request_body.is_some(),
    },
    SharedError {
        status: "401",
        name: "Unauthorized",
        description: "`unauthorized`: no token, a bad one, or its session has ended; \
            `token_expired`: refresh it",
        applies: is_secured,
    },
    SharedError {
        status: "403",
        name: "Forbidden",
        description: "`forbidden`: one may see it, but not do this",
        applies: |operation| is_secured(operation) && has_path_parameters(operation),
    },
    SharedError {
        status: "404",
        name: "NotFound",
        description: "`…_not_found`: it does not exist, or one may not see it",
        applies: has_path_parameters,
    },
    SharedError {
        status: "413",
        name: "TooLarge",
        description: "`too_large`: a text, a list or the body is longer than its limit",
        applies: |operation| operation.request_body.is_some(),
    },
    SharedError {
        status: "429",
        name: "RateLimited",
        description: "`rate_limited`: too fast; `error.retryAfterMs` and `Retry-After` say how long \
            to wait",
        applies: |operation| is_secured(operation) || operation.request_body.is_some(),
    },
    SharedError {
        status: "503",
        name: "Unavailable",
        description: "`unavailable`: try again later",
        applies: |_| true,
    },
    SharedError {
        status: "504",
        name: "Timeout",
        description: "`timeout`: it took too long, and may have been carried out",
        applies: |_| true,
    },
];

fn is_secured(operation: &Operation) -> bool {
    operation.security.is_none()
}

fn has_path_parameters(operation: &Operation) -> bool {
    operation.parameters.iter().flatten().any(|parameter| {
        matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Path)
    })
}

/// Adds the bearer scheme, the shared errors, and camelCase operation ids.
pub fn complete(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        let of_the_api = path.starts_with("/api/");
        operations(item).for_each(|operation| complete_operation(operation, of_the_api));
    }
    let components = document.components.get_or_insert_with(Components::new);
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme(BEARER, scheme);
    for error in SHARED_ERRORS {
        components.responses.insert(error.name.to_owned(), failure(error.description).into());
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        .into_iter()
        .filter_map(Option::as_mut)
}

fn complete_operation(operation: &mut Operation, of_the_api: bool) {
    operation.operation_id = operation.operation_id.take().map(|name| camel_case(&name));
    let applies = |error: &&SharedError| of_the_api && (error.applies)(operation);
    let errors: Vec<&SharedError> = SHARED_ERRORS.iter().filter(applies).collect();
    for error in errors {
        let reference = Ref::from_response_name(error.name);
        let responses = &mut operation.responses.responses;
        responses.entry(error.status.to_owned()).or_insert(RefOr::Ref(reference));
    }
    operation.security = Some(match is_secured(operation) {
        true => vec![SecurityRequirement::new(BEARER, Vec::<String>::new())],
        false => Vec::new(),
    });
}

fn failure(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Failure"))).build();
    Response::builder().description(description).content("application/json", content).build()
}

/// `list_group_members` as `listGroupMembers`, the custom of generated clients.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
