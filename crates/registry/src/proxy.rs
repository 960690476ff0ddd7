//! Through whom a host is asked.

use crate::{Proxies, RegistryError, Settings, endpoint};
use reqwest::{Proxy, Url};
use std::net::IpAddr;

/// A proxy on the way to a host.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) proxy: Proxy,
    /// What it is called in messages: without a password.
    pub(crate) shown: String,
}

/// What reqwest speaks to; `socks5h` lets the proxy look up names.
const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

/// Returns the proxy for the host of `url`; `None` to ask it directly.
pub(crate) fn route(settings: &Settings, url: &Url) -> Result<Option<Route>, RegistryError> {
    let Proxies {
        http,
        https,
        except,
    } = &settings.proxies;
    let named = if url.scheme() == "https" { https } else { http };
    let host = url.host_str().unwrap_or_default();
    let Some(named) = named.as_ref().filter(|named| !named.is_empty()) else {
        return Ok(None);
    };
    let port = url.port_or_known_default();
    if endpoint::is_loopback(host) || is_excepted(except, host, port) {
        return Ok(None);
    }
    let malformed = |why: &str| {
        // Without what stands before the `@`, which may be a password.
        let shown = named.rsplit_once('@').map_or(&**named, |(_, host)| host);
        RegistryError::Settings(format!("the proxy `{shown}` cannot be used: {why}"), None)
    };
    // `proxy.corp:3128` is a host and a port, and no scheme.
    let whole = if named.contains("://") {
        named.clone()
    } else {
        format!("http://{named}")
    };
    let parsed = Url::parse(&whole).map_err(|error| malformed(&error.to_string()))?;
    if !SCHEMES.contains(&parsed.scheme()) {
        let why = format!(
            "`{}` is not supported, want {}",
            parsed.scheme(),
            SCHEMES.join(", ")
        );
        return Err(malformed(&why));
    }
    let proxy = Proxy::all(parsed.clone()).map_err(|error| malformed(&error.to_string()))?;
    let shown = endpoint::authority(&parsed);
    Ok(Some(Route { proxy, shown }))
}

/// Returns whether `NO_PROXY` names a host: a name and all below it, `.corp` and `*.corp` for what is below
/// alone, an address, a network (`10.0.0.0/8`), `*`; each but the last two with a port or without.
fn is_excepted(except: &str, host: &str, port: Option<u16>) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let entries = except.split([',', ' ', '\t', '\n']);
    let mut entries = entries.filter(|entry| !entry.is_empty());
    entries.any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let (name, own_port) = with_port(&entry);
        if own_port.is_some() && own_port != port {
            return false;
        }
        if name == "*" {
            return true;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return is_in(name, address);
        }
        match name.strip_prefix('*').unwrap_or(name) {
            suffix if suffix.starts_with('.') => host.ends_with(suffix),
            name => host == name || host.ends_with(&format!(".{name}")),
        }
    })
}

/// Splits `corp:8080` and `[::1]:8080`.
fn with_port(entry: &str) -> (&str, Option<u16>) {
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port),
        _ => return (entry.trim_matches(['[', ']']), None),
    };
    match port.parse() {
        Ok(port) => (name.trim_matches(['[', ']']), Some(port)),
        Err(_) => (entry, None),
    }
}

/// Returns whether an address is the one that is named, or in the network.
fn is_in(network: &str, address: IpAddr) -> bool {
    let (first, length) = network.split_once('/').unwrap_or((network, ""));
    let Ok(first) = first.parse::<IpAddr>() else {
        return false;
    };
    let (first, address, bits) = match (first.to_canonical(), address.to_canonical()) {
        (IpAddr::V4(first), IpAddr::V4(address)) => {
            (first.to_bits().into(), address.to_bits().into(), 32)
        }
        (IpAddr::V6(first), IpAddr::V6(address)) => (first.to_bits(), address.to_bits(), 128_u32),
        _ => return false,
    };
    let length = if network.contains('/') {
        length.parse::<u32>().ok().filter(|length| *length <= bits)
    } else {
        Some(bits)
    };
    length.is_some_and(|length| {
        let differing: u128 = first ^ address;
        differing.checked_shr(bits - length).unwrap_or(0) == 0
    })
}

#[cfg(test)]
mod tests {
    use super::{is_excepted, route};
    use crate::{Proxies, Settings};

    #[test]
    fn no_proxy_is_read_in_every_form_that_others_read() {
        for (except, host, port, want) in [
            ("", "r.corp", 443, false),
            ("*", "r.corp", 443, true),
            ("r.corp", "r.corp", 443, true),
            ("R.corp", "r.corp", 443, true),
            ("corp", "r.corp", 443, true),
            ("corp", "corporate", 443, false),
            ("r.corp", "xr.corp", 443, false),
            ("*.corp", "r.corp", 443, true),
            ("*.corp", "corp", 443, false),
            (".corp", "a.r.corp", 443, true),
            ("a.example, r.corp:5000", "r.corp", 5000, true),
            ("r.corp:5000", "r.corp", 443, false),
            ("*.corp:5000", "r.corp", 5000, true),
            ("10.0.0.0/8", "10.1.2.3", 5000, true),
            ("10.0.0.0/8", "11.1.2.3", 5000, false),
            ("10.1.2.3/32", "10.1.2.3", 443, true),
            ("0.0.0.0/0", "9.9.9.9", 443, true),
            ("10.0.0.0/33", "10.1.2.3", 443, false),
            ("10.0.0.0/8", "ten.corp", 443, false),
            ("10.1.2.3", "10.1.2.3", 443, true),
            ("10.1.2.3:5000", "10.1.2.3", 443, false),
            ("fd00::/8", "[fd00::1]", 443, true),
            ("[fd00::1]:5000", "[fd00::1]", 5000, true),
            ("fd00::1", "[fd00::1]", 443, true),
            ("fd00::/8", "[fe80::1]", 443, false),
        ] {
            let is = is_excepted(except, host, Some(port));
            assert_eq!(is, want, "{except} {host}:{port}");
        }
    }

    #[test]
    fn a_proxy_is_named_without_its_password_and_refused_by_its_scheme() {
        let route = |proxy: &str| {
            let settings = Settings {
                proxies: Proxies {
                    https: Some(proxy.to_owned()),
                    ..Proxies::default()
                },
                ..Settings::default()
            };
            let url = "https://r.corp/v2/".parse().unwrap();
            let route = route(&settings, &url).map_err(|error| error.to_string());
            route.map(|route| route.map(|route| route.shown))
        };
        for proxy in [
            "http://u:secret@p.corp:3128",
            "p.corp:3128",
            "socks5://p.corp:3128",
        ] {
            assert_eq!(route(proxy).unwrap().as_deref(), Some("p.corp:3128"));
        }
        assert_eq!(route("").unwrap(), None);
        for proxy in [
            "socks4://u:secret@p.corp:1",
            "ftp://u:secret@p.corp",
            "http://u:secret@:x",
        ] {
            let error = route(proxy).unwrap_err();
            assert!(
                error.contains("cannot be used") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
