//! Which module may use which: the direction of dependencies of `docs/architecture.md`, read from the
//! sources. Paths through a re-export are not followed.

use std::collections::{BTreeMap, BTreeSet};
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

/// Libraries, and what belongs to HTTP, that only these modules name.
const NAMED_ONLY_BY: &[(&str, &[&str])] = &[
    ("rusqlite", &["store/sqlite"]),
    ("rustls", &["store/scylla"]),
    ("DeserializeRow", &["store/scylla"]),
    ("socketioxide", &["gateway", "edge"]),
    ("engineioxide", &["gateway", "edge"]),
    ("axum", &["http", "edge", "app"]),
    ("rust_embed", &["http/client"]),
    ("utoipa", &["http"]),
    ("StatusCode", &["http", "edge"]),
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

/// By module, what is in its file.
type Sources = BTreeMap<String, String>;

fn read_sources(folder: &Path, module: &str, sources: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let module = if module.is_empty() { name.to_owned() } else { format!("{module}/{name}") };
        if path.is_dir() {
            read_sources(&path, &module, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.insert(module, fs::read_to_string(&path).unwrap());
        }
    }
}

fn sources() -> Sources {
    let mut sources = Sources::new();
    read_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    sources
}

/// The modules that `module` uses outside its tests, without those that it is in: a part and what it
/// consists of know each other.
fn neighbours<'a>(module: &str, sources: &'a Sources) -> BTreeSet<&'a str> {
    let source = sources[module].split("#[cfg(test)]\nmod tests").next().unwrap();
    let parent = module.rsplit_once('/').map_or("", |(parent, _)| parent);
    let paths = |prefix: &'static str| {
        let ends = |character: char| is_no_word(character) && character != ':';
        code_lines(source).flat_map(move |line| {
            line.split(prefix).skip(1).map(move |rest| rest.split(ends).next().unwrap())
        })
    };
    let from_root = paths("crate::").map(|path| path.replace("::", "/"));
    let from_parent = paths("super::").map(|path| format!("{parent}/{}", path.replace("::", "/")));
    let used = from_root.chain(from_parent).filter_map(|path| {
        let known = sources.keys().filter(|module| is_below(path.trim_end_matches('/'), module));
        known.max_by_key(|module| module.len())
    });
    used.map(String::as_str).filter(|used| !is_below(module, used)).collect()
}

/// The way back to where it began, if there is one.
fn find_circle<'a>(
    module: &'a str,
    sources: &'a Sources,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<String> {
    if let Some(start) = way.iter().position(|it| *it == module) {
        return Some(format!("{} -> {module}", way[start..].join(" -> ")));
    }
    if !done.insert(module) {
        return None;
    }
    way.push(module);
    let found = neighbours(module, sources)
        .into_iter()
        .find_map(|used| find_circle(used, sources, way, done));
    way.pop();
    found
}

/// The name of the type that `line` defines. Associated types are named by the trait that they belong to, so
/// an indented `type` defines none.
fn defined_type(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let is_indented = code.len() < line.len();
    let code = match code.strip_prefix("pub(") {
        Some(visibility) => visibility.split_once(')')?.1.trim_start(),
        None => code.strip_prefix("pub ").unwrap_or(code),
    };
    let mut words = code.split(is_no_word).filter(|word| !word.is_empty());
    let kind = code.split(' ').next()?;
    words.next();
    let defines = match kind {
        "struct" | "enum" | "trait" | "union" => true,
        "type" => !is_indented,
        _ => false,
    };
    // What a macro defines has a name only where it is used.
    words.next().filter(|name| defines && name.starts_with(char::is_uppercase))
}

/// Type names that mean more than one thing, private ones and those of tests as well: one word for one
/// thing is what lets a reader move from room to room.
fn ambiguous_types(sources: &Sources) -> Vec<String> {
    let mut modules_by_type = BTreeMap::<&str, Vec<&str>>::new();
    for (module, source) in sources {
        for name in source.lines().filter_map(defined_type) {
            modules_by_type.entry(name).or_default().push(module);
        }
    }
    let ambiguous = modules_by_type.into_iter().filter(|(_, modules)| modules.len() > 1);
    ambiguous.map(|(name, modules)| format!("{name}: {}", modules.join(", "))).collect()
}

fn circle(sources: &Sources) -> Option<String> {
    let mut done = BTreeSet::new();
    sources.keys().find_map(|module| find_circle(module, sources, &mut Vec::new(), &mut done))
}

#[test]
fn dependencies_go_one_way() {
    let sources = sources();
    let found: Vec<String> =
        sources.iter().flat_map(|(module, source)| violations(module, source)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    assert_eq!(circle(&sources()), None);
}

#[test]
fn no_two_types_have_one_name() {
    let found = ambiguous_types(&sources());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_name_that_is_used_twice_is_seen() {
    for (line, expected) in [
        ("pub struct Chat {", Some("Chat")),
        ("    struct Counted<'a>(&'a str);", Some("Counted")),
        ("pub(crate) enum Effect {", Some("Effect")),
        ("pub(in crate::chat) trait Store: Send {", Some("Store")),
        ("pub type Topics = Vec<Topic>;", Some("Topics")),
        ("    type Err = InvalidId;", None),
        ("/// A struct of its own.", None),
        ("        pub struct $name {", None),
    ] {
        assert_eq!(defined_type(line), expected, "{line}");
    }
    let of = |module: &str, source: &str| (module.to_owned(), source.to_owned());
    let sources = [of("chat", "struct Inner;"), of("bus", "pub enum Inner {\n}\nstruct Bus;")];
    assert_eq!(ambiguous_types(&sources.into()), ["Inner: bus, chat"]);
}

#[test]
fn a_circle_is_seen() {
    let of = |sources: &[(&str, &str)]| {
        let owned = sources.iter().map(|(module, it)| ((*module).to_owned(), (*it).to_owned()));
        circle(&owned.collect())
    };
    let circle = [
        ("chat", "pub mod cache;\npub struct Chat;\nuse crate::chat::cache::Caches;"),
        ("chat/cache", "use crate::chat::Chat;\nuse super::pages::{Page, PageKey};"),
        ("chat/pages", "fn it() { crate::chat::ready::bytes(1) }"),
        ("chat/ready", "use crate::chat::cache;"),
    ];
    let found = of(&circle).unwrap();
    assert_eq!(found, "chat/cache -> chat/pages -> chat/ready -> chat/cache");
    let tests = "use crate::chat::Chat;\n#[cfg(test)]\nmod tests {\nuse crate::chat::cache;\n}";
    assert_eq!(of(&[circle[0], circle[1], circle[2], ("chat/ready", tests)]), None);
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
        ("model/id", "impl utoipa::ToSchema for Id {}", "model/id names utoipa"),
        ("chat/error", "http::StatusCode::CONFLICT", "chat/error names StatusCode"),
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
