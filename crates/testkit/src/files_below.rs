use fs_err as fs;
use mizzen_image::Entry;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A file or link in a folder.
pub(crate) struct Found {
    /// Relative to the folder.
    pub path: String,
    source: PathBuf,
    link: bool,
}

/// Returns every file and link below `folder`, in no order.
pub(crate) fn files_below(folder: &Path) -> io::Result<Vec<Found>> {
    let mut all = Vec::new();
    for found in WalkDir::new(folder) {
        let found = found?;
        let below = found.path().strip_prefix(folder).expect("it is below");
        if !found.file_type().is_dir() {
            all.push(Found {
                path: below.to_string_lossy().into_owned(),
                link: found.path_is_symlink(),
                source: found.path().to_owned(),
            });
        }
    }
    Ok(all)
}

impl Found {
    /// Returns it as an entry of a layer under `path`; `mode` is a file's.
    pub(crate) fn entry(&self, path: impl Into<Vec<u8>>, mode: u32) -> io::Result<Entry> {
        if self.link {
            let target = fs::read_link(&self.source)?.into_os_string();
            return Ok(Entry::symlink(path, target.into_encoded_bytes()));
        }
        Ok(Entry::file(path, &self.source).with_mode(mode))
    }
}
