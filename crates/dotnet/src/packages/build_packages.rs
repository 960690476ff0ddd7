use crate::publish::runtime_config::without_bom;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};

/// The packages of a `project.assets.json`, each by its folder below that of all packages:
/// `minver/8.0.0`.
///
/// Source: NuGet/NuGet.Client, `LockFileFormat`, version 3.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BuildPackages {
    /// All that were resolved.
    pub all: BTreeSet<String>,
    /// Those whose props or targets the project imports, whoever asked for them.
    pub imported: BTreeSet<String>,
}

#[derive(Deserialize)]
struct File {
    targets: BTreeMap<String, BTreeMap<String, Target>>,
    libraries: BTreeMap<String, Library>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::zero_sized_map_values,
    reason = "only the names of a map are kept"
)]
struct Target {
    #[serde(default)]
    build: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    build_multi_targeting: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "type")]
    kind: String,
    path: Option<String>,
}

impl BuildPackages {
    /// Reads the file; `None` if it is none of NuGet's.
    pub fn parse(assets: &[u8]) -> Option<Self> {
        let File { targets, libraries } = serde_json::from_slice(without_bom(assets)).ok()?;
        let folders = libraries
            .iter()
            .filter(|(_, library)| library.kind == "package");
        let folder_of = |(name, library): (&String, &Library)| {
            let path = library.path.clone();
            (name.clone(), path.unwrap_or_else(|| name.to_lowercase()))
        };
        let folders: BTreeMap<String, String> = folders.map(folder_of).collect();
        let mut packages = Self {
            all: folders.values().cloned().collect(),
            ..Self::default()
        };
        for (name, target) in targets.values().flatten() {
            // What a reference keeps from flowing on is left as an empty file of this name.
            let files = target
                .build
                .keys()
                .chain(target.build_multi_targeting.keys());
            let is_imported = files.into_iter().any(|file| !file.ends_with("/_._"));
            if is_imported && let Some(folder) = folders.get(name) {
                packages.imported.insert(folder.clone());
            }
        }
        Some(packages)
    }
}

#[cfg(test)]
mod tests {
    use super::BuildPackages;
    use serde_json::json;

    #[test]
    fn a_package_takes_part_in_the_build_if_its_targets_reach_the_project() {
        let targets = json!({
            "Acme.Build/1.0.0": { "type": "package", "dependencies": { "MinVer": "8.0.0" },
                "build": { "build/Acme.Build.props": {} } },
            "MinVer/8.0.0": { "type": "package", "build": { "build/_._": {} } },
            "Outer/1.0.0": { "type": "package",
                "buildMultiTargeting": { "buildMultiTargeting/Outer.targets": {} } },
            "Serilog/4.3.0": { "type": "package", "compile": { "lib/net9.0/Serilog.dll": {} } },
            "Lib/1.0.0": { "type": "project" },
        });
        let library = |path: &str| json!({ "type": "package", "path": path });
        let assets = |transitive: serde_json::Value| {
            json!({ "version": 3, "targets": { "net10.0": targets, "net10.0/linux-x64": transitive },
                "libraries": { "Acme.Build/1.0.0": library("acme.build/1.0.0"),
                    "MinVer/8.0.0": library("minver/8.0.0"), "Outer/1.0.0": library("outer/1.0.0"),
                    "Serilog/4.3.0": library("serilog/4.3.0"),
                    "Lib/1.0.0": { "type": "project", "path": "../Lib/Lib.csproj" } } })
            .to_string()
        };
        let imported = |transitive| {
            let packages = BuildPackages::parse(assets(transitive).as_bytes()).unwrap();
            assert_eq!(packages.all.len(), 4);
            packages.imported.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(imported(json!({})), ["acme.build/1.0.0", "outer/1.0.0"]);
        let flows =
            json!({ "MinVer/8.0.0": { "build": { "buildTransitive/MinVer.targets": {} } } });
        let all = ["acme.build/1.0.0", "minver/8.0.0", "outer/1.0.0"];
        assert_eq!(imported(flows), all);
        assert_eq!(BuildPackages::parse(b"{}"), None);
    }
}
