use crate::file_systems::FileSystems;
use crate::stat_table::{self, Known};
use crate::{Cancel, Store, StoreError};
use fs_err as fs;
use mizzen_oci::Digest;
use std::collections::BTreeSet;
use std::io;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Remembers which digest each file of a tree had, so that a file that cannot have changed is not
/// read again.
///
/// Git's rule for files that are "racily clean": a file whose times are not older than the scan
/// that read it may have been written after the read within the same tick of the clock, so it is
/// not remembered.
///
/// Nor is a file that was not dated when it last changed, so that another may look the same: on a
/// read-only file system, which was made elsewhere, and where times have no fraction, which an image's
/// maker can choose.
#[derive(Debug)]
pub struct StatCache {
    name: PathBuf,
    /// Sorted by name.
    known: Vec<Known>,
    seen: Vec<Known>,
    scan_started_ns: i128,
    files_read: usize,
    /// How many files had been read and seen when it was last written.
    saved: (usize, usize),
    keeps_others: bool,
    file_systems: FileSystems,
    /// Files that turned out to be others than they seemed to be.
    mistaken: BTreeSet<PathBuf>,
}

/// A file of a tree, as a walk found it.
#[derive(Debug)]
pub struct FoundFile {
    /// What the cache knows it by.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What it was when it was found.
    pub state: FileState,
}

/// What the file system says of a file without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileState {
    pub(crate) size_bytes: u64,
    pub(crate) mtime_ns: i128,
    pub(crate) ctime_ns: i128,
    pub(crate) inode: u64,
    pub(crate) device: u64,
    pub(crate) mode: u32,
}

/// How many files that were not asked for are kept.
const MOST_OTHERS: usize = 50_000;

/// Older than this before the scan, a file's times prove that it was not written during it. File
/// systems stamp from a clock that ticks every 1 to 10 ms.
const TICK_NS: i128 = 50_000_000;

impl FileState {
    /// Returns the state that `metadata` describes.
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            size_bytes: metadata.len(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            device: metadata.dev(),
            mode: metadata.mode(),
        }
    }

    fn is_older_than(&self, scan_started_ns: i128) -> bool {
        self.mtime_ns.max(self.ctime_ns) < scan_started_ns - TICK_NS
    }

    fn has_fraction(&self) -> bool {
        self.ctime_ns % 1_000_000_000 != 0
    }
}

fn nanoseconds(seconds: i64, fraction: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(fraction)
}

impl StatCache {
    /// Loads what is known of the tree at `root`.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the store cannot be read or written.
    pub fn load(store: &Store, root: &Path) -> Result<Self, StoreError> {
        let name = PathBuf::from("stat-v1").join(Digest::of(root.as_os_str().as_bytes()).hex());
        let body = store.read_sealed(&name)?.unwrap_or_default();
        let known = stat_table::parse(&body).unwrap_or_default();
        // The file system's clock, not ours: on a network mount they differ.
        let stamp = store.temporary_file()?;
        let scan_started_ns = FileState::of(&stamp.as_file().metadata()?).mtime_ns;
        Ok(Self {
            name,
            saved: (0, known.len()),
            keeps_others: false,
            known,
            seen: Vec::new(),
            scan_started_ns,
            files_read: 0,
            file_systems: FileSystems::default(),
            mistaken: store.mistaken(),
        })
    }

    /// Returns the digest of the file at `path`, known under `name`, by reading it only if it may
    /// have changed.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn digest(&mut self, name: &str, path: &Path, state: FileState) -> io::Result<Digest> {
        let digest = if let Some(digest) = self.known_digest(name, path, state) {
            digest
        } else {
            self.files_read += 1;
            read(path)?
        };
        self.saw(name, path, state, digest);
        Ok(digest)
    }

    /// Returns the digest of each of `files`, in their order. Of those that may have changed as many
    /// are read at once as there are cores.
    ///
    /// # Errors
    /// One of the files cannot be read; or `cancel` was asked for, and reading ended early.
    pub fn digests(&mut self, files: &[FoundFile], cancel: &Cancel) -> io::Result<Vec<Digest>> {
        let known = files
            .iter()
            .map(|file| self.known_digest(&file.name, &file.path, file.state));
        let mut digests: Vec<Option<Digest>> = known.collect();
        let unknown = (0..files.len()).filter(|&place| digests[place].is_none());
        let unknown: Vec<usize> = unknown.collect();
        for (place, digest) in read_at_once(files, &unknown, cancel)? {
            digests[place] = Some(digest);
        }
        self.files_read += unknown.len();
        let digests: Vec<Digest> = digests.into_iter().flatten().collect();
        for (file, digest) in files.iter().zip(&digests) {
            self.saw(&file.name, &file.path, file.state, *digest);
        }
        Ok(digests)
    }

    fn known_digest(&mut self, name: &str, path: &Path, state: FileState) -> Option<Digest> {
        if self.mistaken.contains(path) || !self.can_be_known_again(path, state) {
            return None;
        }
        let place = self
            .known
            .binary_search_by(|known| (*known.name).cmp(name))
            .ok()?;
        let known = &self.known[place];
        (known.state == state).then_some(known.digest)
    }

    fn can_be_known_again(&mut self, path: &Path, state: FileState) -> bool {
        state.has_fraction() && self.file_systems.dates_changes(state.device, path)
    }

    fn saw(&mut self, name: &str, path: &Path, state: FileState, digest: Digest) {
        if state.is_older_than(self.scan_started_ns) && self.can_be_known_again(path, state) {
            self.seen.push(Known {
                name: name.to_owned(),
                state,
                digest,
            });
        }
    }

    /// Returns how many files were read because nothing, or something else, was known of them.
    pub fn files_read(&self) -> usize {
        self.files_read
    }

    /// Returns the same that also keeps what earlier scans saw and this one did not ask for.
    #[must_use]
    pub fn keeping_others(mut self) -> Self {
        self.keeps_others = true;
        self
    }

    /// Keeps what this scan saw, and only that, unless it is one that keeps others, too.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the store cannot be written.
    pub fn save(&mut self, store: &Store) -> Result<(), StoreError> {
        let now = (self.files_read, self.seen.len());
        let is_nothing_new = self.keeps_others && self.files_read == 0;
        if now == self.saved || is_nothing_new {
            return Ok(());
        }
        let mut kept = self.seen.clone();
        if self.keeps_others && self.known.len() < MOST_OTHERS {
            kept.extend(self.known.iter().cloned());
        }
        // What was seen now comes before what was known of the same file.
        kept.sort_by(|one, other| one.name.cmp(&other.name));
        kept.dedup_by(|other, first| other.name == first.name);
        store.write_sealed(&self.name, &stat_table::to_bytes(&kept))?;
        self.saved = now;
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Digest> {
    let mut reader = mizzen_oci::HashingReader::new(fs::File::open(path)?);
    io::copy(&mut reader, &mut io::sink())?;
    Ok(reader.finish().0)
}

/// Reads those of `files` whose places are `unknown`.
fn read_at_once(
    files: &[FoundFile],
    unknown: &[usize],
    cancel: &Cancel,
) -> io::Result<Vec<(usize, Digest)>> {
    let next = AtomicUsize::new(0);
    let read_some = || {
        let mut some = Vec::new();
        while let Some(&place) = unknown.get(next.fetch_add(1, Ordering::Relaxed)) {
            cancel.check().map_err(io::Error::other)?;
            some.push((place, read(&files[place].path)?));
        }
        Ok(some)
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let threads = (0..threads.min(unknown.len())).map(|_| scope.spawn(read_some));
        let threads: Vec<_> = threads.collect();
        let mut all = Vec::new();
        for thread in threads {
            let some: io::Result<Vec<_>> = thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all.extend(some?);
        }
        Ok(all)
    })
}

#[cfg(test)]
mod tests {
    use super::{FileState, FoundFile, StatCache};
    use crate::{Cancel, Store};
    use fs_err as fs;
    use mizzen_oci::Digest;
    use std::path::Path;
    use std::time::Duration;

    fn scan(store: &Store, root: &Path) -> (Digest, usize) {
        let mut cache = StatCache::load(store, root).unwrap();
        let path = root.join("file");
        let state = FileState::of(&fs::symlink_metadata(&path).unwrap());
        let digest = cache.digest("file", &path, state).unwrap();
        let read = cache.files_read();
        cache.save(store).unwrap();
        (digest, read)
    }

    #[test]
    fn an_unchanged_file_is_read_once_and_a_changed_one_again_even_with_its_old_times() {
        let (root, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(root.path()).unwrap();
        let path = tree.path().join("file");
        fs::write(&path, "one").unwrap();
        std::thread::sleep(Duration::from_millis(120));
        assert_eq!(scan(&store, tree.path()), (Digest::of(b"one"), 1));
        assert_eq!(scan(&store, tree.path()), (Digest::of(b"one"), 0));
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(modified)
            .unwrap();
        assert_eq!(scan(&store, tree.path()), (Digest::of(b"two"), 1));
    }

    #[test]
    fn files_read_at_once_are_named_in_their_order_and_not_read_again() {
        let (root, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(root.path()).unwrap();
        let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        for name in &names {
            // The first are the longest: who is done first is not who began first.
            let length = 1 << (20 - name.parse::<usize>().unwrap() / 2);
            fs::write(tree.path().join(name), name.repeat(length)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(120));
        let found = |name: &String| {
            let path = tree.path().join(name);
            let state = FileState::of(&fs::metadata(&path).unwrap());
            FoundFile {
                name: name.clone(),
                path,
                state,
            }
        };
        let digests = |cancel: &Cancel| {
            let mut cache = StatCache::load(&store, tree.path()).unwrap();
            let files: Vec<_> = names.iter().map(found).collect();
            let digests = cache.digests(&files, cancel)?;
            let read = cache.files_read();
            cache.save(&store).unwrap();
            std::io::Result::Ok((digests, read))
        };
        let expected: Vec<_> = names
            .iter()
            .map(|name| Digest::of(&fs::read(tree.path().join(name)).unwrap()))
            .collect();
        let cancelled = Cancel::default();
        cancelled.cancel();
        digests(&cancelled).unwrap_err();
        assert_eq!(digests(&Cancel::default()).unwrap(), (expected.clone(), 40));
        assert_eq!(digests(&cancelled).unwrap(), (expected.clone(), 0));
        fs::write(tree.path().join("7"), "another").unwrap();
        let (changed, read) = digests(&Cancel::default()).unwrap();
        assert_eq!((changed[7], read), (Digest::of(b"another"), 1));
    }

    #[test]
    fn a_file_whose_times_have_no_fraction_is_read_each_time() {
        let (root, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(root.path()).unwrap();
        let path = tree.path().join("file");
        // As two images of a file system give it that keeps whole seconds, mounted one after the other.
        let scan_image = |text: &str, ctime_ns: i128| {
            fs::write(&path, text).unwrap();
            let mut cache = StatCache::load(&store, tree.path()).unwrap();
            let state = FileState {
                mtime_ns: 1_000_000_000,
                ctime_ns,
                inode: 7,
                ..FileState::of(&fs::metadata(&path).unwrap())
            };
            let digest = cache.digest("file", &path, state).unwrap();
            cache.save(&store).unwrap();
            digest
        };
        scan_image("one", 1_000_000_000);
        assert_eq!(scan_image("two", 1_000_000_000), Digest::of(b"two"));
        // What tells them apart is the fraction: else this test could not fail.
        scan_image("one", 1_000_000_001);
        assert_eq!(scan_image("two", 1_000_000_001), Digest::of(b"one"));
    }

    #[test]
    fn a_file_that_turned_out_to_be_another_is_read_again_and_then_known_as_what_it_is() {
        let (root, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(root.path()).unwrap();
        let path = tree.path().join("file");
        fs::write(&path, "one").unwrap();
        std::thread::sleep(Duration::from_millis(120));
        assert_eq!(scan(&store, tree.path()).1, 1);
        store.mistook(&path);
        assert_eq!(scan(&store, tree.path()).1, 1);
        assert_eq!(scan(&Store::open(root.path()).unwrap(), tree.path()).1, 0);
    }

    #[test]
    fn a_file_written_during_the_scan_is_not_trusted_by_the_next() {
        let (root, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(root.path()).unwrap();
        fs::write(tree.path().join("file"), "one").unwrap();
        assert_eq!(scan(&store, tree.path()).1, 1);
        assert_eq!(scan(&store, tree.path()).1, 1);
    }
}
