use super::Credential;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The part of docker's `config.json` and podman's `auth.json` that holds credentials.
#[derive(Clone, Default, Deserialize)]
pub(super) struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
}

#[derive(Clone, Default, Deserialize)]
struct Auth {
    #[serde(default)]
    #[serde(rename = "auth")]
    encoded: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    #[serde(rename = "identitytoken")]
    identity_token: String,
}

impl DockerConfig {
    /// Returns the credential of the longest entry that `registry/name` begins with, with the
    /// entry's key.
    pub(super) fn find(&self, registry: &str, name: &str) -> Option<(&str, Credential)> {
        let wanted = format!("{registry}/{name}");
        let covers = |key: &str| {
            let scope = scope_of(key);
            wanted
                .strip_prefix(&scope)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                .then_some(scope.len())
        };
        let entries = self.auths.iter().filter_map(|(key, auth)| {
            let length = covers(key)?;
            Some((length, key.as_str(), auth.credential()?))
        });
        entries
            .max_by_key(|(length, ..)| *length)
            .map(|(_, key, credential)| (key, credential))
    }
}

impl Auth {
    fn credential(&self) -> Option<Credential> {
        let decoded = STANDARD
            .decode(self.encoded.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default();
        let (username, password) = match decoded.split_once(':') {
            // Docker for Windows pads the password with NUL.
            Some((username, password)) => (username, password.trim_end_matches('\0')),
            None => (self.username.as_str(), self.password.as_str()),
        };
        if !self.identity_token.is_empty() {
            return Some(Credential::IdentityToken(self.identity_token.clone()));
        }
        Credential::new(username, password)
    }
}

/// Returns what a key covers, in the words of a reference: docker writes Docker Hub as a URL, and
/// others follow it.
fn scope_of(key: &str) -> String {
    let scope = key
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let scope = ["/v1", "/v2"]
        .iter()
        .find_map(|version| scope.strip_suffix(version))
        .unwrap_or(scope);
    let (host, path) = scope.split_once('/').unwrap_or((scope, ""));
    let host = match host {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io",
        other => other,
    };
    if path.is_empty() {
        host.to_owned()
    } else {
        format!("{host}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Credential, DockerConfig};

    fn user(config: &str, registry: &str, name: &str) -> Option<String> {
        let config: DockerConfig = serde_json::from_str(config).unwrap();
        match config.find(registry, name)?.1 {
            Credential::Password { username, .. } => Some(username),
            Credential::IdentityToken(token) => Some(token),
        }
    }

    #[test]
    fn docker_hub_is_found_under_each_of_its_names() {
        for key in [
            "https://index.docker.io/v1/",
            "docker.io",
            "registry-1.docker.io",
        ] {
            // u:p
            let config = format!(r#"{{"auths":{{"{key}":{{"auth":"dTpw"}}}}}}"#);
            assert_eq!(
                user(&config, "docker.io", "library/x").as_deref(),
                Some("u"),
                "{key}"
            );
        }
    }

    #[test]
    fn the_longest_path_wins_and_look_alikes_get_nothing() {
        let config = r#"{"auths":{
            "r.example":{"username":"host","password":"p"},
            "r.example/acme":{"username":"acme","password":"p"},
            "https://r.example/acme/shop/":{"username":"shop","password":"p"}}}"#;
        let user = |registry: &str, name: &str| user(config, registry, name);
        assert_eq!(user("r.example", "other").as_deref(), Some("host"));
        assert_eq!(user("r.example", "acme/x").as_deref(), Some("acme"));
        assert_eq!(user("r.example", "acme/shop").as_deref(), Some("shop"));
        assert_eq!(user("r.example", "acme/shopper").as_deref(), Some("acme"));
        for look_alike in [
            "r.example.evil",
            "evil-r.example",
            "r.example:5000",
            "xr.example",
        ] {
            assert_eq!(user(look_alike, "acme/shop"), None, "{look_alike}");
        }
    }

    #[test]
    fn an_identity_token_wins_over_a_password_and_empty_entries_are_none() {
        let config = r#"{"auths":{"a":{"auth":"dTpw","identitytoken":"t"},"b":{},"c":{"auth":"??"}},"credsStore":"x"}"#;
        assert_eq!(user(config, "a", "x").as_deref(), Some("t"));
        assert_eq!(user(config, "b", "x"), None);
        assert_eq!(user(config, "c", "x"), None);
    }
}
