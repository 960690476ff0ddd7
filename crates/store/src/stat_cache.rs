use crate::stat_table::{self, Known};
use crate::{Store, StoreError};
use fs_err as fs;
use mizzen_oci::Digest;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Remembers which digest each file of a tree had, so that a file that cannot have changed is not
/// read again.
///
/// Git's rule for files that are "racily clean": a file whose times are not older than the scan
/// that read it may have been written after the read within the same tick of the clock, so it is
/// not remembered.
#[derive(Debug)]
pub struct StatCache {
    name: PathBuf,
    /// Sorted by name.
    known: Vec<Known>,
    seen: Vec<Known>,
    scan_started_ns: i128,
    files_read: usize,
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

/// Older than this before the scan, a file's times prove that it was not written during it. File
/// systems stamp from a clock that ticks every 1 to 10 ms.
const TICK_NS: i128 = 50_000_000;
/// The same for file systems that keep whole seconds (or two), told by a time without a fraction.
const COARSE_TICK_NS: i128 = 2_500_000_000;

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
        let tick = if self.ctime_ns % 1_000_000_000 == 0 {
            COARSE_TICK_NS
        } else {
            TICK_NS
        };
        self.mtime_ns.max(self.ctime_ns) < scan_started_ns - tick
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
            known,
            seen: Vec::new(),
            scan_started_ns,
            files_read: 0,
        })
    }

    /// Returns the digest of the file at `path`, known under `name`, by reading it only if it may
    /// have changed.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn digest(&mut self, name: &str, path: &Path, state: FileState) -> io::Result<Digest> {
        let place = self.known.binary_search_by(|known| (*known.name).cmp(name));
        let known = place.ok().map(|place| &self.known[place]);
        let digest = match known {
            Some(known) if known.state == state => known.digest,
            _ => {
                self.files_read += 1;
                let mut reader = mizzen_oci::HashingReader::new(fs::File::open(path)?);
                io::copy(&mut reader, &mut io::sink())?;
                reader.finish().0
            }
        };
        if state.is_older_than(self.scan_started_ns) {
            self.seen.push(Known {
                name: name.to_owned(),
                state,
                digest,
            });
        }
        Ok(digest)
    }

    /// Returns how many files were read because nothing, or something else, was known of them.
    pub fn files_read(&self) -> usize {
        self.files_read
    }

    /// Keeps what this scan saw, and only that.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the store cannot be written.
    pub fn save(mut self, store: &Store) -> Result<(), StoreError> {
        let unchanged = self.files_read == 0 && self.seen.len() == self.known.len();
        if unchanged {
            return Ok(());
        }
        self.seen
            .sort_unstable_by(|one, other| one.name.cmp(&other.name));
        store.write_sealed(&self.name, &stat_table::to_bytes(&self.seen))
    }
}

#[cfg(test)]
mod tests {
    use super::{FileState, StatCache};
    use crate::Store;
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
    fn a_file_written_during_the_scan_is_not_trusted_by_the_next() {
        let (root, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(root.path()).unwrap();
        fs::write(tree.path().join("file"), "one").unwrap();
        assert_eq!(scan(&store, tree.path()).1, 1);
        assert_eq!(scan(&store, tree.path()).1, 1);
    }
}
