use crate::layer_options::{APP_FOLDER, AppFiles};
use crate::report::Outcome;
use crate::result::app::{App, AppLayer, AppRuntime, LeftOutFile};
use crate::{BuildError, LayerOptions};
use fs_err as fs;
use mizzen_dotnet::{
    Inventory, InventoryFile, PlannedFile, PlannedLayer, ProjectFacts, PublishOutput,
    RestoredPackage,
};
use mizzen_image::{Compression, Entry, Layer, LayerBuilder};
use mizzen_oci::{Digest, Platform};
use mizzen_store::{Cancel, Output, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use tracing::debug_span;

const SYMBOLS: &str = "symbols";

/// The layers of an application, for each platform, made now or found.
#[derive(Clone)]
pub(crate) struct Layers {
    pub(crate) by_platform: Vec<(Platform, Vec<AppLayer>)>,
    pub(crate) symbols: Option<AppLayer>,
    /// What was published and is in none of them, by path.
    pub(crate) left_out: Vec<LeftOutFile>,
    /// The files of those that were made now, by the digest of the layer.
    pub(crate) files: BTreeMap<Digest, Vec<InventoryFile>>,
}

/// Packs a folder that `dotnet publish` wrote earlier; no SDK runs.
///
/// # Errors
/// [`BuildError::Publish`] if the folder is not one application; [`BuildError::ForeignApp`] if it
/// was published for another platform.
pub fn package_publish_folder(
    folder: &Path,
    options: &LayerOptions,
    store: &Store,
    cancel: &Cancel,
) -> Result<App, BuildError> {
    let output = PublishOutput::read(folder)?;
    let options = options.resolved(&output, &[])?;
    let files = AppFiles {
        output: &output,
        folder: APP_FOLDER,
        is_musl: false,
        executables: &BTreeSet::new(),
    };
    let layers = make(&files, &options, store, cancel)?;
    let inventory = inventory(&output, &[], &layers, store)?;
    Ok(App {
        runtime: AppRuntime::of(&output, APP_FOLDER),
        project: ProjectFacts::default(),
        left_out: layers.left_out.clone(),
        git_ignored: Vec::new(),
        layers: layers.by_platform,
        inventories: vec![inventory],
        symbols: layers.symbols,
        steps: Vec::new(),
        dotnet_calls: 0,
        toolchain: None,
        made: None,
    })
}

/// Makes the layers of `app`; those that two platforms share are made once.
pub(crate) fn make(
    app: &AppFiles<'_>,
    options: &LayerOptions,
    store: &Store,
    cancel: &Cancel,
) -> Result<Layers, BuildError> {
    let mut layers = Layers {
        by_platform: Vec::new(),
        symbols: None,
        left_out: Vec::new(),
        files: BTreeMap::new(),
    };
    let mut made: Vec<(PlannedLayer, Layer)> = Vec::new();
    let mut symbols = BTreeMap::new();
    for platform in &options.platforms {
        let plan = options.plan(app, platform)?;
        let missing: Vec<&PlannedLayer> = plan
            .layers
            .iter()
            .filter(|layer| made.iter().all(|(planned, _)| planned != *layer))
            .collect();
        let written = std::thread::scope(|scope| {
            let writers: Vec<_> = missing
                .iter()
                .map(|layer| {
                    let name = format!("{} {platform} {}", app.output.app, layer.name);
                    let compression = options.compression;
                    scope.spawn(move || {
                        let written = write(&layer.files, name, compression, store, cancel)?;
                        Ok((written, list(&layer.files)?))
                    })
                })
                .collect();
            writers
                .into_iter()
                .map(|writer| writer.join().expect("writing a layer does not panic"))
                .collect::<Result<Vec<_>, BuildError>>()
        })?;
        for (planned, (layer, files)) in missing.into_iter().zip(written) {
            layers.files.insert(layer.descriptor.digest, files);
            made.push((planned.clone(), layer));
        }
        let of_platform = plan.layers.iter().map(|planned| {
            let (_, layer) = made
                .iter()
                .find(|(other, _)| other == planned)
                .expect("each was made above");
            AppLayer {
                name: planned.name.clone(),
                layer: layer.clone(),
                files: planned.files.len(),
                outcome: Outcome::Ran,
            }
        });
        layers
            .by_platform
            .push((platform.clone(), of_platform.collect()));
        let of_platform = plan.symbols.into_iter();
        symbols.extend(of_platform.map(|file| (file.path.clone(), file)));
        for file in plan.left_out.iter().map(LeftOutFile::from) {
            if !layers.left_out.contains(&file) {
                layers.left_out.push(file);
            }
        }
    }
    if !symbols.is_empty() {
        let files: Vec<PlannedFile> = symbols.into_values().collect();
        let name = format!("{} {SYMBOLS}", app.output.app);
        layers.symbols = Some(AppLayer {
            name: SYMBOLS.to_owned(),
            layer: write(&files, name, options.compression, store, cancel)?,
            files: files.len(),
            outcome: Outcome::Ran,
        });
    }
    layers
        .left_out
        .sort_by(|one, other| one.path.cmp(&other.path));
    Ok(layers)
}

/// Keeps what a publish is made of.
///
/// # Errors
/// [`BuildError::Store`] if it cannot be kept.
pub(crate) fn inventory(
    output: &PublishOutput,
    packages: &[RestoredPackage],
    layers: &Layers,
    store: &Store,
) -> Result<Output, BuildError> {
    let inventory = Inventory {
        layers: layers.files.clone(),
        ..Inventory::of(output, packages)
    };
    Ok(Output::keep(&inventory.to_bytes(), store)?)
}

fn list(files: &[PlannedFile]) -> Result<Vec<InventoryFile>, BuildError> {
    let listed = files.iter().map(|file| {
        let mut content = fs::File::open(&file.source)?;
        let path = String::from_utf8_lossy(&file.path).into_owned();
        InventoryFile::read(&mut content, path, file.library.clone())
    });
    listed.collect::<io::Result<_>>().map_err(BuildError::Read)
}

fn write(
    files: &[PlannedFile],
    name: String,
    compression: Compression,
    store: &Store,
    cancel: &Cancel,
) -> Result<Layer, BuildError> {
    let _span = debug_span!("layer", name, files = files.len()).entered();
    let entries = files
        .iter()
        .map(|file| Entry::file(file.path.clone(), &file.source).with_mode(file.mode));
    let layer: LayerBuilder = entries.collect();
    let layer = layer.compressed_by(compression).remembered_as(name);
    Ok(layer.write(store, cancel)?)
}
