use crate::error::CommandError;
use mizzen_oci::Reference;
use mizzen_registry::HostSettings;
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `[registry."host"]`: what is special about one registry.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RegistryConfig {
    /// Whether it is asked by plain HTTP.
    insecure: Option<bool>,
    /// A file with the certificates of its authority.
    ca: Option<PathBuf>,
    /// A file with the certificate by which mizzen shows who it is.
    client_certificate: Option<PathBuf>,
    /// A file with the key of that.
    client_key: Option<PathBuf>,
    /// What is asked first, for pulls.
    mirror: Vec<String>,
    /// Blobs are sent in chunks of so many bytes.
    chunk_bytes: Option<u64>,
    /// The longest that a manifest, a config or a token may take.
    document_seconds: Option<NonZeroU32>,
    /// A blob that moves slower for half a minute is asked for again; 0 is any speed.
    least_bytes_per_second: Option<u64>,
}

/// Reads the name of a registry, as a key or before a mirror's folder: as references begin, in lower
/// case; `https://` before it is passed over.
///
/// # Errors
/// It is not a registry's, or asks for plain HTTP.
pub(super) fn registry_name(text: &str) -> Result<String, CommandError> {
    let lower = text.to_ascii_lowercase();
    if let Some(host) = lower.strip_prefix("http://") {
        let host = host.trim_end_matches('/');
        return Err(CommandError::usage(format!(
            "`{text}` in mizzen.toml: plain HTTP is not requested like this"
        ))
        .hinted(format!("write [registry.\"{host}\"] with insecure = true")));
    }
    let host = lower.strip_prefix("https://").unwrap_or(&lower);
    let host = host.trim_end_matches('/');
    // As a reference to an image of it is read.
    let read = format!("{host}/x").parse::<Reference>();
    let registry = read.ok().map(|reference| reference.repository.registry);
    let means = |registry: &String| registry == host || host == "index.docker.io";
    registry.filter(means).ok_or_else(|| {
        CommandError::usage(format!("`{text}` in mizzen.toml is not a registry"))
            .hinted("write it as it stands in references: docker.io, registry.corp, localhost:5000")
    })
}

/// Reads a mirror, `mirror.corp/hub`: a registry and what comes before the repository's name.
fn mirror_name(text: &str) -> Result<String, CommandError> {
    let scheme = text.find("://").map_or(0, |at| at + "://".len());
    let end = text[scheme..]
        .find('/')
        .map_or(text.len(), |at| scheme + at);
    let (host, folder) = text.split_at(end);
    let folder = folder.trim_matches('/');
    let host = registry_name(host)?;
    if folder.is_empty() {
        return Ok(host);
    }
    let is_name = format!("{host}/{folder}/x").parse::<Reference>().is_ok();
    is_name.then(|| format!("{host}/{folder}")).ok_or_else(|| {
        CommandError::usage(format!("the mirror `{text}` in mizzen.toml is invalid"))
            .hinted("write a registry and a path in it: mirror.corp/hub")
    })
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
    /// A client certificate without its key, or the other way round; a mirror that is none.
    pub(super) fn host(&self, name: &str) -> Result<HostSettings, CommandError> {
        let client_certificate = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            _ => {
                let message = format!(
                    "registry \"{name}\" in mizzen.toml has only half of a client certificate"
                );
                return Err(CommandError::usage(message)
                    .hinted("set both client-certificate and client-key"));
            }
        };
        Ok(HostSettings {
            insecure: self.insecure,
            ca: self.ca.clone(),
            client_certificate,
            mirrors: self
                .mirror
                .iter()
                .map(|mirror| mirror_name(mirror))
                .collect::<Result<_, _>>()?,
            chunk_bytes: self.chunk_bytes,
            document_timeout: self
                .document_seconds
                .map(|seconds| Duration::from_secs(seconds.get().into())),
            least_bytes_per_second: self.least_bytes_per_second,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::Args;
    use crate::config::{Config, option_names};
    use clap::CommandFactory;
    use std::path::Path;

    fn parse(text: &str) -> Result<Config, String> {
        let known = option_names(&Args::command());
        Config::parse(text, Path::new("/w"), &known).map_err(|error| error.to_string())
    }

    #[test]
    fn half_a_client_certificate_is_refused() {
        let error = parse("[registry.\"r.corp\"]\nclient-certificate = \"c.pem\"\n").unwrap_err();
        assert!(error.contains("half of a client certificate"), "{error}");
    }

    #[test]
    fn a_registry_or_a_mirror_with_a_scheme_is_taken_or_refused_and_never_without_effect() {
        let hosts = |key: &str, mirror: &str| {
            let text = format!("[registry.\"{key}\"]\nmirror = [\"{mirror}\"]\n");
            let hosts = parse(&text)?.hosts().map_err(|error| error.to_string())?;
            let (host, settings) = hosts.into_iter().next().unwrap();
            Ok::<_, String>(format!("{host} {}", settings.mirrors[0]))
        };
        for (key, mirror, want) in [
            ("r.corp", "m.corp/hub", "r.corp m.corp/hub"),
            ("https://r.corp", "https://m.corp/hub/", "r.corp m.corp/hub"),
            ("https://R.corp:5000/", "M.corp", "r.corp:5000 m.corp"),
            (
                "index.docker.io",
                "https://m.corp:80",
                "docker.io m.corp:80",
            ),
        ] {
            assert_eq!(hosts(key, mirror).unwrap(), want);
        }
        for (key, mirror, want) in [
            (
                "http://r.corp",
                "m.corp",
                "[registry.\"r.corp\"] with insecure = true",
            ),
            (
                "r.corp",
                "http://m.corp/hub",
                "[registry.\"m.corp\"] with insecure = true",
            ),
            ("https://", "m.corp", "is not a registry"),
            ("ftp://r.corp", "m.corp", "is not a registry"),
            ("r.corp/shop", "m.corp", "is not a registry"),
            // An image `r/x` is Docker Hub's.
            ("r", "m.corp", "is not a registry"),
            ("*.corp", "m.corp", "is not a registry"),
            ("r.corp", "m", "is not a registry"),
            ("r.corp", "m.corp/Hub", "is invalid"),
        ] {
            let error = hosts(key, mirror).unwrap_err();
            assert!(error.contains(want), "{key} {mirror}: {error}");
        }
        let twice = "[registry.\"r.corp\"]\n[registry.\"https://r.corp\"]\n";
        assert!(parse(twice).unwrap_err().contains("twice"));
    }
}
