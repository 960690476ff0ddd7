use crate::artifact::{Artifact, is_artifact};
use crate::blob_folder::BlobFolder;
use crate::layout_reader::{LayoutReader, artifacts, check_marker, layout_marker, named};
use crate::{Image, LayoutError, Sink, SinkError, Source, SourceError, Taggable};
use fs_err as fs;
use mizzen_oci::{Descriptor, Digest, Platform, annotation, canonical_json};
use mizzen_store::Store;
use rustix::fs::FlockOperation;
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An OCI image layout: a folder of blobs and an `index.json` that names images in it.
///
/// Any number of processes may write into one layout at once. Images are named last, by one rename;
/// blobs that nothing names any more stay, and those that are there are kept if they are sound.
/// Source: OCI image-spec, image-layout.md.
#[derive(Clone, Debug)]
pub struct Layout {
    folder: PathBuf,
    tag: Option<String>,
    memory: Option<Arc<Store>>,
}

impl Layout {
    /// Means the image `tag` of the layout in `folder`; without a tag the one that has no name,
    /// else the only one.
    pub fn new(folder: impl Into<PathBuf>, tag: Option<&str>) -> Self {
        Self {
            folder: folder.into(),
            tag: tag.map(str::to_owned),
            memory: None,
        }
    }

    /// Returns the layout whose blobs are not read again before they are kept, where `store` remembers
    /// that they were read and the file system says that they are the same.
    #[must_use]
    pub fn remembered_in(mut self, store: Arc<Store>) -> Self {
        self.memory = Some(store);
        self
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads the image, or the index with every image in it.
    ///
    /// # Errors
    /// [`LayoutError`] says what is not there or not sound.
    pub fn read(&self) -> Result<Taggable, LayoutError> {
        let blobs = self.opened()?;
        LayoutReader::new(&blobs, &self.index()?, self.tag.as_deref())?.read()
    }

    /// Reads what refers to `subject` and is of one type.
    ///
    /// # Errors
    /// [`LayoutError`] if an artifact is listed and not there, or not sound.
    pub fn artifacts(
        &self,
        subject: &Digest,
        artifact_type: &str,
    ) -> Result<Vec<Artifact>, LayoutError> {
        artifacts(&self.opened()?, &self.index()?, subject, artifact_type)
    }

    fn find(&self, platform: &Platform) -> Result<Image, LayoutError> {
        let blobs = self.opened()?;
        LayoutReader::new(&blobs, &self.index()?, self.tag.as_deref())?.find(platform)
    }

    fn index(&self) -> Result<Vec<u8>, LayoutError> {
        Ok(fs::read(self.folder.join("index.json"))?)
    }

    fn put(&self, what: &Taggable) -> Result<Descriptor, LayoutError> {
        let blobs = BlobFolder::new(&self.folder);
        blobs.create()?;
        blobs.write_new_file(&self.folder.join("oci-layout"), &layout_marker())?;
        blobs.add_layers(what, self.memory.as_deref())?;
        for image in what.images() {
            blobs.add_bytes(image.config_bytes())?;
            blobs.add_bytes(image.manifest().bytes())?;
        }
        if let Taggable::Index(index, _) = what {
            for index in index.inner() {
                blobs.add_bytes(index.bytes())?;
            }
            blobs.add_bytes(index.bytes())?;
        }
        let descriptor = named(what, self.tag.as_deref());
        self.name(&blobs, &descriptor)?;
        Ok(descriptor)
    }

    /// Adds what refers to an image of the layout, and lists it in `index.json` without a name.
    ///
    /// # Errors
    /// [`LayoutError`] says what could not be written.
    pub fn attach(&self, artifact: &Artifact) -> Result<Descriptor, LayoutError> {
        let blobs = BlobFolder::new(&self.folder);
        blobs.create()?;
        blobs.write_new_file(&self.folder.join("oci-layout"), &layout_marker())?;
        blobs.add_parts(artifact.parts(), self.memory.as_deref())?;
        blobs.add_bytes(artifact.manifest().bytes())?;
        let entry = artifact.entry();
        self.list(&blobs, &entry, |other| other.digest == entry.digest)?;
        Ok(entry)
    }

    // Without a tag the layout's one unnamed image is replaced.
    fn name(&self, blobs: &BlobFolder, descriptor: &Descriptor) -> Result<(), LayoutError> {
        let name_of = |entry: &Descriptor| entry.annotations.get(annotation::REF_NAME).cloned();
        let name = name_of(descriptor);
        self.list(blobs, descriptor, |entry| {
            name_of(entry) == name && !is_artifact(entry)
        })
    }

    // Whoever changes `index.json` holds a lock on `oci-layout`, which is in every layout and never
    // replaced; the lock goes with the file that is held open.
    fn list(
        &self,
        blobs: &BlobFolder,
        descriptor: &Descriptor,
        is_replaced: impl Fn(&Descriptor) -> bool,
    ) -> Result<(), LayoutError> {
        let lock = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.folder.join("oci-layout"))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(io::Error::from)?;
        let file = self.folder.join("index.json");
        let mut index = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice::<Value>(&bytes).map_err(|source| {
                LayoutError::IndexFile {
                    file: file.clone(),
                    source,
                }
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
            }),
            Err(error) => return Err(error.into()),
        };
        let mut entries = match index["manifests"].take() {
            Value::Array(entries) => entries,
            _ => Vec::new(),
        };
        // What is no descriptor is left to whoever wrote it.
        let parsed = |entry: &Value| serde_json::from_value::<Descriptor>(entry.clone());
        entries.retain(|entry| !parsed(entry).is_ok_and(|entry| is_replaced(&entry)));
        entries.push(json!(descriptor));
        index["manifests"] = Value::Array(entries);
        Ok(blobs.write_file(&file, &canonical_json(&index))?)
    }

    fn opened(&self) -> Result<BlobFolder, LayoutError> {
        let marker = match fs::read(self.folder.join("oci-layout")) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        check_marker(&self.folder, marker.as_deref())?;
        Ok(BlobFolder::new(&self.folder))
    }
}

impl Source for Layout {
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
        artifact_type: &str,
    ) -> Result<Vec<Artifact>, SourceError> {
        self.artifacts(subject, artifact_type)
            .map_err(SourceError::new)
    }
}

impl Sink for Layout {
    fn write(&self, what: &Taggable) -> Result<Descriptor, SinkError> {
        self.put(what).map_err(SinkError::new)
    }
}
