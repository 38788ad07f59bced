//! Which node this is.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::model::id::NodeId;
use crate::section::{SettingValue, quoted, section};

/// Characters of a name at most.
const NAME_CHARS_MAX: usize = 64;
/// A secret that people choose is guessed sooner if it is shorter.
const SECRET_CHARS_MIN: usize = 32;

section! {
    /// What operators may set of a node among others.
    pub struct ClusterSettings {
        /// What the node is called in logs and metrics: up to 64 letters, digits, dots, dashes and underscores. Empty: the
        /// name of the host. Nodes of one host are called differently.
        name: NodeName = "node.name", NodeName::default();
        /// Where the other nodes reach this one, as `10.0.0.5:3000`. Empty: the address of `listen`.
        address: NodeAddress = "node.address", NodeAddress::default();
        /// A text of 32 characters or more, the same for all nodes, from which they make their keys, in place of those that
        /// the store keeps. Best in the environment, or in `cluster.secret_file`.
        secret: SharedText = "cluster.secret", SharedText::default();
        /// A file with that text, as a mounted secret.
        secret_file: Option<PathBuf> = "cluster.secret_file", None;
    }
}

/// Empty for the name of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeName(String);

impl NodeName {
    pub fn or_of_host(&self) -> String {
        match self.0.is_empty() {
            true => name_of(&gethostname::gethostname().to_string_lossy()),
            false => self.0.clone(),
        }
    }
}

/// What is left of the name of a host where only some characters may be.
fn name_of(host: &str) -> String {
    let name: String = host.chars().filter(|it| is_name_char(*it)).take(NAME_CHARS_MAX).collect();
    if name.is_empty() { "node".to_owned() } else { name }
}

fn is_name_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || "._-".contains(char)
}

impl SettingValue for NodeName {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.len() <= NAME_CHARS_MAX && text.chars().all(is_name_char) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "takes up to {NAME_CHARS_MAX} letters, digits, dots, dashes and underscores, not {text:?}"
            )),
        }
    }
    fn to_toml(&self) -> String {
        quoted(&self.0)
    }
}

/// A host and a port; empty for where the node listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeAddress(String);

impl NodeAddress {
    pub fn or(&self, listens: SocketAddr) -> String {
        if self.0.is_empty() { listens.to_string() } else { self.0.clone() }
    }
}

impl SettingValue for NodeAddress {
    fn from_text(text: &str) -> Result<Self, String> {
        let is_address = |text: &str| {
            let address = text.parse::<http::uri::Authority>().ok();
            address.is_some_and(|it| {
                it.port_u16().is_some_and(|port| port > 0)
                    && !it.host().is_empty()
                    && !it.as_str().contains('@')
            })
        };
        match text.is_empty() || is_address(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("takes a host and a port, as 10.0.0.5:3000, not {text:?}")),
        }
    }
    fn to_toml(&self) -> String {
        quoted(&self.0)
    }
}

/// A text that nobody sees: neither in logs nor in what `vibetalk config` prints. Empty for none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SharedText(String);

/// Is refused when it is read back.
const HIDDEN: &str = "(hidden)";

impl SharedText {
    pub fn as_str(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(self.0.as_str())
    }
}

impl std::fmt::Debug for SharedText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.0.is_empty() { "SharedText(none)" } else { "SharedText(..)" })
    }
}

impl SettingValue for SharedText {
    fn from_text(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text.is_empty() || text.chars().count() >= SECRET_CHARS_MIN {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("takes {SECRET_CHARS_MIN} characters or more")),
        }
    }
    fn to_toml(&self) -> String {
        quoted(self.as_str().map_or("", |_| HIDDEN))
    }
}

/// One process among others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Clients see it as `serverId`.
    pub id: NodeId,
    pub name: String,
    pub address: String,
}

impl Identity {
    /// What listens at `listens`.
    pub fn new(id: NodeId, settings: &ClusterSettings, listens: SocketAddr) -> Self {
        Self { id, name: settings.name.or_of_host(), address: settings.address.or(listens) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_called_as_it_is_set_or_as_its_host() {
        assert_eq!(NodeName::from_text("chat-1.example_").unwrap().or_of_host(), "chat-1.example_");
        assert!(!NodeName::default().or_of_host().is_empty());
        for (host, name) in [("böx 1", "bx1"), ("", "node"), ("é", "node")] {
            assert_eq!(name_of(host), name);
        }
        for wrong in ["a b", "\u{e9}", "a\n", &"x".repeat(65)] {
            assert!(NodeName::from_text(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_node_is_where_it_listens_or_as_it_is_set() {
        let listens = SocketAddr::from(([127, 0, 0, 1], 3000));
        for (text, address) in
            [("", "127.0.0.1:3000"), ("chat-1:3000", "chat-1:3000"), ("[::1]:80", "[::1]:80")]
        {
            assert_eq!(NodeAddress::from_text(text).unwrap().or(listens), address);
        }
        for wrong in ["chat-1", "chat-1:0", ":3000", "http://chat-1:3000", "a@b:1", "a:99999"] {
            assert!(NodeAddress::from_text(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_shared_text_is_not_shown() {
        let text = SharedText::from_text(" a text of thirty-two characters!\n").unwrap();
        assert_eq!(text.as_str(), Some("a text of thirty-two characters!"));
        assert_eq!(format!("{text:?} {}", text.to_toml()), "SharedText(..) \"(hidden)\"");
        assert!(SharedText::from_text(HIDDEN).is_err(), "nobody takes what is printed for it");
        assert!(SharedText::from_text("a text of thirty-one characters").is_err());
        assert_eq!(SharedText::default().as_str(), None);
    }
}
