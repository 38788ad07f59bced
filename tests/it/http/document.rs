//! The OpenAPI document says what the contract says.

use serde_json::Value;

/// The HTTP table of `docs/protocol.md`, below `/api/v1/`; `{}` stands for any name in a path.
const TABLE: &[(&str, &str)] = &[
    ("auth/register auth/login auth/refresh auth/logout auth/password", "post"),
    ("auth/sessions", "get"),
    ("auth/sessions/{}", "delete"),
    ("users/me", "get patch"),
    ("users/me/settings", "get patch"),
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
    ("server", "get"),
    ("attachments", "post"),
    ("attachments/{}/{}", "get"),
];

fn document() -> Value {
    serde_json::to_value(vibetalk::http::document()).unwrap()
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
fn settings_are_an_object_within_the_answer_and_the_request() {
    let document = document();
    for name in ["Settings", "UpdateSettings"] {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["required"], serde_json::json!(["settings"]), "{name}");
        assert_eq!(schema["properties"]["settings"]["type"], "object", "{name}");
    }
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
    assert_eq!(public, ["getHealth", "getReadiness", "getServer", "login", "refresh", "register"]);
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}
