use crate::{Artifact, Image};
use mizzen_oci::{Descriptor, Digest, Index, Platform};
use std::error::Error;

/// What a tag can point at.
#[derive(Clone, Debug)]
pub enum Taggable {
    /// One image.
    Image(Box<Image>),
    /// Several images, one a platform, with the index that names them in the same order.
    Index(Box<Index>, Vec<Image>),
}

/// Where an image comes from: a registry's reference, a layout, an archive.
pub trait Source {
    /// Names what is there: an image, or an index.
    ///
    /// # Errors
    /// [`SourceError`] says what could not be had and from where.
    fn descriptor(&self) -> Result<Descriptor, SourceError>;

    /// Returns the image for `platform`; of a layer only its names are read.
    ///
    /// # Errors
    /// [`SourceError`] says what could not be had and from where.
    fn image(&self, platform: &Platform) -> Result<Image, SourceError>;

    /// Returns the image, or the index with all of its images; of a layer only its names are read.
    ///
    /// # Errors
    /// The same.
    fn everything(&self) -> Result<Taggable, SourceError>;

    /// Returns what refers to `subject` and is of one of these types; its blobs stay where they are.
    ///
    /// # Errors
    /// The same.
    fn artifacts(
        &self,
        subject: &Digest,
        artifact_types: &[&str],
    ) -> Result<Vec<Artifact>, SourceError>;
}

/// Where an image goes: a registry's tag, a layout, an archive.
pub trait Sink {
    /// Writes `what` completely, or leaves no name that points at it. Returns the descriptor that
    /// now names it.
    ///
    /// # Errors
    /// [`SinkError`] says what could not be written and where.
    fn write(&self, what: &Taggable) -> Result<Descriptor, SinkError>;
}

/// An image could not be read; the medium's own error is inside, to be asked for its kind by who
/// made the medium.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SourceError(#[from] pub Box<dyn Error + Send + Sync>);

/// An image could not be written; the medium's own error is inside, to be asked for its kind by who
/// made the medium.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SinkError(#[from] pub Box<dyn Error + Send + Sync>);

impl SourceError {
    /// Wraps a medium's own error.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

impl SinkError {
    /// Wraps a medium's own error.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

impl Taggable {
    /// Names what a tag would point at.
    pub fn descriptor(&self) -> &Descriptor {
        match self {
            Self::Image(image) => image.manifest().descriptor(),
            Self::Index(index, _) => index.descriptor(),
        }
    }

    /// Returns the images, in the order of the index.
    pub fn images(&self) -> &[Image] {
        match self {
            Self::Image(image) => std::slice::from_ref(&**image),
            Self::Index(_, images) => images,
        }
    }
}
