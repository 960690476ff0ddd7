use mizzen_oci::{Digest, HashingWriter};
use mizzen_store::{BlobWriter, Store, StoreError};
use std::fs::File;
use std::io::{Seek, Write};

/// Where a blob that is fetched arrives, piece by piece.
pub(crate) trait Landing {
    /// Appends what arrived.
    fn append(&mut self, piece: &[u8]) -> Result<(), StoreError>;

    /// Throws away everything that arrived.
    fn restart(&mut self) -> Result<(), StoreError>;

    /// Ends it, if the bytes are what `want` names; else it is a [`StoreError::Mismatch`], and
    /// nothing is there.
    fn settle(&mut self, want: &Digest) -> Result<(), StoreError>;
}

/// Into the store.
pub(crate) struct StoreLanding<'a> {
    store: &'a Store,
    writer: Option<BlobWriter>,
}

/// Into a file, which has nothing in it before.
pub(crate) struct FileLanding<'a> {
    file: &'a File,
    writer: HashingWriter<&'a File>,
}

impl<'a> StoreLanding<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self {
            store,
            writer: None,
        }
    }

    fn writer(&mut self) -> Result<&mut BlobWriter, StoreError> {
        if self.writer.is_none() {
            self.writer = Some(self.store.writer()?);
        }
        Ok(self.writer.as_mut().expect("it was put there"))
    }
}

impl Landing for StoreLanding<'_> {
    fn append(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        Ok(self.writer()?.write_all(piece)?)
    }

    fn restart(&mut self) -> Result<(), StoreError> {
        self.writer = None;
        Ok(())
    }

    fn settle(&mut self, want: &Digest) -> Result<(), StoreError> {
        self.writer()?;
        let writer = self.writer.take().expect("it was put there");
        writer.commit_as(want).map(drop)
    }
}

impl<'a> FileLanding<'a> {
    pub(crate) fn new(file: &'a File) -> Self {
        Self {
            file,
            writer: HashingWriter::new(file),
        }
    }
}

impl Landing for FileLanding<'_> {
    fn append(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        Ok(self.writer.write_all(piece)?)
    }

    fn restart(&mut self) -> Result<(), StoreError> {
        self.file.set_len(0)?;
        (&*self.file).rewind()?;
        self.writer = HashingWriter::new(self.file);
        Ok(())
    }

    fn settle(&mut self, want: &Digest) -> Result<(), StoreError> {
        let writer = std::mem::replace(&mut self.writer, HashingWriter::new(self.file));
        let (_, got, got_bytes) = writer.finish();
        if got == *want {
            return Ok(());
        }
        self.restart()?;
        Err(StoreError::Mismatch {
            got,
            got_bytes,
            want: *want,
        })
    }
}
