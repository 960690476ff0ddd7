use crate::artifact::{Artifact, is_artifact};
use crate::blob_folder::{BlobFolder, MAX_SMALL_BYTES};
use crate::layout_reader::{LayoutReader, artifacts, check_marker, layout_marker, named};
use crate::{Image, LayoutError, Sink, SinkError, Source, SourceError, Taggable};
use fs_err as fs;
use mizzen_oci::{Descriptor, Digest, Platform, annotation, canonical_json, parse_bounded};
use mizzen_store::Store;
use rustix::fs::FlockOperation;
use serde_json::{Value, json};
use std::io::{self, Read};
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

    /// Reads what refers to `subject` and is of one of these types.
    ///
    /// # Errors
    /// [`LayoutError`] if an artifact is listed and not there, or not sound.
    pub fn artifacts(
        &self,
        subject: &Digest,
        artifact_types: &[&str],
    ) -> Result<Vec<Artifact>, LayoutError> {
        artifacts(&self.opened()?, &self.index()?, subject, artifact_types)
    }

    fn find(&self, platform: &Platform) -> Result<Image, LayoutError> {
        let blobs = self.opened()?;
        LayoutReader::new(&blobs, &self.index()?, self.tag.as_deref())?.find(platform)
    }

    fn index(&self) -> Result<Vec<u8>, LayoutError> {
        let index = self.small_file("index.json")?;
        index.ok_or_else(|| self.no_layout("it has no `index.json`"))
    }

    /// Reads a file of the folder, `None` if it is not there; no more of it than a document can have.
    fn small_file(&self, name: &str) -> Result<Option<Vec<u8>>, LayoutError> {
        let mut bytes = Vec::new();
        match fs::File::open(self.folder.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?.take(MAX_SMALL_BYTES).read_to_end(&mut bytes)?,
        };
        Ok(Some(bytes))
    }

    fn no_layout(&self, why: &'static str) -> LayoutError {
        LayoutError::NotALayout {
            place: self.folder.clone(),
            why,
        }
    }

    /// Goes on if images can be written there: the folder is a layout, or is empty, or is not there. One
    /// with other files is somebody's, and a link in it would lead elsewhere what is written.
    ///
    /// # Errors
    /// [`LayoutError::NotALayout`] says why not.
    pub fn check_writable(&self) -> Result<(), LayoutError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(self.no_layout("it is not a folder"));
            }
            entries => entries?,
        };
        let mut is_taken = false;
        for entry in entries {
            // What a writer that was killed may have left, and one that has just begun.
            let name = entry?.file_name();
            is_taken |= !name.as_encoded_bytes().starts_with(b".tmp");
        }
        // Asked for after the names: whoever writes here at the same time makes it first.
        match self.small_file("oci-layout")? {
            None if is_taken => {
                return Err(self.no_layout("it holds other files, and no `oci-layout`"));
            }
            None => {}
            marker => check_marker(&self.folder, marker.as_deref())?,
        }
        for name in ["oci-layout", "blobs", "blobs/sha256"] {
            let found = fs::symlink_metadata(self.folder.join(name));
            if found.is_ok_and(|found| found.is_symlink()) {
                return Err(self.no_layout("its own files or folders are links"));
            }
        }
        Ok(())
    }

    /// Makes the folder a layout, if it is none yet.
    fn create(&self, blobs: &BlobFolder) -> Result<(), LayoutError> {
        self.check_writable()?;
        fs::create_dir_all(&self.folder)?;
        // First: a folder that has anything else is one only with this.
        blobs.write_new_file(&self.folder.join("oci-layout"), &layout_marker())?;
        Ok(blobs.create()?)
    }

    fn put(&self, what: &Taggable) -> Result<Descriptor, LayoutError> {
        let blobs = BlobFolder::new(&self.folder);
        self.create(&blobs)?;
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
        self.create(&blobs)?;
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
        let mut index = match self.small_file("index.json")? {
            Some(bytes) => parse_bounded(&bytes).map_err(|source| LayoutError::IndexFile {
                file: file.clone(),
                source,
            })?,
            None => json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
            }),
        };
        let mut entries = match index["manifests"].take() {
            Value::Array(entries) => entries,
            _ => Vec::new(),
        };
        // What is not a descriptor is left to whoever wrote it.
        let parsed = |entry: &Value| serde_json::from_value::<Descriptor>(entry.clone());
        entries.retain(|entry| !parsed(entry).is_ok_and(|entry| is_replaced(&entry)));
        entries.push(json!(descriptor));
        index["manifests"] = Value::Array(entries);
        Ok(blobs.write_file(&file, &canonical_json(&index))?)
    }

    fn opened(&self) -> Result<BlobFolder, LayoutError> {
        let marker = self.small_file("oci-layout")?;
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
        artifact_types: &[&str],
    ) -> Result<Vec<Artifact>, SourceError> {
        self.artifacts(subject, artifact_types)
            .map_err(SourceError::new)
    }
}

impl Sink for Layout {
    fn write(&self, what: &Taggable) -> Result<Descriptor, SinkError> {
        self.put(what).map_err(SinkError::new)
    }
}
