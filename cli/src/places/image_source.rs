use super::engine::Engine;
use super::local_place::LocalPlace;
use crate::Process;
use crate::error::CommandError;
use crate::session::Session;
use mizzen_image::Source;
use mizzen_oci::{Digest, Reference};
use mizzen_registry::Registry;
use std::fmt;
use std::path::Path;

/// Where an image comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ImageSource {
    /// `registry/repository[:tag][@digest]`.
    Registry(Box<Reference>),
    /// A layout or an archive.
    Local(LocalPlace),
}

impl ImageSource {
    /// Reads the name of an image that is to be read.
    ///
    /// # Errors
    /// It is neither a reference nor a place on disk; container engines are none.
    pub(crate) fn parse(text: &str, process: &Process) -> Result<Self, CommandError> {
        if let Some(place) = LocalPlace::parse(text, process) {
            return Ok(Self::Local(place));
        }
        if let Some((engine, name)) = Engine::named(text) {
            let program = engine.program();
            let name = if name.is_empty() { "NAME" } else { name };
            return Err(CommandError::usage(format!(
                "`{text}` is an image in {program}, and mizzen reads images only from registries and files"
            ))
            .hinted(format!(
                "save it first: {program} save --output image.tar {name}; then name docker-archive:image.tar"
            )));
        }
        Self::reference(text)
    }

    /// Reads the name of an image in a registry.
    ///
    /// # Errors
    /// It is not a reference.
    pub(crate) fn reference(text: &str) -> Result<Self, CommandError> {
        let reference: Reference = text
            .parse()
            .map_err(|error| CommandError::usage(format!("{error}")))?;
        Ok(Self::Registry(Box::new(reference)))
    }

    /// Returns the reference of one in a registry.
    pub(crate) fn in_registry(&self) -> Option<&Reference> {
        match self {
            Self::Registry(reference) => Some(reference),
            Self::Local(_) => None,
        }
    }

    /// Returns the file or folder that this reads.
    pub(crate) fn local_path(&self) -> Option<&Path> {
        match self {
            Self::Registry(_) => None,
            Self::Local(place) => Some(place.path()),
        }
    }

    /// Returns the same image of a registry by its digest; what lies on disk has one name.
    #[must_use]
    pub(crate) fn at(&self, digest: Digest) -> Self {
        match self {
            Self::Registry(reference) => Self::Registry(Box::new(reference.at(digest))),
            Self::Local(_) => self.clone(),
        }
    }

    /// Returns who reads it; what lies on disk needs no registry to `connect` to. A registry's layers stay
    /// in the cache once they are fetched, unless they go `straight` to where they are written.
    ///
    /// # Errors
    /// The cache cannot be opened, or what `connect` says.
    pub(crate) fn source(
        &self,
        straight: bool,
        connect: impl FnOnce() -> Result<Registry, CommandError>,
        session: &Session<'_>,
    ) -> Result<Box<dyn Source>, CommandError> {
        Ok(match self {
            Self::Registry(reference) => {
                let store = session.store()?.clone();
                let source = connect()?.source((**reference).clone(), store);
                Box::new(if straight { source.straight() } else { source })
            }
            Self::Local(LocalPlace::Layout { path, tag }) => Box::new(path.layout(tag.as_deref())),
            Self::Local(LocalPlace::Archive { path, kind }) => Box::new(path.archive(*kind, None)),
        })
    }
}

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::Local(place) => place.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ImageSource;
    use crate::Process;

    #[test]
    fn an_image_of_an_engine_is_told_from_one_that_can_be_read() {
        let process = Process::in_folder("/here");
        let pinned = format!("localhost:5000/shop@sha256:{}", "0".repeat(64));
        for text in [
            &pinned,
            "oci:out:1.4",
            "oci-archive:a.tar",
            "docker-archive:a.tar",
        ] {
            assert_eq!(
                ImageSource::parse(text, &process).unwrap().to_string(),
                text
            );
        }
        let error = ImageSource::parse("podman:shop:1", &process).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("`podman:shop:1` is an image in podman"),
            "{said}"
        );
        assert!(
            said.contains("hint: save it first: podman save --output image.tar shop:1"),
            "{said}"
        );
    }
}
