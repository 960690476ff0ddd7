use crate::building::arguments::BuildArgs;
use crate::building::project::own_results;
use crate::building::results::{self, Built, Results};
use crate::building::services::Services;
use crate::commands::build::build;
use crate::error::CommandError;
use crate::session::Invocation;
use crate::ui::{Ui, count, time};
use mizzen_builder::Outcome;
use mizzen_dotnet::Workspace;
use mizzen_oci::Digest;
use mizzen_store::Cancel;
use notify::event::{AccessKind, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long nothing may change before a build begins: an editor that saves writes more than once.
const QUIET: Duration = Duration::from_millis(150);
/// How often somebody who wants an end is looked for.
const TICK: Duration = Duration::from_millis(100);

/// Builds, and again whenever something of the workspace changes. One line tells of each build, and none
/// of one that made nothing new.
///
/// # Errors
/// The first build cannot begin: what it is asked for is wrong. A later one, or one that fails, only
/// says so.
pub(crate) fn run(arguments: &BuildArgs, invocation: &Invocation<'_>) -> Result<(), CommandError> {
    let ui = Ui::of(&arguments.output, invocation.process);
    let watched = Watched::of(arguments, invocation)?;
    let known = RefCell::new(BTreeSet::new());
    let mut is_first = true;
    loop {
        match once(arguments, invocation, &ui, &known) {
            Err(error) if error.is_interruption() => return Ok(()),
            Err(error) if is_first && error.exit_code() == USAGE => return Err(error),
            Err(error) => ui.failed(&error),
            Ok(()) => {}
        }
        if is_first {
            ui.note("waiting for changes; Ctrl-C ends it");
            is_first = false;
        }
        if !watched.change(&invocation.cancel)? {
            return Ok(());
        }
    }
}

/// The exit code of a command line that asks for what cannot be.
const USAGE: u8 = 2;

/// Builds once. `known` are the digests of the images of the build before.
fn once(
    arguments: &BuildArgs,
    invocation: &Invocation<'_>,
    ui: &Ui,
    known: &RefCell<BTreeSet<Digest>>,
) -> Result<(), CommandError> {
    let process = invocation.process;
    let screen = || {
        if ui.is_verbose() {
            Ui::of(&arguments.output, process)
        } else {
            Ui::silent()
        }
    };
    let failure = build(arguments, invocation, &screen, |results, _| {
        let digests = results.images.iter().map(Built::digest).collect();
        if *known.borrow() == digests {
            return Ok(());
        }
        known.replace(digests);
        ui.say(&line(results));
        results::print(results)
    })?;
    failure.map_or(Ok(()), Err)
}

/// Returns the line about what was built: `built    shop-api in 2.1 s`.
fn line(results: &Results) -> String {
    let ran = |image: &&Built| {
        let mut steps = image.app.steps.iter();
        steps.any(|step| step.outcome == Outcome::Ran)
    };
    let names: Vec<&str> = results
        .images
        .iter()
        .filter(ran)
        .map(|image| image.name.as_str())
        .collect();
    let what = match names.len() {
        0 => "nothing that was not known".to_owned(),
        1..=3 => names.join(", "),
        many => count(many, "image"),
    };
    format!("built    {what} in {}", time(results.took))
}

/// The workspaces of a command, of which the system tells what changes.
struct Watched {
    events: Receiver<notify::Result<Event>>,
    /// What the builds write themselves, and git's own: a commit changes no file of the workspace.
    own: Vec<PathBuf>,
    /// It tells as long as it is there.
    _watcher: RecommendedWatcher,
}

impl Watched {
    /// Begins to watch.
    ///
    /// # Errors
    /// The projects cannot be found, or the system does not tell.
    fn of(arguments: &BuildArgs, invocation: &Invocation<'_>) -> Result<Self, CommandError> {
        let process = invocation.process;
        if arguments.from_publish.is_some() {
            return Err(CommandError::usage(
                "`watch` builds from sources, and --from-publish names none",
            ));
        }
        let services = Services::find(arguments, invocation)?;
        let written = services.destinations(process)?;
        let mut own = own_results(services.common(), process, &written);
        let workspaces = services.each.iter();
        let workspaces = workspaces.filter_map(|service| service.workspace.as_ref());
        let roots: BTreeSet<&PathBuf> = workspaces
            .map(|workspace: &Workspace| &workspace.root)
            .collect();
        let (to, events) = channel();
        let cannot = |error: notify::Error| {
            CommandError::local(
                "the workspace cannot be watched",
                &std::io::Error::other(error),
            )
            .hinted("a limit of the system may be the reason: `sysctl fs.inotify.max_user_watches`")
        };
        let mut watcher = notify::recommended_watcher(to).map_err(cannot)?;
        for root in roots {
            own.push(root.join(".git"));
            watcher
                .watch(root, RecursiveMode::Recursive)
                .map_err(cannot)?;
        }
        Ok(Self {
            events,
            own,
            _watcher: watcher,
        })
    }

    /// Waits until something has changed, and nothing more does; `false` once somebody wants an end.
    ///
    /// # Errors
    /// The system does not tell any more.
    fn change(&self, cancel: &Cancel) -> Result<bool, CommandError> {
        let mut has_changed = false;
        loop {
            let wait = if has_changed { QUIET } else { TICK };
            match self.events.recv_timeout(wait) {
                Ok(Ok(event)) => has_changed |= self.counts(&event),
                // It has lost some: anything may have changed.
                Ok(Err(_)) => has_changed = true,
                Err(RecvTimeoutError::Timeout) if has_changed => return Ok(true),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let why = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
                    return Err(CommandError::local(
                        "the workspace is watched no more",
                        &why,
                    ));
                }
            }
            if cancel.check().is_err() {
                return Ok(false);
            }
        }
    }

    /// Returns whether something of what is built may be other now.
    fn counts(&self, event: &Event) -> bool {
        let is_read = match event.kind {
            EventKind::Access(AccessKind::Close(notify::event::AccessMode::Write)) => false,
            EventKind::Access(_) => true,
            _ => false,
        };
        let is_own = |path: &Path| self.own.iter().any(|own| path.starts_with(own));
        !is_read && event.paths.iter().any(|path| !is_own(path))
    }
}
