//! Where a path leads while a step runs.
//!
//! A path set is asked later against the tree that the step found. There a link that the step itself has
//! made is not, and what was read through it would be missed; so from the first such link on, each
//! look-up is noted where it leads, too.

use crate::log::Log;
use crate::seen::Kinds;
use fs_err as fs;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// How many links the kernel follows in one look-up.
const MOST: usize = 40;

/// Notes where `path` leads, and the links on the way.
pub(crate) fn note_followed(log: &Log, kinds: Kinds, path: &[u8]) {
    // What leads elsewhere for each process is told by its own path alone.
    if path.starts_with(b"/proc/") {
        return;
    }
    let mut left: Vec<OsString> = parts(Path::new(OsStr::from_bytes(path)));
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(&part);
        let Ok(to) = fs::read_link(&at) else {
            continue;
        };
        log.note(Kinds::LINK_READ, at.as_os_str().as_bytes());
        links += 1;
        if links > MOST {
            return;
        }
        if to.is_absolute() {
            at = PathBuf::from("/");
        } else {
            at.pop();
        }
        left.extend(parts(&to));
    }
    log.note(kinds, at.as_os_str().as_bytes());
}

/// Returns the parts of a path, last first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.as_os_str().as_bytes().split(|byte| *byte == b'/');
    let parts = parts.filter(|part| !part.is_empty() && *part != b".");
    parts
        .rev()
        .map(|part| OsString::from_vec(part.to_vec()))
        .collect()
}

/// Notes everything that comes to lie under another name with `path`: a folder is read there under
/// paths where the step found nothing, and nobody need read what ends up in its result.
pub(crate) fn note_moved(log: &Log, path: &Path) {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return;
    };
    if metadata.is_symlink() {
        log.note(Kinds::LINK_READ, path.as_os_str().as_bytes());
        log.make_links_followed();
    }
    if !metadata.is_dir() {
        return;
    }
    log.note(Kinds::LISTED, path.as_os_str().as_bytes());
    let Ok(entries) = fs::read_dir(path) else {
        log.is_blind("it moved a folder that cannot be listed");
        return;
    };
    for entry in entries {
        let Ok(entry) = entry else {
            log.is_blind("it moved a folder that cannot be listed");
            return;
        };
        let path = entry.path();
        log.note(Kinds::READ, path.as_os_str().as_bytes());
        note_moved(log, &path);
    }
}
