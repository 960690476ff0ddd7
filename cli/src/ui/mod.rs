//! What people and machines see while a command runs: on stderr, and results on stdout.

mod arguments;
mod lines;
mod log;
mod machine;
mod numbers;
mod output;
mod screen;
mod transfers;

pub(crate) use arguments::{OutputArgs, Progress};
pub(crate) use lines::Lines;
pub(crate) use log::start_log;
pub(crate) use numbers::{age, count, size, time};
pub(crate) use output::{err, err_json, out, out_json, out_line, out_many, tame_panics, usage};

use crate::Process;
use crate::error::CommandError;
use machine::for_machines;
use mizzen_builder::{Event, Outcome, Reporter};
use mizzen_plan::MissReason;
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

    /// Says nothing.
    pub(crate) fn silent() -> Self {
        Self::new(true, false)
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

    /// Whether the user wants to hear more.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
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
        if self.screen.form() == Form::Json {
            return self.screen.event(&json!({ "event": "note", "text": text }));
        }
        self.line(&format!("note: {text}"));
    }

    /// Says something to people, and to machines as `event`, in fields.
    pub(crate) fn tell(&self, text: &str, event: &Value) {
        if self.screen.form() == Form::Json {
            return self.screen.event(event);
        }
        self.line(text);
    }

    /// Says to people what machines get with the result.
    pub(crate) fn people(&self, text: &str) {
        if self.screen.form() != Form::Json {
            self.line(text);
        }
    }

    /// Names the project that all is about from now on.
    pub(crate) fn set_project(&self, project: Option<&str>) {
        self.screen.set_project(project);
    }

    pub(crate) fn warn_all(&self, texts: &[String]) {
        for text in texts {
            self.warn(text);
        }
    }

    /// Says why one of several images is not made, also to who asked for quiet.
    pub(crate) fn failed(&self, error: &CommandError) {
        if self.screen.form() == Form::Json {
            return self.screen.event(&error.to_json(error.exit_code()));
        }
        self.screen.end();
        err(&error.lines());
    }

    /// Tells a machine what was made: the last thing that it hears.
    pub(crate) fn result(&self, result: &Value) {
        self.screen.event(result);
    }

    pub(crate) fn line(&self, text: &str) {
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
        if self.screen.form() == Form::Json {
            let events = for_machines(event, self.verbose);
            return events.iter().for_each(|event| self.screen.event(event));
        }
        match event {
            Event::StepStarted(step, reasons) => {
                self.line(&format!("{:8} runs: {}", step.as_str(), why(reasons)));
            }
            Event::StepEnded(report) if report.outcome == Outcome::Ran => {
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
                let from = match report.outcome {
                    Outcome::RemoteHit => " from the shared cache",
                    Outcome::Hit | Outcome::Ran => "",
                };
                self.line(&format!("{:8} reused{from}", report.step.as_str()));
            }
            Event::DotnetLine(text) if self.verbose => self.line(&format!("  | {text}")),
            Event::DotnetLine(_) | Event::Reused([]) => {}
            Event::Message(message) => self.line(&message.text),
            Event::Reused(messages) if self.verbose => {
                messages.iter().for_each(|message| self.line(&message.text));
            }
            Event::Reused(messages) => self.line(&match messages.len() {
                1 => "1 warning from the reused publish (-v shows it)".to_owned(),
                count => format!("{count} warnings from the reused publish (-v shows them)"),
            }),
            Event::Warning(text) => self.warn(text),
            Event::Note(text) => self.note(text),
        }
    }
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
