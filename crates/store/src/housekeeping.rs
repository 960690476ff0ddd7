use crate::own_files::{Kind, own_files};
use crate::{Cancel, Store, StoreError};
use fs_err as fs;
use mizzen_oci::HashingReader;
use rustix::fs::FlockOperation;
use std::io;
use std::path::Path;
use std::time::Duration;

/// A [`Store`] that nobody else uses while this value lives: what may take things away.
#[derive(Debug)]
pub struct Housekeeping<'a> {
    pub(crate) store: &'a Store,
    lock: std::fs::File,
}

/// What was taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Removed {
    /// How many files.
    pub files: usize,
    /// Their sizes in all.
    pub bytes: u64,
}

impl Store {
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
        for file in own_files(self.store.root())? {
            cancel.check()?;
            let is_sound = if let Kind::Blob(digest) = file.kind {
                let mut reader = HashingReader::new(fs::File::open(&file.path)?);
                io::copy(&mut reader, &mut io::sink())?;
                reader.finish().0 == digest
            } else {
                // A file with a broken seal is removed by the reading.
                self.store.read_sealed(&file.name)?.is_some()
            };
            if !is_sound {
                removed.take(&file.path, file.metadata.len())?;
            }
        }
        Ok(removed)
    }

    /// Removes every blob, record and note; what else lies in the folder stays.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a file cannot be removed.
    pub fn clean(&self) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        for file in own_files(self.store.root())? {
            removed.take(&file.path, file.metadata.len())?;
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
    pub(crate) fn take(&mut self, path: &Path, bytes: u64) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.files += 1;
        self.bytes += bytes;
        Ok(())
    }
}
