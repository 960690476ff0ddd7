use mizzen_dotnet::{DepsJson, LayerGroup};
use mizzen_image::{FileTreeError, Image, ImageDiff, TreeFile};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A package that differs between two images, by what the `*.deps.json` in them list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct PackageChange {
    pub(super) name: String,
    /// The versions in the first image, which may hold several applications; empty if it is new.
    pub(super) old: BTreeSet<String>,
    /// The versions in the second image; empty if it is gone.
    pub(super) new: BTreeSet<String>,
}

type Versions = BTreeMap<String, BTreeSet<String>>;

/// Returns the packages that differ, sorted by name.
///
/// Only a list that differs is read; one that cannot be understood lists nothing.
pub(super) fn packages(
    diff: &ImageDiff,
    old: &Image,
    new: &Image,
) -> Result<Vec<PackageChange>, FileTreeError> {
    let (mut before, mut after) = (Versions::new(), Versions::new());
    for change in &diff.files {
        let Some(app) = app_of(&change.path) else {
            continue;
        };
        collect(change.old.as_ref(), old, &change.path, app, &mut before)?;
        collect(change.new.as_ref(), new, &change.path, app, &mut after)?;
    }
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let change = |name: String| {
        let old = before.get(&name).cloned().unwrap_or_default();
        let new = after.get(&name).cloned().unwrap_or_default();
        (old != new).then_some(PackageChange { name, old, new })
    };
    Ok(names.into_iter().filter_map(change).collect())
}

// `/app/Shop.Api.deps.json` is of `Shop.Api`.
fn app_of(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.strip_suffix(".deps.json")
}

fn collect(
    file: Option<&TreeFile>,
    image: &Image,
    path: &str,
    app: &str,
    versions: &mut Versions,
) -> Result<(), FileTreeError> {
    let Some(file) = file else { return Ok(()) };
    let Ok(deps) = DepsJson::parse(&file.read(image, path)?, app) else {
        return Ok(());
    };
    for asset in deps.assets.values() {
        let is_package = !matches!(asset.group, LayerGroup::App | LayerGroup::Projects);
        if let (true, Some((name, version))) = (is_package, asset.library.rsplit_once('/')) {
            let name = name.trim_start_matches("runtimepack.").to_owned();
            versions.entry(name).or_default().insert(version.to_owned());
        }
    }
    Ok(())
}
