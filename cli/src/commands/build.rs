use super::base::Base;
use super::build_options::{image_options, layer_options};
use super::images::{image_name, images};
use super::project::project;
use super::results::{self, Results};
use super::transfer::write;
use crate::args::{BuildArgs, Isolation};
use crate::config::Config;
use crate::destination::Destination;
use crate::error::CommandError;
use crate::interrupt::Interrupt;
use crate::ui::Ui;
use crate::{Process, git_remote, keychain, settings};
use mizzen_build::{
    App, Context, ImageOptions, ProjectRequest, package_publish_folder, publish_project,
};
use mizzen_image::Taggable;
use mizzen_oci::Platform;
use mizzen_store::{FsActionCache, Store};
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
    ui.about_app(&app);
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
        .and_then(|request| git_remote::source(&request.workspace.root));
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
