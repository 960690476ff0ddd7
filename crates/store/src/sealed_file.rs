//! Small files with a checksum, each replaced as a whole.

use crate::cache_folder::make_folder;
use crate::persist::publish;
use crate::{Store, StoreError};
use fs_err as fs;
use mizzen_oci::Digest;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

impl Store {
    /// Replaces the small file `name` under the root by one rename, with a checksum that
    /// [`Store::read_sealed`] asks.
    pub(crate) fn write_sealed(&self, name: &Path, body: &[u8]) -> Result<(), StoreError> {
        let path = self.root().join(name);
        let mut folder = self.root().to_owned();
        for part in name.parent().into_iter().flatten() {
            folder.push(part);
            make_folder(&folder)?;
        }
        let mut file = self.temporary_file()?;
        file.write_all(Digest::of(body).hex().as_bytes())?;
        file.write_all(b"\n")?;
        file.write_all(body)?;
        publish(file, &path)?;
        Ok(())
    }

    /// Returns what [`Store::write_sealed`] wrote; a file that is damaged is removed and counts as
    /// not there.
    pub(crate) fn read_sealed(&self, name: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.root().join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if let Some((seal, [b'\n', body @ ..])) = bytes.split_at_checked(64)
            && Digest::of(body).hex().as_bytes() == seal
        {
            return Ok(Some(body.to_vec()));
        }
        self.remove_damaged(&path)?;
        Ok(None)
    }

    /// Keeps a small text of one kind under a digest, instead of the one that was there.
    ///
    /// For what only saves work: it may be gone at any time.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it cannot be written.
    pub fn write_note(&self, kind: &str, of: &Digest, body: &[u8]) -> Result<(), StoreError> {
        self.write_sealed(&note_name(kind, of), body)
    }

    /// Returns what [`Store::write_note`] kept last; a note that is damaged is removed and counts as
    /// not there.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it is there but cannot be read.
    pub fn read_note(&self, kind: &str, of: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_sealed(&note_name(kind, of))
    }
}

fn note_name(kind: &str, of: &Digest) -> PathBuf {
    Path::new("notes-v1").join(kind).join(of.hex())
}

#[cfg(test)]
mod tests {
    use crate::Store;
    use fs_err as fs;
    use mizzen_oci::Digest;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_note_that_cannot_be_read_is_an_error_and_one_that_is_not_there_is_none() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let of = Digest::of(b"of");
        assert_eq!(store.read_note("kind", &of).unwrap(), None);
        // Nobody can read a folder as a file, not even root.
        fs::create_dir_all(root.path().join("notes-v1/kind").join(of.hex())).unwrap();
        assert!(store.read_note("kind", &of).is_err());
    }

    #[test]
    fn a_note_is_kept_until_it_is_damaged() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let of = Digest::of(b"name");
        assert_eq!(store.read_note("kind", &of).unwrap(), None);
        store.write_note("kind", &of, b"one").unwrap();
        store.write_note("kind", &of, b"two").unwrap();
        assert_eq!(store.read_note("kind", &of).unwrap().unwrap(), b"two");
        let path = root.path().join("notes-v1/kind").join(of.hex());
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"three").unwrap();
        assert_eq!(store.read_note("kind", &of).unwrap(), None);
    }
}
