use fs_err as fs;
use mizzen_image::Entry;
use std::io;
use std::path::{Path, PathBuf};

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
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for found in fs::read_dir(current)? {
            let found = found?;
            let (source, kind) = (found.path(), found.file_type()?);
            if kind.is_dir() {
                folders.push(source);
                continue;
            }
            let below = source
                .strip_prefix(folder)
                .expect("it was found in the folder");
            all.push(Found {
                path: below.to_string_lossy().into_owned(),
                link: kind.is_symlink(),
                source,
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
