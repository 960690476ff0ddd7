use crate::error::CommandError;
use fs_err as fs;
use mizzen_registry::HostSettings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// What `mizzen.toml` says: defaults that the command line and the environment override.
///
/// A key that is not known is an error, so that a slip is not silently without effect.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) build: BuildConfig,
    registry: BTreeMap<String, RegistryConfig>,
}

/// `[build]`: options of `mizzen build`, by their own names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct BuildConfig {
    pub(crate) base: Option<String>,
    pub(crate) base_registry: Option<String>,
    pub(crate) configuration: Option<String>,
    pub(crate) platform: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) label: BTreeMap<String, String>,
    pub(crate) annotation: BTreeMap<String, String>,
}

/// `[registry."host"]`: what is special about one registry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct RegistryConfig {
    insecure: Option<bool>,
    ca: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_key: Option<PathBuf>,
    mirror: Vec<String>,
    chunk_bytes: Option<u64>,
}

const NAME: &str = "mizzen.toml";

impl Config {
    /// Reads the nearest `mizzen.toml` in `folder` or above; without one, nothing is said.
    ///
    /// # Errors
    /// The file cannot be read, or says what is not understood.
    pub(crate) fn find(folder: &Path) -> Result<Self, CommandError> {
        for folder in folder.ancestors() {
            let file = folder.join(NAME);
            match fs::read_to_string(&file) {
                Ok(text) => {
                    return Self::parse(&text, folder).map_err(|error| malformed(&file, &error));
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                    ) => {}
                Err(error) => {
                    return Err(CommandError::local(
                        format!("`{}` cannot be read", file.display()),
                        &error,
                    ));
                }
            }
        }
        Ok(Self::default())
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, toml::de::Error> {
        let mut config: Self = toml::from_str(text)?;
        for registry in config.registry.values_mut() {
            for path in [
                &mut registry.ca,
                &mut registry.client_certificate,
                &mut registry.client_key,
            ]
            .into_iter()
            .flatten()
            {
                *path = folder.join(&path);
            }
        }
        Ok(config)
    }

    /// Returns what is special about registries, by host.
    ///
    /// # Errors
    /// A client certificate without its key, or the other way round.
    pub(crate) fn hosts(&self) -> Result<BTreeMap<String, HostSettings>, CommandError> {
        let host = |(name, config): (&String, &RegistryConfig)| {
            let client_certificate = match (&config.client_certificate, &config.client_key) {
                (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
                (None, None) => None,
                _ => {
                    let message =
                        format!("registry \"{name}\" in {NAME} has half of a client certificate");
                    return Err(CommandError::usage(message)
                        .hinted("name both client-certificate and client-key"));
                }
            };
            let settings = HostSettings {
                insecure: config.insecure,
                ca: config.ca.clone(),
                client_certificate,
                mirrors: config.mirror.clone(),
                chunk_bytes: config.chunk_bytes,
            };
            Ok((name.clone(), settings))
        };
        self.registry.iter().map(host).collect()
    }
}

fn malformed(file: &Path, error: &toml::de::Error) -> CommandError {
    CommandError::usage(format!(
        "`{}` is not understood: {}",
        file.display(),
        error.to_string().trim_end()
    ))
    .hinted("docs/reference/config.md names every key")
}

#[cfg(test)]
mod tests {
    use super::Config;
    use std::path::Path;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("/w")).map_err(|error| error.to_string())
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config =
            parse("[registry.\"r.corp:5000\"]\nca = \"ca.pem\"\nmirror = [\"m.corp/hub\"]\n")
                .unwrap();
        let hosts = config.hosts().unwrap();
        assert_eq!(
            hosts["r.corp:5000"].ca.as_deref(),
            Some(Path::new("/w/ca.pem"))
        );
        assert_eq!(hosts["r.corp:5000"].mirrors, ["m.corp/hub"]);
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_known_ones() {
        let error = parse("[build]\nbas = \"x\"\n").unwrap_err();
        assert!(
            error.contains("unknown field `bas`") && error.contains("`base`"),
            "{error}"
        );
        assert!(parse("[policy]\nfloats = \"error\"\n").is_err());
    }

    #[test]
    fn the_reference_shows_what_is_read() {
        let reference = include_str!("../../docs/reference/config.md");
        let example = reference
            .split("```")
            .nth(1)
            .and_then(|block| block.strip_prefix("toml"));
        let config = parse(example.unwrap()).unwrap();
        assert_eq!(config.build.platform.len(), 2);
        assert_eq!(
            config.hosts().unwrap()["registry.corp:5000"].chunk_bytes,
            Some(64 << 20)
        );
    }

    #[test]
    fn half_a_client_certificate_is_refused() {
        let config = parse("[registry.\"r\"]\nclient-certificate = \"c.pem\"\n").unwrap();
        assert!(config.hosts().is_err());
    }
}
