use mizzen_oci::{Reference, Repository};
use mizzen_shared_cache::SharedPlaces;

/// What is taken from other machines, and left for them
#[derive(clap::Args, Debug)]
pub(crate) struct SharingArgs {
    /// Also look for results in this repository of a registry, which other machines fill; several are
    /// asked in order
    #[arg(long = "cache-from", value_name = "REF", value_parser = repository, value_delimiter = ',', env = "MIZZEN_CACHE_FROM", hide_env_values = true)]
    pub(crate) from: Vec<Repository>,

    /// Leave the results here for other machines, when the build is over; who may write there decides
    /// what others build
    #[arg(long = "cache-to", value_name = "REF", value_parser = repository, value_delimiter = ',', env = "MIZZEN_CACHE_TO", hide_env_values = true)]
    pub(crate) to: Vec<Repository>,

    /// Take results also of steps that nobody watched: they are good where the machines are alike
    #[arg(long, env = "MIZZEN_ACCEPT_UNWATCHED", hide_env_values = true)]
    pub(crate) accept_unwatched: bool,

    /// The SDK's version where none is on this machine: a shared cache knows its content, and results can
    /// be reused [default: the one that global.json names]
    #[arg(long, value_name = "sdk:VERSION", value_parser = sdk, env = "MIZZEN_TOOLCHAIN", hide_env_values = true)]
    pub(crate) toolchain: Option<String>,
}

impl SharingArgs {
    /// Returns where records are taken from and sent to.
    pub(crate) fn places(&self) -> SharedPlaces {
        SharedPlaces {
            from: self.from.clone(),
            to: self.to.clone(),
            accepts_unwatched: self.accept_unwatched,
        }
    }
}

fn sdk(text: &str) -> Result<String, String> {
    let version = text
        .strip_prefix("sdk:")
        .filter(|version| !version.is_empty());
    version
        .map(str::to_owned)
        .ok_or_else(|| "want sdk:VERSION, as in sdk:10.0.401".to_owned())
}

fn repository(text: &str) -> Result<Repository, String> {
    let reference: Reference = text
        .parse()
        .map_err(|error| format!("{error}; want registry/repository"))?;
    let name = text.rsplit('/').next().unwrap_or_default();
    if name.contains([':', '@']) {
        return Err(
            "a shared cache is a whole repository: write it without a tag or a digest".to_owned(),
        );
    }
    Ok(reference.repository)
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn a_shared_cache_is_a_repository_without_a_tag() {
        let named = |text: &str| repository(text).map(|repository| repository.to_string());
        assert_eq!(
            named("r.corp:5000/a/cache"),
            Ok("r.corp:5000/a/cache".to_owned())
        );
        let digest = format!("r.corp/a@sha256:{}", "0".repeat(64));
        for text in ["r.corp/a/cache:main", &digest, "R.corp/A B"] {
            assert!(named(text).is_err(), "{text}");
        }
    }
}
