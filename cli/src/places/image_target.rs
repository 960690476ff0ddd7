use super::engine::Engine;
use super::local_place::{ArchiveKind, LocalPlace};
use crate::Process;
use crate::error::CommandError;
use crate::session::Session;
use mizzen_image::{Artifact, Layout, Sink, SinkError, Taggable};
use mizzen_oci::{Descriptor, Digest, Reference};
use mizzen_registry::Registry;
use std::fmt;
use std::path::Path;

/// Where an image goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ImageTarget {
    /// `registry/repository[:tag]`.
    Registry(Box<Reference>),
    /// A layout or an archive.
    Local(LocalPlace),
    /// `docker:[NAME[:TAG]]` or `podman:[NAME[:TAG]]`: the local engine.
    Engine {
        engine: Engine,
        name: Option<String>,
    },
}

impl ImageTarget {
    /// Reads the name of an image in a registry that it is to be brought to.
    ///
    /// # Errors
    /// It is not a reference, one with a digest, or names neither a registry nor an owner.
    pub(crate) fn tag(text: &str) -> Result<Self, CommandError> {
        if !text.contains('/') {
            return Err(no_registry(text));
        }
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

    /// Reads the argument of `push`: where a registry's image goes, or an engine.
    ///
    /// # Errors
    /// As [`ImageTarget::tag`].
    pub(crate) fn tag_or_engine(text: &str) -> Result<Self, CommandError> {
        match Engine::named(text) {
            Some((engine, name)) if !name.is_empty() => Self::in_engine(engine, name),
            _ => Self::tag(text),
        }
    }

    /// Reads the argument of `--output`.
    ///
    /// # Errors
    /// It is none of the places that an image is written to.
    pub(crate) fn output(text: &str, process: &Process) -> Result<Self, CommandError> {
        if let Some((engine, name)) = Engine::named(text) {
            return Self::in_engine(engine, name);
        }
        let place = LocalPlace::parse(text, process).ok_or_else(|| {
            CommandError::usage(format!("`{text}` is not an output")).hinted(
                "write oci:DIR, oci-archive:FILE or docker-archive:FILE; to push, use --tag",
            )
        })?;
        Ok(Self::Local(place))
    }

    /// Returns the layout in `folder`.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self::Local(LocalPlace::in_folder(folder))
    }

    fn in_engine(engine: Engine, name: &str) -> Result<Self, CommandError> {
        if name.is_empty() {
            return Ok(Self::Engine { engine, name: None });
        }
        // Whoever writes `shop` means `shop:latest` of their own engine, not Docker Hub's.
        let reference: Result<Reference, _> = name.parse();
        let reference = reference.map_err(|error| CommandError::usage(format!("{error}")))?;
        let last = name.rsplit('/').next();
        let is_tagged = last.is_some_and(|last| last.contains(':'));
        let tag = reference.tag.filter(|_| !is_tagged);
        let name = tag.map_or_else(|| name.to_owned(), |tag| format!("{name}:{tag}"));
        let name = Some(name);
        Ok(Self::Engine { engine, name })
    }

    /// Returns the same place, where an engine that was told no name calls the image by `name`.
    #[must_use]
    pub(crate) fn called(self, name: &str) -> Self {
        match self {
            Self::Engine { engine, name: None } => Self::Engine {
                engine,
                name: Some(name.to_owned()),
            },
            other => other,
        }
    }

    /// Returns the reference of one in a registry.
    pub(crate) fn in_registry(&self) -> Option<&Reference> {
        match self {
            Self::Registry(reference) => Some(reference),
            Self::Local(_) | Self::Engine { .. } => None,
        }
    }

    /// Returns the engine that loads it.
    pub(crate) fn engine(&self) -> Option<Engine> {
        match self {
            Self::Engine { engine, .. } => Some(*engine),
            Self::Registry(_) | Self::Local(_) => None,
        }
    }

    /// Returns the same place of a registry without a tag: the digest alone.
    pub(crate) fn untagged(&self, digest: Digest) -> Option<Self> {
        let reference = Reference {
            tag: None,
            ..self.in_registry()?.at(digest)
        };
        Some(Self::Registry(Box::new(reference)))
    }

    /// Returns the file or folder that this writes.
    pub(crate) fn local_path(&self) -> Option<&Path> {
        match self {
            Self::Local(place) => Some(place.path()),
            Self::Registry(_) | Self::Engine { .. } => None,
        }
    }

    /// Whether what refers to an image has a place there, too.
    pub(crate) fn holds_artifacts(&self) -> bool {
        match self {
            Self::Registry(_) | Self::Local(LocalPlace::Layout { .. }) => true,
            Self::Local(LocalPlace::Archive { kind, .. }) => *kind == ArchiveKind::Oci,
            Self::Engine { .. } => false,
        }
    }

    /// Whether each layer is written on its own, so that it can be fetched when its turn comes.
    pub(crate) fn writes_single_layers(&self) -> bool {
        matches!(self, Self::Registry(_)) || self.is_layout()
    }

    /// Whether it is a layout.
    pub(crate) fn is_layout(&self) -> bool {
        matches!(self, Self::Local(LocalPlace::Layout { .. }))
    }

    /// Returns the layout, if it is one.
    pub(crate) fn layout(&self) -> Option<Layout> {
        match self {
            Self::Local(LocalPlace::Layout { path, tag }) => Some(path.layout(tag.as_deref())),
            _ => None,
        }
    }

    /// Returns who writes an image there, and what refers to it; an archive for docker and an engine
    /// have the image as `name` and have no room for the rest.
    ///
    /// # Errors
    /// The cache cannot be opened.
    pub(crate) fn sink<'a>(
        &'a self,
        name: &'a str,
        artifacts: &'a [Artifact],
        (registry, session): (&'a Registry, &'a Session<'_>),
    ) -> Result<Box<dyn Sink + 'a>, CommandError> {
        Ok(match self {
            Self::Registry(reference) => {
                let sink = registry.sink((**reference).clone(), session.store()?.clone());
                Box::new(sink.with_artifacts(artifacts.to_vec()))
            }
            Self::Local(LocalPlace::Layout { path, tag }) => {
                let layout = path.layout(tag.as_deref());
                let layout = layout.remembered_in(session.store()?.clone());
                Box::new(Writer(move |what: &Taggable| {
                    let written = layout.write(what)?;
                    for artifact in artifacts {
                        layout.attach(artifact).map_err(SinkError::new)?;
                    }
                    Ok(written)
                }))
            }
            Self::Local(LocalPlace::Archive { path, kind }) => {
                let archive = path.archive(*kind, Some(name));
                Box::new(match kind {
                    ArchiveKind::Oci => archive.with_artifacts(artifacts.to_vec()),
                    ArchiveKind::Docker => archive,
                })
            }
            Self::Engine {
                engine,
                name: asked,
            } => {
                let (name, store) = (asked.as_deref().unwrap_or(name), session.store()?);
                Box::new(Writer(move |what: &Taggable| {
                    let loaded = engine.load(what, name, store, session.process);
                    loaded.map_err(SinkError::new)?;
                    Ok(what.descriptor().clone())
                }))
            }
        })
    }
}

/// Whoever writes `shop` rarely means Docker Hub's own images, which Docker alone pushes.
fn no_registry(text: &str) -> CommandError {
    let (engine, name) = Engine::named(text).unwrap_or((Engine::Docker, text));
    let engine = engine.program();
    let bare = name.split([':', '@']).next().unwrap_or_default();
    CommandError::usage(format!(
        "`{text}` names no registry, so it would be `docker.io/library/{name}`, which only Docker pushes"
    ))
    .hinted(format!(
        "name one: registry.example/{bare}, or docker.io/OWNER/{bare} for Docker Hub; `-o {engine}:{name}` loads the image into {engine} instead"
    ))
}

/// A sink that is one function.
struct Writer<W>(W);

impl<W: Fn(&Taggable) -> Result<Descriptor, SinkError>> Sink for Writer<W> {
    fn write(&self, what: &Taggable) -> Result<Descriptor, SinkError> {
        self.0(what)
    }
}

impl fmt::Display for ImageTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::Local(place) => place.fmt(f),
            Self::Engine { engine, name } => {
                let name = name.as_deref().unwrap_or_default();
                write!(f, "{}:{name}", engine.program())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ImageTarget, LocalPlace};
    use crate::Process;
    use std::path::Path;

    #[test]
    fn an_output_is_a_folder_with_a_tag_if_what_follows_can_be_one() {
        let process = Process::in_folder("/here");
        let output = |text: &str| match ImageTarget::output(text, &process).unwrap() {
            ImageTarget::Local(LocalPlace::Layout { path, tag }) => {
                (path.absolute().to_str().unwrap().to_owned(), tag)
            }
            _ => unreachable!("these are folders"),
        };
        assert_eq!(output("oci:out"), ("/here/out".to_owned(), None));
        assert_eq!(
            output("oci:out:1.4"),
            ("/here/out".to_owned(), Some("1.4".to_owned()))
        );
        assert_eq!(output("oci:/a:b/c"), ("/a:b/c".to_owned(), None));
        let archive = ImageTarget::output("docker-archive:a:b.tar", &process).unwrap();
        assert_eq!(archive.local_path().unwrap(), Path::new("/here/a:b.tar"));
        assert_eq!(archive.to_string(), "docker-archive:a:b.tar");
        let loaded = |text: &str| ImageTarget::output(text, &process).unwrap().to_string();
        assert_eq!(loaded("podman:shop"), "podman:shop:latest");
        assert_eq!(
            loaded("docker:localhost:5000/shop:1"),
            "docker:localhost:5000/shop:1"
        );
        assert_eq!(loaded("docker:"), "docker:");
        for text in ["out", "oci:", "oci-archive:", "docker:Not A Name"] {
            assert!(ImageTarget::output(text, &process).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tag_is_a_reference_without_digest() {
        assert_eq!(
            ImageTarget::tag("localhost:5000/shop").unwrap().to_string(),
            "localhost:5000/shop:latest"
        );
        let pinned = format!("localhost:5000/shop@sha256:{}", "0".repeat(64));
        assert!(ImageTarget::tag(&pinned).is_err());
        for (text, offered) in [
            ("api", "`-o docker:api`"),
            ("api:1.4", "`-o docker:api:1.4`"),
            ("podman:api", "`-o podman:api`"),
        ] {
            let said = ImageTarget::tag(text).unwrap_err().to_string();
            assert!(
                said.contains("names no registry") && said.contains(offered),
                "{said}"
            );
        }
        assert!(ImageTarget::tag("acme/api").is_ok());
    }
}
