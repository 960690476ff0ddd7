use crate::BuildError;
use fs_err as fs;
use mizzen_plan::{Entry, Kind, Node, Tree};
use mizzen_store::{FileState, StatCache, Store};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The bit of `/tmp`.
const STICKY: u32 = 0o1000;

/// The machine's own files, as a tree in which the paths of a step can be looked up: each path is asked
/// for once, and a file is read only if it may have changed since it was last read.
pub(crate) struct MachineTree {
    /// `/`, but in tests.
    machine: PathBuf,
    files: Mutex<StatCache>,
    asked: Mutex<BTreeMap<String, Entry>>,
    /// What of all that was asked for changed last, and when, in nanoseconds since 1970.
    newest_change: Mutex<(i128, String)>,
}

impl MachineTree {
    /// Begins with what is remembered of the files that steps of the workspace at `root` look up.
    ///
    /// # Errors
    /// [`BuildError::Store`] if the store cannot be read.
    pub(crate) fn load(store: &Store, machine: &Path, root: &Path) -> Result<Self, BuildError> {
        // No folder has this name: a scan of the workspace remembers its own files.
        let mut scope = root.as_os_str().to_owned();
        scope.push("//machine");
        Ok(Self {
            machine: machine.to_owned(),
            files: Mutex::new(StatCache::load(store, Path::new(&scope))?.keeping_others()),
            asked: Mutex::default(),
            newest_change: Mutex::default(),
        })
    }

    /// Remembers what was read.
    ///
    /// # Errors
    /// [`BuildError::Store`] if the store cannot be written.
    pub(crate) fn save(&self, store: &Store) -> Result<(), BuildError> {
        Ok(lock(&self.files).save(store)?)
    }

    /// Returns what of all that was asked for, or which folder above it, changed at or after `stamp`, in
    /// nanoseconds since 1970: then a step that began at `stamp` may have seen something else.
    pub(crate) fn changed_since(&self, stamp: i128) -> Option<String> {
        let newest = lock(&self.newest_change);
        let (time, path) = &*newest;
        (*time >= stamp).then(|| path.clone())
    }

    fn place(&self, path: &str) -> PathBuf {
        self.machine.join(path.trim_start_matches('/'))
    }

    fn ask(&self, path: &str) -> io::Result<Entry> {
        let place = self.place(path);
        let metadata = match fs::symlink_metadata(&place) {
            Err(error) => return denied_or_absent(error),
            Ok(metadata) => metadata,
        };
        // A folder that everyone writes to changes all the time, and no stage shows the machine's.
        if !metadata.is_dir() || metadata.mode() & STICKY == 0 {
            let newest = (changed(&metadata), place.display().to_string());
            let mut known = lock(&self.newest_change);
            if newest.0 > known.0 {
                *known = newest;
            }
        }
        let kind = metadata.file_type();
        if kind.is_symlink() {
            let target = fs::read_link(&place)?.into_os_string().into_string();
            return Ok(target.map_or_else(|_| other("a link that is not UTF-8"), Entry::Link));
        }
        if kind.is_dir() {
            return Ok(Entry::Node(Node::Folder));
        }
        if !kind.is_file() {
            let what = if kind.is_char_device() || kind.is_block_device() {
                "a device"
            } else {
                "a socket or a pipe"
            };
            return Ok(other(what));
        }
        let state = FileState::of(&metadata);
        match lock(&self.files).digest(path, &place, state) {
            Err(error) => denied_or_absent(error),
            Ok(digest) => Ok(Entry::Node(Node::File {
                digest,
                executable: metadata.permissions().mode() & 0o111 != 0,
            })),
        }
    }
}

impl Tree for MachineTree {
    fn entry(&self, path: &str) -> io::Result<Entry> {
        if let Some(entry) = lock(&self.asked).get(path) {
            return Ok(entry.clone());
        }
        let entry = self.ask(path)?;
        lock(&self.asked).insert(path.to_owned(), entry.clone());
        Ok(entry)
    }

    fn names(&self, path: &str) -> io::Result<Vec<(String, Kind)>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.place(path))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let kind = if kind.is_symlink() {
                Kind::Link
            } else if kind.is_dir() {
                Kind::Folder
            } else if kind.is_file() {
                Kind::File
            } else {
                Kind::Other
            };
            let name = entry.file_name();
            // One that is not UTF-8 has its bytes instead, behind one that no name has.
            let name = name
                .into_string()
                .unwrap_or_else(|name| format!("\0{}", name.as_encoded_bytes().escape_ascii()));
            names.push((name, kind));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn is_whole_machine(&self) -> bool {
        true
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns when a file, a link or a folder last changed, by its file system's clock.
fn changed(metadata: &std::fs::Metadata) -> i128 {
    i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec())
}

// What this user may not read, a step of this user may not read either.
fn denied_or_absent(error: io::Error) -> io::Result<Entry> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Entry::Node(Node::Absent)),
        io::ErrorKind::PermissionDenied => Ok(other("not to be read by this user")),
        _ => Err(error),
    }
}

fn other(what: &str) -> Entry {
    Entry::Node(Node::Other(what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{MachineTree, changed};
    use fs_err as fs;
    use mizzen_oci::Digest;
    use mizzen_plan::{Look, PathSet, SourceTree};
    use mizzen_store::Store;
    use std::path::Path;

    struct Bench {
        folder: tempfile::TempDir,
        set: PathSet,
    }

    fn bench(looks: &[(&str, Look)]) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join("m").join(path);
        fs::create_dir_all(at("lib/real")).unwrap();
        fs::write(at("lib/real/a.py"), "a").unwrap();
        fs::os::unix::fs::symlink("real", at("lib/current")).unwrap();
        let mut set = PathSet::default();
        for (path, look) in looks {
            set.add_machine(at(path).to_str().unwrap(), *look);
        }
        Bench { folder, set }
    }

    impl Bench {
        fn path(&self, path: &str) -> std::path::PathBuf {
            self.folder.path().join("m").join(path)
        }

        fn key(&self) -> Digest {
            let store = Store::open(&self.folder.path().join("cache")).unwrap();
            let machine = MachineTree::load(&store, Path::new("/"), Path::new("/w")).unwrap();
            let sources = SourceTree::default();
            let weak = Digest::of(b"weak");
            let key = self.set.strong_key(&weak, &sources, &machine).unwrap();
            machine.save(&store).unwrap();
            key
        }
    }

    #[test]
    fn a_file_of_the_machine_is_in_the_key_by_content_and_by_the_links_that_lead_to_it() {
        let bench = bench(&[("lib/current/a.py", Look::Read)]);
        let key = bench.key();
        assert_eq!(bench.key(), key);
        fs::write(bench.path("lib/real/b.py"), "b").unwrap();
        assert_eq!(bench.key(), key);
        fs::write(bench.path("lib/real/a.py"), "b").unwrap();
        let edited = bench.key();
        assert_ne!(edited, key);
        fs::create_dir(bench.path("lib/other")).unwrap();
        fs::write(bench.path("lib/other/a.py"), "b").unwrap();
        fs::remove_file(bench.path("lib/current")).unwrap();
        fs::os::unix::fs::symlink("other", bench.path("lib/current")).unwrap();
        assert_ne!(bench.key(), edited);
    }

    #[test]
    fn a_module_that_appears_and_a_listing_that_grows_are_seen() {
        let bench = bench(&[("lib/real/site.py", Look::Probed), ("lib", Look::Listed)]);
        let key = bench.key();
        fs::write(bench.path("lib/real/site.py"), "").unwrap();
        let appeared = bench.key();
        assert_ne!(appeared, key);
        fs::write(bench.path("lib/new"), "").unwrap();
        assert_ne!(bench.key(), appeared);
    }

    #[test]
    fn what_changed_since_a_step_began_is_noticed_also_where_nothing_was() {
        let bench = bench(&[("lib/real/absent", Look::Probed)]);
        let store = Store::open(&bench.folder.path().join("cache")).unwrap();
        let stamp = |path: &str| changed(&fs::metadata(bench.path(path)).unwrap());
        let before = stamp("lib/real");
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(bench.path("stamp"), "").unwrap();
        let began = stamp("stamp");
        let ask = || {
            let machine = MachineTree::load(&store, Path::new("/"), Path::new("/w")).unwrap();
            let weak = Digest::of(b"weak");
            bench
                .set
                .strong_key(&weak, &SourceTree::default(), &machine)
                .unwrap();
            machine
        };
        assert!(before < began);
        // The folder above it, which holds the stamp, is as new as the stamp.
        assert!(ask().changed_since(before).is_some());
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(bench.path("stamp"), "later").unwrap();
        let began = stamp("stamp");
        assert_eq!(ask().changed_since(began), None);
        // There for a moment, and gone when the key is made.
        fs::write(bench.path("lib/real/absent"), "").unwrap();
        fs::remove_file(bench.path("lib/real/absent")).unwrap();
        let changed = ask().changed_since(began).unwrap();
        assert!(changed.ends_with("lib/real"), "{changed}");
    }
}
