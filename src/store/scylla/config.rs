//! Where the database is, and how it is used.

use std::fmt;
use std::path::PathBuf;

use crate::section::{SettingValue, quoted};

/// The port of CQL.
const PORT: u16 = 9042;
/// Keyspaces have names of so many bytes at most; so have folders of tables.
const KEYSPACE_BYTES_MAX: usize = 48;

#[derive(Clone, Debug, PartialEq)]
pub struct ScyllaConfig {
    pub address: Address,
    pub replication: Replication,
    /// Certificates in PEM of who may vouch for the database's nodes. None for connections without TLS.
    pub tls_ca: Option<PathBuf>,
    /// The data centre to which requests go; empty for any.
    pub datacenter: String,
    /// Requests under way at a time at most.
    pub requests_max: usize,
}

impl ScyllaConfig {
    pub fn new(address: Address) -> Self {
        Self {
            address,
            replication: Replication::default(),
            tls_ca: None,
            datacenter: String::new(),
            requests_max: 512,
        }
    }
}

/// `scylla://[user:password@]host[:port][,host…]/keyspace`
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub credentials: Option<Credentials>,
    /// With ports: a few of the database's nodes, which know the others.
    pub hosts: Vec<String>,
    pub keyspace: String,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: String,
}

impl Address {
    /// The problem completes the sentence "KEY …", and never quotes a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = r#"takes "scylla://[user:password@]host[:port][,host…]/keyspace""#;
        let rest = text.strip_prefix("scylla://").ok_or(FORM)?;
        let (place, keyspace) =
            rest.split_once('/').ok_or(format!("{FORM}: the keyspace is missing"))?;
        if keyspace.contains('@') {
            return Err(format!("{FORM}: a / of user or password is written %2F"));
        }
        let (credentials, hosts) = match place.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(parse_credentials(credentials)?), hosts),
            None => (None, place),
        };
        let hosts = hosts.split(',').map(parse_host).collect::<Result<_, _>>()?;
        check_keyspace(keyspace)?;
        Ok(Self { credentials, hosts, keyspace: keyspace.to_owned() })
    }
}

fn parse_credentials(text: &str) -> Result<Credentials, String> {
    // Only `%` means something else than itself.
    let decode = |part: &str| {
        let escaped = part.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
        let decoded = form_urlencoded::parse(escaped.as_bytes()).next();
        decoded.map(|(decoded, _)| decoded.into_owned()).unwrap_or_default()
    };
    match text.split_once(':') {
        Some((user, password)) if !user.is_empty() => {
            Ok(Credentials { user: decode(user), password: decode(password) })
        }
        _ => Err("names no user and password before the @: user:password@host".to_owned()),
    }
}

fn parse_host(text: &str) -> Result<String, String> {
    // What follows may be a password, if the host was forgotten.
    let shown =
        if text.starts_with('[') { text } else { text.split(':').next().unwrap_or_default() };
    let invalid = || format!("names {shown:?}, which is no host or host:port");
    let is_name = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        !name.is_empty() && name.bytes().all(allowed)
    };
    // An IPv6 address stands in brackets.
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
            (format!("[{address}]"), port.strip_prefix(':'))
        }
        Some(_) => return Err(invalid()),
        None => match text.split_once(':') {
            Some((name, port)) if is_name(name) => (name.to_owned(), Some(port)),
            None if is_name(text) => (text.to_owned(), None),
            _ => return Err(invalid()),
        },
    };
    let port = port.map_or(Ok(PORT), |port| port.parse().map_err(|_| invalid()))?;
    Ok(format!("{host}:{port}"))
}

fn check_keyspace(name: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = name.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
    if starts_well && name.len() <= KEYSPACE_BYTES_MAX && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(format!(
        "names the keyspace {name:?}: a to z first, then a to z, 0 to 9 and _, {KEYSPACE_BYTES_MAX} at most"
    ))
}

/// As it is shown and logged: without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = self.credentials.as_ref().map(|it| format!("{}:***@", it.user));
        let (credentials, hosts) = (credentials.unwrap_or_default(), self.hosts.join(","));
        write!(f, "scylla://{credentials}{hosts}/{}", self.keyspace)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// In how many copies a new keyspace is kept: everywhere as many, or so many in each data centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replication {
    Copies(usize),
    ByDatacenter(Vec<(String, usize)>),
}

impl Default for Replication {
    fn default() -> Self {
        Self::Copies(3)
    }
}

impl Replication {
    /// The `replication` of a keyspace.
    pub fn to_cql(&self) -> String {
        let copies = match self {
            Self::Copies(copies) => format!("'replication_factor': {copies}"),
            Self::ByDatacenter(copies) => {
                let each = copies.iter().map(|(name, copies)| format!("'{name}': {copies}"));
                each.collect::<Vec<_>>().join(", ")
            }
        };
        format!("{{'class': 'NetworkTopologyStrategy', {copies}}}")
    }
}

impl SettingValue for Replication {
    fn from_text(text: &str) -> Result<Self, String> {
        let invalid = || {
            format!(
                r#"takes copies, as "3", or those of each data centre, as "one:3,two:3", not {text:?}"#
            )
        };
        let copies =
            |text: &str| text.trim().parse().ok().filter(|copies| (1..=9).contains(copies));
        if let Some(copies) = copies(text) {
            return Ok(Self::Copies(copies));
        }
        let by_datacenter = text.split(',').map(|part| {
            let (name, count) = part.split_once(':')?;
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let is_name = !name.is_empty() && name.bytes().all(allowed);
            is_name.then(|| copies(count).map(|copies| (name.to_owned(), copies))).flatten()
        });
        by_datacenter.collect::<Option<Vec<_>>>().map(Self::ByDatacenter).ok_or_else(invalid)
    }

    fn to_toml(&self) -> String {
        match self {
            Self::Copies(copies) => quoted(&copies.to_string()),
            Self::ByDatacenter(copies) => {
                let each = copies.iter().map(|(name, copies)| format!("{name}:{copies}"));
                quoted(&each.collect::<Vec<_>>().join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_hosts_and_a_keyspace() {
        let plain = Address::parse("scylla://db/chat").unwrap();
        assert_eq!((plain.hosts, plain.keyspace.as_str()), (vec!["db:9042".to_owned()], "chat"));
        assert!(plain.credentials.is_none());

        let full =
            Address::parse("scylla://me:p%40s=&+:@one:9142,[::1],10.0.0.1:1/chat_2").unwrap();
        assert_eq!(full.hosts, ["one:9142", "[::1]:9042", "10.0.0.1:1"]);
        let credentials = full.credentials.as_ref().unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("me", "p@s=&+:"));
        assert_eq!(full.to_string(), "scylla://me:***@one:9142,[::1]:9042,10.0.0.1:1/chat_2");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, problem) in [
            ("scylla:db/chat", "takes"),
            ("scylla://db", "the keyspace is missing"),
            ("scylla://db/", "names the keyspace \"\""),
            ("scylla://db/Chat", "names the keyspace"),
            ("scylla://db/chat?x=1", "names the keyspace"),
            ("scylla:///chat", "no host"),
            ("scylla://a,,b/chat", "no host"),
            ("scylla://a:x/chat", "no host"),
            ("scylla://[::1/chat", "no host"),
            ("scylla://:secret@db/chat", "no user"),
            ("scylla://secret@db/chat", "no user"),
            ("scylla://me:secret/1@db/chat", "%2F"),
            ("scylla://me:12/secret@db/chat", "%2F"),
            ("scylla://me:secret/chat", "no host"),
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(error.contains(problem) && !error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn copies_are_counted_everywhere_or_by_data_centre() {
        for (text, cql) in [
            ("3", "{'class': 'NetworkTopologyStrategy', 'replication_factor': 3}"),
            ("a:3,b-1:2", "{'class': 'NetworkTopologyStrategy', 'a': 3, 'b-1': 2}"),
        ] {
            let replication = Replication::from_text(text).unwrap();
            assert_eq!(replication.to_cql(), cql);
            assert_eq!(replication.to_toml(), quoted(text));
        }
        for text in ["", "0", "10", "a", "a:", "a:0", "a':3", "a:3,"] {
            assert!(Replication::from_text(text).is_err(), "{text}");
        }
    }
}
