use crate::log::Log;
use crate::seen::{NotWatched, Seen};
use crate::{filter, kernel, library, listener};
use fs_err as fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

const LOG: &str = "log";
const LIBRARY: &str = "watch.so";

/// A folder with what watching one step needs: the log, and the library that its programs load first.
#[derive(Debug)]
pub struct Watch {
    folder: PathBuf,
    shown: PathBuf,
}

impl Watch {
    /// Makes the folder. What is watched sees it as `shown`: an absolute path without links, spaces and
    /// colons.
    ///
    /// # Errors
    /// If it cannot be written, or is there already.
    pub fn create(folder: &Path, shown: &Path) -> io::Result<Self> {
        fs::create_dir(folder)?;
        Log::create(&folder.join(LOG))?;
        fs::write(folder.join(LIBRARY), library::library(&shown.join(LOG))?)?;
        Ok(Self {
            folder: folder.to_owned(),
            shown: shown.to_owned(),
        })
    }

    /// Returns what was looked up, once every process that was watched has ended.
    ///
    /// # Errors
    /// [`NotWatched`] if something may be missing.
    pub fn seen(&self) -> Result<Seen, NotWatched> {
        let log = Log::open(&self.folder.join(LOG));
        let log = log.map_err(|error| NotWatched(format!("the log cannot be read ({error})")))?;
        let sightings = log.read().map_err(NotWatched)?;
        Ok(Seen::of(sightings, &self.shown))
    }

    /// Returns how many calls the kernel had to ask about: what watching costs is some 60 µs each.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn asked(&self) -> io::Result<u64> {
        Ok(Log::open(&self.folder.join(LOG))?.asked())
    }
}

/// Calls `start` in a thread of its own: what that thread starts is watched, with all that comes from
/// it, until this process ends. `folder` is that of a [`Watch`], as it is shown to them.
///
/// `start` is given the library that programs should find in `LD_PRELOAD`: without it watching takes
/// longer. It is given none where nothing can be watched; the [`Watch`] says why.
///
/// # Errors
/// If the folder cannot be read.
pub fn start_watched<T: Send>(
    folder: &Path,
    start: impl FnOnce(Option<&Path>) -> T + Send,
) -> io::Result<T> {
    let log = Log::open(&folder.join(LOG))?;
    let library = folder.join(LIBRARY);
    let (sender, receiver) = channel::<(OwnedFd, Log)>();
    // Started from here: a thread that the watched one starts would have to wait for itself.
    std::thread::spawn(move || {
        if let Ok((listener, log)) = receiver.recv() {
            listener::serve(listener.as_fd(), &log);
        }
    });
    let watched = move || match kernel::install(&filter::program()) {
        Ok(listener) => {
            log.begin();
            sender.send((listener, log)).expect("the listener waits");
            start(Some(&library))
        }
        Err(error) => {
            log.is_blind(why_not(&error));
            start(None)
        }
    };
    std::thread::scope(|scope| match scope.spawn(watched).join() {
        Ok(started) => Ok(started),
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Returns why nothing that this process starts could be watched, as far as the kernel tells that
/// beforehand; `None` if nothing is in the way. Nothing is started.
pub fn cannot_watch() -> Option<&'static str> {
    // A filter stays on the thread that puts it there, so it is a thread of its own, with a filter that
    // lets everything through.
    let attempt = || kernel::install(&filter::open()).map(drop);
    let attempted = std::thread::scope(|scope| scope.spawn(attempt).join());
    match attempted {
        Ok(attempted) => attempted.err().map(|error| why_not(&error)),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn why_not(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EBUSY) => "a sandbox or a container already watches this process",
        Some(libc::EINVAL | libc::ENOSYS) => "this kernel does not offer it",
        _ => "this machine does not allow it",
    }
}
