//! The address that a request comes from.

use actix_web::http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{fmt, net::IpAddr, str::FromStr};

/// The header to which proxies append the address of their peer.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// An address or a network, e.g. `10.1.2.3` or `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Network(IpNet);

impl Network {
    /// Whether `address` is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Length of the prefix in bits: of 32 for IPv4, of 128 for IPv6.
    pub fn prefix(&self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether it is a network of IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.0.addr().is_ipv4()
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| format!("{text} is neither an address nor a network such as 10.0.0.0/8"))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The address of the client: the peer's, unless the peer is a trusted proxy. Then it is the right-most entry of
/// `X-Forwarded-For` that is no trusted proxy, because clients can forge the entries further left.
#[cfg_attr(not(any(feature = "actix-governor", test)), expect(dead_code, reason = "only limits use the address"))]
pub(crate) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let lines: Vec<&str> = headers.get_all(FORWARDED_FOR).filter_map(|line| line.to_str().ok()).collect();
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        // callers behind an unreadable entry share the limit of the proxy that wrote it
        let Some(address) = entry_address(entry.trim()) else { break };
        client = address.to_canonical();
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn entry_address(entry: &str) -> Option<IpAddr> {
    entry.parse().ok().or_else(|| entry.parse().map(|socket: std::net::SocketAddr| socket.ip()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn networks() {
        let within = |network: &str, address: &str| network.parse::<Network>().expect("a network").contains(ip(address));
        assert!(within("10.0.0.0/8", "10.255.0.1") && !within("10.0.0.0/8", "11.0.0.1"));
        assert!(within("10.0.0.1", "::ffff:10.0.0.1") && !within("10.0.0.1", "10.0.0.2"));
        assert!(within("fd00::/8", "fd12::1") && !within("fd00::/8", "2001:db8::1") && !within("0.0.0.0/0", "::1"));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "localhost"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_trusted_proxies_can_forward_an_address() {
        let trusted: Vec<Network> = ["10.0.0.0/8", "192.0.2.1"].iter().map(|n| n.parse().expect("a network")).collect();
        let from = |peer: &str, lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
            }
            address(ip(peer), &headers, &trusted).to_string()
        };
        assert_eq!(from("203.0.113.9", &["1.2.3.4"]), "203.0.113.9", "a stranger's header");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &["1.2.3.4, 203.0.113.9"]), "203.0.113.9", "the client wrote the left one");
        assert_eq!(from("10.0.0.1", &["1.2.3.4", "203.0.113.9, 192.0.2.1"]), "203.0.113.9", "two proxies, two lines");
        assert_eq!(from("::ffff:10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(from("10.0.0.1", &["10.0.0.7"]), "10.0.0.7", "nobody but proxies");
        assert_eq!(from("10.0.0.1", &["203.0.113.9, unknown"]), "10.0.0.1", "not readable");
    }
}
