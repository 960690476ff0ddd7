use crate::publish::deps_json::Asset;
use crate::publish::publish_folder::PublishedFile;
use crate::publish::publish_output::Launch;
use crate::{DebugSymbols, LayerGroup, LayerRules, LeftOutReason, PublishOutput};

/// Says of each published file where it goes.
pub(crate) struct Placement<'a> {
    pub(crate) output: &'a PublishOutput,
    pub(crate) rules: &'a LayerRules,
}

/// Where a file goes.
pub(crate) struct Place {
    pub(crate) group: LayerGroup,
    /// The package or project that brought it, without version; `refs` for what none lists.
    pub(crate) library: String,
    /// It is there once for each kind of machine.
    pub(crate) is_for_one_runtime: bool,
}

impl Placement<'_> {
    pub(crate) fn of(&self, file: &PublishedFile) -> Result<Place, LeftOutReason> {
        // What is not UTF-8 is listed nowhere and has no meaning to .NET.
        let path = std::str::from_utf8(&file.path).unwrap_or_default();
        let asset = self.asset(path);
        let beside = self.beside(path);
        if !self.rules.keeps(path) {
            self.check(path, asset, beside)?;
        }
        let owner = asset.or(beside);
        Ok(Place {
            group: owner.map_or_else(|| self.group_of_unlisted(path), |asset| asset.group),
            library: owner.map_or_else(|| "refs".to_owned(), |asset| asset.name().to_lowercase()),
            is_for_one_runtime: asset.is_some_and(|asset| asset.runtime_identifier.is_some()),
        })
    }

    /// Returns the library that brings the file, or the one whose symbols or documentation it holds, by
    /// name and version; `None` if nothing lists it.
    pub(crate) fn owner(&self, file: &PublishedFile) -> Option<String> {
        let path = std::str::from_utf8(&file.path).ok()?;
        if let Some(asset) = self.asset(path).or_else(|| self.beside(path)) {
            return Some(asset.library.clone());
        }
        let output = self.output;
        let mut included = output.runtime_config.included_frameworks.iter();
        let is_of_runtime = output.runtime_files.contains(&file.path);
        let runtime = included.next().filter(|_| is_of_runtime)?;
        Some(format!("{}/{}", runtime.name, runtime.version))
    }

    fn check(
        &self,
        path: &str,
        asset: Option<&Asset>,
        beside: Option<&Asset>,
    ) -> Result<(), LeftOutReason> {
        self.check_runtime(path, asset)?;
        if path.eq_ignore_ascii_case("web.config") {
            return Err(LeftOutReason::IisConfiguration);
        }
        if self.is_build_host_program(path) {
            return Err(LeftOutReason::BuildHostProgram);
        }
        let is_ours = |asset: &Asset| matches!(asset.group, LayerGroup::App | LayerGroup::Projects);
        let is_foreign = beside.is_some_and(|asset| !is_ours(asset));
        match (extension(path), self.rules.debug_symbols) {
            ("pdb" | "dbg", DebugSymbols::Separate) => Err(LeftOutReason::SeparateSymbols),
            ("pdb" | "dbg", DebugSymbols::None) => Err(LeftOutReason::Symbols),
            ("dbg", DebugSymbols::Own) => Err(LeftOutReason::NativeSymbols),
            ("pdb", DebugSymbols::Own) if is_foreign => Err(LeftOutReason::PackageSymbols),
            ("xml", _) if is_foreign => Err(LeftOutReason::PackageDocumentation),
            _ => Ok(()),
        }
    }

    fn group_of_unlisted(&self, path: &str) -> LayerGroup {
        let is_manifest = path
            .strip_prefix(self.output.app.as_str())
            .is_some_and(|rest| rest.starts_with(".staticwebassets."));
        if path.starts_with("wwwroot/") || is_manifest {
            LayerGroup::StaticWebAssets
        } else if path.starts_with("refs/") {
            // What `PreserveCompilationContext` adds of the frameworks' and packages' references.
            LayerGroup::Packages
        } else if self.output.runtime_files.contains(path.as_bytes()) {
            LayerGroup::RuntimePack
        } else {
            LayerGroup::App
        }
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
        matches!(output.launch, Launch::Dll(_))
            && output.runtime_identifier().is_none()
            && name == output.app
    }

    /// The library whose symbols or documentation the file holds.
    fn beside(&self, path: &str) -> Option<&Asset> {
        let stem = match extension(path) {
            "pdb" => path.strip_suffix(".pdb")?,
            "xml" => path.strip_suffix(".xml")?,
            _ => return None,
        };
        self.asset(&format!("{stem}.dll"))
    }
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}
