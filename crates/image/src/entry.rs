use crate::LayerError;
use std::path::PathBuf;
use std::sync::Arc;

/// What a layer holds under one path.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) path: Vec<u8>,
    pub(crate) content: Content,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
}

/// Where the bytes of an [`Entry`] come from.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A file on disk; a symbolic link there is followed.
    File(PathBuf),
    /// Bytes in memory.
    Bytes(Arc<[u8]>),
    /// A symbolic link to this target.
    Symlink(Vec<u8>),
    /// A directory that the application owns.
    Directory,
}

impl Entry {
    /// A regular file with the bytes of `source`: mode 0644, owner 0:0.
    ///
    /// `path` is the path in the image, relative to its root: `app/Shop.Api.dll`.
    pub fn file(path: impl Into<Vec<u8>>, source: impl Into<PathBuf>) -> Self {
        Self::new(path.into(), Content::File(source.into()), 0o644)
    }

    /// A regular file with these bytes: mode 0644, owner 0:0.
    pub fn bytes(path: impl Into<Vec<u8>>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::new(path.into(), Content::Bytes(bytes.into()), 0o644)
    }

    /// A symbolic link, its target written as given.
    pub fn symlink(path: impl Into<Vec<u8>>, target: impl Into<Vec<u8>>) -> Self {
        Self::new(path.into(), Content::Symlink(target.into()), 0o777)
    }

    /// A directory with its own attributes: mode 0755, owner 0:0.
    ///
    /// Only for directories that the application owns: an entry replaces the attributes that the
    /// base gave the directory, and `tmp/` as 0755 breaks `/tmp`. Parents of files need none.
    /// Source: OCI image-spec, layer.md, "Change Types".
    pub fn directory(path: impl Into<Vec<u8>>) -> Self {
        Self::new(path.into(), Content::Directory, 0o755)
    }

    /// Returns the entry with this mode: permissions with set-id and sticky bits.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = mode & 0o7777;
        self
    }

    /// Returns the entry with this owner.
    #[must_use]
    pub fn owned_by(mut self, uid: u32, gid: u32) -> Self {
        (self.uid, self.gid) = (uid.into(), gid.into());
        self
    }

    fn new(path: Vec<u8>, content: Content, mode: u32) -> Self {
        Self {
            path,
            content,
            mode,
            uid: 0,
            gid: 0,
        }
    }
}

/// Puts entries in the one order of a layer and refuses what no layer can hold.
///
/// Sorted by the bytes of the path, not by `Path`, which orders `a/b` before `a-b`.
pub(crate) fn in_order(mut entries: Vec<Entry>) -> Result<Vec<Entry>, LayerError> {
    for entry in &entries {
        check_path(entry)?;
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    for pair in entries.windows(2) {
        if pair[0].path == pair[1].path {
            return Err(LayerError::DuplicatePath {
                path: lossy(&pair[0].path),
            });
        }
    }
    for entry in &entries {
        let slashes = (0..entry.path.len()).filter(|&place| entry.path[place] == b'/');
        for parent in slashes.map(|place| &entry.path[..place]) {
            let found = entries.binary_search_by(|other| other.path[..].cmp(parent));
            if found.is_ok_and(|place| !matches!(entries[place].content, Content::Directory)) {
                return Err(LayerError::NotADirectory {
                    parent: lossy(parent),
                    path: lossy(&entry.path),
                });
            }
        }
    }
    Ok(entries)
}

fn check_path(entry: &Entry) -> Result<(), LayerError> {
    let refused = |why| {
        Err(LayerError::Path {
            path: lossy(&entry.path),
            why,
        })
    };
    if entry.path.contains(&0) {
        return refused("it has a zero byte");
    }
    for name in entry.path.split(|&byte| byte == b'/') {
        match name {
            b"" => return refused("it is absolute, empty or has an empty part"),
            b"." | b".." => return refused("it has a part `.` or `..`"),
            // In a layer this name means: remove the file without the prefix from the layers below.
            _ if name.starts_with(b".wh.") => {
                return refused("the prefix `.wh.` marks removed files in layers");
            }
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn lossy(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
