use crate::Process;
use mizzen_image::{Archive, Layout};
use std::fmt;
use std::path::{Path, PathBuf};

/// A folder or a file that holds images.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LocalPlace {
    /// `oci:DIR[:TAG]`.
    Layout {
        path: WrittenPath,
        tag: Option<String>,
    },
    /// `oci-archive:FILE` or `docker-archive:FILE`.
    Archive {
        path: WrittenPath,
        kind: ArchiveKind,
    },
}

/// A path as the user wrote it, and where that is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WrittenPath {
    written: PathBuf,
    absolute: PathBuf,
}

/// Which reader an archive is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ArchiveKind {
    Oci,
    Docker,
}

impl LocalPlace {
    /// Reads one; `None` if `text` has none of the three prefixes, or nothing behind it.
    pub(crate) fn parse(text: &str, process: &Process) -> Option<Self> {
        let (scheme, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty())?;
        let path = |text: &str| WrittenPath {
            written: PathBuf::from(text),
            absolute: process.absolute(Path::new(text)),
        };
        let kind = match scheme {
            "oci" => {
                // A folder may hold a colon; what follows the last one is a tag only if it can be one.
                let (folder, tag) = match rest.rsplit_once(':') {
                    Some((folder, tag)) if !folder.is_empty() && is_tag(tag) => (folder, Some(tag)),
                    _ => (rest, None),
                };
                return Some(Self::Layout {
                    path: path(folder),
                    tag: tag.map(str::to_owned),
                });
            }
            "oci-archive" => ArchiveKind::Oci,
            "docker-archive" => ArchiveKind::Docker,
            _ => return None,
        };
        Some(Self::Archive {
            path: path(rest),
            kind,
        })
    }

    /// Returns the layout in `folder`.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let path = WrittenPath {
            written: folder.to_owned(),
            absolute: folder.to_owned(),
        };
        Self::Layout { path, tag: None }
    }

    /// Whether it is an archive for `docker load`.
    pub(crate) fn is_for_docker(&self) -> bool {
        matches!(self, Self::Archive { kind, .. } if *kind == ArchiveKind::Docker)
    }

    /// Returns the folder or the file.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Layout { path, .. } | Self::Archive { path, .. } => &path.absolute,
        }
    }

    /// Returns the same as the user wrote it.
    pub(crate) fn written(&self) -> &Path {
        match self {
            Self::Layout { path, .. } | Self::Archive { path, .. } => &path.written,
        }
    }
}

impl WrittenPath {
    /// Returns where it is.
    #[cfg(test)]
    pub(super) fn absolute(&self) -> &Path {
        &self.absolute
    }

    /// Returns the layout that is there.
    pub(super) fn layout(&self, tag: Option<&str>) -> Layout {
        Layout::new(&self.absolute, tag)
    }

    /// Returns the archive that is there; one for Docker calls its image by `name`, where there is one.
    pub(super) fn archive(&self, kind: ArchiveKind, name: Option<&str>) -> Archive {
        match kind {
            ArchiveKind::Oci => Archive::oci(&self.absolute, None),
            ArchiveKind::Docker => {
                let names: Vec<String> = name.map(str::to_owned).into_iter().collect();
                Archive::docker(&self.absolute, &names)
            }
        }
    }
}

fn is_tag(text: &str) -> bool {
    let mut characters = text.chars();
    let starts = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric() || first == '_');
    starts
        && text.len() <= 128
        && characters.all(|next| next.is_ascii_alphanumeric() || "._-".contains(next))
}

impl fmt::Display for LocalPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.written().display();
        match self {
            Self::Layout { tag: None, .. } => write!(f, "oci:{path}"),
            Self::Layout { tag: Some(tag), .. } => write!(f, "oci:{path}:{tag}"),
            Self::Archive {
                kind: ArchiveKind::Oci,
                ..
            } => write!(f, "oci-archive:{path}"),
            Self::Archive {
                kind: ArchiveKind::Docker,
                ..
            } => write!(f, "docker-archive:{path}"),
        }
    }
}
