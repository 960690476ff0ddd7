use super::arguments::BuildArgs;
use super::attestations::Attestations;
use super::base_choice::BaseChoice;
use super::deliver::{Ready, Tools};
use super::delivery_check::DeliveryCheck;
use super::environment::stage;
use super::git_labels::GitLabels;
use super::images::images;
use super::lock_file::Lock;
use super::options::{check_family, image_options, layer_options};
use super::project::project;
use super::project_image::{image_name, pushed};
use super::results::Built;
use super::services::{Service, certain_destinations, destinations};
use crate::Process;
use crate::consent::allowed;
use crate::error::CommandError;
use crate::places::ImageTarget;
use crate::places::symbols;
use crate::session::Session;
use crate::ui::{Ui, count, size};
use mizzen_builder::{
    AddedFiles, App, AppLayer, Context, ImageOptions, LeftOutFile, ProjectRequest,
    package_publish_folder, publish_project,
};
use mizzen_dotnet::ContainerSettings;
use mizzen_image::Taggable;
use mizzen_oci::Platform;
use mizzen_registry::Counts;
use mizzen_store::{Cancel, Store};
use std::path::PathBuf;

/// Makes one image, as far as the point where it is written; says so on `ui`.
pub(crate) fn service_image(
    service: &Service,
    tools: &Tools<'_>,
    ui: &Ui,
) -> Result<Ready, CommandError> {
    let session = tools.session;
    let (process, cancel) = (session.process, &session.cancel);
    let store = session.store()?;
    let Service {
        arguments, config, ..
    } = service;
    let layers = layer_options(arguments, &session.engines, process)?;
    symbols::check_destinations(&layers, &tools.written)?;
    arguments.attest.check_destinations(&tools.written)?;
    let options = image_options(arguments, process)?;
    let project = service.workspace.clone().map(|workspace| {
        let wanted = (&tools.written[..], &layers);
        let allowed = allowed(&session.granted, service, &workspace);
        let request = project(workspace, arguments, config, (session, ui), wanted)?;
        Ok::<_, CommandError>(ProjectRequest { allowed, ..request })
    });
    let project = project.transpose()?;
    let root = project.as_ref().map(|request| &request.workspace.root);
    let lock = root.map(|root| Lock::asked(arguments, root)).transpose()?;
    let choice = BaseChoice {
        arguments,
        config,
        session,
        ui,
        lock: lock.flatten(),
        settings: &service.settings,
    };
    let early = choice.early(&tools.written, &layers)?;

    let folder = process.absolute(arguments.from_publish.as_ref().unwrap_or(&arguments.path));
    let added = added_layers(arguments, process, (store, cancel))?;
    let app = match &project {
        Some(request) => {
            let certain = certain_destinations(arguments, process)?;
            let check = DeliveryCheck::new(early.registry(), session, &certain);
            let how = (arguments, &check);
            published(request, how, session, ui)?
        }
        None => package_publish_folder(&folder, &layers, store, cancel)?,
    };
    let app = App {
        layers: with_added(app.layers, &added),
        ..app
    };
    tell_about(ui, &app);
    let said = ContainerSettings::of(&app.project).map_err(mizzen_builder::BuildError::from)?;
    let name = image_name(&said, &app.runtime)?;
    let mut destinations = destinations(arguments, &name, process)?;
    if arguments.push {
        destinations.extend(pushed(&said, &name)?);
    }
    let options = options.over(&said, &app.runtime)?;
    check_family(&options, &layers)?;
    let git = GitLabels::of(root.map(PathBuf::as_path), config.labels.git, process);
    let (base, registry) = choice.decide(early, &app, &said, &destinations)?;
    let options = ImageOptions {
        source: git.source,
        revision: git.revision,
        base_name: base.is_reference.then(|| base.name.clone()),
        ..options
    };
    let what = images(&base, &app, &options, (store, cancel))?;
    warn_of_root(&what, ui);
    let symbols = symbols::artifact(&app, &what, &options.created);

    let (sbom, provenance) = Attestations {
        arguments,
        destinations: &destinations,
        app: (&app, service.project()),
        image: (&name, &what),
        base: &base,
        created: &options.created,
    }
    .make(root.map(PathBuf::as_path), session)?;

    if destinations.is_empty() {
        destinations.push(ImageTarget::in_folder(
            &store.root().join("out").join(&name),
        ));
    }
    let tag = said.tags.first().map_or("latest", String::as_str);
    let engine_name = format!("{name}:{tag}");
    let destinations = destinations
        .into_iter()
        .map(|target| target.called(&engine_name));
    let built = Built {
        destinations: destinations.collect(),
        name,
        project: project.map(|request| request.workspace.project),
        what,
        symbols,
        sbom,
        provenance,
        app,
        base,
        network: Counts::default(),
        warnings: Vec::new(),
    };
    Ok(Ready {
        built,
        engine_name,
        registry,
    })
}

/// Makes what is to be added to the image, before the project is built: a source that is not there
/// costs no publish.
fn added_layers(
    arguments: &BuildArgs,
    process: &Process,
    (store, cancel): (&Store, &Cancel),
) -> Result<Vec<AppLayer>, CommandError> {
    let layers = arguments.image.add.iter().map(|added| {
        let files = AddedFiles {
            source: process.absolute(&added.source),
            destination: added.destination.clone(),
            uid: added.uid,
            gid: added.gid,
            mode: added.mode,
        };
        Ok(files.layer(arguments.layers.compression, store, cancel)?)
    });
    layers.collect()
}

/// Puts it on the layers of each platform.
fn with_added(
    mut layers: Vec<(Platform, Vec<AppLayer>)>,
    added: &[AppLayer],
) -> Vec<(Platform, Vec<AppLayer>)> {
    for (_, of_platform) in &mut layers {
        of_platform.extend_from_slice(added);
    }
    layers
}

pub(crate) fn published(
    request: &ProjectRequest,
    (arguments, check): (&BuildArgs, &DeliveryCheck<'_>),
    session: &Session<'_>,
    ui: &Ui,
) -> Result<App, CommandError> {
    let store = session.store()?;
    let mut executor = stage(store, arguments)?;
    if arguments.reuse.keep_stage {
        executor = executor.keeping_failures(session.temporary_folder());
    }
    let context = Context {
        stage_root: executor.root(),
        executor: &executor,
        store: store.clone(),
        records: session.records()?,
        reporter: ui,
        observations: &session.observations,
        cancel: session.cancel.clone(),
        preflight: &|| check.run(),
    };
    let is_locked = request.locked.is_some();
    let _shown = ui.under_way("reading", "the workspace and the SDK");
    publish_project(&context, request).map_err(|error| {
        let is_check = is_locked && error.is_about_lock_files();
        let error = CommandError::from(error);
        if is_check { error.into_check() } else { error }
    })
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

fn tell_left_out(ui: &Ui, files: &[LeftOutFile]) {
    if files.is_empty() {
        return;
    }
    let bytes: u64 = files.iter().map(|file| file.size_bytes).sum();
    let more = if ui.is_verbose() {
        ""
    } else {
        " (-v names them)"
    };
    let files_left = count(files.len(), "file");
    ui.people(&format!("left out {files_left}, {}{more}", size(bytes)));
    if ui.is_verbose() {
        for file in files {
            ui.people(&format!(
                "  {} ({}, {})",
                file.path,
                file.reason,
                size(file.size_bytes)
            ));
        }
    }
}

fn tell_about(ui: &Ui, app: &App) {
    tell_left_out(ui, &app.left_out);
    for file in &app.git_ignored {
        ui.warn(&format!(
            "`{}` is in the image, although git ignores it (`{}`)",
            file.path, file.source
        ));
    }
    if let Some(tailored) = app.runtime.tailored {
        ui.people(&format!("layers   {tailored}"));
    }
}
