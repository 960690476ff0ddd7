use crate::BuildError;
use mizzen_dotnet::{
    DebugSymbols, LayerGroup, LayerPlan, LayerRules, Libc, PathPattern, PlannedLayer,
    PublishOutput, RuntimeIdentifier,
};
use mizzen_image::{Compression, LayerBuilder};
use mizzen_oci::Platform;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Where an application lies in its image whose project does not say; also its working folder.
pub(crate) const APP_FOLDER: &str = "/app";

/// How the layers of an application are made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayerOptions {
    /// What the images are for; none if the project decides.
    pub platforms: Vec<Platform>,
    /// What they are for if the project does not decide, either; `None` for linux/amd64.
    pub default_platform: Option<Platform>,
    /// The base that the user names has musl for its C library.
    pub musl: bool,
    /// How they are compressed.
    pub compression: Compression,
    /// One layer for everything, instead of one for each rate of change.
    pub single: bool,
    /// Published files that enter the image though they would be left out.
    pub keep: Vec<PathPattern>,
    /// Which symbols enter the image.
    pub debug_symbols: DebugSymbols,
}

/// What is laid into layers, and where.
#[derive(Clone, Copy)]
pub(crate) struct AppFiles<'a> {
    pub(crate) output: &'a PublishOutput,
    /// Its folder in the image, absolute.
    pub(crate) folder: &'a str,
    /// The base that its project asks for has musl.
    pub(crate) is_musl: bool,
    /// Published paths that are programs, though their bytes do not tell.
    pub(crate) executables: &'a BTreeSet<Vec<u8>>,
}

impl LayerOptions {
    /// Returns the options of an image for `platforms` whose user asked for nothing else.
    pub fn for_platforms(platforms: Vec<Platform>) -> Self {
        Self {
            platforms,
            default_platform: None,
            musl: false,
            compression: Compression::default(),
            single: false,
            keep: Vec::new(),
            debug_symbols: DebugSymbols::default(),
        }
    }

    /// Returns what an image is for whose user and project say nothing of it.
    pub fn default_platform(&self) -> Platform {
        let default = self.default_platform.clone();
        default.unwrap_or_else(|| Platform::linux("amd64".into()))
    }

    /// Returns everything here that decides about the bytes of layers, as the key has it.
    pub(crate) fn keyed(&self) -> BTreeMap<String, String> {
        let mut platforms: Vec<String> = self.platforms.iter().map(ToString::to_string).collect();
        if platforms.is_empty() {
            let project = "as the project says".to_owned();
            platforms.push(match &self.default_platform {
                None => project,
                Some(default) => format!("{project}, else {default}"),
            });
        }
        let keep: Vec<&str> = self.keep.iter().map(PathPattern::as_str).collect();
        let libc = self
            .musl
            .then(|| ("libc".to_owned(), Libc::Musl.to_string()));
        let keyed = BTreeMap::from(
            [
                ("format", LayerBuilder::FORMAT.to_owned()),
                ("platforms", platforms.join(",")),
                ("compression", self.compression.to_string()),
                (
                    "split",
                    if self.single { "single" } else { "auto" }.to_owned(),
                ),
                ("keep", json!(keep).to_string()),
                ("symbols", self.debug_symbols.as_str().to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        keyed.into_iter().chain(libc).collect()
    }

    /// Returns the options with the platforms decided: those asked for; else those that the project
    /// names; else the one that `output` was published for; else the default one.
    ///
    /// # Errors
    /// [`BuildError::Platform`] if `output` was published for what is not a platform of .NET's.
    pub(crate) fn resolved(
        &self,
        output: &PublishOutput,
        named: &[Platform],
    ) -> Result<Self, BuildError> {
        let mut options = self.clone();
        if !options.platforms.is_empty() {
            return Ok(options);
        }
        options.platforms = named.to_vec();
        // A record has them by their names, and its order must be this one.
        options.platforms.sort_by_key(ToString::to_string);
        options.platforms.dedup();
        if options.platforms.is_empty() {
            let published_for = output.runtime_identifier();
            options.platforms.push(match published_for {
                Some(identifier) => RuntimeIdentifier::new(identifier)
                    .platform()
                    .ok_or_else(|| BuildError::Platform(identifier.to_owned()))?,
                None => self.default_platform(),
            });
        }
        Ok(options)
    }

    /// Decides which file of `app` goes where in the image for `platform`.
    ///
    /// # Errors
    /// [`BuildError::Platform`] and [`BuildError::ForeignApp`] if the application cannot run there.
    pub(crate) fn plan(
        &self,
        app: &AppFiles<'_>,
        platform: &Platform,
    ) -> Result<LayerPlan, BuildError> {
        let output = app.output;
        let published_for = output.runtime_identifier();
        // With musl natives for both C libraries are kept: .NET takes those that fit.
        let is_musl = self.musl || app.is_musl || output.libc() == Some(Libc::Musl);
        let libc = if is_musl { Libc::Musl } else { Libc::Glibc };
        let runtime_identifier = RuntimeIdentifier::of(platform, libc)
            .ok_or_else(|| BuildError::Platform(platform.to_string()))?;
        if let Some(published_for) = published_for
            && runtime_identifier.is_foreign(published_for)
        {
            return Err(BuildError::ForeignApp {
                runtime_identifier: published_for.to_owned(),
                platform: platform.to_string(),
                wanted: self.platforms.clone(),
                self_contained: output.runtime_config.is_self_contained(),
            });
        }
        let folder = app.folder.trim_matches('/');
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let rules = LayerRules {
            executables: app.executables.clone(),
            keep: self.keep.clone(),
            debug_symbols: self.debug_symbols,
            ..LayerRules::new(prefix, runtime_identifier)
        };
        let plan = LayerPlan::new(output, &rules);
        Ok(if self.single { one_layer(plan) } else { plan })
    }
}

fn one_layer(mut plan: LayerPlan) -> LayerPlan {
    let mut files: Vec<_> = plan
        .layers
        .drain(..)
        .flat_map(|layer| layer.files)
        .collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let group = LayerGroup::App;
    plan.layers.push(PlannedLayer {
        name: group.name().to_owned(),
        group,
        files,
    });
    plan
}

#[cfg(test)]
mod tests {
    use super::LayerOptions;
    use mizzen_dotnet::DebugSymbols;
    use mizzen_image::Compression;
    use mizzen_oci::Platform;

    #[test]
    fn the_key_has_the_options_as_they_are_written() {
        let mut options = LayerOptions::for_platforms(vec![Platform::linux("arm64".into())]);
        let keyed = |options: &LayerOptions, name: &str| options.keyed()[name].clone();
        assert_eq!(keyed(&options, "compression"), "gzip");
        assert_eq!(keyed(&options, "keep"), "[]");
        assert_eq!(keyed(&options, "platforms"), "linux/arm64");
        assert_eq!(keyed(&options, "split"), "auto");
        options.compression = Compression::Zstd(7);
        options.keep = vec!["*.pdb".parse().unwrap(), "a\"b".parse().unwrap()];
        options.single = true;
        assert_eq!(keyed(&options, "compression"), "zstd:7");
        assert_eq!(keyed(&options, "keep"), r#"["*.pdb","a\"b"]"#);
        assert_eq!(keyed(&options, "split"), "single");
        for (symbols, name) in [
            (DebugSymbols::Own, "own"),
            (DebugSymbols::All, "all"),
            (DebugSymbols::None, "none"),
            (DebugSymbols::Separate, "separate"),
        ] {
            options.debug_symbols = symbols;
            assert_eq!(keyed(&options, "symbols"), name);
        }
    }
}
