//! What of a cache is its own: the only names that any verb removes.

use fs_err as fs;
use mizzen_oci::Digest;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

/// The folders of a cache, each after the one that holds it.
pub(crate) const FOLDERS: [&str; 5] = ["blobs", "blobs/sha256", "actions-v1", "stat-v1", "tmp"];
/// The folders that hold one folder for each step or kind.
pub(crate) const FOLDERS_OF_FOLDERS: [&str; 2] = ["actions-v1", "notes-v1"];
/// What the names of temporary files and folders begin with.
pub(crate) const TEMPORARY: &str = ".mizzen-";

/// A file that the cache wrote.
pub(crate) struct OwnFile {
    pub(crate) kind: Kind,
    /// Relative to the root.
    pub(crate) name: PathBuf,
    pub(crate) path: PathBuf,
    pub(crate) metadata: Metadata,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Blob(Digest),
    Record,
    /// What only saves work.
    Note,
}

/// Returns every blob, record and note of the cache in `root`, by name: what has another name, is a
/// link or lies elsewhere is not the cache's.
///
/// # Errors
/// A folder of the cache cannot be read.
pub(crate) fn own_files(root: &Path) -> io::Result<Vec<OwnFile>> {
    let mut files = Vec::new();
    let mut list = |folder: PathBuf, kind: fn(Digest) -> Kind| -> io::Result<()> {
        for (file_name, metadata) in entries(&root.join(&folder))? {
            let digest = file_name.to_str().map(Digest::from_hex);
            if let Some(Ok(digest)) = digest
                && metadata.is_file()
            {
                let name = folder.join(file_name);
                let path = root.join(&name);
                files.push(OwnFile {
                    kind: kind(digest),
                    name,
                    path,
                    metadata,
                });
            }
        }
        Ok(())
    };
    list("blobs/sha256".into(), Kind::Blob)?;
    list("stat-v1".into(), |_| Kind::Note)?;
    for name in FOLDERS_OF_FOLDERS {
        let kind = match name {
            "actions-v1" => |_| Kind::Record,
            _ => |_| Kind::Note,
        };
        for (folder, metadata) in entries(&root.join(name))? {
            if metadata.is_dir() && is_word(&folder) {
                list(Path::new(name).join(folder), kind)?;
            }
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// Returns what lies in `folder`, links not followed; nothing if it is not there.
pub(crate) fn entries(folder: &Path) -> io::Result<Vec<(PathBuf, Metadata)>> {
    let found = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found?,
    };
    let mut entries = Vec::new();
    for entry in found {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) => entries.push((entry.file_name().into(), metadata)),
            // Another process has removed it, or given it its name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(entries)
}

/// Whether a cache gives such names to what it writes into `tmp/`: temporary files and folders, and
/// the locks of steps.
pub(crate) fn is_temporary(name: &Path) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    // Before caches had a marker, they took the names that the library gives.
    let random = name.strip_prefix(TEMPORARY).or(name.strip_prefix(".tmp"));
    let is_random =
        |random: &str| random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let step = name.rsplit_once('-');
    random.is_some_and(is_random)
        || step.is_some_and(|(step, hex)| is_word(Path::new(step)) && Digest::from_hex(hex).is_ok())
}

/// Whether a step, or a kind of notes, can have this name.
pub(crate) fn is_word(name: &Path) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let name = name.to_str();
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(is_letter))
}

/// Whether everything in `root` has the form that caches had before they had a marker: all that such a
/// cache always held, and nothing else.
pub(crate) fn is_unmarked_cache(root: &Path) -> io::Result<bool> {
    let lock = fs::symlink_metadata(root.join(".lock"));
    let has_lock = lock.is_ok_and(|lock| lock.is_file());
    let mut is_own = has_lock && FOLDERS.iter().all(|folder| root.join(folder).is_dir());
    let is_hex = |name: &Path| {
        name.to_str()
            .is_some_and(|hex| Digest::from_hex(hex).is_ok())
    };
    let files = |folder: PathBuf| -> io::Result<bool> {
        let mut files = entries(&folder)?.into_iter();
        Ok(files.all(|(name, metadata)| metadata.is_file() && is_hex(&name)))
    };
    for (name, metadata) in entries(root)? {
        let path = root.join(&name);
        let name = name.to_str().unwrap_or_default();
        let inside = || -> io::Result<bool> {
            let mut below = entries(&path)?.into_iter();
            match name {
                "blobs" => {
                    let is_alone = below.all(|(name, _)| name == Path::new("sha256"));
                    Ok(is_alone && files(path.join("sha256"))?)
                }
                "stat-v1" => files(path.clone()),
                "tmp" => Ok(below.all(|(name, _)| is_temporary(&name))),
                "out" => Ok(below.all(|(name, _)| path.join(name).join("oci-layout").is_file())),
                name if FOLDERS_OF_FOLDERS.contains(&name) => {
                    for (name, metadata) in below {
                        let is_step = metadata.is_dir() && is_word(&name);
                        if !is_step || !files(path.join(name))? {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                }
                _ => Ok(false),
            }
        };
        is_own = is_own && (name == ".lock" || (metadata.is_dir() && inside()?));
    }
    Ok(is_own)
}

#[cfg(test)]
mod tests {
    use super::{is_temporary, is_word};
    use std::path::Path;

    #[test]
    fn a_temporary_name_is_one_that_a_cache_gives() {
        let turn = format!("restore-{}", "0".repeat(64));
        for own in [".mizzen-aB3dE9", ".tmpaB3dE9", &*turn] {
            assert!(is_temporary(Path::new(own)), "{own}");
        }
        let others = [
            "thesis",
            ".tmp",
            ".tmpaB3dE",
            ".mizzen-aB3.E9",
            "restore-0",
            "-",
            "",
        ];
        for other in others {
            assert!(!is_temporary(Path::new(other)), "{other}");
        }
        assert!(is_word(Path::new("added-files")));
        assert!(!is_word(Path::new("..")) && !is_word(Path::new("")));
    }
}
