//! The client's address as a trusted proxy tells it.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// The client behind `socket`, where that is a trusted proxy that names one: the last address of `X-Forwarded-For` that is
/// not itself a trusted proxy's. What stands before it is the client's own claim. An entry that is no address ends the
/// search: whatever stands before it came through something that we do not understand.
pub(super) fn client(trusted: &[IpNet], socket: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if trusted.is_empty() || !is_trusted(&socket) {
        return None;
    }
    let mut furthest = None;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        for hop in value.to_str().ok()?.rsplit(',') {
            let Some(address) = address(hop.trim()) else {
                return furthest;
            };
            furthest = Some(address);
            if !is_trusted(&address) {
                return furthest;
            }
        }
    }
    furthest
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.parse::<IpAddr>().ok();
    bare.or_else(|| {
        text.parse::<std::net::SocketAddr>()
            .ok()
            .map(|address| address.ip())
    })
    .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
    .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(trusted: &[&str], socket: &str, values: &[&str]) -> Option<String> {
        let trusted: Vec<IpNet> = trusted
            .iter()
            .map(|network| network.parse().unwrap())
            .collect();
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        client(&trusted, socket.parse().unwrap(), &headers).map(|address| address.to_string())
    }

    #[test]
    fn a_stranger_cannot_claim_another_address() {
        assert_eq!(seen(&["10.0.0.0/8"], "192.0.2.1", &["203.0.113.9"]), None);
        assert_eq!(seen(&[], "10.0.0.1", &["203.0.113.9"]), None);
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_the_client() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(
            seen(&trusted, "10.0.0.1", &["203.0.113.9"]).unwrap(),
            "203.0.113.9"
        );
        assert_eq!(
            seen(&trusted, "10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"]).unwrap(),
            "203.0.113.9"
        );
        assert_eq!(
            seen(&trusted, "10.0.0.1", &["1.1.1.1", "203.0.113.9"]).unwrap(),
            "203.0.113.9"
        );
        assert_eq!(
            seen(&trusted, "10.0.0.1", &["10.0.0.7"]).unwrap(),
            "10.0.0.7"
        );
        assert_eq!(
            seen(&trusted, "10.0.0.1", &["[2001:db8::1]:443"]).unwrap(),
            "2001:db8::1"
        );
        assert_eq!(
            seen(&trusted, "10.0.0.1", &["::ffff:203.0.113.9"]).unwrap(),
            "203.0.113.9"
        );
    }

    #[test]
    fn what_is_no_address_ends_the_search() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(seen(&trusted, "10.0.0.1", &["1.1.1.1, unknown"]), None);
        assert_eq!(
            seen(&trusted, "10.0.0.1", &["1.1.1.1, x, 10.0.0.2"]).unwrap(),
            "10.0.0.2"
        );
        assert_eq!(seen(&trusted, "10.0.0.1", &[]), None);
    }
}
