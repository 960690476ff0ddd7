use crate::BuildError;
use fs_err as fs;
use mizzen_oci::{Digest, Hasher};
use mizzen_store::{Cancel, FileState, FoundFile, StatCache, Store};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Returns the digest of all that can be read below `root`: each file by path, content and execute
/// bit, links followed, but for what `is_skipped` says of its path relative to the root.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn tree_digest(
    root: &Path,
    is_skipped: &dyn Fn(&Path) -> bool,
    store: &Store,
    cancel: &Cancel,
) -> Result<Digest, BuildError> {
    let mut cache = StatCache::load(store, root)?;
    let mut walk = Walk {
        is_skipped,
        files: Vec::new(),
        kinds: Vec::new(),
        facts: Vec::new(),
        walked: BTreeMap::new(),
        cancel,
    };
    let resolved = fs::canonicalize(root).map_err(BuildError::Read)?;
    walk.folder(&resolved, Path::new(""))?;
    let digests = cache.digests(&walk.files, cancel);
    cancel.check()?;
    let digests = digests.map_err(BuildError::Read)?;
    cache.save(store)?;
    let mut facts = walk.facts;
    let kinds = walk.kinds.into_iter();
    facts.extend(
        kinds
            .zip(digests)
            .map(|((path, kind), digest)| (path, (kind, digest))),
    );
    // By bytes, not by `Path`, which compares component by component and takes ten times as long.
    facts.sort_unstable();
    let mut hasher = Hasher::default();
    hasher.field(b"mizzen tree");
    for (path, (kind, digest)) in facts {
        hasher.field(path.as_encoded_bytes());
        hasher.field(&[kind]);
        hasher.field(digest.as_bytes());
    }
    Ok(hasher.finish())
}

struct Walk<'a> {
    is_skipped: &'a dyn Fn(&Path) -> bool,
    /// The files, and beside each its path relative to the root and its kind.
    files: Vec<FoundFile>,
    kinds: Vec<(OsString, u8)>,
    /// What is not a file, by path relative to the root: its kind, and what names its content.
    facts: Vec<(OsString, (u8, Digest))>,
    /// The folders without links that were walked, and the path of each.
    walked: BTreeMap<PathBuf, PathBuf>,
    cancel: &'a Cancel,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, relative: &Path) -> Result<(), BuildError> {
        self.cancel.check()?;
        // Links may lead in circles, and tools that combine packages make many to one place.
        if let Some(earlier) = self.walked.get(folder) {
            let digest = Digest::of(earlier.as_os_str().as_encoded_bytes());
            self.facts.push((relative.into(), (b'd', digest)));
            return Ok(());
        }
        self.walked.insert(folder.to_owned(), relative.to_owned());
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = entries.map_err(BuildError::Read)?;
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, relative) = (entry.path(), relative.join(entry.file_name()));
            if (self.is_skipped)(&relative) {
                continue;
            }
            let kind = entry.file_type().map_err(BuildError::Read)?;
            if !kind.is_symlink() {
                self.entry(&path, &relative, kind.is_dir())?;
            } else if let Ok(resolved) = fs::canonicalize(&path) {
                self.entry(&resolved, &relative, resolved.is_dir())?;
            } else {
                let target = fs::read_link(&path).map_err(BuildError::Read)?;
                let target = Digest::of(target.as_os_str().as_encoded_bytes());
                self.facts.push((relative.into(), (b'l', target)));
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, relative: &Path, is_folder: bool) -> Result<(), BuildError> {
        if is_folder {
            return self.folder(path, relative);
        }
        let metadata = fs::symlink_metadata(path).map_err(BuildError::Read)?;
        // A pipe or a socket has no content, and would be waited for.
        if !metadata.is_file() {
            let nothing = Digest::of(b"");
            self.facts.push((relative.into(), (b'n', nothing)));
            return Ok(());
        }
        let is_program = metadata.permissions().mode() & 0o111 != 0;
        self.files.push(FoundFile {
            name: relative.to_string_lossy().into_owned(),
            path: path.to_owned(),
            state: FileState::of(&metadata),
        });
        let kind = if is_program { b'x' } else { b'f' };
        self.kinds.push((relative.into(), kind));
        Ok(())
    }
}
