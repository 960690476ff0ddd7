use crate::layout_reader::{BlobSource, check_blob};
use crate::sound_blobs::sound_blobs;
use crate::{Image, Layer, LayoutError, Taggable};
use fs_err as fs;
use mizzen_oci::{Descriptor, Digest, HashingReader};
use mizzen_store::{Blob, Store, persist, verified};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::NamedTempFile;

/// The blobs of a layout: `blobs/sha256/<hex>`.
#[derive(Clone, Debug)]
pub(crate) struct BlobFolder {
    root: PathBuf,
}

/// A blob in a layout.
#[derive(Debug)]
pub(crate) struct FileBlob {
    path: PathBuf,
    digest: Digest,
    size_bytes: u64,
}

/// How many layers are written at a time.
const MOST_AT_A_TIME: usize = 4;
/// No manifest, index or config is larger; what says so is not read into memory.
pub(crate) const MAX_SMALL_BYTES: u64 = 16 << 20;

impl BlobFolder {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(crate) fn create(&self) -> io::Result<()> {
        fs::create_dir_all(self.blobs())
    }

    /// Adds every layer that is not there, each digest once and several at a time: some wait for a
    /// disk, or a network.
    pub(crate) fn add_layers(
        &self,
        what: &Taggable,
        memory: Option<&Store>,
    ) -> Result<(), LayoutError> {
        let layers = what.images().iter().flat_map(Image::layers);
        let mut layers: BTreeMap<Digest, &Layer> = layers
            .map(|layer| (layer.descriptor.digest, layer))
            .collect();
        let wanted = layers.values().map(|layer| &layer.descriptor);
        let sound = sound_blobs(&self.blobs(), "images", wanted, memory)?;
        layers.retain(|digest, _| !sound.contains(digest));
        let threads = layers.len().min(MOST_AT_A_TIME);
        let queue = Mutex::new(layers.into_values());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        std::thread::scope(|scope| {
            let add = || -> Result<(), LayoutError> {
                while let Some(layer) = next() {
                    let added = self.add(&layer.descriptor, &*layer.blob);
                    if added.is_err() {
                        // The others need not go on.
                        while next().is_some() {}
                    }
                    added?;
                }
                Ok(())
            };
            let adding: Vec<_> = (0..threads).map(|_| scope.spawn(add)).collect();
            adding.into_iter().try_for_each(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
    }

    /// Adds the parts of an artifact that are not there.
    pub(crate) fn add_parts(
        &self,
        parts: &[(Descriptor, Arc<dyn Blob>)],
        memory: Option<&Store>,
    ) -> Result<(), LayoutError> {
        let wanted = parts.iter().map(|(descriptor, _)| descriptor);
        let sound = sound_blobs(&self.blobs(), "artifacts", wanted, memory)?;
        let missing = |(descriptor, _): &&(Descriptor, _)| !sound.contains(&descriptor.digest);
        let mut missing = parts.iter().filter(missing);
        missing.try_for_each(|(descriptor, blob)| self.add(descriptor, &**blob))
    }

    /// Adds a blob: a reflink where the file system can, else a copy; never a hard link, through
    /// which the cache could be written.
    fn add(&self, descriptor: &Descriptor, blob: &dyn Blob) -> Result<(), LayoutError> {
        let path = self.path(&descriptor.digest);
        if let Some(file) = self.reflink(descriptor, blob)? {
            return Ok(persist(file, &path)?);
        }
        let mut file = self.temporary_file()?;
        let got = blob.write_to(file.as_file_mut())?;
        if got != descriptor.digest {
            // Its own reader knows best what is wrong, and heals the cache.
            io::copy(&mut blob.open()?, &mut io::sink())?;
        }
        let got_bytes = file.as_file().metadata()?.len();
        check_blob(&self.root, descriptor, got, got_bytes)?;
        Ok(persist(file, &path)?)
    }

    pub(crate) fn add_bytes(&self, bytes: &[u8]) -> Result<(), LayoutError> {
        let path = self.path(&Digest::of(bytes));
        Ok(self.write_file(&path, bytes)?)
    }

    /// Replaces a file by one rename.
    pub(crate) fn write_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.temporary_file()?;
        file.write_all(bytes)?;
        persist(file, path)
    }

    /// Writes a file unless it is there already, which it then is in one piece.
    pub(crate) fn write_new_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if path.exists() {
            return Ok(());
        }
        let mut file = self.temporary_file()?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Err(failed) if failed.error.kind() != io::ErrorKind::AlreadyExists => Err(failed.error),
            _ => Ok(()),
        }
    }

    fn reflink(
        &self,
        descriptor: &Descriptor,
        blob: &dyn Blob,
    ) -> Result<Option<NamedTempFile>, LayoutError> {
        let Some(source) = blob.path().and_then(|path| fs::File::open(path).ok()) else {
            return Ok(None);
        };
        let file = self.temporary_file()?;
        if rustix::fs::ioctl_ficlone(&file, &source).is_err() {
            return Ok(None);
        }
        let mut reader = HashingReader::new(fs::File::open(file.path())?);
        let size_bytes = io::copy(&mut reader, &mut io::sink())?;
        let got = reader.finish().0;
        // Damaged bytes are left to `Blob::open`, which knows how to say so and to heal the cache.
        Ok((got == descriptor.digest && size_bytes == descriptor.size_bytes).then_some(file))
    }

    // The mode is what a plain `open` would give: others may read a layout, the umask decides.
    fn temporary_file(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(&self.root)
    }

    fn missing(&self, descriptor: &Descriptor, error: io::Error) -> LayoutError {
        match error.kind() {
            io::ErrorKind::NotFound => LayoutError::Missing {
                place: self.root.clone(),
                digest: descriptor.digest,
            },
            _ => error.into(),
        }
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }
}

impl BlobSource for BlobFolder {
    fn place(&self) -> &Path {
        &self.root
    }

    fn read_small(&self, descriptor: &Descriptor) -> Result<Vec<u8>, LayoutError> {
        let mut bytes = Vec::new();
        let file = fs::File::open(self.path(&descriptor.digest));
        file.map_err(|error| self.missing(descriptor, error))?
            .take(MAX_SMALL_BYTES)
            .read_to_end(&mut bytes)?;
        check_blob(
            &self.root,
            descriptor,
            Digest::of(&bytes),
            bytes.len() as u64,
        )?;
        Ok(bytes)
    }

    fn blob(&self, descriptor: &Descriptor) -> Arc<dyn Blob> {
        Arc::new(FileBlob {
            path: self.path(&descriptor.digest),
            digest: descriptor.digest,
            size_bytes: descriptor.size_bytes,
        })
    }
}

impl Blob for FileBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let file = io::BufReader::with_capacity(256 * 1024, fs::File::open(&self.path)?);
        Ok(verified(file, self.digest, self.size_bytes, || ()))
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}
