use crate::arrivals::Arrivals;
use crate::job::Job;
use crate::keeper::Keeper;
use crate::place::Place;
use crate::root;
use crate::{
    Action, Capabilities, Executor, Isolation, LeftFiles, Network, Outcome, OutputLine, Rung, Seen,
    StageError, Stream, capture, kept_stage, materialize, means,
};
use mizzen_store::{Cancel, Store};
use mizzen_watch::{NotWatched, Watch, cannot_watch};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tracing::debug_span;

/// Runs actions on this machine: in a copy of their inputs at a canonical path, the same on every
/// machine and rung, with a scrubbed environment and an empty home.
#[derive(Debug)]
pub struct Stage {
    root: PathBuf,
    store: Arc<Store>,
    launcher: PathBuf,
    isolation: Isolation,
    places: usize,
    keeps_in: Option<PathBuf>,
    rung: OnceLock<Rung>,
}

impl Stage {
    /// Chooses the stage's root for this user; it is made when the first action runs.
    ///
    /// `launcher` is a program whose `main` calls [`play_part`](crate::play_part) first; the running
    /// one, as a rule.
    ///
    /// # Errors
    /// [`StageError::Root`] or [`StageError::Above`] if no sound root can be had.
    pub fn new(
        store: Arc<Store>,
        launcher: PathBuf,
        isolation: Isolation,
    ) -> Result<Self, StageError> {
        Ok(Self {
            root: root::choose()?,
            store,
            launcher,
            isolation,
            places: means::places(),
            keeps_in: None,
            rung: OnceLock::new(),
        })
    }

    /// Sets how many actions of this user may run at once; without it, what the machine has means for.
    #[must_use]
    pub fn with_places(mut self, places: usize) -> Self {
        self.places = places;
        self
    }

    /// Keeps what a command that fails leaves, in a new folder in `parent`, for people to look at.
    #[must_use]
    pub fn keeping_failures(mut self, parent: PathBuf) -> Self {
        self.keeps_in = Some(parent);
        self
    }

    /// Returns the root: a part of every key, because it ends up in what is built.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the rung on which actions run. The first call tries each that is asked for, highest
    /// first, by making a stage that shows nothing.
    ///
    /// # Errors
    /// [`StageError::Isolation`] if only a rung with namespaces would do and there is none.
    pub fn rung(&self) -> Result<Rung, StageError> {
        if let Some(rung) = self.rung.get() {
            return Ok(*rung);
        }
        let rung = self.highest()?;
        Ok(*self.rung.get_or_init(|| rung))
    }

    fn highest(&self) -> Result<Rung, StageError> {
        let rungs: &[Rung] = match &self.isolation {
            Isolation::Auto => &[Rung::Processes, Rung::Mounts, Rung::Path],
            Isolation::Namespace => &[Rung::Processes, Rung::Mounts],
            Isolation::Path => &[Rung::Path],
            Isolation::Exactly(rung) => std::slice::from_ref(rung),
        };
        let mut denied = None;
        for rung in rungs {
            match self.attempt(*rung) {
                Ok(()) => return Ok(*rung),
                Err(error @ StageError::Isolation { .. }) => denied = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(denied.expect("there are rungs, and each was denied"))
    }

    fn attempt(&self, rung: Rung) -> Result<(), StageError> {
        if rung == Rung::Path {
            return Ok(());
        }
        let job = Job {
            rung,
            network: Network::None,
            root: self.root.clone(),
            // For who only asks for the rung nothing is made on the machine.
            place: None,
            folder: self.root.clone(),
            watched: false,
            mounted: Vec::new(),
            masked: Vec::new(),
            shown: Vec::new(),
            warm_up: Vec::new(),
            command: Vec::new(),
        };
        let mut keeper = Keeper::start(&self.launcher, &job, std::iter::empty(), &[])?;
        keeper.run(&job, &Cancel::default(), &mut |_| (), &mut || None)?;
        Ok(())
    }
}

/// The folder in the root that holds what watching needs.
pub(crate) const WATCH: &str = ".watch";

impl Stage {
    /// Makes what watching an action needs, in its place.
    fn watch(&self, action: &Action, rung: Rung, place: &Place) -> Result<Watch, NotWatched> {
        if !action.watched {
            return Err(NotWatched("nobody asked for it".to_owned()));
        }
        if !rung.hides_the_machine() {
            // Its processes could end after the build, and what they look up could be anything.
            return Err(NotWatched(format!("it ran with isolation `{rung}`")));
        }
        Watch::create(&place.folder().join(WATCH), &self.root.join(WATCH))
            .map_err(|error| NotWatched(format!("the log cannot be made ({error})")))
    }
}

impl Executor for Stage {
    fn run(
        &self,
        action: &Action,
        cancel: &Cancel,
        on_line: &mut dyn FnMut(&OutputLine),
    ) -> Result<Outcome, StageError> {
        let rung = self.rung()?;
        let mut has_waited = false;
        let mut on_wait = |text| {
            has_waited = true;
            on_line(&OutputLine {
                stream: Stream::Waiting,
                text,
            });
        };
        let label = &action.label;
        root::make(&self.root)?;
        let came = Instant::now();
        let place = debug_span!("wait for the stage", action = label)
            .in_scope(|| Place::take(&self.root, rung, self.places, label, cancel, &mut on_wait))?;
        if has_waited {
            on_line(&OutputLine {
                stream: Stream::Waiting,
                text: String::new(),
            });
        }
        let waited = came.elapsed();
        let watch = self.watch(action, rung, &place);
        let job = Job {
            rung,
            network: action.network,
            root: self.root.clone(),
            place: Some(place.folder().to_owned()),
            folder: self.root.join(&action.working_folder),
            watched: watch.is_ok(),
            mounted: action.mounted.clone(),
            masked: action.masked.clone(),
            shown: shown(action),
            warm_up: action.warm_up.iter().map(Into::into).collect(),
            command: action.command.iter().map(Into::into).collect(),
        };
        let variables = action.environment.iter().chain(&action.secret_environment);
        // Before the first file is staged: from here on the keeper takes them away, come what may.
        let mut keeper = Keeper::start(&self.launcher, &job, variables, &place.locks())?;
        debug_span!("stage the inputs", files = action.inputs.len())
            .in_scope(|| materialize::materialize(action, place.folder(), &self.store))?;
        let exit_code = debug_span!("run the command", action = label, %rung).in_scope(|| {
            let mut arrivals = Arrivals::of(action, place.folder());
            keeper.run(&job, cancel, on_line, &mut || arrivals.news())
        })?;
        let (outputs, changed) = match exit_code {
            Some(0) => {
                let captured = debug_span!("capture the outputs")
                    .in_scope(|| capture::capture(action, place.folder(), &self.store))?;
                (captured.outputs, captured.changed)
            }
            _ => (BTreeMap::new(), BTreeMap::new()),
        };
        if let Some(parent) = self.keeps_in.as_deref().filter(|_| exit_code != Some(0)) {
            let enter = kept_stage::keep(action, place.folder(), &self.root, parent)?;
            on_line(&OutputLine {
                stream: Stream::Executor,
                text: format!("the stage is kept; enter it with {}", enter.display()),
            });
        }
        Ok(Outcome {
            exit_code,
            outputs,
            changed,
            rung,
            // Nothing of the command is left that could look up more.
            seen: Seen::of(watch.and_then(|watch| watch.seen())),
            waited,
            files: Box::new(Left {
                folder: place.folder().to_owned(),
                _keeper: keeper,
                _place: place,
            }),
        })
    }

    fn capabilities(&self) -> Result<Capabilities, StageError> {
        Ok(Capabilities { rung: self.rung()? })
    }

    fn cannot_watch(&self) -> Result<Option<String>, StageError> {
        let rung = self.rung()?;
        Ok(if rung.hides_the_machine() {
            cannot_watch().map(str::to_owned)
        } else {
            Some(format!("it runs with isolation `{rung}`"))
        })
    }
}

fn shown(action: &Action) -> Vec<PathBuf> {
    let pairs = action.shown.iter();
    let pairs = pairs.flat_map(|(target, source)| [PathBuf::from(target), source.clone()]);
    pairs.collect()
}

/// What a command left in the stage: the folder, and what keeps it.
#[derive(Debug)]
struct Left {
    folder: PathBuf,
    // Dropped in this order: the locks go when nothing is left.
    _keeper: Keeper,
    _place: Place,
}

impl LeftFiles for Left {
    fn path(&self, path: &str) -> Result<PathBuf, StageError> {
        Ok(self.folder.join(path))
    }
}
