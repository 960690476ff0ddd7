use crate::place_queue::Ticket;
use crate::root::{clear, owned};
use crate::{Rung, StageError};
use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt;
use mizzen_store::Cancel;
use rustix::fs::{FlockOperation, OFlags};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a build that waits looks again.
const PAUSE: Duration = Duration::from_millis(50);

/// The folder of the machine that is the stage's root for one action, while it has it for itself;
/// empty before and after.
///
/// Where a mount can bring a folder to the canonical path, each action has one of its own below the
/// root, so that builds of one user run beside each other. Else the root itself is the folder, and one
/// action has it at a time.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    /// They hold as long as this value, or the keeper, which gets them, too.
    locks: Vec<fs::File>,
}

impl Place {
    /// Waits for a place below `root`, of which there are `places`, and empties it. `label` tells those
    /// who wait what has it; `on_wait` is called once, with the reason.
    ///
    /// # Errors
    /// [`StageError::Cancelled`] if asked to stop while it waits; [`StageError::Io`] if the root cannot
    /// be written.
    pub(crate) fn take(
        root: &Path,
        rung: Rung,
        places: usize,
        label: &str,
        cancel: &Cancel,
        on_wait: &mut dyn FnMut(String),
    ) -> Result<Self, StageError> {
        let whole = lock_file(&root.join(".lock"))?;
        let mut on_wait = Some(on_wait);
        let mut wait = |why: &dyn Fn() -> String| -> Result<(), StageError> {
            if let Some(on_wait) = on_wait.take() {
                on_wait(why());
            }
            cancel.check()?;
            std::thread::sleep(PAUSE);
            Ok(())
        };
        if !rung.hides_the_machine() {
            while !try_lock(&whole, FlockOperation::NonBlockingLockExclusive)? {
                wait(&|| {
                    "another of your builds is using the stage; waiting for it to end".to_owned()
                })?;
            }
            clear(root)?;
            return Ok(Self {
                folder: root.to_owned(),
                locks: vec![whole],
            });
        }
        while !try_lock(&whole, FlockOperation::NonBlockingLockShared)? {
            wait(&|| {
                "a build with isolation `path` is using the stage; waiting for it to end".to_owned()
            })?;
        }
        let folders: Vec<PathBuf> = (0..places.max(1))
            .map(|number| root.join(format!("place-{number}")))
            .collect();
        let mut ticket = None;
        loop {
            let is_next = match &mut ticket {
                None => Ticket::is_nobody_waiting(root)?,
                Some(ticket) => Ticket::is_next(ticket)?,
            };
            if is_next {
                for folder in &folders {
                    if let Some(lock) = try_place(folder, label)? {
                        clear(folder)?;
                        return Ok(Self {
                            folder: folder.clone(),
                            locks: vec![lock, whole],
                        });
                    }
                }
            }
            if ticket.is_none() {
                ticket = Some(Ticket::draw(root)?);
            }
            wait(&|| who_has(&folders))?;
        }
    }

    /// Returns the folder, as the machine sees it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the descriptors that have the locks.
    pub(crate) fn locks(&self) -> Vec<BorrowedFd<'_>> {
        self.locks.iter().map(|lock| lock.file().as_fd()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The next action empties the folder before it uses it; a failure here leaves files, not errors.
        drop(clear(&self.folder));
    }
}

/// Takes a place unless another build has it.
fn try_place(folder: &Path, label: &str) -> Result<Option<fs::File>, StageError> {
    let user = rustix::process::geteuid().as_raw();
    if let Err(why) = owned(folder, user)? {
        let path = folder.to_owned();
        return Err(StageError::Root { path, why });
    }
    let mut lock = lock_file(&lock_of(folder))?;
    if !try_lock(&lock, FlockOperation::NonBlockingLockExclusive)? {
        return Ok(None);
    }
    // For those who will wait; its time tells since when.
    lock.set_len(0)?;
    lock.write_all(label.as_bytes())?;
    Ok(Some(lock))
}

/// Returns the file that is locked while a build has the place. It lies beside the place, where no
/// command of a stage reaches it: one that could replace it would let another build in beside it, or
/// have a link followed.
fn lock_of(place: &Path) -> PathBuf {
    place.with_extension("lock")
}

/// Says what is running in the places, and for how long.
fn who_has(folders: &[PathBuf]) -> String {
    let running = folders.iter().filter_map(|folder| {
        let lock = lock_of(folder);
        let label = fs::read_to_string(&lock).ok()?;
        let since = fs::metadata(&lock).ok()?.modified().ok()?;
        let seconds = since.elapsed().ok()?.as_secs();
        (!label.is_empty()).then(|| format!("{label}, {seconds} s"))
    });
    let running: Vec<String> = running.collect();
    let count = match folders.len() {
        1 => "another of your builds is running".to_owned(),
        count => format!("{count} of your builds are running"),
    };
    format!(
        "{count} ({}); waiting for one of them to end",
        running.join("; ")
    )
}

/// Opens a file to lock it, never through a link, which only a command on rung `path` can have left.
fn lock_file(path: &Path) -> io::Result<fs::File> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        fs::remove_file(path)?;
    }
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options.open(path)
}

/// Tries to lock `file`; `false` if somebody else has it.
pub(crate) fn try_lock(file: &fs::File, operation: FlockOperation) -> io::Result<bool> {
    match rustix::fs::flock(file, operation) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::{Rung, StageError};
    use fs_err as fs;
    use mizzen_store::Cancel;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn take(root: &Path, rung: Rung, label: &str) -> Result<Place, String> {
        let cancel = Cancel::default();
        let mut said = String::new();
        let place = Place::take(root, rung, 2, label, &cancel, &mut |why| {
            said = why;
            cancel.cancel();
        });
        place.map_err(|error| {
            assert!(matches!(error, StageError::Cancelled(_)), "{error}");
            said
        })
    }

    #[test]
    fn builds_have_a_place_each_as_far_as_there_are_any_and_the_next_hears_who_has_them() {
        let root = tempfile::tempdir().unwrap();
        let first = take(root.path(), Rung::Processes, "publish of `src/Api`").unwrap();
        let second = take(root.path(), Rung::Mounts, "restore of `src/Web`").unwrap();
        assert_ne!(first.folder(), second.folder());
        let said = take(root.path(), Rung::Mounts, "third").unwrap_err();
        assert_eq!(
            said,
            "2 of your builds are running (publish of `src/Api`, 0 s; restore of `src/Web`, 0 s); \
             waiting for one of them to end"
        );
        drop(second);
        take(root.path(), Rung::Mounts, "third").unwrap();
    }

    #[test]
    fn the_whole_root_is_had_alone() {
        let root = tempfile::tempdir().unwrap();
        let place = take(root.path(), Rung::Mounts, "a").unwrap();
        assert!(take(root.path(), Rung::Path, "b").is_err());
        drop(place);
        let whole = take(root.path(), Rung::Path, "b").unwrap();
        assert_eq!(whole.folder(), root.path());
        assert!(!root.path().join("place-0").exists());
        assert!(take(root.path(), Rung::Mounts, "c").is_err());
        assert!(take(root.path(), Rung::Path, "c").is_err());
    }

    #[test]
    fn a_place_is_empty_before_and_after() {
        for (rung, folder) in [(Rung::Mounts, "place-0"), (Rung::Path, "")] {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join(folder);
            // What a build left that was killed.
            fs::create_dir_all(folder.join("src/left")).unwrap();
            fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
            let place = take(root.path(), rung, "a").unwrap();
            assert!(!folder.join("src").exists());
            fs::write(folder.join("file"), "").unwrap();
            drop(place);
            assert!(!folder.join("file").exists());
        }
    }

    #[test]
    fn a_command_can_neither_free_its_place_nor_have_another_file_written() {
        let root = tempfile::tempdir().unwrap();
        let mine = root.path().join("mine");
        fs::write(&mine, "mine").unwrap();
        for name in [".lock", "place-0.lock"] {
            // What a command does with all that it can reach, while its place is held.
            let place = take(root.path(), Rung::Mounts, "a").unwrap();
            let file = place.folder().join(name);
            drop(fs::remove_file(&file));
            fs::os::unix::fs::symlink(&mine, &file).unwrap();
            let other = take(root.path(), Rung::Mounts, "b").unwrap();
            assert_ne!(other.folder(), place.folder());
            drop(place);
            drop(take(root.path(), Rung::Mounts, "c").unwrap());
            assert_eq!(fs::read(&mine).unwrap(), b"mine", "{name}");
        }
        // On rung `path` a command reaches the root as well.
        let file = root.path().join(".lock");
        fs::remove_file(&file).unwrap();
        fs::os::unix::fs::symlink(&mine, &file).unwrap();
        drop(take(root.path(), Rung::Mounts, "a").unwrap());
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
        assert!(file.is_file() && !file.is_symlink());
    }

    #[test]
    fn who_waits_longest_is_next() {
        let root = tempfile::tempdir().unwrap();
        let places = [(), ()].map(|()| take(root.path(), Rung::Mounts, "a").unwrap());
        let order = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for name in ["first", "second", "third"] {
                let (order, root) = (&order, root.path());
                let (waits, waiting) = std::sync::mpsc::channel();
                scope.spawn(move || {
                    let cancel = Cancel::default();
                    let on_wait = &mut |_| waits.send(()).unwrap();
                    let place = Place::take(root, Rung::Mounts, 2, name, &cancel, on_wait);
                    order.lock().unwrap().push(name);
                    // Holds it until the order is known: the next gets the other's place.
                    drop(place.unwrap());
                });
                waiting.recv().unwrap();
            }
            let [one, other] = places;
            std::mem::forget(other);
            drop(one);
        });
        assert_eq!(*order.lock().unwrap(), ["first", "second", "third"]);
    }
}
