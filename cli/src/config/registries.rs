use super::NAME;
use crate::error::CommandError;
use mizzen_registry::HostSettings;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// `[registry."host"]`: what is special about one registry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RegistryConfig {
    insecure: Option<bool>,
    ca: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_key: Option<PathBuf>,
    mirror: Vec<String>,
    chunk_bytes: Option<u64>,
}

impl RegistryConfig {
    /// Makes paths relative to `folder` absolute.
    pub(super) fn locate(&mut self, folder: &Path) {
        let paths = [
            &mut self.ca,
            &mut self.client_certificate,
            &mut self.client_key,
        ];
        for path in paths.into_iter().flatten() {
            *path = folder.join(&path);
        }
    }

    /// Returns the settings of the host `name`.
    ///
    /// # Errors
    /// A client certificate without its key, or the other way round.
    pub(super) fn host(&self, name: &str) -> Result<HostSettings, CommandError> {
        let client_certificate = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            _ => {
                let message =
                    format!("registry \"{name}\" in {NAME} has half of a client certificate");
                return Err(CommandError::usage(message)
                    .hinted("name both client-certificate and client-key"));
            }
        };
        Ok(HostSettings {
            insecure: self.insecure,
            ca: self.ca.clone(),
            client_certificate,
            mirrors: self.mirror.clone(),
            chunk_bytes: self.chunk_bytes,
        })
    }
}
