use crate::building::arguments::BuildArgs;
use crate::building::base_choice::BaseChoice;
use crate::building::delivery_check::DeliveryCheck;
use crate::building::lock_file::{Lock, LockedBase};
use crate::building::options::layer_options;
use crate::building::project::project;
use crate::building::service_image::published;
use crate::building::services::{Service, Services};
use crate::consent::{allowed, open_build_session};
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::{Ui, out_line};
use mizzen_builder::ProjectRequest;
use mizzen_dotnet::ContainerSettings;

/// Writes down what a build takes from outside the workspace: the toolchain, the base by digest.
///
/// The project is published, or found published, because it has its say about the base.
pub(crate) fn run(arguments: &BuildArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let process = invocation.process;
    let services = Services::one(Service::find(arguments.path.clone(), invocation)?);
    let service = &services.each[0];
    let (arguments, config) = (&service.arguments, &service.config);
    let workspace = service.workspace.clone().expect("a project has one");
    let session = open_build_session(invocation, &services, Ui::of(&arguments.output, process))?;
    let ui = &session.ui;
    let allowed = allowed(&session.granted, service, &workspace);
    let layers = layer_options(arguments, &session.engines, process)?;
    let request = project(workspace, arguments, config, (&session, ui), (&[], &layers))?;
    let request = ProjectRequest { allowed, ..request };
    let choice = BaseChoice {
        arguments,
        config,
        session: &session,
        ui,
        lock: None,
        settings: &service.settings,
    };
    let early = choice.early(&[], &layers)?;
    let nowhere = DeliveryCheck::new(early.registry(), &session, &[]);
    let how = (arguments, &nowhere);
    let app = published(&request, how, &session, ui)?;
    let said = ContainerSettings::of(&app.project).map_err(mizzen_builder::BuildError::from)?;
    let (base, _) = choice.decide(early, &app, &said, &[])?;
    let images = app.layers.iter().zip(&base.images);
    let platforms = images.map(|((platform, _), image)| {
        let digest = image.manifest().descriptor().digest;
        (platform.to_string(), digest)
    });
    let locked = LockedBase {
        digest: base.digest,
        platforms: platforms.collect(),
    };
    let root = &request.workspace.root;
    let toolchain = app.toolchain.expect("a project was published with one");
    let mut lock = Lock::of(toolchain, Lock::read(root)?);
    lock.insert(base.name, locked);
    out_line(lock.write(root)?.display())
}
