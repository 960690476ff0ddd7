use crate::deps_json::Asset;
use crate::publish_folder::{PublishedFile, lossy};
use crate::{LayerGroup, PublishOutput, RuntimeIdentifier};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// Which published file goes into which layer, and which stay out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayerPlan {
    /// The layers, bottom first; none is empty.
    pub layers: Vec<PlannedLayer>,
    /// The files that go into none, sorted by path.
    pub left_out: Vec<LeftOut>,
}

/// A layer to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedLayer {
    /// What it holds.
    pub group: LayerGroup,
    /// Its files, sorted by the bytes of the paths.
    pub files: Vec<PlannedFile>,
}

/// A file of a layer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedFile {
    /// The path in the image, without a slash in front.
    pub path: Vec<u8>,
    /// Where the bytes are.
    pub source: PathBuf,
    /// 0755 or 0644.
    pub mode: u32,
    /// How many bytes.
    pub size_bytes: u64,
}

/// A published file that does not enter the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    /// The path, relative to the publish folder.
    pub path: String,
    /// How many bytes that saves.
    pub size_bytes: u64,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why a published file does not enter the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LeftOutReason {
    /// It is for another system, processor or C library.
    ForeignRuntime(String),
    /// It configures a web server of Windows.
    IisConfiguration,
    /// It holds what a debugger wants to know of a native program.
    NativeSymbols,
    /// It holds the symbols of a package.
    PackageSymbols,
    /// It holds the documentation of a package.
    PackageDocumentation,
    /// It is a program for the machine that published; a portable application needs none.
    BuildHostProgram,
}

/// What decides beside the publish folder itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayerRules {
    /// What stands before each path: `app/`.
    pub prefix: String,
    /// What the image runs on.
    pub runtime_identifier: RuntimeIdentifier,
    /// Published paths whose sources in the workspace have the x bit.
    pub executables: BTreeSet<Vec<u8>>,
}

impl LayerPlan {
    /// Sorts every file of a publish folder into a layer or out of the image.
    ///
    /// Mode 0755 is for what is run: ELF programs, `#!` files, and what the rules name; the modes on
    /// disk say nothing, for NuGet extracts everything with 0744.
    pub fn new(output: &PublishOutput, rules: &LayerRules) -> Self {
        let mut groups = BTreeMap::<_, Vec<_>>::new();
        let mut left_out = Vec::new();
        let reader = Reader { output, rules };
        for file in &output.files {
            match reader.place(file) {
                Ok(group) => groups.entry(group).or_default().push(PlannedFile {
                    path: [rules.prefix.as_bytes(), &file.path].concat(),
                    source: file.source.clone(),
                    mode: if file.is_program || rules.executables.contains(&file.path) {
                        0o755
                    } else {
                        0o644
                    },
                    size_bytes: file.size_bytes,
                }),
                Err(reason) => left_out.push(LeftOut {
                    path: lossy(&file.path),
                    size_bytes: file.size_bytes,
                    reason,
                }),
            }
        }
        let layers = groups
            .into_iter()
            .map(|(group, files)| PlannedLayer { group, files });
        Self {
            layers: layers.collect(),
            left_out,
        }
    }
}

struct Reader<'a> {
    output: &'a PublishOutput,
    rules: &'a LayerRules,
}

impl Reader<'_> {
    fn place(&self, file: &PublishedFile) -> Result<LayerGroup, LeftOutReason> {
        // What is not UTF-8 is listed nowhere and has no meaning to .NET.
        let Ok(path) = std::str::from_utf8(&file.path) else {
            return Ok(LayerGroup::App);
        };
        let asset = self.asset(path);
        self.check_runtime(path, asset)?;
        if path.eq_ignore_ascii_case("web.config") {
            return Err(LeftOutReason::IisConfiguration);
        }
        if extension(path) == "dbg" {
            return Err(LeftOutReason::NativeSymbols);
        }
        if self.is_build_host_program(path) {
            return Err(LeftOutReason::BuildHostProgram);
        }
        if let Some(asset) = asset {
            return Ok(asset.group);
        }
        if let Some((library, reason)) = self.beside(path) {
            return match library.group {
                LayerGroup::App | LayerGroup::Projects => Ok(library.group),
                _ => Err(reason),
            };
        }
        let app = &self.output.app;
        let is_manifest = path
            .strip_prefix(app.as_str())
            .is_some_and(|rest| rest.starts_with(".staticwebassets."));
        if path.starts_with("wwwroot/") || is_manifest {
            return Ok(LayerGroup::StaticWebAssets);
        }
        Ok(LayerGroup::App)
    }

    fn asset(&self, path: &str) -> Option<&Asset> {
        self.output.deps.as_ref()?.assets.get(path)
    }

    // Without deps.json the folder's name still tells: publish writes `runtimes/<rid>/…`.
    fn check_runtime(&self, path: &str, asset: Option<&Asset>) -> Result<(), LeftOutReason> {
        let listed = asset.and_then(|asset| asset.runtime_identifier.as_deref());
        let in_folder = path
            .strip_prefix("runtimes/")
            .and_then(|rest| Some(rest.split_once('/')?.0));
        match listed.or(in_folder) {
            Some(other) if self.rules.runtime_identifier.is_foreign(other) => {
                Err(LeftOutReason::ForeignRuntime(other.to_owned()))
            }
            _ => Ok(()),
        }
    }

    // `dotnet publish` without a RID adds a program for the machine that it runs on: in an image for
    // another processor that is the wrong one, and `dotnet Shop.Api.dll` never starts it.
    fn is_build_host_program(&self, path: &str) -> bool {
        let output = self.output;
        let name = path.strip_suffix(".exe").unwrap_or(path);
        !output.runtime_config.is_self_contained()
            && output.runtime_identifier().is_none()
            && name == output.app
    }

    /// The library whose symbols or documentation the file holds, and the reason to leave it out if
    /// that is none of ours.
    fn beside(&self, path: &str) -> Option<(&Asset, LeftOutReason)> {
        let (stem, reason) = match extension(path) {
            "pdb" => (path.strip_suffix(".pdb")?, LeftOutReason::PackageSymbols),
            "xml" => (
                path.strip_suffix(".xml")?,
                LeftOutReason::PackageDocumentation,
            ),
            _ => return None,
        };
        Some((self.asset(&format!("{stem}.dll"))?, reason))
    }
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForeignRuntime(identifier) => write!(f, "for {identifier}"),
            Self::IisConfiguration => f.write_str("for IIS"),
            Self::NativeSymbols => f.write_str("native symbols"),
            Self::PackageSymbols => f.write_str("a package's symbols"),
            Self::PackageDocumentation => f.write_str("a package's documentation"),
            Self::BuildHostProgram => f.write_str("a program for the machine that published"),
        }
    }
}
