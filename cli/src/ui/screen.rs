use super::arguments::{OutputArgs, Progress};
use super::log::is_logging;
use super::output::{err_json, err_line};
use crate::Process;
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where everything for people and for machines goes that is not a result: stderr, whole lines at a
/// time.
#[derive(Debug)]
pub(crate) struct Screen {
    form: Form,
    drawn: Mutex<Drawn>,
    /// What everything is about until another is named, for machines.
    project: Mutex<Option<String>>,
}

/// How it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Not at all.
    Silent,
    /// As lines.
    Plain,
    /// As lines, and below them one that changes.
    Rich,
    /// As objects, one on each line.
    Json,
}

/// The line that changes.
#[derive(Debug, Default)]
struct Drawn {
    text: String,
    at: Option<Instant>,
    is_over: bool,
}

/// The line that changes does so at most this often.
const REDRAW: Duration = Duration::from_millis(100);
/// Back to the start of the line, and nothing is on it.
const CLEAR: &str = "\r\x1b[2K";

impl Form {
    /// Decides what the user, or else where stderr leads, asks for.
    pub(crate) fn of(arguments: &OutputArgs, process: &Process) -> Self {
        let can_draw = process.stderr_is_terminal
            && process.variable("TERM") != Some("dumb")
            && !is_logging(process);
        match arguments.progress {
            _ if arguments.quiet => Self::Silent,
            Progress::Json => Self::Json,
            Progress::Rich => Self::Rich,
            Progress::Auto if can_draw => Self::Rich,
            Progress::Auto | Progress::Plain => Self::Plain,
        }
    }
}

impl Screen {
    pub(crate) fn new(form: Form) -> Self {
        Self {
            form,
            drawn: Mutex::default(),
            project: Mutex::default(),
        }
    }

    /// Names the project that all is about from now on.
    pub(crate) fn set_project(&self, project: Option<&str>) {
        *self.project() = project.map(str::to_owned);
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// Says something.
    pub(crate) fn line(&self, text: &str) {
        match self.form {
            Form::Silent => {}
            Form::Json => self.event(&json!({ "event": "message", "text": text })),
            Form::Plain | Form::Rich => {
                let drawn = self.drawn();
                let (clear, again) = match drawn.text.as_str() {
                    "" => ("", ""),
                    status => (CLEAR, status),
                };
                err_line(clear, text, &format!("\n{again}"));
            }
        }
    }

    /// Tells a machine something; people have been told in another way.
    pub(crate) fn event(&self, event: &Value) {
        if self.form == Form::Json {
            let mut event = event.clone();
            if let Some(project) = &*self.project() {
                event["project"] = json!(project);
            }
            let _alone = self.drawn();
            err_json(&event);
        }
    }

    /// Changes the line that changes; an empty one is none.
    pub(crate) fn status(&self, text: &str) {
        let mut drawn = self.drawn();
        let is_soon = drawn.at.is_some_and(|at| at.elapsed() < REDRAW) && !text.is_empty();
        if self.form != Form::Rich || drawn.is_over || is_soon || drawn.text == text {
            return;
        }
        text.clone_into(&mut drawn.text);
        drawn.at = Some(Instant::now());
        err_line(CLEAR, text, "");
    }

    /// Takes the line that changes away, for good: what comes is said by others.
    pub(crate) fn end(&self) {
        self.status("");
        self.drawn().is_over = true;
    }

    fn project(&self) -> MutexGuard<'_, Option<String>> {
        self.project.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
