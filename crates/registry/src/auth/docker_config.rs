use super::Credential;
use super::credential_scope::{covers, scope_of};
use base64::Engine as _;
use base64::alphabet::STANDARD as STANDARD_ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use mizzen_oci::Repository;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The part of docker's `config.json` and podman's `auth.json` that leads to credentials.
///
/// Many programs write these files, and people do: `null` is what is not there, and what has another
/// shape than it should is passed over.
#[derive(Clone, Default)]
pub(super) struct DockerConfig {
    auths: BTreeMap<String, Auth>,
    helpers: BTreeMap<String, String>,
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

#[derive(Clone, Default)]
struct Auth {
    encoded: String,
    username: String,
    password: String,
    identity_token: String,
}

/// Padded or not: both are written.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD_ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl DockerConfig {
    /// Reads a config; a file that is empty, or as good as, holds nothing.
    ///
    /// # Errors
    /// The text is no JSON object.
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        // Of a key that appears twice, the last counts, as for docker.
        let whole: Option<Map<String, Value>> = serde_json::from_str(text)?;
        Ok(Self::of(&whole.unwrap_or_default()))
    }

    /// Reads a config that was parsed.
    pub(super) fn of(whole: &Map<String, Value>) -> Self {
        let object = |name: &str| whole.get(name).and_then(Value::as_object);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let auth = |(key, entry): (&String, &Value)| {
            let member = |name: &str| entry.get(name).and_then(text).unwrap_or_default();
            let auth = Auth {
                encoded: member("auth"),
                username: member("username"),
                password: member("password"),
                identity_token: member("identitytoken"),
            };
            (key.clone(), auth)
        };
        let helper = |(key, name): (&String, &Value)| Some((key.clone(), text(name)?));
        Self {
            auths: object("auths").into_iter().flatten().map(auth).collect(),
            helpers: object("credHelpers")
                .into_iter()
                .flatten()
                .filter_map(helper)
                .collect(),
            store: whole.get("credsStore").and_then(text),
        }
    }

    /// Returns the keys of entries for a repository that cannot be decoded.
    pub(super) fn undecodable(&self, repository: &Repository) -> Vec<&str> {
        let wanted = repository.to_string();
        let entries = self
            .auths
            .iter()
            .filter(|(key, auth)| covers(&scope_of(key), &wanted) && auth.decoded().is_none());
        entries.map(|(key, _)| key.as_str()).collect()
    }

    /// Returns what covers a repository, what says most first: an entry for a path, the registry's
    /// helper, the helper for all, the entry for the registry.
    pub(super) fn entries(&self, repository: &Repository) -> Vec<Entry<'_>> {
        let wanted = repository.to_string();
        let mut inline: Vec<(String, &str, Credential)> = self
            .auths
            .iter()
            .filter_map(|(key, auth)| {
                let scope = scope_of(key);
                let is_meant = covers(&scope, &wanted);
                is_meant.then_some((scope, key.as_str(), auth.credential()?))
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
    /// Returns the name and the password that `auth` holds; `None` if it is not their encoding.
    fn decoded(&self) -> Option<String> {
        // `base64` wraps its lines.
        let mut encoded = self.encoded.clone();
        encoded.retain(|character| !character.is_whitespace());
        let text = String::from_utf8(LENIENT.decode(encoded).ok()?).ok()?;
        (text.is_empty() || text.contains(':')).then_some(text)
    }

    fn credential(&self) -> Option<Credential> {
        let decoded = self.decoded().unwrap_or_default();
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
        let config = DockerConfig::parse(config).unwrap();
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
        let config = DockerConfig::parse(config).unwrap();
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
                if let Ok(config) = DockerConfig::parse(&String::from_utf8_lossy(&bytes)) {
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
                    let config = DockerConfig::parse(&text).unwrap();
                    let kept = |entry| matches!(entry, Entry::Inline { credential: it, .. } if it == credential);
                    assert!(config.entries(&wanted).into_iter().any(kept), "{text}");
                    assert!(file.forget("r.example").unwrap());
                }
            },
        );
    }

    #[test]
    fn what_other_programs_write_is_understood() {
        // user:secret, and a longer password that `base64` wraps at 76 columns.
        let wrapped = "dXNlcjp4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\n\
            eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=\n";
        assert!(wrapped.len() > 77);
        let wrapped = serde_json::json!({ "auths": { "r.example": { "auth": wrapped } } });
        let wrapped = wrapped.to_string();
        for (config, want) in [
            ("", None),
            (" \n", None),
            ("null", None),
            ("\u{feff}{}", None),
            (
                r#"{"auths":null,"credHelpers":null,"credsStore":null}"#,
                None,
            ),
            (
                r#"{"auths":{"r.example":null},"credHelpers":{"r.example":null}}"#,
                None,
            ),
            (
                r#"{"auths":{"r.example":{"auth":null,"identitytoken":null}}}"#,
                None,
            ),
            (
                r#"{"auths":{"r.example":{"auth":"dXNlcjpzZWNyZXQ"}}}"#,
                Some("user"),
            ),
            (
                r#"{"auths":{"r.example":{"auth":" dXNlcjpz\r\n ZWNyZXQ= "}}}"#,
                Some("user"),
            ),
            (
                r#"{"auths":{"r.example":{"auth":"dXNlcjpzZWNyZXQ=","identitytoken":null}}}"#,
                Some("user"),
            ),
            (
                r#"{"auths":{"r.example":{"auth":"YTpi"}},"auths":{"r.example":{"auth":"dXNlcjpzZWNyZXQ="}}}"#,
                Some("user"),
            ),
            (
                r#"{"auths":{"r.example":{"auth":"dXNlcjpzZWNyZXQ=","email":null,"x":[1]}},"HttpHeaders":{"x":1}}"#,
                Some("user"),
            ),
            (&wrapped, Some("user")),
        ] {
            assert_eq!(user(config, "r.example", "x").as_deref(), want, "{config}");
        }
    }

    #[test]
    fn an_entry_that_cannot_be_decoded_is_told() {
        let config = r#"{"auths":{"r.example":{"auth":"??"},"r.example/a":{"auth":"dXNlcg=="},
            "other":{"auth":"??"},"r.example/b":{"auth":"dXNlcjpzZWNyZXQ="}}}"#;
        let config = DockerConfig::parse(config).unwrap();
        let told = config.undecodable(&repository("r.example", "a"));
        assert_eq!(told, ["r.example", "r.example/a"]);
        assert!(DockerConfig::parse("{").is_err());
        assert!(DockerConfig::parse("[]").is_err());
    }
}
