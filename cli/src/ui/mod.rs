//! What people and machines see while a command runs: on stderr, and results on stdout.

mod about;
mod arguments;
mod colours;
mod lines;
mod live;
mod log;
mod machine;
mod numbers;
mod output;
mod screen;
mod terminal;
mod transfers;

pub(crate) use about::About;
pub(crate) use arguments::{OutputArgs, Progress};
pub(crate) use colours::Colours;
pub(crate) use lines::Lines;
pub(crate) use log::start_log;
pub(crate) use numbers::{age, count, size, time};
pub(crate) use output::{
    err, err_json, out, out_document, out_json, out_line, out_many, out_own, tame_panics, usage,
};

use crate::Process;
use crate::error::CommandError;
use machine::for_machines;
use mizzen_builder::{Event, Outcome, Reporter};
use mizzen_plan::{MissReason, StepName};
use mizzen_registry::TransferReporter;
use screen::{Form, Screen};
use serde_json::{Value, json};
use std::sync::Arc;
use transfers::Transfers;

/// Says on stderr what happens, as much of it as the user wants.
#[derive(Debug)]
pub(crate) struct Ui {
    screen: Arc<Screen>,
    verbose: bool,
    about: About,
    /// Whether the lines that change go when this does.
    is_whole: bool,
}

/// How many differences are named before the rest is counted.
const REASONS: usize = 3;

impl Ui {
    pub(crate) fn new(quiet: bool, verbose: bool) -> Self {
        let form = if quiet { Form::Silent } else { Form::Plain };
        Self::with(Screen::new(form, Colours::Off), verbose)
    }

    /// Says nothing.
    pub(crate) fn silent() -> Self {
        Self::new(true, false)
    }

    /// Shows it as the user asked.
    pub(crate) fn of(arguments: &OutputArgs, process: &Process) -> Self {
        let screen = Screen::new(Form::of(arguments, process), Colours::of(process));
        Self::with(screen, arguments.verbose)
    }

    fn with(screen: Screen, verbose: bool) -> Self {
        Self {
            screen: Arc::new(screen),
            verbose,
            about: About::default(),
            is_whole: true,
        }
    }

    /// Returns who says on the same screen what is about one image; several may do so at a time.
    pub(crate) fn about(&self, about: About) -> Self {
        Self {
            screen: self.screen.clone(),
            verbose: self.verbose,
            about,
            is_whole: false,
        }
    }

    /// Returns who shows what a registry client does.
    pub(crate) fn transfers(&self) -> Arc<dyn TransferReporter> {
        let about = self.about.clone();
        Arc::new(Transfers::new(self.screen.clone(), about, self.verbose))
    }

    /// Shows, where lines change, what is under way until the guard is gone.
    #[must_use]
    pub(crate) fn under_way(&self, what: &str, detail: &str) -> UnderWay<'_> {
        self.begin(what, detail);
        UnderWay { ui: self }
    }

    /// Shows, where lines change, how many of several images are done.
    pub(crate) fn count(&self, done: usize, failed: usize, all: usize) {
        if let Some(live) = self.screen.live() {
            let failed = match failed {
                0 => String::new(),
                failed => format!(", {failed} failed"),
            };
            live.count(&format!("{done} of {all} done{failed}"));
        }
    }

    /// Shows, where lines change, that no more images will be done.
    pub(crate) fn counted(&self) {
        if let Some(live) = self.screen.live() {
            live.counted();
        }
    }

    /// Shows that nothing of this image is under way.
    fn idle(&self) {
        if let Some(live) = self.screen.live() {
            live.idle(&self.about);
        }
    }

    fn begin(&self, what: &str, detail: &str) {
        if let Some(live) = self.screen.live() {
            live.begin(&self.about, what, detail);
        }
    }

    fn detail(&self, detail: &str) {
        if let Some(live) = self.screen.live() {
            live.detail(&self.about, detail);
        }
    }

    /// Whether the user wants to hear more.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    pub(crate) fn say(&self, text: &str) {
        self.line(text);
    }

    pub(crate) fn warn(&self, text: &str) {
        if self.screen.form() == Form::Json {
            return self.event(&json!({ "event": "warning", "text": text }));
        }
        self.line(&format!("warning: {text}"));
    }

    pub(crate) fn note(&self, text: &str) {
        if self.screen.form() == Form::Json {
            return self.event(&json!({ "event": "note", "text": text }));
        }
        self.line(&format!("note: {text}"));
    }

    /// Says something to people, and to machines as `event`, in fields.
    pub(crate) fn tell(&self, text: &str, event: &Value) {
        if self.screen.form() == Form::Json {
            return self.event(event);
        }
        self.line(text);
    }

    /// Says to people what machines get with the result.
    pub(crate) fn people(&self, text: &str) {
        if self.screen.form() != Form::Json {
            self.line(text);
        }
    }

    pub(crate) fn warn_all(&self, texts: &[String]) {
        for text in texts {
            self.warn(text);
        }
    }

    /// Says why one of several images is not made, also to who asked for quiet.
    pub(crate) fn failed(&self, error: &CommandError) {
        if self.screen.form() == Form::Json {
            return self.event(&error.to_json(error.exit_code()));
        }
        self.idle();
        self.screen.failed(&error.lines());
    }

    /// Tells a machine what was made: the last thing that it hears.
    pub(crate) fn result(&self, result: &Value) {
        self.event(result);
    }

    pub(crate) fn line(&self, text: &str) {
        self.screen.line(&self.about, text);
    }

    fn event(&self, event: &Value) {
        self.screen.event(&self.about, event);
    }
}

impl Drop for Ui {
    fn drop(&mut self) {
        if self.is_whole {
            self.screen.end();
        }
    }
}

/// Something that is under way.
#[derive(Debug)]
pub(crate) struct UnderWay<'a> {
    ui: &'a Ui,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.ui.idle();
    }
}

impl Reporter for Ui {
    fn event(&self, event: &Event<'_>) {
        if self.screen.form() == Form::Json {
            let events = for_machines(event, self.verbose);
            return events.iter().for_each(|event| Self::event(self, event));
        }
        match event {
            Event::StepStarted(step, reasons) => {
                self.line(&format!("{:8} runs: {}", step.as_str(), why(reasons)));
                self.begin(step.as_str(), first_part(*step));
            }
            Event::StepEnded(report) if report.outcome == Outcome::Ran => {
                self.idle();
                let watched = match &report.watched {
                    Some(Ok(())) if self.verbose => ", watched".to_owned(),
                    Some(Err(why)) if self.verbose => format!(", not watched: {why}"),
                    _ => String::new(),
                };
                self.line(&format!(
                    "{:8} ran in {}{watched}",
                    report.step.as_str(),
                    time(report.took)
                ));
            }
            Event::StepEnded(report) => {
                self.idle();
                let from = match report.outcome {
                    Outcome::RemoteHit => " from the shared cache",
                    Outcome::Hit | Outcome::Ran => "",
                };
                self.line(&format!("{:8} reused{from}", report.step.as_str()));
            }
            Event::Waiting(text) if self.screen.live().is_some() => self.begin("waiting", text),
            Event::GoesOn(step) => self.begin(step.as_str(), first_part(*step)),
            Event::Packages(packages) => self.detail(&count(packages, "package")),
            Event::Compiling(project) => self.detail(&format!("compiling {project}")),
            Event::DotnetLine(text) => {
                if let Some(project) = built(text) {
                    self.detail(&format!("built {project}"));
                }
                if self.verbose {
                    self.line(&format!("  | {text}"));
                }
            }
            Event::Reused([]) => {}
            Event::Message(message) => self.line(&message.text),
            Event::Reused(messages) if self.verbose => {
                messages.iter().for_each(|message| self.line(&message.text));
            }
            Event::Reused(messages) => self.line(&match messages.len() {
                1 => "1 warning from the reused publish (-v shows it)".to_owned(),
                count => format!("{count} warnings from the reused publish (-v shows them)"),
            }),
            Event::Warning(text) => self.warn(text),
            Event::Note(text) | Event::Waiting(text) => self.note(text),
        }
    }
}

/// What a step does until something is heard of it.
fn first_part(step: StepName) -> &'static str {
    match step {
        StepName::Restore => "resolving packages",
        StepName::Publish => "loading projects",
    }
}

/// Returns the project that MSBuild says it is done with: `  Shop.Core -> /src/bin/Shop.Core.dll`.
fn built(line: &str) -> Option<&str> {
    let (project, _) = line.trim_start().split_once(" -> ")?;
    (!project.is_empty() && !project.contains(' ')).then_some(project)
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
