//! Every registry whose habits are known can be pushed to and pulled from; without the handler of a
//! habit, exactly the registries that have it cannot.

use crate::support::{Client, addendum, image, one, read_layers};
use mizzen_registry::{Credential, HostSettings, Quirk};
use mizzen_testkit::MemoryRegistry;
use mizzen_testkit::registry::{Login, Mount, Personality};

const MEBIBYTE: u64 = 1024 * 1024;

/// A registry as the test meets it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    login: Option<Login>,
    /// What the user configured.
    chunk_bytes: Option<u64>,
    /// How large the base's layer is.
    pub(crate) layer_bytes: u64,
    /// The handlers without which it does not work.
    needs: &'static [Quirk],
}

const QUIRKS: [Quirk; 16] = [
    Quirk::HeadWithoutDigest,
    Quirk::MissingIsRefused,
    Quirk::MountRefused,
    Quirk::MountSourceScope,
    Quirk::FirstScopeOnly,
    Quirk::AccessTokenName,
    Quirk::TokenByGetOnly,
    Quirk::BasicBeforeBearer,
    Quirk::RelativeLocation,
    Quirk::LocationWithQuery,
    Quirk::WholeTooLarge,
    Quirk::ChunkTooLarge,
    Quirk::ChunkTooSmall,
    Quirk::ChunksRefused,
    Quirk::RangeStandsStill,
    Quirk::OtherSuccess,
];

pub(crate) fn rows() -> Vec<Row> {
    let row = |name, needs| Row {
        name,
        login: None,
        chunk_bytes: None,
        layer_bytes: 100,
        needs,
    };
    let account = |username: &str| Login::Bearer {
        account: Some((username.to_owned(), "secret".to_owned())),
        repositories: Vec::new(),
    };
    let large = 5 * MEBIBYTE;
    vec![
        row("by the book", &[]),
        Row {
            login: Some(account("user")),
            ..row("Docker Hub", &[Quirk::MountSourceScope])
        },
        Row {
            login: Some(account("user")),
            chunk_bytes: Some(9 * MEBIBYTE / 2),
            layer_bytes: large,
            ..row("GitHub GHCR, behind a proxy", &[Quirk::ChunkTooLarge])
        },
        Row {
            login: Some(Login::Basic {
                username: "AWS".to_owned(),
                password: "secret".to_owned(),
            }),
            chunk_bytes: Some(MEBIBYTE),
            layer_bytes: large,
            ..row(
                "Amazon ECR, behind a proxy",
                &[
                    Quirk::HeadWithoutDigest,
                    Quirk::MissingIsRefused,
                    Quirk::ChunkTooSmall,
                    Quirk::RangeStandsStill,
                    Quirk::OtherSuccess,
                ],
            )
        },
        Row {
            login: Some(account("00000000-0000-0000-0000-000000000000")),
            ..row(
                "Azure ACR",
                &[
                    Quirk::TokenByGetOnly,
                    Quirk::AccessTokenName,
                    Quirk::BasicBeforeBearer,
                ],
            )
        },
        Row {
            login: Some(account("_json_key")),
            chunk_bytes: Some(40),
            ..row(
                "Google GAR",
                &[
                    Quirk::TokenByGetOnly,
                    Quirk::ChunksRefused,
                    Quirk::LocationWithQuery,
                ],
            )
        },
        Row {
            login: Some(account("user")),
            ..row("Quay", &[Quirk::RelativeLocation])
        },
        row("Harbor", &[Quirk::MountRefused]),
        Row {
            login: Some(account("user")),
            ..row(
                "Artifactory",
                &[Quirk::TokenByGetOnly, Quirk::MissingIsRefused],
            )
        },
        row("Nexus", &[]),
        Row {
            login: Some(account("user")),
            ..row("GitLab", &[Quirk::MountSourceScope])
        },
        Row {
            chunk_bytes: Some(40),
            ..row("Gitea", &[Quirk::ChunksRefused, Quirk::RelativeLocation])
        },
        row("registry:2", &[Quirk::LocationWithQuery]),
        Row {
            layer_bytes: large,
            ..row("a proxy with a limit", &[Quirk::WholeTooLarge])
        },
        Row {
            login: Some(account("user")),
            ..row(
                "a token server that reads one scope",
                &[Quirk::FirstScopeOnly],
            )
        },
    ]
}

impl Row {
    /// Starts the registry.
    pub(crate) fn start(&self) -> MemoryRegistry {
        let registry = MemoryRegistry::start();
        registry.behave(Personality::named(self.name));
        if let Some(login) = &self.login {
            registry.require(login.clone());
        }
        registry
    }

    /// Returns a client for the registry at `host`, without the handler of one habit.
    pub(crate) fn client(&self, host: &str, unhandled: Option<Quirk>) -> Client {
        Client::with(|settings| {
            let special = HostSettings {
                chunk_bytes: self.chunk_bytes,
                ..HostSettings::default()
            };
            settings.hosts.insert(host.to_owned(), special);
            settings.unhandled.extend(unhandled);
            let account = match &self.login {
                Some(Login::Basic { username, password }) => Some((username, password)),
                Some(Login::Bearer { account, .. }) => {
                    account.as_ref().map(|(name, secret)| (name, secret))
                }
                None => None,
            };
            if let Some((username, password)) = account {
                let credential = Credential::new(username, password).unwrap();
                let keychain = &mut settings.keychain;
                keychain.add_credential("the test", host, credential);
            }
        })
    }
}

/// Pushes a base and an app on it, and pulls the app; says what went wrong.
fn round_trip(row: &Row, unhandled: Option<Quirk>) -> Result<(), String> {
    let personality = Personality::named(row.name);
    let mounts = personality.mount == Mount::Done;
    let registry = row.start();
    let host = registry.host();
    let client = || row.client(&host, unhandled);
    let text = |error: &dyn std::error::Error| format!("{error}: {:?}", error.source());
    let layer = "x".repeat(usize::try_from(row.layer_bytes).unwrap());
    let base = one(image(&[&layer]));
    client()
        .push(&format!("{host}/base:1"), &base)
        .map_err(|error| text(&error))?;

    let builder = client();
    let app = builder
        .pull(&format!("{host}/base:1"))
        .map_err(|error| text(&error))?;
    let app = app.append(addendum("app"));
    builder
        .push(&format!("{host}/shop:1"), &one(app))
        .map_err(|error| text(&error))?;
    let mounted = builder.registry.counts().mounted_bytes;
    if mounts && mounted != row.layer_bytes {
        return Err(format!("{mounted} bytes were mounted"));
    }

    let reader = client();
    let pulled = reader
        .pull(&format!("{host}/shop:1"))
        .map_err(|error| text(&error))?;
    let layers = read_layers(&pulled).map_err(|error| text(&error))?;
    if layers != [layer.as_str(), "app"] {
        return Err("the layers are others".to_owned());
    }
    let cookies = registry
        .requests()
        .iter()
        .any(|request| request.headers.contains_key("cookie"));
    if cookies {
        return Err("a cookie came back".to_owned());
    }
    Ok(())
}

#[test]
fn every_registry_whose_habits_are_known_is_pushed_to_and_pulled_from() {
    let names: Vec<&str> = rows().iter().map(|row| row.name).collect();
    let known: Vec<&str> = Personality::all().iter().map(|row| row.name).collect();
    assert_eq!(names, known, "a personality without a row proves nothing");
    for row in rows() {
        round_trip(&row, None).unwrap_or_else(|error| panic!("{}: {error}", row.name));
    }
}

#[test]
fn without_its_handler_exactly_the_registries_with_the_habit_fail() {
    let mut wrong = Vec::new();
    for quirk in QUIRKS {
        for row in rows() {
            let outcome = round_trip(&row, Some(quirk));
            if outcome.is_err() != row.needs.contains(&quirk) {
                wrong.push(format!("{} without {quirk:?}: {outcome:?}", row.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
