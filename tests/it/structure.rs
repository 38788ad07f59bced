//! Which module may use which: the direction of dependencies of `docs/architecture.md`, read from the
//! sources. Paths through `super` or a re-export are not followed.

use std::fs;
use std::path::Path;

/// What lies below `path` (a module or a folder of one) may use only these modules, and itself. The first
/// line that fits counts, and every module has one.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &["clock"]),
    ("clock", &[]),
    ("section", &[]),
    ("telemetry", &["section"]),
    ("lifecycle", &["telemetry"]),
    ("watchdog", &["telemetry"]),
    ("store", &["model", "clock", "section", "telemetry"]),
    ("bus", &["model", "clock", "telemetry"]),
    ("chat", &["store", "bus", "model", "clock", "section", "lifecycle", "telemetry"]),
    ("edge", &["model", "clock", "section", "lifecycle", "telemetry"]),
    // The one outbound path: it applies what commands decided, and must not ask them again.
    ("gateway/fanout", &["bus", "model", "clock", "edge", "lifecycle", "telemetry"]),
    ("gateway", &["chat", "bus", "model", "clock", "edge", "lifecycle", "telemetry"]),
    ("http", &["chat", "edge", "model", "clock", "lifecycle", "telemetry"]),
    ("cluster", &["store", "model", "clock", "section", "lifecycle", "telemetry"]),
    ("config", &["chat", "cluster", "edge", "store", "section", "telemetry"]),
    (
        "app",
        &[
            "config",
            "http",
            "gateway",
            "edge",
            "chat",
            "cluster",
            "store",
            "bus",
            "model",
            "clock",
            "lifecycle",
            "telemetry",
            "watchdog",
        ],
    ),
    ("main", &["app", "config", "telemetry"]),
    ("lib", &[]),
];

/// Libraries that only these modules name.
const NAMED_ONLY_BY: &[(&str, &[&str])] = &[
    ("rusqlite", &["store/sqlite"]),
    ("socketioxide", &["gateway", "edge"]),
    ("engineioxide", &["gateway", "edge"]),
    ("axum", &["http", "edge", "app"]),
    ("rust_embed", &["http/client"]),
];

/// Whether `module` ("gateway/fanout/rooms") is `path` or lies below it.
fn is_below(module: &str, path: &str) -> bool {
    module.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What `source`, which is `module`, must not use, and every path that cannot be told.
fn violations(module: &str, source: &str) -> Vec<String> {
    let Some((_, may_use)) = MAY_USE.iter().find(|(path, _)| is_below(module, path)) else {
        return vec![format!("{module}: no line in MAY_USE says what it may use")];
    };
    let own = module.split('/').next().unwrap();
    let forbidden_uses = used_modules(source)
        .filter(|used| *used != own && !may_use.contains(used))
        .map(|used| format!("{module} uses {used}"));
    let forbidden_names = NAMED_ONLY_BY
        .iter()
        .filter(|(_, by)| !by.iter().any(|path| is_below(module, path)))
        .filter(|(library, _)| words(source).any(|word| word.starts_with(library)))
        .map(|(library, _)| format!("{module} names {library}"));
    forbidden_uses.chain(forbidden_names).collect()
}

/// The first segments of all paths from this crate's root; empty for `crate::{…}`, which no module is.
fn used_modules(source: &str) -> impl Iterator<Item = &str> {
    code_lines(source).flat_map(|line| {
        let from_inside = line.split("crate::").skip(1);
        let from_main = line.split("vibetalk::").skip(1);
        from_inside.chain(from_main).map(|rest| rest.split(is_no_word).next().unwrap())
    })
}

fn words(source: &str) -> impl Iterator<Item = &str> {
    code_lines(source).flat_map(|line| line.split(is_no_word))
}

fn code_lines(source: &str) -> impl Iterator<Item = &str> {
    source.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

fn is_no_word(character: char) -> bool {
    !character.is_alphanumeric() && character != '_'
}

fn all_violations(folder: &Path, module: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let module = if module.is_empty() { name.to_owned() } else { format!("{module}/{name}") };
        if path.is_dir() {
            all_violations(&path, &module, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.extend(violations(&module, &fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn dependencies_go_one_way() {
    let mut found = Vec::new();
    all_violations(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_step_against_the_direction_is_seen() {
    for (module, source, expected) in [
        ("chat/messages", "use crate::gateway::fanout;", "chat/messages uses gateway"),
        (
            "gateway/fanout/rooms",
            "let it = crate::chat::push(1);",
            "gateway/fanout/rooms uses chat",
        ),
        ("model/id", "    use crate::{clock, store};", "model/id uses "),
        ("store", "fn it(row: &rusqlite::Row) {}", "store names rusqlite"),
        ("chat", "use engineioxide_core::Sid;", "chat names engineioxide"),
        ("main", "use vibetalk::store::Store;", "main uses store"),
        ("brand_new", "", "brand_new: no line in MAY_USE says what it may use"),
    ] {
        assert_eq!(violations(module, source), [expected]);
    }
    for (module, source) in [
        ("gateway/session", "use crate::chat::Chat;"),
        ("store/sqlite/messages", "use rusqlite::Row;"),
        ("bus/local", "/// See [`crate::chat`] and socketioxide."),
        ("chat", "pub(crate) mod access;"),
    ] {
        assert_eq!(violations(module, source), Vec::<String>::new());
    }
}
