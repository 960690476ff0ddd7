use crate::own_files::{TEMPORARY, entries, is_temporary};
use crate::{BlobWriter, FileState, StoreError, StoredBlob, cache_folder};
use fs_err as fs;
use mizzen_oci::Digest;
use rustix::fs::{AtFlags, CWD, FlockOperation, Timespec, Timestamps, UTIME_NOW};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::{NamedTempFile, TempDir};

/// Content-addressed blobs in a folder of one user, for any number of processes at once.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Held shared while this value lives, so that nobody sweeps `tmp/` under it.
    lock: fs::File,
    /// What was found broken and removed, a sentence each.
    healed: Mutex<Vec<String>>,
    /// Files whose digests were not those that were remembered of them.
    mistaken: Mutex<BTreeSet<PathBuf>>,
    /// Removes the folder in the end.
    _temporary: Option<TempDir>,
}

/// The file system's own clock.
const NOW: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: UTIME_NOW as _,
};

impl Store {
    /// Opens the cache in `root`, making it (0700) if it is not there, and sweeps what a killed
    /// process left in `tmp/`.
    ///
    /// # Errors
    /// [`StoreError::Folder`] if the folder holds anything but a cache, or others can write into it;
    /// [`StoreError::Io`] if it cannot be made or written.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        cache_folder::claim(root)?;
        let lock = cache_folder::open_lock(&root.join(".lock"))?;
        let mut healed = Vec::new();
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            healed.extend(sweep(&root.join("tmp"))?);
        }
        rustix::fs::flock(&lock, FlockOperation::LockShared).map_err(io::Error::from)?;
        Ok(Self {
            root: root.to_owned(),
            lock,
            healed: Mutex::new(healed),
            mistaken: Mutex::default(),
            _temporary: None,
        })
    }

    /// Opens the cache in `root` if there is one: for who only looks. Nothing is made.
    ///
    /// # Errors
    /// The same.
    pub fn open_existing(root: &Path) -> Result<Option<Self>, StoreError> {
        if cache_folder::is_claimed(root)? {
            Self::open(root).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Makes a cache in `folder` that goes when the value is dropped: for who only looks, where there
    /// is no cache.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `folder` cannot be written.
    pub fn temporary(folder: &Path) -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(folder)?;
        let store = Self::open(folder.path())?;
        Ok(Self {
            _temporary: Some(folder),
            ..store
        })
    }

    pub(crate) fn lock(&self) -> &std::fs::File {
        self.lock.file()
    }

    /// Returns what was found broken and removed since this was last asked, a sentence each.
    pub fn take_healed(&self) -> Vec<String> {
        std::mem::take(&mut *self.healed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that the file at `path` is another than it seemed to be: a [`StatCache`](crate::StatCache)
    /// that is loaded from now on reads it, whatever is remembered of it.
    pub fn mistook(&self, path: &Path) {
        let mut mistaken = self.mistaken.lock().unwrap_or_else(PoisonError::into_inner);
        mistaken.insert(path.to_owned());
    }

    pub(crate) fn mistaken(&self) -> BTreeSet<PathBuf> {
        let mistaken = self.mistaken.lock();
        mistaken.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn remove_damaged(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)?;
        let text = format!(
            "`{}` in the cache was damaged, and is removed",
            path.display()
        );
        self.healed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text);
        Ok(())
    }

    /// Returns the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the blob if it is here in full length; its bytes are verified when they are read.
    pub fn blob(&self, digest: &Digest, size_bytes: u64) -> Option<StoredBlob> {
        let path = self.blob_path(digest);
        let here = fs::symlink_metadata(&path)
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() == size_bytes);
        here.then_some(StoredBlob {
            path,
            digest: *digest,
            size_bytes,
        })
    }

    /// Returns the verified bytes of a small blob; `None` if it is not here, or was not what its
    /// name says.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the file is there but cannot be read.
    pub fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.blob_path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if Digest::of(&bytes) == *digest {
            return Ok(Some(bytes));
        }
        self.remove_damaged(&path)?;
        Ok(None)
    }

    /// Starts a blob.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `tmp/` cannot be written.
    pub fn writer(&self) -> Result<BlobWriter, StoreError> {
        let file = self.temporary_file()?;
        Ok(BlobWriter::new(file, self.root.join("blobs/sha256")))
    }

    /// Stores `bytes` as a blob.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let mut writer = self.writer()?;
        writer.write_all(bytes)?;
        Ok(writer.commit()?.0)
    }

    /// Makes an empty folder in `tmp/`, on the file system of the blobs; it goes when the value is
    /// dropped.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `tmp/` cannot be written.
    pub fn temporary_folder(&self) -> Result<TempDir, StoreError> {
        let mut folder = tempfile::Builder::new();
        Ok(folder.prefix(TEMPORARY).tempdir_in(self.root.join("tmp"))?)
    }

    /// Notes that a file under the root was used now, for who prunes by last use.
    pub(crate) fn touch(&self, name: &Path) {
        let times = Timestamps {
            last_access: NOW,
            last_modification: NOW,
        };
        // A cache that cannot be written is not a reason to miss.
        let _ = rustix::fs::utimensat(CWD, self.root.join(name), &times, AtFlags::SYMLINK_NOFOLLOW);
    }

    /// Returns the time that the store's file system gives to a file that is written now, in
    /// nanoseconds since 1970: on a network mount that clock is not the machine's.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the store cannot be written.
    pub fn file_time_ns(&self) -> Result<i128, StoreError> {
        let file = self.temporary_file()?;
        Ok(FileState::of(&file.as_file().metadata()?).mtime_ns)
    }

    pub(crate) fn temporary_file(&self) -> io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new();
        file.prefix(TEMPORARY).tempfile_in(self.root.join("tmp"))
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }
}

/// Removes what a killed process left in `folder`, and says so; what others have put there stays.
fn sweep(folder: &Path) -> io::Result<Option<String>> {
    let mut swept = 0;
    for (name, metadata) in entries(folder)? {
        if metadata.is_symlink() || !is_temporary(&name) {
            continue;
        }
        swept += 1;
        if metadata.is_dir() {
            fs::remove_dir_all(folder.join(name))?;
        } else {
            fs::remove_file(folder.join(name))?;
        }
    }
    let files = if swept == 1 { "file" } else { "files" };
    Ok((swept > 0).then(|| {
        format!(
            "an earlier run was killed and left {swept} unfinished {files} in the cache, now removed"
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::Store;
    use crate::Blob;
    use fs_err as fs;
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    fn names(folder: &std::path::Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_damaged_blob_is_found_on_reading_removed_and_healed_by_the_next_write() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let digest = store.put(b"layer").unwrap();
        let path = root.path().join("blobs/sha256").join(digest.hex());
        for by_reader in [true, false] {
            fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(&path, b"lAyer").unwrap();
            assert_eq!(store.take_healed(), [""; 0]);
            if by_reader {
                let blob = store.blob(&digest, 5).unwrap();
                assert!(blob.open().unwrap().read_to_end(&mut Vec::new()).is_err());
            } else {
                assert_eq!(store.read(&digest).unwrap(), None);
                let healed = store.take_healed();
                assert!(healed[0].contains(&digest.hex()), "{healed:?}");
            }
            assert!(store.blob(&digest, 5).is_none());
            store.put(b"layer").unwrap();
            assert_eq!(store.read(&digest).unwrap().unwrap(), b"layer");
        }
    }

    #[test]
    fn what_a_killed_process_left_is_swept_but_not_under_one_that_lives() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("cache");
        let first = Store::open(&root).unwrap();
        fs::write(root.join("tmp/.mizzen-killed"), b"half").unwrap();
        drop(Store::open(&root).unwrap());
        assert_eq!(names(&root.join("tmp")), 1);
        drop(first);
        let healed = Store::open(&root).unwrap().take_healed();
        assert!(healed[0].contains("1 unfinished file "), "{healed:?}");
        assert_eq!(names(&root.join("tmp")), 0);
        assert_eq!(
            fs::metadata(&root).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}
