use crate::Process;
use crate::engine::Engine;
use crate::error::CommandError;
use mizzen_oci::Reference;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where an image goes, or a base comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Destination {
    /// `registry/repository[:tag]`.
    Registry(Box<Reference>),
    /// `oci:DIR[:TAG]`; the folder as the user wrote it and where that is.
    Layout {
        written: PathBuf,
        folder: PathBuf,
        tag: Option<String>,
    },
    /// `oci-archive:FILE` or `docker-archive:FILE`; the file as the user wrote it and where that is.
    Archive {
        written: PathBuf,
        file: PathBuf,
        kind: ArchiveKind,
    },
    /// `docker:[NAME[:TAG]]` or `podman:[NAME[:TAG]]`: the local engine.
    Engine {
        engine: Engine,
        name: Option<String>,
    },
}

/// Which reader an archive is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ArchiveKind {
    Oci,
    Docker,
}

/// Prefixes that name no registry, so that a slip is told as one.
const OTHER_SCHEMES: [&str; 3] = ["docker:", "podman:", "docker-archive:"];

impl Destination {
    /// Reads the argument of `--tag`.
    pub(crate) fn tag(text: &str) -> Result<Self, CommandError> {
        let reference: Reference = text
            .parse()
            .map_err(|error| CommandError::usage(format!("{error}")))?;
        if reference.digest.is_some() {
            return Err(CommandError::usage(format!(
                "`{text}` names a digest, which is not known before the build"
            ))
            .hinted("name a tag: registry/repository:tag"));
        }
        Ok(Self::Registry(Box::new(reference)))
    }

    /// Reads the name of an image in a registry.
    pub(crate) fn reference(text: &str) -> Result<Self, CommandError> {
        let reference: Reference = text
            .parse()
            .map_err(|error| CommandError::usage(format!("{error}")))?;
        Ok(Self::Registry(Box::new(reference)))
    }

    /// Reads the argument of `--output`.
    pub(crate) fn output(text: &str, process: &Process) -> Result<Self, CommandError> {
        if let Some(engine) = Self::engine(text)? {
            return Ok(engine);
        }
        Self::local(text, process).ok_or_else(|| {
            CommandError::usage(format!("`{text}` is no output")).hinted(
                "write oci:DIR, oci-archive:FILE or docker-archive:FILE; to push, use --tag",
            )
        })
    }

    /// Reads the argument of `--base`.
    pub(crate) fn base(text: &str, process: &Process) -> Result<Self, CommandError> {
        match Self::local(text, process) {
            Some(base) => return Ok(base),
            None if OTHER_SCHEMES.iter().any(|scheme| text.starts_with(scheme)) => {
                return Err(CommandError::usage(format!("`{text}` is no base image"))
                    .hinted("name a reference, oci:DIR[:TAG] or oci-archive:FILE"));
            }
            None => {}
        }
        Self::reference(text)
    }

    fn engine(text: &str) -> Result<Option<Self>, CommandError> {
        let (engine, name) = match text.split_once(':') {
            Some(("docker", name)) => (Engine::Docker, name),
            Some(("podman", name)) => (Engine::Podman, name),
            _ => return Ok(None),
        };
        if name.is_empty() {
            return Ok(Some(Self::Engine { engine, name: None }));
        }
        // Whoever writes `shop` means `shop:latest` of their own engine, not Docker Hub's.
        let reference: Result<Reference, _> = name.parse();
        let reference = reference.map_err(|error| CommandError::usage(format!("{error}")))?;
        let tagged = name
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'));
        let tag = reference.tag.filter(|_| !tagged);
        let name = tag.map_or_else(|| name.to_owned(), |tag| format!("{name}:{tag}"));
        Ok(Some(Self::Engine {
            engine,
            name: Some(name),
        }))
    }

    fn local(text: &str, process: &Process) -> Option<Self> {
        let (scheme, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty())?;
        let kind = match scheme {
            "oci" => return Some(Self::layout(rest, process)),
            "oci-archive" => ArchiveKind::Oci,
            "docker-archive" => ArchiveKind::Docker,
            _ => return None,
        };
        let written = PathBuf::from(rest);
        Some(Self::Archive {
            file: process.absolute(&written),
            written,
            kind,
        })
    }

    /// Returns the file or folder that this writes.
    pub(crate) fn local_path(&self) -> Option<&Path> {
        match self {
            Self::Registry(_) | Self::Engine { .. } => None,
            Self::Layout { folder, .. } => Some(folder),
            Self::Archive { file, .. } => Some(file),
        }
    }

    /// Returns the layout in `folder`.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self::Layout {
            written: folder.to_owned(),
            folder: folder.to_owned(),
            tag: None,
        }
    }

    // A folder may hold a colon; what follows the last one is a tag only if it can be one.
    fn layout(text: &str, process: &Process) -> Self {
        let (folder, tag) = match text.rsplit_once(':') {
            Some((folder, tag)) if !folder.is_empty() && is_tag(tag) => {
                (folder, Some(tag.to_owned()))
            }
            _ => (text, None),
        };
        let written = PathBuf::from(folder);
        Self::Layout {
            folder: process.absolute(&written),
            written,
            tag,
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

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::Layout { written, tag, .. } => {
                write!(f, "oci:{}", written.display())?;
                tag.iter().try_for_each(|tag| write!(f, ":{tag}"))
            }
            Self::Engine { engine, name } => {
                write!(
                    f,
                    "{}:{}",
                    engine.program(),
                    name.as_deref().unwrap_or_default()
                )
            }
            Self::Archive { written, kind, .. } => {
                let scheme = if *kind == ArchiveKind::Oci {
                    "oci"
                } else {
                    "docker"
                };
                write!(f, "{scheme}-archive:{}", written.display())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;
    use crate::Process;
    use std::path::Path;

    fn process() -> Process {
        Process {
            arguments: Vec::new(),
            environment: std::collections::BTreeMap::new(),
            working_folder: "/here".into(),
            stderr_is_terminal: false,
        }
    }

    #[test]
    fn an_output_is_a_folder_with_a_tag_if_what_follows_can_be_one() {
        let output = |text: &str| match Destination::output(text, &process()).unwrap() {
            Destination::Layout { folder, tag, .. } => (folder.to_str().unwrap().to_owned(), tag),
            _ => unreachable!("these are folders"),
        };
        assert_eq!(output("oci:out"), ("/here/out".to_owned(), None));
        assert_eq!(
            output("oci:out:1.4"),
            ("/here/out".to_owned(), Some("1.4".to_owned()))
        );
        assert_eq!(output("oci:/a:b/c"), ("/a:b/c".to_owned(), None));
        let archive = Destination::output("docker-archive:a:b.tar", &process()).unwrap();
        assert_eq!(archive.local_path().unwrap(), Path::new("/here/a:b.tar"));
        assert_eq!(archive.to_string(), "docker-archive:a:b.tar");
        let loaded = |text: &str| Destination::output(text, &process()).unwrap().to_string();
        assert_eq!(loaded("podman:shop"), "podman:shop:latest");
        assert_eq!(
            loaded("docker:localhost:5000/shop:1"),
            "docker:localhost:5000/shop:1"
        );
        assert_eq!(loaded("docker:"), "docker:");
        for text in ["out", "oci:", "oci-archive:", "docker:Not A Name"] {
            assert!(Destination::output(text, &process()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tag_is_a_reference_without_digest_and_a_base_may_have_one() {
        assert_eq!(
            Destination::tag("localhost:5000/shop").unwrap().to_string(),
            "localhost:5000/shop:latest"
        );
        let pinned = format!("localhost:5000/shop@sha256:{}", "0".repeat(64));
        assert!(Destination::tag(&pinned).is_err());
        assert_eq!(
            Destination::base(&pinned, &process()).unwrap().to_string(),
            pinned
        );
        assert!(Destination::base("docker:x", &process()).is_err());
    }
}
