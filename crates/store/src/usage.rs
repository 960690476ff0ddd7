use crate::{Store, StoreError};
use fs_err as fs;
use std::io;
use std::path::{Path, PathBuf};

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
}

/// What lies in a cache without being of it: what is being written, and images that a build was told
/// no other place for. Those have no seal, and whether they go is not for a cache to say.
const NOT_OURS: [&str; 2] = ["tmp", "out"];

/// Returns every file of the cache.
pub(crate) fn files_below(root: &Path) -> io::Result<Vec<(PathBuf, std::fs::Metadata)>> {
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
