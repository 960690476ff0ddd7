use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Every path that the processes of a step looked up, sorted.
///
/// A path is absolute, as the process saw it. Empty parts and `.` are gone; `..` is not, for what it
/// means depends on the links before it. Whoever asks what is there now has to follow links as the
/// kernel does: a look-up of `/a/b` has also asked whether `/a` is a link, and where it leads.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// How each path was looked up.
    pub paths: BTreeMap<PathBuf, Looks>,
}

/// How a path was looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Looks {
    /// Everything that was done with it.
    pub kinds: Kinds,
    /// Whether the step made, replaced or removed it before it looked at it in any other way.
    pub written_first: bool,
}

/// What was done with a path, whether or not anything was there: a set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Kinds(u32);

impl Kinds {
    /// Asked whether it is there, of what kind it is, how long, who may use it: `stat`, `access`,
    /// `chdir`.
    pub const PROBED: Self = Self(1);
    /// Opened so that its bytes can be read. A folder that was opened so may have been listed, too.
    pub const READ: Self = Self(2);
    /// Opened as a folder, or asked whether it is empty.
    pub const LISTED: Self = Self(4);
    /// Asked where it leads, as a link.
    pub const LINK_READ: Self = Self(8);
    /// Started as a program, or as what a script or a program names to be started by.
    pub const EXECUTED: Self = Self(16);
    /// Made, replaced, changed or removed; whoever does that learns whether it was there.
    pub const WRITTEN: Self = Self(32);

    const NAMES: [(Self, &str); 6] = [
        (Self::PROBED, "probed"),
        (Self::READ, "read"),
        (Self::LISTED, "listed"),
        (Self::LINK_READ, "link read"),
        (Self::EXECUTED, "executed"),
        (Self::WRITTEN, "written"),
    ];

    /// Returns what either set holds.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether everything in `other` was done.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the set as a number, the sum of the kinds in it.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns the set that [`bits`](Self::bits) gave as a number.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Self::NAMES.iter().filter(|(kind, _)| self.has(*kind));
        let names: Vec<_> = names.map(|(_, name)| *name).collect();
        f.write_str(&names.join(", "))
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why it is not known what a step looked up: the rest of a sentence that starts with "not watched,
/// because".
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotWatched(pub String);

/// One record of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sighting {
    pub(crate) kinds: Kinds,
    pub(crate) path: Vec<u8>,
}

impl Seen {
    /// Puts together what was noted, in the order in which it was, without what lies in `hidden`.
    pub(crate) fn of(sightings: Vec<Sighting>, hidden: &Path) -> Self {
        let mut paths = BTreeMap::new();
        for Sighting { kinds, path } in sightings {
            let path = tidy(&path);
            if path.starts_with(hidden) {
                continue;
            }
            let looks = paths.entry(path).or_insert(Looks {
                kinds: Kinds::default(),
                written_first: kinds == Kinds::WRITTEN,
            });
            looks.kinds = looks.kinds.and(kinds);
        }
        Self { paths }
    }
}

/// Takes out what changes nothing, wherever the links lead: empty parts and `.`.
fn tidy(path: &[u8]) -> PathBuf {
    let mut tidy = Vec::with_capacity(path.len());
    for part in path.split(|byte| *byte == b'/') {
        if !part.is_empty() && part != b"." {
            tidy.push(b'/');
            tidy.extend_from_slice(part);
        }
    }
    if tidy.is_empty() {
        tidy.push(b'/');
    }
    PathBuf::from(OsString::from_vec(tidy))
}

#[cfg(test)]
mod tests {
    use super::{Kinds, Seen, Sighting};
    use std::path::Path;

    #[test]
    fn looks_at_one_path_become_one_and_links_are_not_guessed_at() {
        let sightings = [
            (Kinds::WRITTEN, "/a//b/./c/"),
            (Kinds::READ, "/a/b/c"),
            (Kinds::READ, "/a/x/../b"),
            (Kinds::READ.and(Kinds::WRITTEN), "/d"),
            (Kinds::PROBED, "//"),
            (Kinds::READ, "/watch/log"),
        ];
        let sightings = sightings.map(|(kinds, path)| Sighting {
            kinds,
            path: path.into(),
        });
        let seen = Seen::of(sightings.to_vec(), Path::new("/watch"));
        let told = |(path, looks): (&std::path::PathBuf, &super::Looks)| {
            let first = if looks.written_first { ", first" } else { "" };
            format!("{} {}{first}", path.display(), looks.kinds)
        };
        let told: Vec<_> = seen.paths.iter().map(told).collect();
        let expected = [
            "/ probed",
            "/a/b/c read, written, first",
            "/a/x/../b read",
            "/d read, written",
        ];
        assert_eq!(told, expected);
    }
}
