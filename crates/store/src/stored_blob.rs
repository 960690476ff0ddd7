use crate::damaged_blob::CacheReader;
use crate::{Blob, verified};
use fs_err as fs;
use mizzen_oci::Digest;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// A blob that lies in a [`Store`](crate::Store).
#[derive(Clone)]
pub struct StoredBlob {
    pub(crate) path: PathBuf,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
}

impl fmt::Debug for StoredBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredBlob({}, {} bytes)", self.digest, self.size_bytes)
    }
}

impl Blob for StoredBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let file = BufReader::with_capacity(256 * 1024, fs::File::open(&self.path)?);
        let path = self.path.clone();
        // Whoever replaced the file meanwhile wrote a good one; removing that costs a rebuild,
        // never a wrong image.
        let verified = verified(file, self.digest, self.size_bytes, move || {
            drop(fs::remove_file(path));
        });
        let path = self.path.clone();
        Ok(Box::new(CacheReader { verified, path }))
    }

    // For a reflink or a copy; never for a hard link, which a user could write through.
    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Blob, Store};
    use fs_err as fs;

    #[test]
    fn a_blob_of_the_store_names_the_file_that_holds_exactly_its_bytes() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let digest = store.put(b"layer").unwrap();
        let blob = store.blob(&digest, 5).unwrap();
        let path = blob.path().unwrap();
        assert!(path.starts_with(root.path()));
        assert_eq!(fs::read(path).unwrap(), b"layer");
    }
}
