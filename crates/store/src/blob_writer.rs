use crate::StoreError;
use crate::persist::publish;
use mizzen_oci::{Digest, HashingWriter};
use std::io::{self, Write};
use std::path::PathBuf;
use tempfile::NamedTempFile;

/// Takes the bytes of a blob; it has no name until [`BlobWriter::commit`] gives it one.
///
/// Dropped without commit, it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    inner: HashingWriter<NamedTempFile>,
    blobs: PathBuf,
}

impl BlobWriter {
    /// Writes into `file`, which gets its name in the folder `blobs`.
    pub(crate) fn new(file: NamedTempFile, blobs: PathBuf) -> Self {
        let inner = HashingWriter::new(file);
        Self { inner, blobs }
    }

    /// Brings the bytes written so far to disk, so that [`commit`](Self::commit) has less to wait for.
    ///
    /// # Errors
    /// If they cannot be.
    pub fn sync(&mut self) -> io::Result<()> {
        self.inner.get_ref().as_file().sync_data()
    }

    /// Gives the bytes written so far their name.
    ///
    /// # Errors
    /// [`StoreError::Io`] if they cannot be brought to disk; then nothing appears.
    pub fn commit(self) -> Result<(Digest, u64), StoreError> {
        let (file, digest, size_bytes) = self.inner.finish();
        publish(file, &self.blobs.join(digest.hex()))?;
        Ok((digest, size_bytes))
    }

    /// Gives the bytes their name if it is the one that was announced. Returns their number.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`] if they are other bytes; then nothing appears.
    pub fn commit_as(self, want: &Digest) -> Result<u64, StoreError> {
        let (file, got, got_bytes) = self.inner.finish();
        if got != *want {
            return Err(StoreError::Mismatch {
                got,
                got_bytes,
                want: *want,
            });
        }
        publish(file, &self.blobs.join(got.hex()))?;
        Ok(got_bytes)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.inner.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Blob, Store, StoreError};
    use fs_err as fs;
    use mizzen_oci::Digest;
    use std::io::{Read, Write};

    fn names(folder: &std::path::Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_blob_has_its_name_only_after_commit() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let mut writer = store.writer().unwrap();
        writer.write_all(b"layer").unwrap();
        assert!(store.blob(&Digest::of(b"layer"), 5).is_none());
        assert_eq!(writer.commit().unwrap(), (Digest::of(b"layer"), 5));
        let mut bytes = Vec::new();
        store
            .blob(&Digest::of(b"layer"), 5)
            .unwrap()
            .open()
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        assert_eq!(bytes, b"layer");
    }

    #[test]
    fn a_dropped_writer_and_a_wrong_announcement_leave_nothing() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        store.writer().unwrap().write_all(b"half").unwrap();
        let mut writer = store.writer().unwrap();
        writer.write_all(b"other").unwrap();
        assert!(matches!(
            writer.commit_as(&Digest::of(b"layer")),
            Err(StoreError::Mismatch { .. })
        ));
        assert_eq!(
            (
                names(&root.path().join("tmp")),
                names(&root.path().join("blobs/sha256"))
            ),
            (0, 0)
        );
    }
}
