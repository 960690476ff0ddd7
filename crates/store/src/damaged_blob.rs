use crate::causes::cause;
use std::error::Error;
use std::io::{self, Read};
use std::path::PathBuf;

/// A blob of the cache was not what its name says, and is removed: whatever it held can be made or
/// fetched again.
#[derive(Debug, thiserror::Error)]
#[error("`{}` in the cache was damaged, and is removed", path.display())]
pub struct DamagedBlob {
    /// Where it was.
    pub path: PathBuf,
    source: io::Error,
}

impl DamagedBlob {
    /// Finds it among the causes of `error`.
    pub fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        cause(error)
    }
}

/// Reads a blob of the cache, and tells bytes that are not what its name says from every other
/// failure.
pub(crate) struct CacheReader {
    pub(crate) verified: Box<dyn Read + Send>,
    pub(crate) path: PathBuf,
}

impl Read for CacheReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.verified.read(buffer).map_err(|error| {
            if error.kind() != io::ErrorKind::InvalidData {
                return error;
            }
            let path = self.path.clone();
            let source = error;
            io::Error::new(io::ErrorKind::InvalidData, DamagedBlob { path, source })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::DamagedBlob;
    use crate::{Blob, Store, StoreError};
    use fs_err as fs;
    use std::io::{self, Read};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_found_however_deep_it_lies() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let digest = store.put(b"layer").unwrap();
        let path = root.path().join("blobs/sha256").join(digest.hex());
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"lAyer").unwrap();
        let blob = store.blob(&digest, 5).unwrap();
        let error = blob.open().unwrap().read_to_end(&mut Vec::new());
        let error = StoreError::Io(io::Error::other(error.unwrap_err()));
        assert_eq!(DamagedBlob::within(&error).unwrap().path, path);
        assert!(!path.exists());
        let other = StoreError::Io(io::Error::other("other"));
        assert!(DamagedBlob::within(&other).is_none());
    }
}
