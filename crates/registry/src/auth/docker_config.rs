use super::Credential;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizzen_oci::Repository;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The part of docker's `config.json` and podman's `auth.json` that leads to credentials.
#[derive(Clone, Default, Deserialize)]
pub(super) struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

/// Where a config says that a credential is.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Entry<'a> {
    /// Here.
    Inline {
        key: &'a str,
        credential: Credential,
    },
    /// In what this helper keeps.
    Helper(&'a str),
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
    /// Returns what covers a repository, what says most first: an entry for a path, the registry's
    /// helper, the helper for all, the entry for the registry.
    pub(super) fn entries(&self, repository: &Repository) -> Vec<Entry<'_>> {
        let wanted = repository.to_string();
        let mut inline: Vec<(String, &str, Credential)> = self
            .auths
            .iter()
            .filter_map(|(key, auth)| {
                let scope = scope_of(key);
                let rest = wanted.strip_prefix(&scope)?;
                let covers = rest.is_empty() || rest.starts_with('/');
                covers.then_some((scope, key.as_str(), auth.credential()?))
            })
            .collect();
        inline.sort_by_key(|(scope, ..)| std::cmp::Reverse(scope.len()));
        let is_whole = |(scope, ..): &(String, &str, Credential)| !scope.contains('/');
        let whole = inline.iter().position(is_whole).unwrap_or(inline.len());
        let entry = |(_, key, credential)| Entry::Inline { key, credential };
        let for_registry: Vec<Entry<'_>> = inline.split_off(whole).into_iter().map(entry).collect();
        let helper = self.helper(&repository.registry).map(Entry::Helper);
        let for_paths = inline.into_iter().map(entry);
        for_paths.chain(helper).chain(for_registry).collect()
    }

    /// Returns the helper that keeps the credentials of a registry.
    pub(super) fn helper(&self, registry: &str) -> Option<&str> {
        let mut own = self.helpers.iter();
        let own = own.find(|(key, _)| scope_of(key) == registry);
        let helper = own.map(|(_, helper)| helper).or(self.store.as_ref());
        helper
            .map(String::as_str)
            .filter(|helper| !helper.is_empty())
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
pub(super) fn scope_of(key: &str) -> String {
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
    use super::{Credential, DockerConfig, Entry};
    use mizzen_oci::Repository;

    fn repository(registry: &str, name: &str) -> Repository {
        Repository {
            registry: registry.to_owned(),
            name: name.to_owned(),
        }
    }

    fn user(config: &str, registry: &str, name: &str) -> Option<String> {
        let config: DockerConfig = serde_json::from_str(config).unwrap();
        let entry = config
            .entries(&repository(registry, name))
            .into_iter()
            .next()?;
        match entry {
            Entry::Inline {
                credential: Credential::Password { username, .. },
                ..
            } => Some(username),
            Entry::Inline {
                credential: Credential::IdentityToken(token),
                ..
            } => Some(token),
            Entry::Helper(helper) => Some(format!("helper {helper}")),
        }
    }

    #[test]
    fn a_path_comes_before_the_registrys_helper_that_before_the_helper_for_all() {
        let config = r#"{"auths":{"r.example":{"username":"host","password":"p"},
            "r.example/acme":{"username":"acme","password":"p"}},
            "credHelpers":{"https://r.example/":"own","index.docker.io":"hub"},"credsStore":"all"}"#;
        assert_eq!(
            user(config, "r.example", "acme/shop").as_deref(),
            Some("acme")
        );
        assert_eq!(
            user(config, "r.example", "x").as_deref(),
            Some("helper own")
        );
        assert_eq!(
            user(config, "docker.io", "library/x").as_deref(),
            Some("helper hub")
        );
        assert_eq!(
            user(config, "other.example", "x").as_deref(),
            Some("helper all")
        );
        let config: DockerConfig = serde_json::from_str(config).unwrap();
        assert_eq!(config.entries(&repository("r.example", "x")).len(), 2);
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
        let config =
            r#"{"auths":{"a":{"auth":"dTpw","identitytoken":"t"},"b":{},"c":{"auth":"??"}}}"#;
        assert_eq!(user(config, "a", "x").as_deref(), Some("t"));
        assert_eq!(user(config, "b", "x"), None);
        assert_eq!(user(config, "c", "x"), None);
    }

    #[test]
    fn fuzz_docker_config() {
        use super::super::CredentialFile;
        let seed = br#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},"r.example/acme":{"username":"u","password":"p"},
            "r.example":{"identitytoken":"t","auth":"PHRva2VuPjo="}},"credHelpers":{"r.example":"own"},"credsStore":"all","HttpHeaders":{"a":"b"}}"#;
        let words = &[
            "auths",
            "auth",
            "dTpw",
            "==",
            "username",
            "password",
            "identitytoken",
            "credHelpers",
            "credsStore",
            "r.example",
            "r.example/acme",
            "https://",
            "http://https://",
            "/v1/",
            "/v2",
            "docker.io",
            "../../bin/sh",
            "",
            "/",
            "\0",
        ];
        let folder = tempfile::tempdir().unwrap();
        let file = CredentialFile::new(
            folder.path().join("config.json"),
            // No helper is there.
            Some(folder.path().into()),
        );
        let credential = Credential::new("somebody", "something").unwrap();
        let wanted = repository("r.example", "acme/shop");
        mizzen_fuzz::fuzz(
            "docker config",
            mizzen_fuzz::mutated_json(&[seed], words),
            |bytes| {
                if let Ok(config) = serde_json::from_slice::<DockerConfig>(&bytes) {
                    for (registry, name) in [("r.example", "acme/shop"), ("docker.io", "library/x")]
                    {
                        for entry in config.entries(&repository(registry, name)) {
                            if let Entry::Inline { key, .. } = entry {
                                assert!(key.contains(registry) || registry == "docker.io", "{key}");
                            }
                        }
                    }
                }
                fs_err::write(file.path(), &*bytes).unwrap();
                if file.keep("r.example", &credential).is_ok() {
                    let text = fs_err::read_to_string(file.path()).unwrap();
                    let config: DockerConfig = serde_json::from_str(&text).unwrap();
                    let kept = |entry| matches!(entry, Entry::Inline { credential: it, .. } if it == credential);
                    assert!(config.entries(&wanted).into_iter().any(kept), "{text}");
                    assert!(file.forget("r.example").unwrap());
                }
            },
        );
    }
}
