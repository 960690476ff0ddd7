use crate::{ActionResult, Cancel, Store, StoreError};
use fs_err as fs;
use mizzen_oci::{Digest, HashingReader};
use rustix::fs::FlockOperation;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A [`Store`] that nobody else uses while this value lives: what may take things away.
#[derive(Debug)]
pub struct Housekeeping<'a> {
    store: &'a Store,
    lock: std::fs::File,
}

/// What a cache holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// How many blobs.
    pub blobs: usize,
    /// Their sizes in all.
    pub blob_bytes: u64,
    /// How many records.
    pub records: usize,
    /// The sizes of records and of everything else.
    pub other_bytes: u64,
}

/// How much of a cache may stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Blobs in all; those used longest ago go first.
    pub max_bytes: Option<u64>,
    /// What was not used for so long goes.
    pub max_age: Option<Duration>,
}

/// What was taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Removed {
    /// How many files.
    pub files: usize,
    /// Their sizes in all.
    pub bytes: u64,
}

/// A record, a blob that no record names, or a small file that only saves work.
struct Unit {
    /// How long before now it was last used.
    unused: Duration,
    path: Option<PathBuf>,
    blobs: BTreeSet<Digest>,
}

impl Store {
    /// Returns what the cache holds.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it cannot be listed.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        for (path, metadata) in files_below(self.root())? {
            let below = path.strip_prefix(self.root()).unwrap_or(&path);
            if below.starts_with("blobs") {
                usage.blobs += 1;
                usage.blob_bytes += metadata.len();
            } else {
                usage.records += usize::from(below.starts_with("actions-v1"));
                usage.other_bytes += metadata.len();
            }
        }
        Ok(usage)
    }

    /// Waits until no other process uses the cache, and keeps it to itself.
    ///
    /// # Errors
    /// [`StoreError::Io`]; [`StoreError::Cancelled`] if asked to stop while it waits.
    pub fn housekeeping(&self, cancel: &Cancel) -> Result<Housekeeping<'_>, StoreError> {
        let lock = self.lock().try_clone()?;
        while let Err(error) = rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(io::Error::from(error).into());
            }
            cancel.check()?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Housekeeping { store: self, lock })
    }
}

impl Housekeeping<'_> {
    /// Reads every blob and removes those that are not what their names say. Records and notes with a
    /// broken seal go, too.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a file cannot be read or removed.
    pub fn verify(&self, cancel: &Cancel) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        for (path, metadata) in files_below(self.store.root())? {
            cancel.check()?;
            let below = path
                .strip_prefix(self.store.root())
                .unwrap_or(&path)
                .to_owned();
            let sound = if below.starts_with("blobs") {
                let mut reader = HashingReader::new(fs::File::open(&path)?);
                io::copy(&mut reader, &mut io::sink())?;
                let hex = reader.finish().0.hex();
                path.file_name().is_some_and(|name| *name == *hex)
            } else if below.components().count() > 1 {
                // A file with a broken seal is removed by the reading.
                self.store.read_sealed(&below)?.is_some()
            } else {
                true
            };
            if !sound {
                removed.take(&path, metadata.len())?;
            }
        }
        Ok(removed)
    }

    /// Removes what goes over `limits`: records by when they were last used, with the blobs that no
    /// record needs any more.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a file cannot be read or removed.
    pub fn prune(&self, limits: Limits) -> Result<Removed, StoreError> {
        let mut blobs = BTreeMap::new();
        let mut units = Vec::new();
        // The file system's clock, which is also the one of the files' times.
        let now = self
            .store
            .temporary_file()?
            .as_file()
            .metadata()?
            .modified()?;
        for (path, metadata) in files_below(self.store.root())? {
            let below = path.strip_prefix(self.store.root()).unwrap_or(&path);
            let unused = now.duration_since(metadata.modified()?).unwrap_or_default();
            if below.starts_with("blobs") {
                let name = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default();
                if let Ok(digest) = Digest::from_hex(name) {
                    blobs.insert(digest, (path, metadata.len(), unused));
                }
            } else if below.starts_with("actions-v1") {
                let body = self.store.read_sealed(below)?.unwrap_or_default();
                let result = serde_json::from_slice::<ActionResult>(&body).ok();
                let named = result.map(|result| {
                    let outputs = result.outputs.values().map(|output| output.digest);
                    outputs.chain([result.inputs.digest]).collect()
                });
                units.push(Unit {
                    unused,
                    path: Some(path),
                    blobs: named.unwrap_or_default(),
                });
            } else if below.components().count() > 1 {
                units.push(Unit {
                    unused,
                    path: Some(path),
                    blobs: BTreeSet::new(),
                });
            }
        }
        let named: BTreeSet<Digest> = units.iter().flat_map(|unit| unit.blobs.clone()).collect();
        let unnamed = blobs.iter().filter(|(digest, _)| !named.contains(digest));
        units.extend(unnamed.map(|(digest, (_, _, unused))| Unit {
            unused: *unused,
            path: None,
            blobs: BTreeSet::from([*digest]),
        }));
        units.sort_by_key(|unit| unit.unused);

        let mut removed = Removed::default();
        let (mut kept, mut kept_bytes) = (BTreeSet::new(), 0);
        for unit in units {
            let new = unit.blobs.iter().filter(|digest| !kept.contains(*digest));
            let new_bytes: u64 = new.filter_map(|digest| Some(blobs.get(digest)?.1)).sum();
            let is_old = limits.max_age.is_some_and(|age| unit.unused > age);
            let is_much = limits
                .max_bytes
                .is_some_and(|most| kept_bytes + new_bytes > most);
            if !is_old && !is_much {
                kept_bytes += new_bytes;
                kept.extend(unit.blobs);
            } else if let Some(record) = unit.path {
                // Before its blobs: a record without them would be found, and be of no use.
                let bytes = fs::metadata(&record)?.len();
                removed.take(&record, bytes)?;
            }
        }
        for (digest, (path, bytes, _)) in blobs {
            if !kept.contains(&digest) {
                removed.take(&path, bytes)?;
            }
        }
        Ok(removed)
    }

    /// Removes everything but images that were written into the folder.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a file cannot be removed.
    pub fn clean(&self) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        for (path, metadata) in files_below(self.store.root())? {
            if path.file_name().is_some_and(|name| name != ".lock") {
                removed.take(&path, metadata.len())?;
            }
        }
        Ok(removed)
    }
}

impl Drop for Housekeeping<'_> {
    fn drop(&mut self) {
        // The store goes on; a lock that cannot be shared again goes with the process.
        let _ = rustix::fs::flock(&self.lock, FlockOperation::LockShared);
    }
}

impl Removed {
    fn take(&mut self, path: &Path, bytes: u64) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.files += 1;
        self.bytes += bytes;
        Ok(())
    }
}

/// What lies in a cache without being of it: what is being written, and images that a build was told
/// no other place for. Those have no seal, and whether they go is not for a cache to say.
const NOT_OURS: [&str; 2] = ["tmp", "out"];

/// Returns every file of the cache.
fn files_below(root: &Path) -> io::Result<Vec<(PathBuf, std::fs::Metadata)>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let (path, metadata) = {
                let entry = entry?;
                (entry.path(), entry.metadata()?)
            };
            if !metadata.is_dir() {
                files.push((path, metadata));
            } else if NOT_OURS.iter().all(|name| path != root.join(name)) {
                folders.push(path);
            }
        }
    }
    files.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{Limits, Usage};
    use crate::{ActionCache, ActionResult, Cancel, FsActionCache, Output, Store};
    use fs_err as fs;
    use mizzen_oci::Digest;
    use serde_json::Value;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    /// A cache of three records: each has a blob of its own, the last two share one; and a blob that
    /// nothing names. The first was used an hour ago, the second and the lone blob half an hour ago.
    fn cache(root: &Path) -> Store {
        let store = Store::open(root).unwrap();
        let blob = |text: &str| Output {
            digest: store.put(text.as_bytes()).unwrap(),
            size_bytes: text.len() as u64,
        };
        let shared = blob("shared by two");
        blob("named by none");
        for (key, shared) in [
            ("one", None),
            ("two", Some(shared)),
            ("three", Some(shared)),
        ] {
            let own = blob(key);
            let outputs = [("own", Some(own)), ("shared", shared)];
            let outputs = outputs
                .into_iter()
                .filter_map(|(name, output)| Some((name.to_owned(), output?)));
            let result = ActionResult {
                outputs: outputs.collect(),
                inputs: own,
                facts: Value::Null,
            };
            FsActionCache(&store)
                .put("publish", &Digest::of(key.as_bytes()), &result)
                .unwrap();
        }
        let old = |path: String, minutes: u64| {
            let file = fs::File::open(root.join(path)).unwrap();
            let then =
                file.metadata().unwrap().modified().unwrap() - Duration::from_secs(60 * minutes);
            file.set_modified(then).unwrap();
            assert!(then < SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40));
        };
        old(
            format!("actions-v1/publish/{}", Digest::of(b"one").hex()),
            60,
        );
        old(
            format!("actions-v1/publish/{}", Digest::of(b"two").hex()),
            30,
        );
        old(
            format!("blobs/sha256/{}", Digest::of(b"named by none").hex()),
            30,
        );
        store
    }

    fn known(store: &Store) -> Vec<&'static str> {
        let names = ["one", "two", "three", "shared by two", "named by none"];
        names
            .into_iter()
            .filter(|name| store.read(&Digest::of(name.as_bytes())).unwrap().is_some())
            .collect()
    }

    #[test]
    fn what_was_used_longest_ago_goes_first_and_what_is_shared_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = cache(folder.path());
        let prune = |limits| {
            store
                .housekeeping(&Cancel::default())
                .unwrap()
                .prune(limits)
                .unwrap()
        };
        assert_eq!(prune(Limits::default()).files, 0);
        let age = Limits {
            max_age: Some(Duration::from_secs(60 * 45)),
            max_bytes: None,
        };
        assert_eq!(prune(age).files, 2);
        assert_eq!(
            known(&store),
            ["two", "three", "shared by two", "named by none"]
        );
        let size = Limits {
            max_age: None,
            max_bytes: Some(18),
        };
        prune(size);
        assert_eq!(known(&store), ["three", "shared by two"]);
        let record = FsActionCache(&store)
            .get("publish", &Digest::of(b"three"))
            .unwrap();
        assert!(record.is_some());
    }

    #[test]
    fn damaged_files_are_found_and_everything_can_go() {
        let folder = tempfile::tempdir().unwrap();
        let store = cache(folder.path());
        let alone = store.housekeeping(&Cancel::default()).unwrap();
        assert_eq!(alone.verify(&Cancel::default()).unwrap().files, 0);
        for path in [
            format!("blobs/sha256/{}", Digest::of(b"two").hex()),
            format!("actions-v1/publish/{}", Digest::of(b"one").hex()),
        ] {
            let path = folder.path().join(path);
            fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(path, "damaged").unwrap();
        }
        assert_eq!(alone.verify(&Cancel::default()).unwrap().files, 2);
        assert_eq!(
            known(&store),
            ["one", "three", "shared by two", "named by none"]
        );
        alone.clean().unwrap();
        assert_eq!(store.usage().unwrap(), Usage::default());
    }

    #[test]
    fn an_image_that_was_written_into_the_folder_is_none_of_its_business() {
        let folder = tempfile::tempdir().unwrap();
        let store = cache(folder.path());
        let image = folder.path().join("out/shop");
        fs::create_dir_all(&image).unwrap();
        fs::write(image.join("index.json"), "{}").unwrap();
        let alone = store.housekeeping(&Cancel::default()).unwrap();
        assert_eq!(alone.verify(&Cancel::default()).unwrap().files, 0);
        let nothing = Limits {
            max_age: Some(Duration::ZERO),
            max_bytes: Some(0),
        };
        alone.prune(nothing).unwrap();
        alone.clean().unwrap();
        assert_eq!(fs::read(image.join("index.json")).unwrap(), b"{}");
    }

    #[test]
    fn nothing_is_taken_while_another_process_uses_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _other) = (cache(folder.path()), Store::open(folder.path()).unwrap());
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(store.housekeeping(&cancel).is_err());
    }
}
