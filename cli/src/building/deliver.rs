//! From a command to images that are where they should be: one after the other, or all at once.

use super::results::Built;
use super::services::{Service, Services};
use crate::error::CommandError;
use crate::places::ImageTarget;
use crate::session::Session;
use crate::ui::Ui;
use mizzen_registry::Registry;
use serde_json::json;

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

/// Builds one image after the other. One that fails does not keep the others from being made, unless
/// the user wants `all_or_nothing`.
pub(crate) fn deliver(
    services: &Services,
    tools: &Tools<'_>,
    build: impl Fn(&Service, &Tools<'_>, &Ui) -> Result<Ready, CommandError>,
) -> Images {
    let mut delivered = Vec::new();
    let mut ready = Vec::new();
    let mut failures: Vec<(String, CommandError)> = Vec::new();
    let is_one = services.len() == 1;
    let all_or_nothing = services.common().all_or_nothing;
    for (number, service) in services.each.iter().enumerate() {
        if !is_one {
            let done = number - failures.len();
            tools.session.ui.count(done, failures.len(), services.len());
        }
        let ui = tools.session.ui.about(services.about(service));
        let image = build(service, tools, &ui).and_then(|image| {
            check_name(
                &image.built,
                ready
                    .iter()
                    .map(|ready: &Ready| &ready.built)
                    .chain(&delivered),
            )?;
            if !all_or_nothing {
                image.write(tools, &ui)?;
            }
            Ok(image)
        });
        match image {
            Ok(image) if all_or_nothing => ready.push(image),
            Ok(image) => delivered.push(image.counted()),
            Err(error) => {
                let stop = is_one || error.is_interruption() || error.healed().is_some();
                if !stop {
                    ui.failed(&error);
                }
                failures.push((service.arguments.path.display().to_string(), error));
                if stop {
                    break;
                }
            }
        }
    }
    tools.session.ui.counted();
    if failures.is_empty() {
        if let Err(error) = write_together(&ready, tools) {
            return Images {
                delivered: Vec::new(),
                failure: Some(error),
            };
        }
        delivered.extend(ready.into_iter().map(Ready::counted));
    }
    let all = services.len();
    let failure = match failures.pop() {
        None => None,
        Some((_, error)) if is_one || error.is_interruption() || error.healed().is_some() => {
            let project = services.each.first().filter(|_| is_one);
            Some(error.of_project(project.and_then(Service::project)))
        }
        Some(last) => {
            failures.push(last);
            Some(CommandError::of_some(&failures, all))
        }
    };
    Images { delivered, failure }
}

/// Brings the blobs of all images to their registries first, and tags them when all are there.
fn write_together(ready: &[Ready], tools: &Tools<'_>) -> Result<(), CommandError> {
    let ui = &tools.session.ui;
    for image in ready {
        image.write_untagged(tools, ui)?;
    }
    ready.iter().try_for_each(|image| image.write(tools, ui))
}

fn check_name<'a>(
    image: &Built,
    mut others: impl Iterator<Item = &'a Built>,
) -> Result<(), CommandError> {
    let project = |built: &Built| built.project.clone().unwrap_or_default();
    match others.find(|other| other.name == image.name) {
        None => Ok(()),
        Some(other) => Err(CommandError::usage(format!(
            "`{}` and `{}` both make an image called `{}`",
            project(other),
            project(image),
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
        let symbols = self.built.symbols.as_slice();
        let tools = (&self.registry, tools.session);
        let sink = destination.sink(&self.engine_name, symbols, tools)?;
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
