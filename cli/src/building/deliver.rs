//! From a command to images that are where they should be: several at once, each by itself or all together.

use super::environment::stage;
use super::results::Built;
use super::services::{Service, Services};
use crate::error::CommandError;
use crate::places::ImageTarget;
use crate::session::Session;
use crate::ui::Ui;
use mizzen_registry::Registry;
use mizzen_stage::{Executor, places};
use serde_json::json;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the images of one command have in common.
pub(crate) struct Tools<'a> {
    pub(crate) session: &'a Session<'a>,
    /// Every place that the command writes to.
    pub(crate) written: Vec<ImageTarget>,
}

/// What became of the images of one command.
pub(crate) struct Images {
    /// Those that are where they should be.
    pub(crate) delivered: Vec<Built>,
    /// Why not all of them are.
    pub(crate) failure: Option<CommandError>,
}

/// Builds the images, several at once as far as the machine has means for it. One that fails does not
/// keep the others from being made, unless the user wants `all_or_nothing`.
pub(crate) fn deliver(services: &Services, tools: &Tools<'_>, build: Build) -> Images {
    let under_way = UnderWay {
        services,
        tools,
        build,
        state: Mutex::default(),
    };
    match jobs(services, tools) {
        Ok(1) => under_way.work(),
        Ok(jobs) => std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| under_way.work());
            }
        }),
        Err(error) => {
            let failure = Some(error);
            return Images {
                delivered: Vec::new(),
                failure,
            };
        }
    }
    tools.session.ui.counted();
    let state = under_way.state.into_inner();
    let state = state.unwrap_or_else(PoisonError::into_inner);
    let mut delivered: Vec<Built> = state.delivered.into_values().collect();
    let mut failures: Vec<(usize, CommandError)> = state.failures.into_iter().collect();
    if failures.is_empty() {
        let ready: Vec<Ready> = state.ready.into_values().collect();
        if let Err(error) = write_together(&ready, tools) {
            return Images {
                delivered: Vec::new(),
                failure: Some(error),
            };
        }
        delivered.extend(ready.into_iter().map(Ready::counted));
    }
    let is_one = services.len() == 1;
    let last = failures
        .iter()
        .position(|(_, error)| is_one || ends_all(error));
    let failure = match last {
        Some(last) => {
            let (_, error) = failures.swap_remove(last);
            let project = services.each.first().filter(|_| is_one);
            Some(error.of_project(project.and_then(Service::project)))
        }
        None if failures.is_empty() => None,
        None => {
            let path = |number: usize| services.each[number].arguments.path.display().to_string();
            let failures: Vec<_> = failures
                .into_iter()
                .map(|(number, error)| (path(number), error))
                .collect();
            Some(CommandError::of_some(&failures, services.len()))
        }
    };
    Images { delivered, failure }
}

/// Makes one image, as far as the point where it is written.
type Build = fn(&Service, &Tools<'_>, &Ui) -> Result<Ready, CommandError>;

/// The services of one command, on which several threads work.
struct UnderWay<'a> {
    services: &'a Services,
    tools: &'a Tools<'a>,
    build: Build,
    state: Mutex<State>,
}

/// How far they are; each is known by its place in the order of the solution.
#[derive(Default)]
struct State {
    /// How many were begun.
    begun: usize,
    /// Whether no more are to be begun.
    is_over: bool,
    /// Whose images have which names.
    names: BTreeMap<String, String>,
    ready: BTreeMap<usize, Ready>,
    delivered: BTreeMap<usize, Built>,
    failures: BTreeMap<usize, CommandError>,
}

impl UnderWay<'_> {
    /// Makes one after the other that nobody has begun, until there is none.
    fn work(&self) {
        while let Some(number) = self.next() {
            let service = &self.services.each[number];
            let ui = &self.tools.session.ui;
            let ui = ui.about(self.services.about(service));
            let image = self.image(service, &ui);
            let mut state = self.state();
            match image {
                Ok(image) if self.services.common().all_or_nothing => {
                    state.ready.insert(number, image);
                }
                Ok(image) => {
                    state.delivered.insert(number, image.counted());
                }
                Err(error) => {
                    if self.services.len() == 1 || ends_all(&error) {
                        state.is_over = true;
                    } else {
                        ui.failed(&error);
                    }
                    state.failures.insert(number, error);
                }
            }
            self.count(&state);
        }
    }

    fn next(&self) -> Option<usize> {
        let mut state = self.state();
        let number = state.begun;
        if state.is_over || number == self.services.len() {
            return None;
        }
        state.begun += 1;
        self.count(&state);
        Some(number)
    }

    fn image(&self, service: &Service, ui: &Ui) -> Result<Ready, CommandError> {
        let image = (self.build)(service, self.tools, ui)?;
        check_name(&image.built, &mut self.state().names)?;
        if !self.services.common().all_or_nothing {
            image.write(self.tools, ui)?;
        }
        Ok(image)
    }

    /// Shows how many are done.
    fn count(&self, state: &State) {
        let all = self.services.len();
        if all > 1 {
            let done = state.ready.len() + state.delivered.len();
            let ui = &self.tools.session.ui;
            ui.count(done, state.failures.len(), all);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether no other image is worth to be begun after this error.
fn ends_all(error: &CommandError) -> bool {
    error.is_interruption() || error.healed().is_some()
}

/// Returns how many images are made at once.
///
/// Where no mount can give each build a stage of its own, one after the other has the only one.
fn jobs(services: &Services, tools: &Tools<'_>) -> Result<usize, CommandError> {
    let arguments = services.common();
    let wanted = arguments.jobs.map_or_else(places, NonZeroUsize::get);
    let jobs = wanted.min(services.len());
    if jobs <= 1 {
        return Ok(1);
    }
    let stage = stage(tools.session.store()?, arguments)?;
    let capabilities = stage.capabilities();
    let capabilities = capabilities.map_err(mizzen_builder::BuildError::from)?;
    Ok(if capabilities.leaves_the_machine_open() {
        1
    } else {
        jobs
    })
}

/// Brings the blobs of all images to their registries first, and tags them when all are there.
fn write_together(ready: &[Ready], tools: &Tools<'_>) -> Result<(), CommandError> {
    let ui = &tools.session.ui;
    for image in ready {
        image.write_untagged(tools, ui)?;
    }
    ready.iter().try_for_each(|image| image.write(tools, ui))
}

/// Notes the name of an image.
///
/// # Errors
/// Another image of the command has it.
fn check_name(image: &Built, names: &mut BTreeMap<String, String>) -> Result<(), CommandError> {
    let project = image.project.clone().unwrap_or_default();
    match names.insert(image.name.clone(), project.clone()) {
        None => Ok(()),
        Some(other) => Err(CommandError::usage(format!(
            "`{other}` and `{project}` both make an image called `{}`",
            image.name
        ))
        .hinted("give one of them another AssemblyName, or build them separately")),
    }
}

/// An image that can be written.
pub(crate) struct Ready {
    pub(crate) built: Built,
    /// What an engine calls it unless the user says so.
    pub(crate) engine_name: String,
    pub(crate) registry: Registry,
}

impl Ready {
    fn write(&self, tools: &Tools<'_>, ui: &Ui) -> Result<(), CommandError> {
        for destination in &self.built.destinations {
            tools.session.cancel.check()?;
            if ui.is_verbose() {
                let event = json!({ "event": "writing", "to": destination.to_string() });
                ui.tell(&format!("writing  {destination}"), &event);
            }
            self.write_to(destination, tools, ui)?;
        }
        Ok(())
    }

    /// Sends what registries do not have yet, by digest.
    fn write_untagged(&self, tools: &Tools<'_>, ui: &Ui) -> Result<(), CommandError> {
        for destination in &self.built.destinations {
            if let Some(untagged) = destination.untagged(self.built.digest()) {
                tools.session.cancel.check()?;
                self.write_to(&untagged, tools, ui)?;
            }
        }
        Ok(())
    }

    fn write_to(
        &self,
        destination: &ImageTarget,
        tools: &Tools<'_>,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let _shown = ui.under_way("writing", &destination.to_string());
        let artifacts = self.built.artifacts(destination);
        let tools = (&self.registry, tools.session);
        let sink = destination.sink(&self.engine_name, &artifacts, tools)?;
        sink.write(&self.built.what)?;
        Ok(())
    }

    fn counted(self) -> Built {
        Built {
            network: self.registry.counts(),
            warnings: self.registry.new_warnings(),
            ..self.built
        }
    }
}
