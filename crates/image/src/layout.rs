use crate::artifact::{Artifact, is_artifact};
use crate::blob_folder::BlobFolder;
use crate::layout_reader::{LayoutReader, check_marker, layout_marker, named};
use crate::{Image, LayoutError, Sink, SinkError, Source, SourceError, Taggable};
use fs_err as fs;
use mizzen_oci::{Descriptor, Platform, annotation, canonical_json};
use rustix::fs::FlockOperation;
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};

/// An OCI image layout: a folder of blobs and an `index.json` that names images in it.
///
/// Any number of processes may write into one layout at once. Images are named last, by one rename;
/// blobs that nothing names any more stay.
/// Source: OCI image-spec, image-layout.md.
#[derive(Clone, Debug)]
pub struct Layout {
    folder: PathBuf,
    tag: Option<String>,
}

impl Layout {
    /// Means the image `tag` of the layout in `folder`; without a tag the one that has no name,
    /// else the only one.
    pub fn new(folder: impl Into<PathBuf>, tag: Option<&str>) -> Self {
        Self {
            folder: folder.into(),
            tag: tag.map(str::to_owned),
        }
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
        blobs.add_layers(what)?;
        for image in what.images() {
            blobs.add_bytes(image.config_bytes())?;
            blobs.add_bytes(image.manifest().bytes())?;
        }
        if let Taggable::Index(index, _) = what {
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
        for (descriptor, blob) in artifact.parts() {
            blobs.add(&descriptor, &*blob)?;
        }
        let manifest = artifact.manifest();
        blobs.add_bytes(manifest.bytes())?;
        let entry = artifact.entry(&manifest);
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
    fn image(&self, platform: &Platform) -> Result<Image, SourceError> {
        self.find(platform).map_err(SourceError::new)
    }
}

impl Sink for Layout {
    fn write(&self, what: &Taggable) -> Result<Descriptor, SinkError> {
        self.put(what).map_err(SinkError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;
    use crate::{Addendum, Entry, Image, LayerBuilder, LayoutError, Sink, Source, Taggable};
    use fs_err as fs;
    use mizzen_oci::{History, Index, MediaType, Platform};
    use mizzen_store::{Cancel, Store};
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    fn image(cache: &Path, for_platform: &str, content: &str) -> Image {
        let store = Store::open(cache).unwrap();
        let entries = [Entry::bytes("app/x", content.as_bytes())];
        let builder: LayerBuilder = entries.into_iter().collect();
        Image::scratch(&platform(for_platform)).append(Addendum {
            layer: builder.write(&store, &Cancel::default()).unwrap(),
            history: History::default(),
        })
    }

    fn taggable(image: &Image) -> Taggable {
        Taggable::Image(Box::new(image.clone()))
    }

    #[test]
    fn what_was_written_is_read_back_with_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let made = image(&folder.path().join("cache"), "linux/amd64", "one");
        let layout = Layout::new(folder.path().join("layout"), Some("1.4"));
        layout.write(&taggable(&made)).unwrap();
        let read = layout.image(&platform("linux/amd64")).unwrap();
        assert_eq!(read.manifest(), made.manifest());
        assert_eq!(read.config_bytes(), made.config_bytes());
        let mut bytes = [Vec::new(), Vec::new()];
        for (image, bytes) in [&read, &made].into_iter().zip(&mut bytes) {
            image.layers()[0]
                .blob
                .open()
                .unwrap()
                .read_to_end(bytes)
                .unwrap();
        }
        assert_eq!(bytes[0], bytes[1]);
    }

    #[test]
    fn an_index_is_read_by_platform() {
        let folder = tempfile::tempdir().unwrap();
        let images = ["linux/amd64", "linux/arm64"]
            .map(|name| image(&folder.path().join("cache"), name, name));
        let entries = images.iter().map(|image| {
            let mut descriptor = image.manifest().descriptor().clone();
            descriptor.platform = Some(image.config().platform());
            descriptor
        });
        let index = Index::new(MediaType::ImageIndex, entries.collect(), &[].into());
        let layout = Layout::new(folder.path().join("layout"), None);
        let what = Taggable::Index(Box::new(index.clone()), images.to_vec());
        assert_eq!(
            layout.write(&what).unwrap().digest,
            index.descriptor().digest
        );
        let arm = layout.image(&platform("linux/arm64")).unwrap();
        assert_eq!(arm.manifest(), images[1].manifest());
        let error = layout.image(&platform("linux/s390x")).unwrap_err();
        assert!(
            error.to_string().contains("linux/amd64, linux/arm64"),
            "{error}"
        );
        let Taggable::Index(read, images) = layout.read().unwrap() else {
            panic!("an index was written");
        };
        assert_eq!((*read, images.len()), (index, 2));
    }

    #[test]
    fn many_writers_at_once_lose_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let layout = |tag: Option<&str>| Layout::new(folder.path().join("layout"), tag);
        std::thread::scope(|scope| {
            for number in 0..16 {
                let (layout, cache) = (&layout, folder.path().join("cache"));
                scope.spawn(move || {
                    let text = number.to_string();
                    let image = image(&cache, "linux/amd64", &text);
                    layout(Some(&text)).write(&taggable(&image)).unwrap();
                });
            }
        });
        for number in 0..16 {
            let layout = layout(Some(&number.to_string()));
            layout.image(&platform("linux/amd64")).unwrap();
        }
    }

    #[test]
    fn a_name_points_at_the_last_image_written_under_it() {
        let folder = tempfile::tempdir().unwrap();
        let layout = |tag: Option<&str>| Layout::new(folder.path().join("layout"), tag);
        let [one, two] =
            ["one", "two"].map(|text| image(&folder.path().join("cache"), "linux/amd64", text));
        for tag in [None, Some("1.4")] {
            layout(tag).write(&taggable(&one)).unwrap();
            layout(tag).write(&taggable(&two)).unwrap();
        }
        for tag in [None, Some("1.4")] {
            let read = layout(tag).image(&platform("linux/amd64")).unwrap();
            assert_eq!(read.manifest(), two.manifest());
        }
        let error = layout(Some("1.5")).read().unwrap_err();
        assert!(matches!(error, LayoutError::NoTag { tags, .. } if tags == ["1.4"]));
    }

    #[test]
    fn blobs_are_copies_and_an_incomplete_image_gets_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let image = image(&cache, "linux/amd64", "one");
        let layout = Layout::new(folder.path().join("layout"), None);
        let blobs = |root: &Path| root.join("blobs/sha256");
        let name = image.layers()[0].descriptor.digest.hex();
        let cached = blobs(&cache).join(&name);
        fs::rename(&cached, folder.path().join("away")).unwrap();
        layout.write(&taggable(&image)).unwrap_err();
        assert!(!folder.path().join("layout/index.json").exists());
        fs::rename(folder.path().join("away"), &cached).unwrap();
        layout.write(&taggable(&image)).unwrap();
        let written = blobs(layout.folder()).join(name);
        assert_eq!(fs::metadata(written).unwrap().nlink(), 1);
    }

    #[test]
    fn a_folder_that_is_no_layout_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Layout::new(folder.path(), None).read().unwrap_err();
        assert!(matches!(read(), LayoutError::NotALayout { .. }));
        fs::write(folder.path().join("oci-layout"), b"{}").unwrap();
        assert!(matches!(read(), LayoutError::NotALayout { .. }));
    }
}
