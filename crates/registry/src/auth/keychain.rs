use super::credential_helper;
use super::docker_config::{DockerConfig, Entry};
use fs_err as fs;
use mizzen_oci::Repository;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;

/// Where credentials are looked for, in order; the first that has one for the repository gives it.
#[derive(Clone, Default)]
pub struct Keychain {
    places: Vec<Place>,
    helper_path: Option<OsString>,
}

/// What proves who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password, or what a registry takes for one.
    Password {
        /// The name.
        username: String,
        /// The secret.
        password: String,
    },
    /// What a token server gives access tokens for.
    IdentityToken(String),
}

/// A file of credentials is there but cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeychainError {
    /// The file cannot be read or written.
    #[error("credentials cannot be read or written")]
    Io(#[from] io::Error),
    /// The text is not a docker config.
    #[error("{name} is not a docker config")]
    Malformed {
        /// Which file or variable.
        name: String,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// The program that keeps the credentials did not.
    #[error("credential helper `docker-credential-{helper}` failed: {reason}")]
    Helper {
        /// The helper's name in the config.
        helper: String,
        /// What it said; never a secret.
        reason: String,
    },
}

#[derive(Clone)]
struct Place {
    /// In words for an error message: the file's path, the variable's name.
    name: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// It is not there, or not readable.
    Useless,
    Config(DockerConfig),
    Host {
        registry: String,
        credential: Credential,
    },
}

/// A credential, and where it was found.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) credential: Credential,
    place: String,
}

/// What a search gave.
pub(crate) struct LookUp {
    pub(crate) found: Option<Found>,
    /// Where nothing was found, and why.
    notes: Vec<String>,
}

impl fmt::Debug for LookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tried())
    }
}

impl Credential {
    /// Returns a name and a password; `None` if there is neither. The name `<token>` marks an
    /// identity token.
    pub fn new(username: &str, password: &str) -> Option<Self> {
        match (username, password) {
            ("", "") => None,
            ("<token>", token) => Some(Self::IdentityToken(token.to_owned())),
            _ => Some(Self::Password {
                username: username.to_owned(),
                password: password.to_owned(),
            }),
        }
    }
}

impl Keychain {
    /// Looks next in the docker config (or podman's auth.json) at `path`. A file that is not there
    /// holds nothing; neither does one that cannot be read, which matters, and is told, only where a
    /// credential was needed.
    pub fn add_config_file(&mut self, path: &Path) {
        let name = format!("`{}`", path.display());
        match fs::read_to_string(path) {
            Ok(text) => self.add_config(&name, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.add_useless(&name, "not there");
            }
            Err(error) => self.add_useless(&name, &format!("not readable: {}", error.kind())),
        }
    }

    /// Looks next in the docker config `text`, called `name` in messages; as [`Self::add_config_file`].
    pub fn add_config(&mut self, name: &str, text: &str) {
        match DockerConfig::parse(text) {
            Ok(config) => self.places.push(Place {
                name: name.to_owned(),
                kind: Kind::Config(config),
            }),
            Err(error) => self.add_useless(name, &format!("not a docker config: {error}")),
        }
    }

    fn add_useless(&mut self, name: &str, why: &str) {
        self.places.push(Place {
            name: format!("{name} ({why})"),
            kind: Kind::Useless,
        });
    }

    /// Looks next at `credential`, which is for `registry` alone and called `name` in messages.
    pub fn add_credential(&mut self, name: &str, registry: &str, credential: Credential) {
        self.places.push(Place {
            name: name.to_owned(),
            kind: Kind::Host {
                registry: registry.to_owned(),
                credential,
            },
        });
    }

    /// Looks for credential helpers in these folders (in the form of `PATH`), not where the
    /// process's own `PATH` says.
    pub fn set_helper_path(&mut self, path: OsString) {
        self.helper_path = Some(path);
    }

    /// Searches, which may run a program. One that fails has nothing: many configs name a helper of
    /// another machine, and public images need none.
    pub(crate) fn look_up(&self, repository: &Repository) -> LookUp {
        let mut notes = Vec::new();
        for Place { name, kind } in &self.places {
            let found = match kind {
                Kind::Useless => None,
                Kind::Host {
                    registry,
                    credential,
                } => (*registry == repository.registry).then(|| (name.clone(), credential.clone())),
                Kind::Config(config) => {
                    let undecodable = config.undecodable(repository);
                    notes.extend(
                        undecodable
                            .iter()
                            .map(|key| format!("entry `{key}` of {name} cannot be decoded")),
                    );
                    config
                        .entries(repository)
                        .into_iter()
                        .find_map(|entry| match entry {
                            Entry::Inline { key, credential } => {
                                Some((format!("entry `{key}` of {name}"), credential))
                            }
                            Entry::Helper(helper) => {
                                let place = format!("`docker-credential-{helper}` (from {name})");
                                match credential_helper::get(
                                    helper,
                                    self.helper_path.as_ref(),
                                    &repository.registry,
                                ) {
                                    Ok(credential) => Some((place, credential?)),
                                    Err(error) => {
                                        notes.push(error.to_string());
                                        None
                                    }
                                }
                            }
                        })
                }
            };
            if let Some((place, credential)) = found {
                let found = Some(Found { credential, place });
                return LookUp { found, notes };
            }
            notes.push(format!("none in {name}"));
        }
        LookUp { found: None, notes }
    }
}

impl LookUp {
    /// Says where the credential was found, or where none was.
    pub(crate) fn tried(&self) -> String {
        match &self.found {
            Some(found) => format!("with the credentials of {}", found.place),
            None if self.notes.is_empty() => "without credentials".to_owned(),
            None => format!("without credentials: {}", self.notes.join(", ")),
        }
    }
}

// Secrets stay out of every log.
impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.places.iter().map(|place| &place.name))
            .finish()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { username, .. } => write!(f, "Password({username}, …)"),
            Self::IdentityToken(_) => f.write_str("IdentityToken(…)"),
        }
    }
}
