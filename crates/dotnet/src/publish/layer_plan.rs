use crate::publish::package_split::split;
use crate::publish::placement::Placement;
use crate::publish::publish_folder::lossy;
use crate::{LayerGroup, LayerRules, PublishOutput};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Which published file goes into which layer, and which stay out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayerPlan {
    /// The layers, bottom first; none is empty.
    pub layers: Vec<PlannedLayer>,
    /// The files that go into none, sorted by path.
    pub left_out: Vec<LeftOut>,
    /// Those of them that lie beside the image, where the rules say so; as a layer has them.
    pub symbols: Vec<PlannedFile>,
}

/// A layer to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedLayer {
    /// What users meet: the group's name, or with more words where a group has several layers.
    pub name: String,
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
    /// The library that brings it, by name and version; `None` if nothing lists it.
    pub library: Option<String>,
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
    /// It holds symbols, and the rules want none.
    Symbols,
    /// It holds symbols, which lie beside the image.
    SeparateSymbols,
    /// It holds the documentation of a package.
    PackageDocumentation,
    /// It is a program for the machine that published; a portable application needs none.
    BuildHostProgram,
}

impl LayerPlan {
    /// Sorts every file of a publish folder into a layer or out of the image.
    ///
    /// Mode 0755 is for what is run: ELF programs, `#!` files, and what the rules name; the modes on
    /// disk say nothing, for NuGet extracts everything with 0744.
    pub fn new(output: &PublishOutput, rules: &LayerRules) -> Self {
        let mut groups = BTreeMap::<_, Vec<_>>::new();
        let (mut left_out, mut symbols) = (Vec::new(), Vec::new());
        let placement = Placement { output, rules };
        for file in &output.files {
            let is_run = file.is_program || rules.executables.contains(&file.path);
            let planned = PlannedFile {
                path: [rules.prefix.as_bytes(), &file.path].concat(),
                source: file.source.clone(),
                mode: if is_run { 0o755 } else { 0o644 },
                size_bytes: file.size_bytes,
                library: placement.owner(file),
            };
            match placement.of(file) {
                Ok(place) => groups
                    .entry(place.group)
                    .or_default()
                    .push((planned, place)),
                Err(reason) => {
                    if reason == LeftOutReason::SeparateSymbols {
                        symbols.push(planned);
                    }
                    left_out.push(LeftOut {
                        path: lossy(&file.path),
                        size_bytes: file.size_bytes,
                        reason,
                    });
                }
            }
        }
        let layers = groups
            .into_iter()
            .flat_map(|(group, files)| split(group, files));
        Self {
            layers: layers.collect(),
            left_out,
            symbols,
        }
    }
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForeignRuntime(identifier) => write!(f, "for {identifier}"),
            Self::IisConfiguration => f.write_str("for IIS"),
            Self::NativeSymbols => f.write_str("native symbols"),
            Self::PackageSymbols => f.write_str("a package's symbols"),
            Self::Symbols => f.write_str("symbols"),
            Self::SeparateSymbols => f.write_str("symbols, beside the image"),
            Self::PackageDocumentation => f.write_str("a package's documentation"),
            Self::BuildHostProgram => f.write_str("a program for the machine that published"),
        }
    }
}
