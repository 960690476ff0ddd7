use super::docker_config::DockerConfig;
use fs_err as fs;
use mizzen_oci::Repository;
use std::fmt;
use std::io;
use std::path::Path;

/// Where credentials are looked for, in order; the first that has one for the repository gives it.
#[derive(Clone, Default)]
pub struct Keychain {
    places: Vec<Place>,
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
    /// The file cannot be read.
    #[error("credentials cannot be read")]
    Io(#[from] io::Error),
    /// The text is not a docker config.
    #[error("{name} is no docker config")]
    Malformed {
        /// Which file or variable.
        name: String,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
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
    Config(DockerConfig),
    Host {
        registry: String,
        credential: Credential,
    },
}

/// A credential, and where it was found.
pub(crate) struct Found {
    pub(crate) credential: Credential,
    pub(crate) place: String,
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
    /// Looks next in the docker config (or podman's auth.json) at `path`; a file that is not there
    /// holds nothing.
    ///
    /// # Errors
    /// [`KeychainError`] if the file is there but no docker config.
    pub fn add_config_file(&mut self, path: &Path) -> Result<(), KeychainError> {
        match fs::read_to_string(path) {
            Ok(text) => self.add_config(&format!("`{}`", path.display()), &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.places.push(Place {
                    name: format!("`{}` (not there)", path.display()),
                    kind: Kind::Config(DockerConfig::default()),
                });
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Looks next in the docker config `text`, called `name` in messages.
    ///
    /// # Errors
    /// [`KeychainError::Malformed`] if the text is no docker config.
    pub fn add_config(&mut self, name: &str, text: &str) -> Result<(), KeychainError> {
        let config = serde_json::from_str(text).map_err(|source| KeychainError::Malformed {
            name: name.to_owned(),
            source,
        })?;
        self.places.push(Place {
            name: name.to_owned(),
            kind: Kind::Config(config),
        });
        Ok(())
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

    pub(crate) fn find(&self, repository: &Repository) -> Option<Found> {
        self.places.iter().find_map(|place| match &place.kind {
            Kind::Config(config) => {
                let (key, credential) = config.find(&repository.registry, &repository.name)?;
                let place = format!("entry `{key}` of {}", place.name);
                Some(Found { credential, place })
            }
            Kind::Host {
                registry,
                credential,
            } => (*registry == repository.registry).then(|| Found {
                credential: credential.clone(),
                place: place.name.clone(),
            }),
        })
    }

    /// Says where a credential was found, or where none was.
    pub(crate) fn tried(&self, repository: &Repository) -> String {
        if let Some(found) = self.find(repository) {
            return format!("with the credentials of {}", found.place);
        }
        let places: Vec<&str> = self.places.iter().map(|place| &*place.name).collect();
        if places.is_empty() {
            "without credentials".to_owned()
        } else {
            format!("without credentials: none in {}", places.join(", "))
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
