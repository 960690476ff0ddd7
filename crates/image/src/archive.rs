use crate::archive_error::ArchiveError;
use crate::archive_reader::ArchiveReader;
use crate::archive_writer::ArchiveWriter;
use crate::artifact::Artifact;
use crate::docker_manifest::{self, SavedImage};
use crate::layout_reader::{LayoutReader, artifacts, check_marker, layout_marker, named};
use crate::{Image, Sink, SinkError, Source, SourceError, Taggable};
use mizzen_oci::{Descriptor, Digest, MediaType, Platform, canonical_json};
use serde_json::json;
use std::path::{Path, PathBuf};

/// An image in one tar file.
///
/// Read: an OCI layout in a tar (`skopeo`, `buildah`, `docker save` from version 25), else what
/// `docker save` and `podman save` have always written. Written: an OCI layout, and for Docker with
/// the `manifest.json` that its `load` looks for, so that every reader finds its own.
#[derive(Clone, Debug)]
pub struct Archive {
    file: PathBuf,
    tag: Option<String>,
    docker_names: Option<Vec<String>>,
    artifacts: Vec<Artifact>,
}

impl Archive {
    /// Means the image `tag` of an OCI archive, or without a tag its only image.
    pub fn oci(file: impl Into<PathBuf>, tag: Option<&str>) -> Self {
        Self {
            file: file.into(),
            tag: tag.map(str::to_owned),
            docker_names: None,
            artifacts: Vec::new(),
        }
    }

    /// Means the image of an archive for `docker load`, which gives it these names:
    /// `acme/shop:1.4`.
    pub fn docker(file: impl Into<PathBuf>, names: &[String]) -> Self {
        Self {
            file: file.into(),
            tag: names.first().cloned(),
            docker_names: Some(names.to_vec()),
            artifacts: Vec::new(),
        }
    }

    /// Returns the archive that also holds, when it is written, what refers to its image.
    #[must_use]
    pub fn with_artifacts(mut self, artifacts: Vec<Artifact>) -> Self {
        self.artifacts = artifacts;
        self
    }

    /// Returns the file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Reads the image, or the index with every image in it.
    ///
    /// # Errors
    /// [`ArchiveError`] says what is not there or not sound.
    pub fn read(&self) -> Result<Taggable, ArchiveError> {
        let archive = ArchiveReader::open(&self.file)?;
        match self.layout(&archive)? {
            Some(layout) => Ok(layout.read()?),
            None => Ok(Taggable::Image(Box::new(self.saved(&archive)?))),
        }
    }

    /// Reads what refers to `subject` and is of one of these types; what `docker save` wrote has no such thing.
    ///
    /// # Errors
    /// [`ArchiveError`] if an artifact is listed and not there, or not sound.
    pub fn artifacts(
        &self,
        subject: &Digest,
        artifact_types: &[&str],
    ) -> Result<Vec<Artifact>, ArchiveError> {
        let archive = ArchiveReader::open(&self.file)?;
        match archive.read("index.json")? {
            Some(index) => Ok(artifacts(&archive, &index, subject, artifact_types)?),
            None => Ok(Vec::new()),
        }
    }

    fn find(&self, platform: &Platform) -> Result<Image, ArchiveError> {
        let archive = ArchiveReader::open(&self.file)?;
        if let Some(layout) = self.layout(&archive)? {
            return Ok(layout.find(platform)?);
        }
        let image = self.saved(&archive)?;
        let is = image.config().platform();
        if platform.accepts(&is) {
            return Ok(image);
        }
        Err(ArchiveError::Layout(crate::LayoutError::Platform {
            place: self.file.clone(),
            got: vec![is.to_string()],
            want: platform.to_string(),
        }))
    }

    fn layout<'a>(
        &self,
        archive: &'a ArchiveReader,
    ) -> Result<Option<LayoutReader<'a>>, ArchiveError> {
        let Some(index) = archive.read("index.json")? else {
            return Ok(None);
        };
        check_marker(&self.file, archive.read("oci-layout")?.as_deref())?;
        Ok(Some(LayoutReader::new(archive, &index, self.ref_name())?))
    }

    // In a layout a tag stands alone; a whole name is for the tools that want one.
    fn ref_name(&self) -> Option<&str> {
        let tag = self.tag.as_deref()?;
        Some(tag.rsplit_once(':').map_or(tag, |(_, tag)| tag))
    }

    fn saved(&self, archive: &ArchiveReader) -> Result<Image, ArchiveError> {
        docker_manifest::read(archive, self.tag.as_deref())
    }

    fn put(&self, what: &Taggable) -> Result<Descriptor, ArchiveError> {
        let mut writer = ArchiveWriter::default();
        writer.add_bytes("oci-layout", layout_marker());
        for image in what.images() {
            for layer in image.layers() {
                writer.add_blob(&layer.descriptor, layer.blob.clone());
            }
            let manifest = image.manifest();
            writer.add_named(manifest.config(), image.config_bytes());
            writer.add_named(manifest.descriptor(), manifest.bytes());
        }
        if let Taggable::Index(index, _) = what {
            for index in index.inner() {
                writer.add_named(index.descriptor(), index.bytes());
            }
            writer.add_named(index.descriptor(), index.bytes());
        }
        let mut descriptor = named(what, self.ref_name());
        if let Some(names) = &self.docker_names {
            let Taggable::Image(image) = what else {
                return Err(ArchiveError::OneImage {
                    file: self.file.clone(),
                    images: what.images().len(),
                });
            };
            let saved = SavedImage::of(image, names.clone());
            writer.add_bytes("manifest.json", canonical_json(&json!([saved])));
            // Where containerd looks for it.
            if let Some(name) = names.first() {
                let key = "io.containerd.image.name".to_owned();
                descriptor.annotations.insert(key, name.clone());
            }
        }
        let mut entries = vec![descriptor.clone()];
        for artifact in &self.artifacts {
            for (descriptor, blob) in artifact.parts() {
                writer.add_blob(descriptor, blob.clone());
            }
            let manifest = artifact.manifest();
            writer.add_named(manifest.descriptor(), manifest.bytes());
            entries.push(artifact.entry());
        }
        let index = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageIndex,
            "manifests": entries,
        });
        writer.add_bytes("index.json", canonical_json(&index));
        writer.write(&self.file)?;
        Ok(descriptor)
    }
}

impl Source for Archive {
    fn descriptor(&self) -> Result<Descriptor, SourceError> {
        let read = self.read().map_err(SourceError::new)?;
        Ok(read.descriptor().clone())
    }

    fn image(&self, platform: &Platform) -> Result<Image, SourceError> {
        self.find(platform).map_err(SourceError::new)
    }

    fn everything(&self) -> Result<Taggable, SourceError> {
        self.read().map_err(SourceError::new)
    }

    fn artifacts(
        &self,
        subject: &Digest,
        artifact_types: &[&str],
    ) -> Result<Vec<Artifact>, SourceError> {
        self.artifacts(subject, artifact_types)
            .map_err(SourceError::new)
    }
}

impl Sink for Archive {
    fn write(&self, what: &Taggable) -> Result<Descriptor, SinkError> {
        self.put(what).map_err(SinkError::new)
    }
}
