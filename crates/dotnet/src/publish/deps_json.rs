use crate::LayerGroup;
use crate::publish::listed_library::{LibraryList, ListedLibrary, Names, name_of};
use crate::publish::runtime_config::without_bom;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What `<app>.deps.json` says: which published file is of which library.
///
/// Only the target named by `runtimeTarget.name` counts: beside it a RID-specific publish carries
/// the portable one, with other paths.
/// Source: dotnet/sdk, runtime-configuration-file.md, "`[appname].deps.json`".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DepsJson {
    /// The RID that was published for; `None` for a portable publish.
    pub runtime_identifier: Option<String>,
    /// The listed files, by path relative to the publish folder.
    pub assets: BTreeMap<String, Asset>,
    /// The libraries by name and version, the application's own among them.
    pub libraries: BTreeMap<String, ListedLibrary>,
    /// Which of them the application is; `None` where the file does not tell.
    pub root: Option<String>,
    /// Those that the application itself asks for.
    pub direct: BTreeSet<String>,
}

/// A file that a library brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asset {
    /// The library and its version: `Serilog/4.3.0`.
    pub library: String,
    /// Where the library's files go.
    pub group: LayerGroup,
    /// The RID that the file is for, where the library has one for each.
    pub runtime_identifier: Option<String>,
}

/// Bytes that are not a deps.json.
#[derive(Debug, thiserror::Error)]
pub enum DepsJsonError {
    /// They are not JSON of the expected shape.
    #[error("not a valid deps.json")]
    Malformed(#[from] serde_json::Error),
    /// The target that the file says to use is not in it.
    #[error("the target `{0}`, named by `runtimeTarget`, is not in it")]
    NoTarget(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    runtime_target: Named,
    targets: BTreeMap<String, BTreeMap<String, Library>>,
    #[serde(default)]
    libraries: BTreeMap<String, Kind>,
}

// Up to 2.x the target is a plain string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Object { name: String },
    Text(String),
}

#[derive(Deserialize, Default)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    sha512: Option<String>,
}

/// The files that one library brings, by their paths in it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Library {
    pub(crate) runtime: BTreeMap<String, AssetFile>,
    pub(crate) native: BTreeMap<String, AssetFile>,
    pub(crate) resources: BTreeMap<String, AssetFile>,
    pub(crate) runtime_targets: BTreeMap<String, AssetFile>,
    pub(crate) dependencies: Names,
    /// It is there for whoever compiles while the application runs.
    pub(crate) compile_only: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AssetFile {
    local_path: Option<String>,
    locale: Option<String>,
    rid: Option<String>,
}

impl Asset {
    /// Returns the library's name without its version.
    pub(crate) fn name(&self) -> &str {
        name_of(&self.library)
    }
}

impl DepsJson {
    /// Reads the bytes of the file that belongs to the application `app`.
    ///
    /// # Errors
    /// [`DepsJsonError`] says what is wrong with them.
    pub fn parse(bytes: &[u8], app: &str) -> Result<Self, DepsJsonError> {
        let File {
            runtime_target: Named::Object { name } | Named::Text(name),
            mut targets,
            libraries,
        } = serde_json::from_slice(without_bom(bytes))?;
        let Some(target) = targets.remove(&name) else {
            return Err(DepsJsonError::NoTarget(name));
        };
        let own = format!("{app}.dll");
        let mut assets = BTreeMap::new();
        let (mut listed, mut root) = (LibraryList::default(), None);
        for (library, files) in target {
            let entry = libraries.get(&library);
            let kind = entry.map_or("", |entry| &entry.kind);
            let hash = entry.and_then(|entry| entry.sha512.as_deref());
            let dependencies = files.dependencies.0.iter().cloned();
            if !files.compile_only {
                listed.add(&library, kind, hash, dependencies);
            }
            let is_app = files.runtime.keys().any(|path| base_name(path) == own);
            // A single file holds what the list names; its application is the project of that name.
            if is_app || (kind == "project" && root.is_none() && name_of(&library) == app) {
                root = Some(library.clone());
            }
            let group = group_of(kind, &library, is_app);
            for (path, runtime_identifier) in files.published(kind) {
                // A path that two libraries claim was copied once; the first in the order of names
                // has it.
                assets.entry(path).or_insert_with(|| Asset {
                    library: library.clone(),
                    group,
                    runtime_identifier,
                });
            }
        }
        let libraries = listed.resolved();
        let own = root.as_ref().and_then(|root| libraries.get(root));
        let direct = own.map(|own| own.dependencies.clone());
        Ok(Self {
            runtime_identifier: name.split_once('/').map(|(_, rid)| rid.to_owned()),
            assets,
            direct: direct.unwrap_or_default(),
            libraries,
            root,
        })
    }
}

pub(crate) fn group_of(kind: &str, library: &str, is_app: bool) -> LayerGroup {
    let version = library.rsplit_once('/').map_or("", |(_, version)| version);
    // `1.2.0+a-b` is a stable version with build metadata.
    let is_prerelease = version.split('+').next().is_some_and(|it| it.contains('-'));
    match kind {
        "runtimepack" => LayerGroup::RuntimePack,
        "package" if is_prerelease => LayerGroup::PrereleasePackages,
        "package" => LayerGroup::Packages,
        _ if is_app => LayerGroup::App,
        // Projects, and assemblies that a project refers to as files.
        _ => LayerGroup::Projects,
    }
}

impl Library {
    /// Where publish put each file, as the host looks for it: `localPath` (SDK 10), else the path as
    /// written for runtime packs and files for one RID, else the bare name, below the locale for
    /// satellites.
    pub(crate) fn published(self, kind: &str) -> Vec<(String, Option<String>)> {
        let is_pack = kind == "runtimepack";
        let mut published = Vec::new();
        for (path, file) in self.runtime_targets {
            published.push((file.local_path.unwrap_or(path), file.rid));
        }
        for (path, file) in self.runtime.into_iter().chain(self.native) {
            let place = file.local_path.unwrap_or_else(|| {
                if is_pack {
                    path.clone()
                } else {
                    base_name(&path).to_owned()
                }
            });
            published.push((place, None));
        }
        for (path, file) in self.resources {
            let place = file.local_path.unwrap_or_else(|| match file.locale {
                Some(locale) if !is_pack => format!("{locale}/{}", base_name(&path)),
                _ => path,
            });
            published.push((place, None));
        }
        published
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::{DepsJson, DepsJsonError};
    use serde_json::json;

    /// Each listed file: its path, its group and the RID it is for.
    fn listed(target: &str, libraries: &serde_json::Value) -> Vec<String> {
        let kinds: serde_json::Map<_, _> = libraries
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, library)| (name.clone(), json!({ "type": library["type"] })))
            .collect();
        let file = json!({
            "runtimeTarget": { "name": target },
            "targets": { "other": { "Wrong/1.0.0": { "runtime": { "Wrong.dll": {} } } }, target: libraries },
            "libraries": kinds,
        });
        let deps = DepsJson::parse(file.to_string().as_bytes(), "App").unwrap();
        let line = |(path, asset): (&String, &super::Asset)| {
            let rid = asset.runtime_identifier.as_deref().unwrap_or("-");
            format!("{path} {} {rid}", asset.group)
        };
        deps.assets.iter().map(line).collect()
    }

    #[test]
    fn files_are_where_publish_puts_them() {
        let libraries = json!({
            "App/1.0.0": { "type": "project", "runtime": { "App.dll": {} },
                "resources": { "de/App.resources.dll": { "locale": "de" } } },
            "Lib/1.0.0": { "type": "project", "runtime": { "Lib.dll": {} } },
            "Stable/1.2.0+a-b": { "type": "package",
                "runtime": { "lib/net10.0/Stable.dll": {} },
                "native": { "runtimes/linux-x64/native/libstable.so": {} },
                "resources": { "lib/net10.0/de/Stable.resources.dll": { "locale": "de" } },
                "runtimeTargets": { "runtimes/win/lib/net10.0/Stable.dll": { "rid": "win", "assetType": "runtime" } } },
            "Early/1.0.0-rc.1": { "type": "package", "runtime": { "lib/Early.dll": { "localPath": "sub/Early.dll" } } },
            "runtimepack.X/10.0.0": { "type": "runtimepack", "runtime": { "System.dll": {} }, "native": { "libcoreclr.so": {} } },
            "Hint/1.0.0.0": { "type": "reference", "runtime": { "Hint.dll": {} } },
        });
        assert_eq!(
            listed(".NETCoreApp,Version=v10.0/linux-x64", &libraries),
            [
                "App.dll app -",
                "Hint.dll projects -",
                "Lib.dll projects -",
                "Stable.dll packages -",
                "System.dll runtime -",
                "de/App.resources.dll app -",
                "de/Stable.resources.dll packages -",
                "libcoreclr.so runtime -",
                "libstable.so packages -",
                "runtimes/win/lib/net10.0/Stable.dll packages win",
                "sub/Early.dll prerelease-packages -",
            ]
        );
    }

    #[test]
    fn the_runtime_identifier_is_in_the_targets_name() {
        let parse = |text: &str| DepsJson::parse(text.as_bytes(), "App");
        let deps =
            parse(r#"{"runtimeTarget":{"name":"n/linux-x64"},"targets":{"n/linux-x64":{}}}"#);
        assert_eq!(
            deps.unwrap().runtime_identifier.as_deref(),
            Some("linux-x64")
        );
        let deps = parse("\u{feff}{\"runtimeTarget\":\"n\",\"targets\":{\"n\":{}}}");
        assert_eq!(deps.unwrap().runtime_identifier, None);
        let error = parse(r#"{"runtimeTarget":{"name":"n"},"targets":{}}"#).unwrap_err();
        assert!(matches!(error, DepsJsonError::NoTarget(name) if name == "n"));
    }
}
