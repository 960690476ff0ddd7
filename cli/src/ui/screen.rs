use super::about::About;
use super::arguments::{OutputArgs, Progress};
use super::colours::{Colours, is_ci};
use super::lines::Lines;
use super::live::Live;
use super::log::is_logging;
use super::output::{err, err_json, say};
use super::terminal::columns;
use crate::Process;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// Where everything for people and for machines goes that is not a result: stderr, whole lines at a
/// time.
#[derive(Debug)]
pub(crate) struct Screen {
    form: Form,
    colours: Colours,
    /// The lines that change, where there are any.
    live: Option<Live>,
    alone: Mutex<()>,
}

/// How it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Not at all.
    Silent,
    /// As lines.
    Plain,
    /// As lines, and below them some that change.
    Rich,
    /// As objects, one on each line.
    Json,
}

/// Less than this is too narrow for lines that change.
const NARROW: u16 = 40;

impl Form {
    /// Decides what the user, or else where stderr leads, asks for.
    pub(crate) fn of(arguments: &OutputArgs, process: &Process) -> Self {
        let can_draw = || {
            process.stderr_is_terminal
                && process.variable("TERM") != Some("dumb")
                && !is_ci(process)
                && !is_logging(process)
                && columns() >= NARROW
        };
        match arguments.progress {
            _ if arguments.quiet => Self::Silent,
            Progress::Json => Self::Json,
            Progress::Rich => Self::Rich,
            Progress::Auto if can_draw() => Self::Rich,
            Progress::Auto | Progress::Plain => Self::Plain,
        }
    }
}

impl Screen {
    pub(crate) fn new(form: Form, colours: Colours) -> Self {
        Self {
            form,
            colours,
            live: (form == Form::Rich).then(|| Live::new(colours)),
            alone: Mutex::default(),
        }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// Returns the lines that change, where there are any.
    pub(super) fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    /// Says something.
    pub(crate) fn line(&self, about: &About, text: &str) {
        match self.form {
            Form::Silent => {}
            Form::Json => self.event(about, &json!({ "event": "message", "text": text })),
            Form::Plain | Form::Rich => {
                let name = about.name.as_deref();
                let name = name.map_or_else(String::new, |name| self.colours.name(name) + "  ");
                self.above(|| say(&format!("{name}{}\n", self.colours.paint(text))));
            }
        }
    }

    /// Says why something failed, also to who asked for quiet.
    pub(super) fn failed(&self, lines: &Lines) {
        self.above(|| err(lines, self.colours));
    }

    /// Tells a machine something; people have been told in another way.
    pub(crate) fn event(&self, about: &About, event: &Value) {
        if self.form == Form::Json {
            let mut event = event.clone();
            if let Some(project) = about.project.as_deref() {
                event["project"] = json!(project);
            }
            self.above(|| err_json(&event));
        }
    }

    /// Writes something that stays, by itself.
    pub(super) fn above(&self, write: impl FnOnce()) {
        if let Some(live) = &self.live {
            live.above(write);
        } else {
            let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
            write();
        }
    }

    /// Takes the lines that change away, for good: what comes is said by others.
    pub(crate) fn end(&self) {
        if let Some(live) = &self.live {
            live.end();
        }
    }
}
