use crate::publish::deps_json::{Asset, AssetFile, DepsJson, Library, group_of};
use crate::publish::listed_library::{LibraryList, Names};
use crate::publish::runtime_config::without_bom;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What restore's `project.assets.json` says: which package or project brings which file.
///
/// It knows files that deps.json does not list (the content files of packages), and it is there
/// where a project makes no deps.json.
/// Source: NuGet/NuGet.Client, `LockFileFormat`, version 3.
#[derive(Clone, PartialEq, Debug)]
pub struct AssetsJson {
    /// The RID that was restored for; `None` for a portable publish.
    runtime_identifier: Option<String>,
    libraries: BTreeMap<String, Target>,
    hashes: BTreeMap<String, Hash>,
    /// What the project itself asks for, as `Serilog >= 4.3.0`.
    asked: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    targets: BTreeMap<String, BTreeMap<String, Target>>,
    #[serde(default)]
    libraries: BTreeMap<String, Hash>,
    #[serde(default, rename = "projectFileDependencyGroups")]
    asked: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct Hash {
    sha512: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    runtime: BTreeMap<String, AssetFile>,
    #[serde(default)]
    native: BTreeMap<String, AssetFile>,
    #[serde(default)]
    resource: BTreeMap<String, AssetFile>,
    #[serde(default)]
    runtime_targets: BTreeMap<String, AssetFile>,
    #[serde(default)]
    content_files: BTreeMap<String, ContentFile>,
    #[serde(default)]
    dependencies: Names,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContentFile {
    #[serde(default)]
    copy_to_output: bool,
    output_path: Option<String>,
}

impl AssetsJson {
    /// Reads what the file says of one target; `None` if it is none of NuGet's, or of several
    /// frameworks and not of this one.
    pub fn parse(
        bytes: &[u8],
        target_framework: Option<&str>,
        runtime_identifier: Option<&str>,
    ) -> Option<Self> {
        let file: File = serde_json::from_slice(without_bom(bytes)).ok()?;
        let File {
            targets,
            libraries: hashes,
            mut asked,
        } = file;
        let parts = |name: &str| match name.split_once('/') {
            Some((framework, rid)) => (framework.to_owned(), Some(rid.to_owned())),
            None => (name.to_owned(), None),
        };
        let mut fit: Vec<_> = targets
            .into_iter()
            .map(|(name, libraries)| (parts(&name), libraries))
            .filter(|((_, rid), _)| rid.as_deref() == runtime_identifier)
            .collect();
        if fit.len() > 1 {
            fit.retain(|((framework, _), _)| Some(framework.as_str()) == target_framework);
        }
        let ((framework, runtime_identifier), libraries) =
            <[_; 1]>::try_from(fit).ok()?.into_iter().next()?;
        Some(Self {
            runtime_identifier,
            libraries,
            hashes,
            asked: asked.remove(&framework).unwrap_or_default(),
        })
    }

    /// Adds to `deps` the files of packages that it does not list, or makes one where there is none.
    pub(crate) fn complete(self, deps: Option<DepsJson>) -> DepsJson {
        let has_deps = deps.is_some();
        let mut deps = deps.unwrap_or_else(|| DepsJson {
            runtime_identifier: self.runtime_identifier.clone(),
            assets: BTreeMap::new(),
            libraries: self.listed().resolved(),
            root: None,
            direct: self.listed().named(&self.asked),
        });
        let mut known = self.listed().resolved();
        for (library, target) in self.libraries {
            let group = group_of(&target.kind, &library, false);
            let contents = target.content_files.into_values();
            let contents = contents.filter(|file| file.copy_to_output);
            let mut published: Vec<_> = contents
                .filter_map(|file| Some((file.output_path?, None)))
                .collect();
            if !has_deps {
                let files = Library {
                    runtime: target.runtime,
                    native: target.native,
                    resources: target.resource,
                    runtime_targets: target.runtime_targets,
                    dependencies: Names::default(),
                    compile_only: false,
                };
                published.extend(files.published(&target.kind));
            }
            if !published.is_empty()
                && let Some(listed) = known.remove(&library)
            {
                deps.libraries.entry(library.clone()).or_insert(listed);
            }
            for (path, runtime_identifier) in published {
                let library = library.clone();
                deps.assets.entry(path).or_insert(Asset {
                    library,
                    group,
                    runtime_identifier,
                });
            }
        }
        deps
    }

    fn listed(&self) -> LibraryList {
        let mut list = LibraryList::default();
        for (library, target) in &self.libraries {
            let hash = self.hashes.get(library);
            let hash = hash.and_then(|hash| hash.sha512.as_deref());
            let dependencies = target.dependencies.0.iter().cloned();
            list.add(library, &target.kind, hash, dependencies);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::AssetsJson;
    use crate::DepsJson;
    use serde_json::json;

    fn assets() -> Vec<u8> {
        let libraries = json!({
            "Serilog/4.3.0": { "type": "package",
                "runtime": { "lib/net9.0/Serilog.dll": { "related": ".xml" } },
                "resource": { "lib/net9.0/de/Serilog.resources.dll": { "locale": "de" } },
                "runtimeTargets": { "runtimes/linux-x64/native/libx.so":
                    { "assetType": "native", "rid": "linux-x64" } } },
            "Maps/1.0.0-rc.1": { "type": "package", "contentFiles": {
                "contentFiles/any/any/map.json":
                    { "buildAction": "None", "copyToOutput": true, "outputPath": "maps/map.json" },
                "contentFiles/any/any/a.cs": { "buildAction": "Compile", "copyToOutput": false } } },
            "Shop.Catalog/1.0.0": { "type": "project",
                "runtime": { "bin/placeholder/Shop.Catalog.dll": {} } },
        });
        let targets = json!({ "net8.0": {}, "net10.0": libraries, "net10.0/linux-arm64": {} });
        json!({ "version": 3, "targets": targets })
            .to_string()
            .into_bytes()
    }

    fn listed(deps: Option<DepsJson>) -> Vec<String> {
        let assets = AssetsJson::parse(&assets(), Some("net10.0"), None).unwrap();
        let deps = assets.complete(deps);
        let line = |(path, asset): (&String, &crate::Asset)| format!("{path} {}", asset.group);
        deps.assets.iter().map(line).collect()
    }

    #[test]
    fn without_a_deps_json_every_file_of_a_library_is_known() {
        assert_eq!(
            listed(None),
            [
                "Serilog.dll packages",
                "Shop.Catalog.dll projects",
                "de/Serilog.resources.dll packages",
                "maps/map.json prerelease-packages",
                "runtimes/linux-x64/native/libx.so packages",
            ]
        );
    }

    #[test]
    fn beside_a_deps_json_only_content_files_are_added() {
        let empty = br#"{"runtimeTarget":"n","targets":{"n":{}}}"#;
        let deps = DepsJson::parse(empty, "App").unwrap();
        assert_eq!(listed(Some(deps)), ["maps/map.json prerelease-packages"]);
    }

    #[test]
    fn the_target_is_the_one_that_was_published() {
        let parse = |framework, rid| AssetsJson::parse(&assets(), framework, rid).is_some();
        assert!(parse(Some("net8.0"), None) && parse(None, Some("linux-arm64")));
        assert!(!parse(None, None) && !parse(Some("net9.0"), None));
        assert!(!parse(Some("net10.0"), Some("linux-x64")));
        assert_eq!(AssetsJson::parse(b"{", None, None), None);
    }
}
