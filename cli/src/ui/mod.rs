//! What people see while a build runs, on stderr.

mod machine;
mod numbers;
mod screen;
mod transfers;

pub(crate) use numbers::size;

use crate::Process;
use crate::args::OutputArgs;
use crate::commands::{Built, Results, Services};
use crate::destination::{ArchiveKind, Destination};
use crate::error::CommandError;
use machine::for_machines;
use mizzen_builder::{App, Event, LeftOutFile, Outcome, Reporter};
use mizzen_dotnet::{ChosenSdk, Toolchain, Workspace};
use mizzen_plan::MissReason;
use mizzen_registry::TransferReporter;
use numbers::time;
use screen::{Form, Screen};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use transfers::Transfers;

/// Says on stderr what happens, as much of it as the user wants.
#[derive(Debug)]
pub(crate) struct Ui {
    screen: Arc<Screen>,
    verbose: bool,
}

/// How many differences are named before the rest is counted.
const REASONS: usize = 3;

impl Ui {
    pub(crate) fn new(quiet: bool, verbose: bool) -> Self {
        let form = if quiet { Form::Silent } else { Form::Plain };
        Self {
            screen: Arc::new(Screen::new(form)),
            verbose,
        }
    }

    /// Shows it as the user asked.
    pub(crate) fn of(arguments: &OutputArgs, process: &Process) -> Self {
        Self {
            screen: Arc::new(Screen::new(Form::of(arguments, process))),
            verbose: arguments.verbose,
        }
    }

    /// Returns who shows what a registry client does.
    pub(crate) fn transfers(&self) -> Arc<dyn TransferReporter> {
        Arc::new(Transfers::new(self.screen.clone(), self.verbose))
    }

    pub(crate) fn say(&self, text: &str) {
        self.line(text);
    }

    pub(crate) fn warn(&self, text: &str) {
        if self.screen.form() == Form::Json {
            return self
                .screen
                .event(&json!({ "event": "warning", "text": text }));
        }
        self.line(&format!("warning: {text}"));
    }

    pub(crate) fn note(&self, text: &str) {
        self.line(&format!("note: {text}"));
    }

    pub(crate) fn warn_all(&self, texts: &[String]) {
        for text in texts {
            self.warn(text);
        }
    }

    pub(crate) fn project(&self, workspace: &Workspace, toolchain: &Toolchain, sdk: &ChosenSdk) {
        self.line(&format!(
            "project  {} in {}",
            workspace.project,
            workspace.root.display()
        ));
        if self.verbose {
            self.line(&format!("SDK      {}", chosen(toolchain, sdk)));
        }
    }

    /// Says what of a solution becomes images, and what does not.
    pub(crate) fn solution(&self, services: &Services) {
        let Some((path, left_out)) = &services.solution else {
            return;
        };
        let count = if services.len() == 1 {
            "1 service".to_owned()
        } else {
            format!("{} services", services.len())
        };
        let left_out = if left_out.is_empty() {
            String::new()
        } else {
            format!("; left out {}", left_out.join(", "))
        };
        self.line(&format!("solution {}: {count}{left_out}", path.display()));
    }

    /// Says why one of several images is not made, also to who asked for quiet.
    pub(crate) fn failed(&self, error: &CommandError) {
        self.screen.end();
        drop(write!(std::io::stderr(), "{error}"));
    }

    pub(crate) fn writing(&self, destination: &Destination) {
        if self.verbose {
            self.line(&format!("writing  {destination}"));
        }
    }

    pub(crate) fn left_out(&self, files: &[LeftOutFile]) {
        if files.is_empty() {
            return;
        }
        let bytes: u64 = files.iter().map(|file| file.size_bytes).sum();
        let count = if files.len() == 1 {
            "1 file".to_owned()
        } else {
            format!("{} files", files.len())
        };
        let more = if self.verbose { "" } else { " (-v names them)" };
        self.line(&format!("left out {count}, {}{more}", size(bytes)));
        if self.verbose {
            for file in files {
                self.line(&format!(
                    "  {} ({}, {})",
                    file.path,
                    file.reason,
                    size(file.size_bytes)
                ));
            }
        }
    }

    pub(crate) fn about_app(&self, app: &App) {
        for file in &app.git_ignored {
            self.warn(&format!(
                "`{}` is in the image, and git ignores it (`{}`)",
                file.path, file.source
            ));
        }
        if let Some(tailored) = app.runtime.tailored {
            self.line(&format!("layers   {tailored}"));
        }
    }

    /// Says what was made; the last line is the command that uses it.
    pub(crate) fn done(&self, results: &Results) {
        for image in &results.images {
            self.image(image);
        }
        let network = results.network();
        self.line(&format!(
            "done     in {}: {} requests, {} up, {} down",
            time(results.took),
            network.requests,
            size(network.uploaded_bytes),
            size(network.downloaded_bytes)
        ));
        for image in &results.images {
            if let Some(destination) = image.destinations.first() {
                self.line(&next(destination, image));
            }
        }
        self.result(&results.to_json());
    }

    fn image(&self, image: &Built) {
        self.warn_all(&image.warnings);
        for (platform, layers) in &image.app.layers {
            let layers: Vec<String> = layers
                .iter()
                .map(|layer| format!("{} {}", layer.name, size(layer.layer.descriptor.size_bytes)))
                .collect();
            self.line(&format!(
                "image    {platform} on {}: {}",
                image.base.name,
                layers.join(", ")
            ));
        }
        if let (Some(artifact), Some(symbols)) = (&image.symbols, &image.app.symbols) {
            self.line(&format!(
                "symbols  {}: {} files, {}, beside the image",
                artifact.manifest().descriptor().digest,
                symbols.files,
                size(symbols.layer.descriptor.size_bytes)
            ));
        }
    }

    /// Tells a machine what was made: the last thing that it hears.
    pub(crate) fn result(&self, result: &Value) {
        self.screen.event(result);
    }

    fn line(&self, text: &str) {
        self.screen.line(text);
    }
}

impl Drop for Ui {
    fn drop(&mut self) {
        self.screen.end();
    }
}

impl Reporter for Ui {
    fn event(&self, event: &Event<'_>) {
        if self.screen.form() == Form::Json
            && let Some(event) = for_machines(event, self.verbose)
        {
            return self.screen.event(&event);
        }
        match event {
            Event::StepStarted(step, reasons) => {
                self.line(&format!("{:8} runs: {}", step.as_str(), why(reasons)));
            }
            Event::StepEnded(report) if report.outcome == Outcome::Ran => {
                self.line(&format!(
                    "{:8} ran in {}",
                    report.step.as_str(),
                    time(report.took)
                ));
            }
            Event::StepEnded(report) => self.line(&format!("{:8} reused", report.step.as_str())),
            Event::DotnetLine(text) if self.verbose => self.line(&format!("  | {text}")),
            Event::DotnetLine(_) => {}
            Event::Message(message) => self.line(&message.text),
            Event::Warning(text) => self.warn(text),
            Event::Note(text) => self.note(text),
        }
    }
}

/// Returns which SDK runs, where it is, and why it is that one.
pub(crate) fn chosen(toolchain: &Toolchain, sdk: &ChosenSdk) -> String {
    let by = sdk
        .global_json
        .iter()
        .map(|file| format!(", as `{file}` asks"));
    format!(
        "{} in {}{}; dotnet found by {}",
        sdk.version,
        sdk.root.display(),
        by.collect::<String>(),
        toolchain.found_by
    )
}

fn why(reasons: &[MissReason]) -> String {
    let named: Vec<String> = reasons
        .iter()
        .take(REASONS)
        .map(ToString::to_string)
        .collect();
    match reasons.len().saturating_sub(REASONS) {
        0 => named.join(", "),
        more => format!("{}, and {more} more", named.join(", ")),
    }
}

fn next(destination: &Destination, image: &Built) -> String {
    match destination {
        Destination::Registry(reference) => {
            let mut pinned = (**reference).clone();
            pinned.tag = None;
            let port = image.what.images()[0].config().run_get("ExposedPorts");
            let port = port.and_then(|ports| {
                ports
                    .as_object()?
                    .keys()
                    .find_map(|port| port.strip_suffix("/tcp"))
            });
            let port = port
                .map(|port| format!(" -p {port}:{port}"))
                .unwrap_or_default();
            format!("docker run --rm{port} {}", pinned.at(image.digest()))
        }
        Destination::Archive {
            kind: ArchiveKind::Docker,
            ..
        } => {
            let file = destination.to_string();
            format!(
                "docker load --input {}",
                file.trim_start_matches("docker-archive:")
            )
        }
        Destination::Engine { engine, name } => {
            let name = name.clone().unwrap_or_else(|| image.name.clone());
            format!("{} run --rm {name}", engine.program())
        }
        Destination::Layout { .. } | Destination::Archive { .. } => {
            format!("mizzen push {destination} registry.example/{}", image.name)
        }
    }
}
