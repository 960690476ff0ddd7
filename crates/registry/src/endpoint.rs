use crate::{HostSettings, RegistryError, Settings};
use reqwest::Url;
use std::net::IpAddr;

/// Returns the URL under which the registry `registry` speaks, with a slash at the end.
///
/// Plain HTTP is for loopback, where certificates are rare and nobody listens in, and for hosts
/// whose settings say so.
pub(crate) fn base_url(settings: &Settings, registry: &str) -> Result<Url, RegistryError> {
    // Docker Hub's name in references is not the host that serves them.
    let host = if registry == "docker.io" {
        "registry-1.docker.io"
    } else {
        registry
    };
    let special = settings.host(registry);
    let insecure = special.and_then(|host| host.insecure).unwrap_or_else(|| {
        is_loopback(host_without_port(host)) && special.is_none_or(|host| host.ca.is_none())
    });
    let scheme = if insecure { "http" } else { "https" };
    Url::parse(&format!("{scheme}://{host}/v2/")).map_err(|error| {
        RegistryError::Settings(
            format!("`{registry}` is not a registry's host"),
            Some(Box::new(error)),
        )
    })
}

/// Returns the settings of the registry that `url` belongs to.
pub(crate) fn host_settings<'a>(settings: &'a Settings, url: &Url) -> Option<&'a HostSettings> {
    let host = authority(url);
    settings.host(&host).or_else(|| {
        (host == "registry-1.docker.io")
            .then(|| settings.host("docker.io"))
            .flatten()
    })
}

/// Returns host and port as a reference would write them.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `true` if both URLs are served by the same scheme, host and port, so that what may be told to
/// one may be told to the other.
pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

fn host_without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::base_url;
    use crate::{HostSettings, Settings};

    #[test]
    fn only_loopback_and_hosts_that_are_said_to_be_are_spoken_to_in_plain_http() {
        let mut settings = Settings::default();
        let insecure = HostSettings {
            insecure: Some(true),
            ..HostSettings::default()
        };
        settings.hosts.insert("plain.example".to_owned(), insecure);
        let ca = HostSettings {
            ca: Some("ca.pem".into()),
            ..HostSettings::default()
        };
        settings.hosts.insert("localhost:5001".to_owned(), ca);
        for (registry, want) in [
            ("localhost:5000", "http://localhost:5000/v2/"),
            ("127.0.0.1:1", "http://127.0.0.1:1/v2/"),
            ("[::1]:5000", "http://[::1]:5000/v2/"),
            ("localhost:5001", "https://localhost:5001/v2/"),
            ("plain.example", "http://plain.example/v2/"),
            ("docker.io", "https://registry-1.docker.io/v2/"),
            ("localhost.example", "https://localhost.example/v2/"),
            ("127.0.0.1.example", "https://127.0.0.1.example/v2/"),
        ] {
            assert_eq!(base_url(&settings, registry).unwrap().as_str(), want);
        }
    }
}
