use crate::place::try_lock;
use fs_err as fs;
use rustix::fs::FlockOperation;
use rustix::time::{ClockId, clock_gettime};
use std::io;
use std::path::{Path, PathBuf};

/// A build's turn among those that wait for a place: a file that is locked while the build waits, with
/// a name that sorts by when it came.
///
/// A lock alone would not do: those who wait look again and again, and the luckiest would be next.
#[derive(Debug)]
pub(crate) struct Ticket {
    path: PathBuf,
    /// `None` once another build took the file for one that a killed build left.
    file: Option<fs::File>,
}

impl Ticket {
    /// Draws a ticket that comes after all that were drawn before.
    pub(crate) fn draw(root: &Path) -> io::Result<Self> {
        let now = clock_gettime(ClockId::Boottime);
        let pid = rustix::process::getpid().as_raw_pid();
        let queue = root.join("queue");
        fs::create_dir_all(&queue)?;
        let mut number = 0;
        loop {
            // Two threads of a process may come at the same moment.
            let name = format!(
                "{:012}.{:09}-{pid}-{number}",
                now.tv_sec.cast_unsigned(),
                now.tv_nsec.cast_unsigned()
            );
            let path = queue.join(name);
            match fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)
            {
                Ok(file) => {
                    let is_locked = try_lock(&file, FlockOperation::NonBlockingLockExclusive)?;
                    return Ok(Self {
                        path,
                        file: is_locked.then_some(file),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns whether no other build waits that came before.
    pub(crate) fn is_next(&mut self) -> io::Result<bool> {
        if self.file.is_none() || !self.path.exists() {
            let options = || {
                fs::OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(&self.path)
            };
            let file = options()?;
            self.file = try_lock(&file, FlockOperation::NonBlockingLockExclusive)?.then_some(file);
        }
        let queue = self.path.parent().expect("a ticket lies in the queue");
        let before = |path: &Path| path < self.path.as_path();
        nobody(queue, &before)
    }

    /// Returns whether nobody waits.
    pub(crate) fn is_nobody_waiting(root: &Path) -> io::Result<bool> {
        nobody(&root.join("queue"), &|_| true)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Before the lock goes, so that what is removed is what is locked.
        drop(fs::remove_file(&self.path));
    }
}

/// Returns whether no ticket in `queue` that `counts` is held; removes those that nobody holds.
fn nobody(queue: &Path, counts: &dyn Fn(&Path) -> bool) -> io::Result<bool> {
    let entries = match fs::read_dir(queue) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if !counts(&path) {
            continue;
        }
        let Ok(file) = fs::OpenOptions::new().write(true).open(&path) else {
            continue;
        };
        if !try_lock(&file, FlockOperation::NonBlockingLockExclusive)? {
            return Ok(false);
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(true)
}
