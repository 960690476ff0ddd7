use crate::layer_check::normal;
use crate::{FileTreeError, Image, TreeFile, layer_tar};
use std::io::{self, Read};
use tar::Archive;

/// More than this is no file to be read into memory.
const MOST_BYTES: u64 = 64 << 20;

impl TreeFile {
    /// Reads the bytes of this file, which is at `path` in `image`; none if it is a hard link.
    ///
    /// # Errors
    /// [`FileTreeError::Layer`] if the layer cannot be read, or the file is no longer in it.
    pub fn read(&self, image: &Image, path: &str) -> Result<Vec<u8>, FileTreeError> {
        let layer = &image.layers()[self.layer];
        let unreadable = |source| FileTreeError::Layer {
            layer: layer.descriptor.digest,
            source,
        };
        let path = path.trim_start_matches('/').as_bytes();
        let mut tar = layer_tar::open(layer).map_err(unreadable)?;
        let mut found = None;
        let mut archive = Archive::new(&mut tar);
        for entry in archive.entries().map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            // A name that is there twice means the last.
            if normal(&entry.path_bytes()).as_deref() == Some(path) {
                let mut bytes = Vec::new();
                let mut content = entry.take(MOST_BYTES);
                content.read_to_end(&mut bytes).map_err(unreadable)?;
                found = Some(bytes);
            }
        }
        // The blob is verified at its end.
        io::copy(&mut tar, &mut io::sink()).map_err(unreadable)?;
        found.ok_or_else(|| unreadable(io::ErrorKind::NotFound.into()))
    }
}
