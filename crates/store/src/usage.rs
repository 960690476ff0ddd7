use crate::own_files::{Kind, own_files};
use crate::{Store, StoreError};

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

impl Store {
    /// Returns what the cache holds.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it cannot be listed.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        for file in own_files(self.root())? {
            let bytes = file.metadata.len();
            if let Kind::Blob(_) = file.kind {
                usage.blobs += 1;
                usage.blob_bytes += bytes;
            } else {
                usage.records += usize::from(file.kind == Kind::Record);
                usage.other_bytes += bytes;
            }
        }
        Ok(usage)
    }
}
