//! The OpenAPI document: generated from the handlers, completed with what all of them share.

use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, OpenApi, Ref, RefOr, Response};

use crate::http::answer::FailureBody;
use crate::model::id::{ChannelId, GroupId, MessageId, SessionId, UserId};

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
pub struct Head;

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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// The HTTP table of `docs/protocol.md`, below `/api/v1/`; `{}` stands for any name in a path.
    const TABLE: &[(&str, &str)] = &[
        ("auth/register auth/login auth/refresh auth/logout auth/password", "post"),
        ("auth/sessions", "get"),
        ("auth/sessions/{}", "delete"),
        ("users/me", "get patch"),
        ("users", "get"),
        ("groups", "get post"),
        ("groups/{}", "get patch delete"),
        ("groups/{}/leave", "post"),
        ("groups/{}/channels", "get post"),
        ("channels/{}", "get patch delete"),
        ("channels/{}/messages", "get post"),
        ("channels/{}/messages/{}", "get patch delete"),
        ("channels/{}/messages/{}/reactions/{}", "get put delete"),
        ("channels/{}/pins", "get"),
        ("channels/{}/pins/{}", "put delete"),
        ("channels/{}/read", "put"),
        ("groups/{}/members", "get"),
        ("groups/{}/members/{}", "patch delete"),
        ("groups/{}/bans", "get"),
        ("groups/{}/bans/{}", "put delete"),
        ("groups/{}/invites", "get post"),
        ("invites/{}", "get delete"),
        ("invites/{}/accept", "post"),
        ("direct-channels", "post"),
        ("attachments", "post"),
        ("attachments/{}/{}", "get"),
    ];

    fn document() -> Value {
        serde_json::to_value(crate::http::document()).unwrap()
    }

    /// Every operation as `method path`, with the operation.
    fn operations(document: &Value) -> Vec<(String, &Value)> {
        let paths = document["paths"].as_object().unwrap();
        let methods = |(path, item): (&String, &'_ Value)| {
            let path = path.clone();
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, _)| (method.clone(), path.clone()))
                .collect::<Vec<_>>()
        };
        let named = paths.iter().flat_map(methods);
        named
            .map(|(method, path)| (format!("{method} {path}"), &document["paths"][&path][&method]))
            .collect()
    }

    fn without_names(path: &str) -> String {
        let segments = path.split('/');
        segments
            .map(|part| if part.starts_with('{') { "{}" } else { part })
            .collect::<Vec<_>>()
            .join("/")
    }

    #[test]
    fn every_row_of_the_table_is_there_and_nothing_else() {
        let document = document();
        let mut named: Vec<String> =
            operations(&document).into_iter().map(|(name, _)| without_names(&name)).collect();
        let mut wanted = vec!["get /healthz".to_owned(), "get /readyz".to_owned()];
        for (paths, methods) in TABLE {
            for path in paths.split(' ') {
                wanted.extend(methods.split(' ').map(|method| format!("{method} /api/v1/{path}")));
            }
        }
        named.sort();
        wanted.sort();
        assert_eq!(named, wanted);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    fields.values().for_each(|field| references(field, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_error_has_the_body_of_the_contract() {
        let document = document();
        for (name, operation) in operations(&document) {
            let responses = operation["responses"].as_object().unwrap();
            let errors = responses.iter().filter(|(status, _)| *status >= &"400".to_owned());
            for (status, response) in errors.filter(|_| name.contains("/api/")) {
                let response = match response["$ref"].as_str() {
                    Some(reference) => document.pointer(&reference[1..]).unwrap(),
                    None => response,
                };
                let schema = &response["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Failure", "{name}: {status}");
            }
        }
        let failure = &document["components"]["schemas"]["Failure"];
        assert_eq!(failure["required"], serde_json::json!(["ok", "error"]));
        assert_eq!(failure["properties"]["error"]["$ref"], "#/components/schemas/ErrorBody");
    }

    #[test]
    fn every_name_in_a_path_is_a_parameter_and_the_others_are_in_the_query() {
        let document = document();
        for (name, operation) in operations(&document) {
            let mut in_path: Vec<String> = name
                .split('/')
                .filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')))
                .map(str::to_owned)
                .collect();
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let mut declared: Vec<String> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                .collect();
            in_path.sort();
            declared.sort();
            assert_eq!(declared, in_path, "{name}");
        }
    }

    #[test]
    fn operations_are_named_once_tagged_and_say_who_may_call() {
        let document = document();
        let mut ids = std::collections::HashSet::new();
        let mut public = Vec::new();
        for (name, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()) && !id.contains('_'), "{id}");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
            match operation["security"].as_array().unwrap().as_slice() {
                [] => public.push(id.to_owned()),
                [one] => assert_eq!(one, &serde_json::json!({ "bearer": [] })),
                more => panic!("{name}: {more:?}"),
            }
        }
        public.sort();
        assert_eq!(public, ["getHealth", "getReadiness", "login", "refresh", "register"]);
        assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    }
}
