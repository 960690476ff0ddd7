use super::defaults::{Applied, DefaultOption, with_defaults};
use super::name::NAME;
use super::nesting::{TOO_DEEP, is_too_deep};
use super::options::{Options, default_options};
use super::registries::{RegistryConfig, registry_name};
use super::repository_file::read_repository_file;
use super::sections::{CacheConfig, EnvConfig, InputsConfig, LabelsConfig};
use super::{image_tables, nearest, written};
use crate::error::CommandError;
use mizzen_builder::Policy;
use mizzen_registry::HostSettings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What `mizzen.toml` says: defaults that the command line and the environment override.
///
/// A key that is not known is an error, so that a slip is not silently without effect.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Where the file lies; none was found if this is not set.
    #[serde(skip)]
    pub(crate) folder: Option<PathBuf>,
    build: Options,
    images: BTreeMap<String, Options>,
    registry: BTreeMap<String, RegistryConfig>,
    pub(crate) cache: CacheConfig,
    pub(crate) env: EnvConfig,
    pub(crate) labels: LabelsConfig,
    pub(crate) inputs: InputsConfig,
    /// `[policy]`.
    pub(crate) policy: Policy,
}

impl Config {
    /// Reads the nearest `mizzen.toml` in `folder` or above; without one, nothing is said. `options` are
    /// those that it may name.
    ///
    /// # Errors
    /// The file cannot be read, or says what is not understood.
    pub(crate) fn find(folder: &Path, options: &[String]) -> Result<Self, CommandError> {
        for folder in folder.ancestors() {
            if let Some(text) = read_repository_file(folder, NAME)? {
                return Self::parse(&text, folder, options);
            }
        }
        Ok(Self::default())
    }

    pub(super) fn parse(text: &str, folder: &Path, known: &[String]) -> Result<Self, CommandError> {
        let file = folder.join(NAME);
        if is_too_deep(text) {
            return Err(malformed(&file, TOO_DEEP));
        }
        let config: Result<Self, _> = toml::from_str(text);
        let mut config = config.map_err(|error| malformed(&file, &error.to_string()))?;
        for (name, registry) in std::mem::take(&mut config.registry) {
            let name = registry_name(&name)?;
            if config.registry.insert(name.clone(), registry).is_some() {
                let message = format!("`{}` has registry `{name}` twice", file.display());
                return Err(CommandError::usage(message).hinted("merge the two tables"));
            }
        }
        for registry in config.registry.values_mut() {
            registry.locate(folder);
        }
        config.cache.locate(folder);
        config.inputs.locate(folder);
        config.folder = Some(folder.to_owned());
        config.check(&file, known)?;
        config.hosts()?;
        Ok(config)
    }

    /// Checks what the parser takes and no build would.
    fn check(&self, file: &Path, known: &[String]) -> Result<(), CommandError> {
        for options in self.images.values().chain([&self.build]) {
            if let Some(name) = options.keys().find(|name| !known.contains(name)) {
                let known = known.iter().map(String::as_str);
                return Err(unknown(file, name, nearest::nearest(name, known)));
            }
            if let Some(folder) = &self.folder {
                written::check_options(options, folder)?;
            }
        }
        if let Some((folder, dir)) = self.folder.as_ref().zip(self.cache.dir.as_ref()) {
            written::check("cache-dir", dir, folder)?;
        }
        if let Some(name) = self.env.pass.iter().find(|name| is_mizzens(name)) {
            return Err(CommandError::usage(format!(
                "`{}`: `{name}` cannot be passed, because mizzen sets it",
                file.display()
            ))
            .hinted("a build has its own PATH, HOME and package folder"));
        }
        if let Some(name) = self
            .env
            .secret
            .iter()
            .find(|name| self.env.pass.contains(name))
        {
            return Err(CommandError::usage(format!(
                "`{}`: `{name}` is listed under both `pass` and `secret`",
                file.display()
            ))
            .hinted("list it once: what is passed ends up in keys and records"));
        }
        let mut named = BTreeMap::new();
        for name in self.env.pass.iter().chain(&self.env.secret) {
            let same = named.insert(name.to_uppercase(), name);
            if let Some(same) = same.filter(|same| *same != name) {
                return Err(CommandError::usage(format!(
                    "`{}`: `{same}` and `{name}` are the same property to MSBuild",
                    file.display()
                ))
                .hinted("list one of them: its properties are case-insensitive"));
            }
        }
        Ok(())
    }

    /// Checks that each table of `images` is of a project: of one of `built`, or of another below the
    /// file's folder.
    ///
    /// # Errors
    /// The name of a table that is of none.
    pub(crate) fn check_images(&self, built: &[&str]) -> Result<(), CommandError> {
        let tables = self.images.keys().map(String::as_str);
        let check = |folder: &PathBuf| image_tables::check(tables, built, folder);
        self.folder.as_ref().map_or(Ok(()), check)
    }

    /// Returns what is special about registries, by host.
    ///
    /// # Errors
    /// A client certificate without its key, or the other way round.
    pub(crate) fn hosts(&self) -> Result<BTreeMap<String, HostSettings>, CommandError> {
        let host = |(name, config): (&String, &RegistryConfig)| {
            let settings = config.host(name)?;
            Ok((name.clone(), settings))
        };
        self.registry.iter().map(host).collect()
    }

    /// Returns the folder of the cache.
    pub(crate) fn cache_dir(&self) -> Option<PathBuf> {
        let of_build = self.build.get("cache-dir").and_then(toml::Value::as_str);
        let of_build = of_build.zip(self.folder.as_ref());
        let of_build = of_build.map(|(dir, folder)| folder.join(dir));
        of_build.or_else(|| self.cache.dir.clone())
    }

    /// Reads the command line `words` of `command`, with this file's defaults for `project` (the name
    /// of its file, without the extension) where it is silent.
    ///
    /// # Errors
    /// A value of the file is not what its option takes.
    pub(crate) fn applied(
        &self,
        command: &clap::Command,
        words: &[OsString],
        project: Option<&str>,
    ) -> Result<Applied, CommandError> {
        let folder = self.folder.as_deref().unwrap_or(Path::new("/"));
        let file = folder.join(NAME);
        let defaults = self.defaults(project, folder);
        let defaults = defaults.map_err(|name| {
            CommandError::usage(format!(
                "`{}`: `{name}` has a value of the wrong type",
                file.display()
            ))
            .hinted("docs/reference/config.md shows how each is written")
        })?;
        with_defaults(command, words, &defaults).map_err(|error| {
            let text = error.to_string();
            let said = text.lines().next().unwrap_or_default();
            malformed(&file, said.trim_start_matches("error: "))
        })
    }

    /// Returns the hosts that the file says something of.
    pub(super) fn registry_names(&self) -> impl Iterator<Item = &String> {
        self.registry.keys()
    }

    fn defaults(&self, project: Option<&str>, folder: &Path) -> Result<Vec<DefaultOption>, String> {
        let mut all = default_options(&self.build, &format!("{NAME} [build]"), folder)?;
        if let Some((name, options)) = project.and_then(|name| self.images.get_key_value(name)) {
            let place = format!("{NAME} [images.\"{name}\"]");
            for own in default_options(options, &place, folder)? {
                // Pairs add up, and the later of two of one name counts.
                let is_pairs = matches!(self.build.get(&own.name), Some(toml::Value::Table(_)));
                if !is_pairs {
                    all.retain(|common| common.name != own.name);
                }
                all.push(own);
            }
        }
        for (name, values) in self.cache.options() {
            if all.iter().all(|option| option.name != name) {
                all.push(DefaultOption {
                    name: name.to_owned(),
                    values,
                    place: format!("{NAME} [cache]"),
                });
            }
        }
        Ok(all)
    }
}

// What a stage sets is how its paths come to be canonical.
fn is_mizzens(variable: &str) -> bool {
    mizzen_dotnet::is_set_by_stage(variable) || variable.starts_with("MIZZEN_")
}

fn malformed(file: &Path, said: &str) -> CommandError {
    if let Some((name, near)) = nearest::slip(said) {
        return unknown(file, name, near);
    }
    CommandError::usage(format!(
        "`{}` is not understood: {}",
        file.display(),
        said.trim_end()
    ))
    .hinted("docs/reference/config.md names every key")
}

fn unknown(file: &Path, name: &str, near: Option<&str>) -> CommandError {
    let hint = match near {
        Some(near) => format!("did you mean `{near}`? docs/reference/config.md names every key"),
        None => "docs/reference/config.md names every key".to_owned(),
    };
    CommandError::usage(format!("`{}`: unknown key `{name}`", file.display())).hinted(hint)
}

#[cfg(test)]
mod tests {
    use super::Config;
    use crate::Process;
    use crate::building::arguments::BuildArgs;
    use crate::commands::Args;
    use crate::config::defaults::option_names;
    use crate::session::Invocation;
    use clap::CommandFactory;
    use mizzen_store::Cancel;
    use std::path::Path;

    fn parse(text: &str) -> Result<Config, String> {
        let known = option_names(&Args::command());
        Config::parse(text, Path::new("/w"), &known).map_err(|error| error.to_string())
    }

    fn applied(config: &Config, line: &str, project: Option<&str>) -> Result<BuildArgs, String> {
        let process = Process::in_folder("/");
        let invocation = Invocation {
            process: &process,
            cancel: Cancel::default(),
            command: Args::command(),
            words: line.split_whitespace().map(Into::into).collect(),
        };
        let applied = BuildArgs::of(&invocation, config, project);
        Ok(applied.map_err(|error| error.to_string())?.0)
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = parse(
            "[registry.\"r.corp:5000\"]\nca = \"ca.pem\"\nmirror = [\"m.corp/hub\"]\n\
             [cache]\ndir = \"cache\"\n[inputs]\nroot = \"..\"\n",
        )
        .unwrap();
        let hosts = config.hosts().unwrap();
        let ca = hosts["r.corp:5000"].ca.as_deref();
        assert_eq!(ca, Some(Path::new("/w/ca.pem")));
        assert_eq!(hosts["r.corp:5000"].mirrors, ["m.corp/hub"]);
        assert_eq!(config.inputs.root.as_deref(), Some(Path::new("/w/..")));
        let build = applied(&config, "mizzen build", None).unwrap();
        assert_eq!(build.cache_dir.as_deref(), Some(Path::new("/w/cache")));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_nearest() {
        for (text, want) in [
            ("[build]\nbas = \"x\"\n", "did you mean `base`?"),
            ("[images.Api]\nplatfrom = []\n", "did you mean `platform`?"),
            ("[polcy]\n", "did you mean `policy`?"),
            ("[policy]\nfloatz = \"error\"\n", "did you mean `floats`?"),
            ("[registry.r]\ninsecur = true\n", "did you mean `insecure`?"),
            ("[policy]\ngit = \"alwys\"\n", "did you mean `always`?"),
            (
                "[build]\nfrom-publish = \"x\"\n",
                "unknown key `from-publish`",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
        for (text, want) in [
            ("level = 0", "unknown key `level`"),
            ("floats = \"ttl\"", "want a time such as `ttl:24h`"),
            ("floats = \"eror\"", "did you mean `error`?"),
            ("floats = \"ttl:soon\"", "want a time such as `ttl:24h`"),
            ("volatile = \"nevercache\"", "did you mean `never-cache`?"),
        ] {
            let error = parse(&format!("[policy]\n{text}\n")).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn a_project_has_defaults_of_its_own_and_the_command_line_the_last_word() {
        let config = parse(
            "[build]\nplatform = [\"linux/amd64\"]\nenv = { A = \"all\", B = \"all\" }\n\
             [images.\"Shop.Api\"]\nplatform = [\"linux/arm64\"]\nenv = { A = \"api\" }\nuser = 1000\n",
        )
        .unwrap();
        let api = applied(&config, "mizzen build -e C=line", Some("Shop.Api")).unwrap();
        assert_eq!(api.platforms[0].to_string(), "linux/arm64");
        assert_eq!(api.image.user.as_deref(), Some("1000"));
        let env: std::collections::BTreeMap<_, _> = api.image.env.into_iter().collect();
        assert_eq!(env["A"], "api");
        assert_eq!(env["B"], "all");
        assert_eq!(env["C"], "line");
        let other = applied(&config, "mizzen build --user 5", Some("Other")).unwrap();
        assert_eq!(other.platforms[0].to_string(), "linux/amd64");
        assert_eq!(other.image.user.as_deref(), Some("5"));
    }

    #[test]
    fn a_value_of_another_kind_is_refused_with_the_files_name() {
        let config = parse("[build]\ncompression = \"rar\"\n").unwrap();
        let error = applied(&config, "mizzen build", None).unwrap_err();
        assert!(
            error.contains("/w/mizzen.toml") && error.contains("rar"),
            "{error}"
        );
        let config = parse("[build]\nport = [[1]]\n").unwrap();
        assert!(applied(&config, "mizzen build", None).is_err());
    }

    #[test]
    fn a_text_that_its_parser_would_not_come_back_from_is_refused() {
        let text = "x = ".to_owned() + &"{ a\"\nb = [1]\nc = ".repeat(2000);
        let error = parse(&text).unwrap_err();
        assert!(error.contains("nested too deeply"), "{error}");
    }

    #[test]
    fn a_variable_is_passed_or_secret_and_never_one_that_the_stage_sets() {
        for text in [
            "[env]\npass = [\"HOME\"]\n",
            "[env]\npass = [\"MIZZEN_PROJECT\"]\n",
            "[env]\npass = [\"TOKEN\"]\nsecret = [\"TOKEN\"]\n",
            "[env]\npass = [\"Token\", \"TOKEN\"]\n",
            "[env]\npass = [\"token\"]\nsecret = [\"TOKEN\"]\n",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("[env]\npass = [\"CI\"]\nsecret = [\"TOKEN\"]\n").is_ok());
    }

    #[test]
    fn the_reference_shows_what_is_read() {
        let reference = include_str!("../../../docs/reference/config.md");
        let example = reference
            .split("```")
            .nth(1)
            .and_then(|block| block.strip_prefix("toml"));
        let config = parse(example.unwrap()).unwrap();
        let build = applied(&config, "mizzen build", Some("Shop.Api")).unwrap();
        assert_eq!(build.platforms.len(), 2);
        let chunk = config.hosts().unwrap()["registry.corp:5000"].chunk_bytes;
        assert_eq!(chunk, Some(64 << 20));
    }
}
