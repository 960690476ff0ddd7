use reqwest::Url;
use std::net::{IpAddr, Ipv6Addr};

/// Says why a URL that an answer names must not be followed, if it must not.
///
/// `from` was asked, and `peer` answered. A registry names URLs of all kinds (`Location`, redirects,
/// the realm of a challenge); one that is hostile, or reached over a connection that somebody
/// listens in on, must not turn us against hosts that only we can reach, nor have us speak in the
/// clear.
pub(crate) fn refusal(from: &Url, peer: Option<IpAddr>, to: &Url) -> Option<&'static str> {
    let is_clear = match to.scheme() {
        "https" => false,
        "http" => true,
        _ => return Some("does not use HTTPS"),
    };
    if is_clear && from.scheme() != "http" {
        return Some("does not use HTTPS");
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Some("holds credentials");
    }
    // Staying is not a danger.
    if from.host() == to.host() {
        return None;
    }
    let address = address_of(to)?;
    if is_link_local(address) {
        return Some("is an address of this machine or its cloud");
    }
    // Behind a proxy the peer is the proxy, and not public: then nothing can be said.
    if peer.is_some_and(|peer| !is_private(peer)) && is_private(address) {
        return Some("is a private address, though the registry is public");
    }
    None
}

/// Returns the address that a URL names outright. A name is not looked up: what it means later
/// would be somebody else's choice again.
fn address_of(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    if host == "localhost" || host.ends_with(".localhost") {
        return Some(IpAddr::V6(Ipv6Addr::LOCALHOST));
    }
    let address: IpAddr = host.trim_matches(['[', ']']).parse().ok()?;
    Some(address.to_canonical())
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || shared
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_unspecified()
        }
    }
}

/// Cloud machines find their own credentials at 169.254.169.254.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;

    fn is_refused(from: &str, peer: &str, to: &str) -> bool {
        let url = |text: &str| text.parse().unwrap();
        refusal(&url(from), peer.parse().ok(), &url(to)).is_some()
    }

    #[test]
    fn a_public_registry_cannot_send_us_inside() {
        let (from, peer) = ("https://registry.example/v2/", "93.184.216.34");
        for to in [
            "https://10.0.0.1/x",
            "https://192.168.1.1/x",
            "https://127.0.0.1:2375/x",
            "https://localhost/x",
            "https://a.localhost/x",
            "https://[::1]/x",
            "https://[::ffff:10.0.0.1]/x",
            "https://[fd00::1]/x",
            "https://100.64.0.1/x",
            "https://169.254.169.254/latest/meta-data",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "http://registry.example/v2/x",
            "http://cdn.example/x",
            "ftp://cdn.example/x",
            "file:///etc/passwd",
            "https://user:secret@cdn.example/x",
        ] {
            assert!(is_refused(from, peer, to), "{to}");
        }
        for to in [
            "https://cdn.example/x",
            "https://93.184.216.35/x",
            "https://registry.example:8443/x",
        ] {
            assert!(!is_refused(from, peer, to), "{to}");
        }
    }

    #[test]
    fn a_private_registry_may_send_us_to_its_neighbour_but_not_to_the_clouds_own_address() {
        let (from, peer) = ("http://registry.corp:5000/v2/", "10.0.0.5");
        assert!(!is_refused(from, peer, "http://10.0.0.6:9000/bucket"));
        assert!(!is_refused(from, peer, "https://10.0.0.6:9000/bucket"));
        assert!(is_refused(from, peer, "http://169.254.169.254/latest"));
        assert!(!is_refused(
            "http://127.0.0.1:5000/v2/",
            "127.0.0.1",
            "http://127.0.0.1:5001/x"
        ));
    }
}
