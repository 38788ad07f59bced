//! Whose an address is, for limits that count by it.

use std::net::{IpAddr, Ipv6Addr};

/// What one party holds: an IPv4 address, or the /64 that an IPv6 customer gets at least.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> IpAddr {
        network(text.parse().unwrap())
    }

    #[test]
    fn an_ipv6_network_is_one_party() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:9::ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
