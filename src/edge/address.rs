//! Who is at the other end: the client's address behind trusted proxies, and how many connections
//! one address may have.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderMap;
use ipnet::{IpNet, Ipv4Net};
use parking_lot::Mutex;

use crate::model::address::network;

/// The client's address, in the extensions of every request to the router.
///
/// Its port is 0 when a proxy told the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// How large a request's body may be, in the extensions of every request to the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyBytesMax(pub usize);

/// A network in CIDR notation, such as `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// Of `::ffff:0:0/96`, IPv4 in IPv6 (RFC 4291, section 2.5.5.2).
const MAPPED_PREFIX_BITS: u8 = 96;

#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is neither an IP address nor a network such as 10.0.0.0/8")]
pub struct NetworkError(String);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let single = || text.parse().map(|address: IpAddr| address.into());
        let network: IpNet =
            text.parse().or_else(|_| single()).map_err(|_| NetworkError(text.to_owned()))?;
        Ok(Self(canonical(network)))
    }
}

/// Peers are compared as the IPv4 addresses that they are.
fn canonical(network: IpNet) -> IpNet {
    let prefix_bits = network.prefix_len().checked_sub(MAPPED_PREFIX_BITS);
    match (network.addr(), network.addr().to_canonical(), prefix_bits) {
        (IpAddr::V6(_), mapped @ IpAddr::V4(_), Some(prefix_bits)) => {
            IpNet::new(mapped, prefix_bits).unwrap_or(network)
        }
        _ => network,
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Network {
    /// The networks of this machine itself, where a local nginx is.
    pub fn loopback() -> Vec<Self> {
        let ipv4 = Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8);
        vec![Self(ipv4.into()), Self(IpAddr::from(Ipv6Addr::LOCALHOST).into())]
    }

    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }
}

/// The address of the client behind `peer`.
///
/// `X-Forwarded-For` counts only if the peer is trusted, and then from the right: the first address
/// that is not a proxy of ours. What stands left of it was written by the client.
pub fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> SocketAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
    let mut client = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    if !is_trusted(client.ip()) {
        return client;
    }
    for line in headers.get_all("x-forwarded-for").iter().rev() {
        for entry in line.to_str().unwrap_or_default().rsplit(',') {
            let Some(ip) = forwarded_ip(entry.trim()) else { return client };
            client = SocketAddr::new(ip.to_canonical(), 0);
            if !is_trusted(client.ip()) {
                return client;
            }
        }
    }
    client
}

/// Some proxies add the port.
fn forwarded_ip(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse().map(|address: SocketAddr| address.ip());
    entry.parse().or_else(|_| with_port()).ok()
}

/// Counts what each address holds, all those of an IPv6 /64 as one.
pub struct AddressLimit {
    permits_max: u32,
    held: Mutex<HashMap<IpAddr, u32>>,
}

/// One connection or session of an address; given back on drop.
pub struct AddressPermit {
    /// `None`: it is not counted.
    limit: Option<Arc<AddressLimit>>,
    ip: IpAddr,
}

impl AddressPermit {
    pub fn uncounted(ip: IpAddr) -> Self {
        Self { limit: None, ip }
    }

    pub fn ip(&self) -> IpAddr {
        self.ip
    }
}

impl AddressLimit {
    pub fn new(permits_max: u32) -> Arc<Self> {
        Arc::new(Self { permits_max, held: Mutex::default() })
    }

    /// `None` if the address holds as much as it may.
    pub fn try_acquire(self: &Arc<Self>, ip: IpAddr) -> Option<AddressPermit> {
        let mut held = self.held.lock();
        let count = held.entry(network(ip)).or_insert(0);
        if *count >= self.permits_max {
            return None;
        }
        *count += 1;
        Some(AddressPermit { limit: Some(self.clone()), ip })
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let Some(limit) = &self.limit else { return };
        let (mut held, network) = (limit.held.lock(), network(self.ip));
        let Some(count) = held.get_mut(&network) else { return };
        *count -= 1;
        if *count == 0 {
            held.remove(&network);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_client(peer: &str, forwarded: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let mut trusted = Network::loopback();
        trusted.push("10.0.0.0/8".parse().unwrap());
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        let client = client_address(peer, &headers, &trusted).ip().to_string();
        assert_eq!(client, expected, "{forwarded:?} from {peer}");
    }

    #[test]
    fn only_trusted_proxies_may_tell_an_address() {
        check_client("127.0.0.1", &["198.51.100.7"], "198.51.100.7");
        check_client("::ffff:127.0.0.1", &["198.51.100.7"], "198.51.100.7");
        check_client("::1", &["2001:db8::1"], "2001:db8::1");
        check_client("203.0.113.9", &["198.51.100.7"], "203.0.113.9");
        check_client("127.0.0.1", &["1.1.1.1, 198.51.100.7, 10.1.2.3"], "198.51.100.7");
        check_client("127.0.0.1", &["1.1.1.1", "198.51.100.7"], "198.51.100.7");
        check_client("127.0.0.1", &["198.51.100.7, unknown"], "127.0.0.1");
        check_client("127.0.0.1", &["198.51.100.7:4711"], "198.51.100.7");
        check_client("127.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1");
        check_client("127.0.0.1", &[], "127.0.0.1");
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_parsed_and_matched() {
        let network: Network = "192.168.4.0/22".parse().unwrap();
        assert!(network.contains("192.168.7.255".parse().unwrap()));
        assert!(!network.contains("192.168.8.0".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("9.9.9.9".parse().unwrap()));
        for (text, same) in [
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.0.0.1", "10.0.0.1/32"),
            ("10.0.0.1", "10.0.0.1/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("10.1.2.3/8", "10.1.2.3/8"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), same);
        }
        let all: Network = "::/0".parse().unwrap();
        assert!(all.contains(Ipv6Addr::LOCALHOST.into()) && !all.contains(ip("10.0.0.1")));
        assert!(network.contains(ip("::ffff:192.168.4.1")));
        for wrong in ["", "10.0.0.0/33", "10.0.0.0/", "host", "10.0.0.0/x", "10.0.0/8"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn permits_come_back() {
        let limit = AddressLimit::new(1);
        let ip = "192.0.2.1".parse().unwrap();
        let permit = limit.try_acquire(ip);
        assert!(permit.is_some() && limit.try_acquire(ip).is_none());
        drop(permit);
        assert!(limit.held.lock().is_empty());
        assert!(limit.try_acquire(ip).is_some());

        let of_one_customer = ["2001:db8:1:2::1", "2001:db8:1:2:9::1"];
        let [first, second] = of_one_customer.map(|ip| limit.try_acquire(ip.parse().unwrap()));
        assert!(first.is_some() && second.is_none());
        assert!(limit.try_acquire("2001:db8:1:3::1".parse().unwrap()).is_some());
        drop(first);
        assert_eq!(limit.held.lock().len(), 0);
    }

    proptest! {
        #[test]
        fn any_forwarding_leads_to_an_address(
            lines in proptest::collection::vec("([0-9a-f:.,\\[\\] ]|127\\.0\\.0\\.1|::1){0,40}", 0..4),
        ) {
            let mut headers = HeaderMap::new();
            for line in &lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let stranger = SocketAddr::new("192.0.2.1".parse().unwrap(), 7);
            prop_assert_eq!(client_address(stranger, &headers, &Network::loopback()), stranger);
            let proxy = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 7);
            client_address(proxy, &headers, &Network::loopback());
        }

        #[test]
        fn any_text_is_a_network_or_an_error(text in "([0-9a-f:./ ]|\\PC){0,24}") {
            if let Ok(network) = text.parse::<Network>() {
                prop_assert!(network.contains(network.0.addr()));
                prop_assert_eq!(network.to_string().parse::<Network>().unwrap(), network);
            }
        }
    }
}
