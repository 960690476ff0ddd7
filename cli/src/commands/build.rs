use super::base::Base;
use super::results::{self, Results};
use super::transfer::write;
use crate::args::{BuildArgs, Format, Isolation, Split, Step, Symbols};
use crate::config::Config;
use crate::destination::Destination;
use crate::error::CommandError;
use crate::interrupt::Interrupt;
use crate::ui::Ui;
use crate::{Process, git_remote, keychain, settings};
use mizzen_build::{
    App, Context, ImageOptions, LayerOptions, ProjectRequest, assemble, package_publish_folder,
    publish_project,
};
use mizzen_dotnet::{DebugSymbols, PublishOptions, RuntimeIdentifier, Toolchain, Workspace};
use mizzen_image::{Compression, Image, Taggable};
use mizzen_oci::{Family, Index, MediaType, MediaTypeExt, Platform, PlatformError};
use mizzen_plan::Skip;
use mizzen_store::{Cancel, FsActionCache, Store};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Builds an image and brings it where the user wants it.
///
/// What can be known to be wrong before the long part fails before it: destinations, the project,
/// the SDK, a base that was named.
pub(crate) fn run(
    arguments: &BuildArgs,
    process: &Process,
    interrupt: &Interrupt,
) -> Result<(), CommandError> {
    let started = Instant::now();
    let ui = Ui::new(arguments.quiet, arguments.verbose);
    let mut destinations = destinations(arguments, process)?;
    let folder = arguments
        .from_publish
        .as_ref()
        .map_or(&arguments.path, |_| &process.working_folder);
    let config = Config::find(&process.absolute(folder))?;
    let layers = layer_options(arguments, &config)?;
    let options = image_options(arguments, &config, process)?;
    let project = match &arguments.from_publish {
        Some(_) => None,
        None => Some(project(
            arguments,
            &config,
            process,
            &destinations,
            &layers,
            &ui,
        )?),
    };
    let store = settings::open_store(process, arguments.cache_dir.as_deref())?;
    let named = arguments
        .base
        .as_deref()
        .or(config.build.base.as_deref())
        .map(|base| Destination::base(base, process))
        .transpose()?;
    let keychain = keychain::keychain(process, &destinations, named.as_ref())?;
    let cancel = interrupt.cancel.clone();
    let registry = settings::registry(process, &config, arguments.offline, keychain, cancel)?;
    let named = named
        .map(|base| Base::open(&base, &layers.platforms, &registry, &store))
        .transpose()?;
    if let Some(base) = &named {
        check_platforms(base, &layers.platforms)?;
    }

    let app = match (&project, &arguments.from_publish) {
        (Some(request), _) => published(request, arguments.isolation, &store, interrupt, &ui)?,
        (None, Some(folder)) => package_publish_folder(
            &process.absolute(folder),
            &layers,
            &store,
            &interrupt.cancel,
        )?,
        (None, None) => unreachable!("there is a project where there is no publish folder"),
    };
    ui.left_out(&app.left_out);
    let base_registry = arguments
        .base_registry
        .as_deref()
        .or(config.build.base_registry.as_deref());
    let base_registry = base_registry.unwrap_or("mcr.microsoft.com");
    let base = match named {
        Some(base) => base,
        None => Base::open(
            &Base::inferred(&app.runtime, base_registry)?,
            &layers.platforms,
            &registry,
            &store,
        )?,
    };
    let source = project
        .as_ref()
        .and_then(|request| source(&request.workspace.root));
    let options = ImageOptions {
        source,
        base_name: base.is_reference.then(|| base.name.clone()),
        ..options
    };
    let what = images(&base, &app, &options, (&store, &interrupt.cancel))?;
    warn_of_root(&what, &ui);

    let name = image_name(&app.runtime.name);
    if destinations.is_empty() {
        destinations.push(Destination::in_folder(
            &store.root().join("out").join(&name),
        ));
    }
    for destination in &destinations {
        interrupt.cancel.check()?;
        ui.writing(destination);
        let name = format!("{name}:latest");
        write(destination, &name, &what, (&registry, &store, process))?;
    }
    let results = Results {
        name: &name,
        project: project
            .as_ref()
            .map(|request| request.workspace.project.as_str()),
        what: &what,
        app: &app,
        base: &base,
        destinations: &destinations,
        network: registry.counts(),
        took: started.elapsed(),
    };
    results::write(&results, arguments, process)?;
    ui.done(&results);
    results::print(&results)
}

fn destinations(
    arguments: &BuildArgs,
    process: &Process,
) -> Result<Vec<Destination>, CommandError> {
    let tags = arguments.tags.iter().map(|tag| Destination::tag(tag));
    let outputs = arguments
        .outputs
        .iter()
        .map(|output| Destination::output(output, process));
    tags.chain(outputs).collect()
}

fn platforms(arguments: &BuildArgs, config: &Config) -> Result<Vec<Platform>, CommandError> {
    let mut all = arguments.platforms.iter();
    while let Some(platform) = all.next() {
        if all.clone().any(|other| other == platform) {
            return Err(CommandError::usage(format!(
                "`{platform}` is asked for twice"
            )));
        }
    }
    if !arguments.platforms.is_empty() {
        return Ok(arguments.platforms.clone());
    }
    if arguments.runtime_identifier.is_none() && !config.build.platform.is_empty() {
        let platforms = config
            .build
            .platform
            .iter()
            .map(|platform| platform.parse());
        let platforms: Result<_, PlatformError> = platforms.collect();
        return platforms.map_err(|error| CommandError::usage(format!("mizzen.toml: {error}")));
    }
    let of_rid = arguments.runtime_identifier.as_deref();
    let of_rid = of_rid.and_then(|identifier| RuntimeIdentifier::new(identifier).platform());
    Ok(vec![
        of_rid.unwrap_or_else(|| Platform::linux("amd64".into())),
    ])
}

pub(super) fn layer_options(
    arguments: &BuildArgs,
    config: &Config,
) -> Result<LayerOptions, CommandError> {
    let layers = &arguments.layers;
    if layers.compression != Compression::Gzip && arguments.image.format == Format::Docker {
        return Err(
            CommandError::usage("Docker's family of media types has no zstd layers")
                .hinted("leave out --format docker, or --compression zstd"),
        );
    }
    Ok(LayerOptions {
        platforms: platforms(arguments, config)?,
        compression: layers.compression,
        single: layers.layers == Split::Single,
        keep: layers.keep.clone(),
        debug_symbols: match layers.debug_symbols {
            Symbols::Own => DebugSymbols::Own,
            Symbols::All => DebugSymbols::All,
            Symbols::None => DebugSymbols::None,
        },
    })
}

fn image_options(
    arguments: &BuildArgs,
    config: &Config,
    process: &Process,
) -> Result<ImageOptions, CommandError> {
    let image = &arguments.image;
    let map = |defaults: &BTreeMap<String, String>, pairs: &[(String, String)]| {
        let defaults = defaults.clone().into_iter();
        defaults
            .chain(pairs.iter().cloned())
            .collect::<BTreeMap<_, _>>()
    };
    Ok(ImageOptions {
        base_name: None,
        source: None,
        created: settings::created(process)?,
        family: Some(if image.format == Format::Docker {
            Family::Docker
        } else {
            Family::Oci
        }),
        env: map(&config.build.env, &image.env),
        labels: map(&config.build.label, &image.labels),
        annotations: map(&config.build.annotation, &image.annotations),
        ports: image.ports.clone(),
        user: image.user.clone(),
        workdir: image.workdir.clone(),
        entrypoint: image.entrypoint.as_deref().cloned(),
        cmd: image.cmd.as_deref().cloned(),
        stop_signal: image.stop_signal.clone(),
        healthcheck: image.healthcheck.clone(),
        volumes: image.volumes.clone(),
        writable: image.writable.clone(),
    })
}

pub(super) fn project(
    arguments: &BuildArgs,
    config: &Config,
    process: &Process,
    destinations: &[Destination],
    layers: &LayerOptions,
    ui: &Ui,
) -> Result<ProjectRequest, CommandError> {
    let workspace = Workspace::find(
        &process.absolute(&arguments.path),
        process.home().as_deref(),
    )?;
    if let Some(file) = &workspace.editor_config_above {
        ui.warn(&format!(
            "`{}` lies above the workspace root `{}`: plain dotnet would read it, mizzen does not",
            file.display(),
            workspace.root.display()
        ));
    }
    let dotnet_root = process.variable("DOTNET_ROOT").map(PathBuf::from);
    let toolchain = Toolchain::find(&process.path(), dotnet_root.as_deref())?;
    ui.project(&workspace, &toolchain);
    let skip = Skip {
        restore: arguments.no_cache == Some(Step::Restore),
        publish: arguments.no_cache == Some(Step::Publish),
    };
    Ok(ProjectRequest {
        ignore: own_results(arguments, process, destinations),
        workspace,
        toolchain,
        options: PublishOptions {
            configuration: arguments
                .configuration
                .clone()
                .or_else(|| config.build.configuration.clone())
                .unwrap_or_else(|| "Release".to_owned()),
            framework: arguments.framework.clone(),
            runtime_identifier: arguments.runtime_identifier.clone(),
            self_contained: arguments.self_contained,
            properties: arguments.properties.iter().cloned().collect(),
        },
        layers: layers.clone(),
        user_nuget_config: settings::user_nuget_config(process),
        restore_environment: settings::restore_environment(process),
        icu: settings::icu(),
        offline: arguments.offline,
        skip,
    })
}

// What this build writes into the workspace would be read by the next one, which would so never be
// the same.
fn own_results(
    arguments: &BuildArgs,
    process: &Process,
    destinations: &[Destination],
) -> Vec<PathBuf> {
    let written = destinations
        .iter()
        .filter_map(Destination::local_path)
        .map(Path::to_owned);
    let files = [
        &arguments.metadata_file,
        &arguments.digest_file,
        &arguments.image_refs,
        &arguments.cache_dir,
    ];
    let files = files
        .into_iter()
        .flatten()
        .map(|file| process.absolute(file));
    let resolved = |path: PathBuf| {
        let name = path.file_name()?.to_owned();
        Some(fs_err::canonicalize(path.parent()?).ok()?.join(name))
    };
    written.chain(files).filter_map(resolved).collect()
}

fn published(
    request: &ProjectRequest,
    isolation: Isolation,
    store: &Arc<Store>,
    interrupt: &Interrupt,
    ui: &Ui,
) -> Result<App, CommandError> {
    let executor = settings::stage(store, isolation)?;
    let context = Context {
        stage_root: executor.root(),
        executor: &executor,
        store: store.clone(),
        records: &FsActionCache(store),
        reporter: ui,
        cancel: interrupt.cancel.clone(),
    };
    Ok(publish_project(&context, request)?)
}

fn check_platforms(base: &Base, platforms: &[Platform]) -> Result<(), CommandError> {
    for (image, want) in base.images.iter().zip(platforms) {
        let got = image.config().platform();
        if !want.accepts(&got) {
            let error = mizzen_build::BuildError::ForeignBase {
                got: got.to_string(),
                want: want.to_string(),
            };
            return Err(error.into());
        }
    }
    Ok(())
}

fn warn_of_root(what: &Taggable, ui: &Ui) {
    let is_root = |user: &str| user.split(':').next() == Some("0");
    if what
        .images()
        .iter()
        .any(|image| image.config().user().is_some_and(is_root))
    {
        ui.warn("the image runs as root, as you asked; Kubernetes' runAsNonRoot will refuse it");
    }
}

fn images(
    base: &Base,
    app: &App,
    options: &ImageOptions,
    tools: (&Store, &Cancel),
) -> Result<Taggable, CommandError> {
    let assembled = base.images.iter().zip(&app.layers);
    let assembled = assembled.map(|(base, (platform, layers))| {
        assemble(base.clone(), platform, &app.runtime, layers, options, tools)
    });
    let mut images = assembled.collect::<Result<Vec<Image>, _>>()?;
    if images.len() == 1 {
        return Ok(Taggable::Image(Box::new(images.remove(0))));
    }
    let family = options.family.unwrap_or(Family::Oci);
    let entries = images
        .iter()
        .zip(&app.layers)
        .map(|(image, (platform, _))| {
            let mut descriptor = image.manifest().descriptor().clone();
            descriptor.platform = Some(platform.clone());
            descriptor
        });
    let annotations = images[0].manifest().annotations().clone();
    let common = annotations
        .into_iter()
        .filter(|(name, _)| name != mizzen_oci::annotation::BASE_DIGEST)
        .collect();
    let common = if family == Family::Oci {
        common
    } else {
        BTreeMap::new()
    };
    let index = Index::new(
        MediaType::ImageIndex.in_family(family),
        entries.collect(),
        &common,
    );
    Ok(Taggable::Index(Box::new(index), images))
}

/// Returns where the sources of `workspace` are, as its git repository says.
fn source(workspace: &Path) -> Option<String> {
    let git = workspace
        .ancestors()
        .map(|folder| folder.join(".git"))
        .find(|git| git.exists())?;
    let config = if git.is_dir() {
        git.join("config")
    } else {
        common_folder(&git)?.join("config")
    };
    git_remote::source_url(&fs_err::read_to_string(config).ok()?)
}

// A worktree's `.git` is a file that names a folder, which names the repository's own.
fn common_folder(file: &Path) -> Option<PathBuf> {
    let text = fs_err::read_to_string(file).ok()?;
    let folder = file.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    match fs_err::read_to_string(folder.join("commondir")) {
        Ok(common) => Some(folder.join(common.trim())),
        Err(_) => Some(folder),
    }
}

/// Returns the name of an image of the application `app`, as the SDK makes it: `Shop.Api` becomes
/// `shop-api`.
fn image_name(app: &str) -> String {
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9' | '_' | '-') => letter,
        _ => '-',
    };
    app.chars()
        .map(letter)
        .collect::<String>()
        .trim_matches(['-', '_'])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::image_name;

    #[test]
    fn image_names_are_the_sdks() {
        assert_eq!(image_name("Shop.Api"), "shop-api");
        assert_eq!(image_name("_x y"), "x-y");
    }
}
