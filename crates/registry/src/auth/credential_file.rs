use super::credential_scope::scope_of;
use super::docker_config::DockerConfig;
use super::{Credential, KeychainError, credential_helper};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fs_err as fs;
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A docker config that credentials are written to, for every tool that reads it.
#[derive(Clone, Debug)]
pub struct CredentialFile {
    path: PathBuf,
    helper_path: Option<OsString>,
}

/// Where a credential went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Into the file, readable by whoever can read the file.
    File,
    /// To the program `docker-credential-<name>`.
    Helper(String),
}

impl CredentialFile {
    /// Names the file, which need not be there. `helper_path` is where credential helpers are
    /// looked for; `None`: where the process's own `PATH` says.
    pub fn new(path: PathBuf, helper_path: Option<OsString>) -> Self {
        Self { path, helper_path }
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a credential for a registry: with the helper that the file names, else in the file.
    /// Everything else in the file stays.
    ///
    /// # Errors
    /// [`KeychainError`] if the file is not a docker config, cannot be written, or its helper fails.
    pub fn keep(&self, registry: &str, credential: &Credential) -> Result<Kept, KeychainError> {
        let mut config = self.read()?;
        if let Some(helper) = Self::helper(&config, registry) {
            credential_helper::store(&helper, self.helper_path.as_ref(), registry, credential)?;
            // Docker marks what its store holds by an empty entry.
            entries(&mut config).insert(key(registry), json!({}));
            self.write(&config)?;
            return Ok(Kept::Helper(helper));
        }
        let entry = match credential {
            Credential::Password { username, password } => {
                json!({ "auth": STANDARD.encode(format!("{username}:{password}")) })
            }
            Credential::IdentityToken(token) => {
                json!({ "auth": STANDARD.encode("<token>:"), "identitytoken": token })
            }
        };
        let entries = entries(&mut config);
        entries.retain(|key, _| scope_of(key) != registry);
        entries.insert(key(registry), entry);
        self.write(&config)?;
        Ok(Kept::File)
    }

    /// Forgets what is kept for a registry. `false` if there was nothing.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub fn forget(&self, registry: &str) -> Result<bool, KeychainError> {
        let mut config = self.read()?;
        let helper = Self::helper(&config, registry);
        if let Some(helper) = &helper {
            credential_helper::erase(helper, self.helper_path.as_ref(), registry)?;
        }
        let entries = entries(&mut config);
        let before = entries.len();
        entries.retain(|key, _| scope_of(key) != registry);
        let had_entry = entries.len() < before;
        if had_entry {
            self.write(&config)?;
        }
        Ok(had_entry || helper.is_some())
    }

    fn helper(config: &Map<String, Value>, registry: &str) -> Option<String> {
        DockerConfig::of(config).helper(registry).map(str::to_owned)
    }

    fn read(&self) -> Result<Map<String, Value>, KeychainError> {
        match fs::read_to_string(&self.path) {
            Ok(text) if text.trim().is_empty() => Ok(Map::new()),
            Ok(text) => serde_json::from_str(&text).map_err(|source| self.malformed(source)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the file by one rename: a reader, and a power cut, meet the old one or the new one.
    fn write(&self, config: &Map<String, Value>) -> Result<(), KeychainError> {
        // A link is kept: many people keep their configuration elsewhere.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(folder)?;
        let mut formatter = serde_json::Serializer::with_formatter(
            &mut file,
            serde_json::ser::PrettyFormatter::with_indent(b"\t"),
        );
        serde::Serialize::serialize(config, &mut formatter).map_err(io::Error::from)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|failed| failed.error)?;
        Ok(())
    }

    fn malformed(&self, source: serde_json::Error) -> KeychainError {
        KeychainError::Malformed {
            name: format!("`{}`", self.path.display()),
            source,
        }
    }
}

/// Returns the object of entries, making it if it is not there.
fn entries(config: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let entries = config.entry("auths").or_insert_with(|| json!({}));
    if !entries.is_object() {
        *entries = json!({});
    }
    entries.as_object_mut().expect("it was made one")
}

fn key(registry: &str) -> String {
    credential_helper::server(registry)
}
