use crate::error::CommandError;
use mizzen_dotnet::{Bundle, DepsJson, LayerGroup};
use mizzen_image::{FileKind, Image, ImageDiff, TreeFile};
use mizzen_store::StoreError;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tempfile::NamedTempFile;

/// A package that differs between two images, by what the `*.deps.json` in them list, and the one
/// inside a single-file application that an image starts.
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
) -> Result<Vec<PackageChange>, CommandError> {
    let (mut before, mut after) = (Versions::new(), Versions::new());
    for change in &diff.files {
        for (file, image, versions) in [
            (&change.old, old, &mut before),
            (&change.new, new, &mut after),
        ] {
            let Some(file) = file else { continue };
            if let Some(app) = app_of(&change.path) {
                collect(&file.read(image, &change.path)?, app, versions);
            } else if is_started(file, image, &change.path)
                && let Some((app, deps)) = bundled(file, image, &change.path)?
            {
                collect(&deps, &app, versions);
            }
        }
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

// Of all programs only the one that the image starts is looked into: a base has hundreds.
fn is_started(file: &TreeFile, image: &Image, path: &str) -> bool {
    if file.kind != FileKind::File || !(1..=MOST_BYTES).contains(&file.size_bytes) {
        return false;
    }
    let words = ["Entrypoint", "Cmd"].map(|name| image.config().run_get(name));
    let mut words = words.into_iter().flatten().filter_map(Value::as_array);
    let program = words.find_map(|words| words.first()?.as_str());
    let folder = image.config().run_get("WorkingDir").and_then(Value::as_str);
    let folder = folder.unwrap_or_default().trim_end_matches('/');
    program.is_some_and(|program| {
        let program = program.trim_start_matches("./");
        path == program || path == format!("{folder}/{program}")
    })
}

/// A single-file application with its runtime has a hundred megabytes.
const MOST_BYTES: u64 = 4 << 30;

/// Returns the application's name and its deps.json, if the file is a single-file application that can
/// be understood.
fn bundled(
    file: &TreeFile,
    image: &Image,
    path: &str,
) -> Result<Option<(String, Vec<u8>)>, CommandError> {
    let written = |source| CommandError::from(StoreError::Io(source));
    let mut copy = NamedTempFile::new().map_err(written)?;
    file.copy_to(image, path, copy.as_file_mut())?;
    let bundle = Bundle::read(copy.path()).ok().flatten();
    Ok(bundle.and_then(|bundle| Some((bundle.app, bundle.deps?))))
}

fn collect(deps: &[u8], app: &str, versions: &mut Versions) {
    let Ok(deps) = DepsJson::parse(deps, app) else {
        return;
    };
    for asset in deps.assets.values() {
        let is_package = !matches!(asset.group, LayerGroup::App | LayerGroup::Projects);
        if let (true, Some((name, version))) = (is_package, asset.library.rsplit_once('/')) {
            let name = name.trim_start_matches("runtimepack.").to_owned();
            versions.entry(name).or_default().insert(version.to_owned());
        }
    }
}
