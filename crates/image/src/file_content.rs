use crate::layer_check::normal;
use crate::layer_entries::{Bounds, each_entry};
use crate::{FileTreeError, Image, TreeFile, layer_tar};
use std::fs::File;
use std::io::{self, Read, Seek};

/// More than this is not a file to be read into memory.
const MOST_BYTES: u64 = 64 << 20;

impl TreeFile {
    /// Reads the bytes of this file, which is at `path` in `image`; none if it is a hard link.
    ///
    /// # Errors
    /// [`FileTreeError::Layer`] if the layer cannot be read, or the file is no longer in it.
    pub fn read(&self, image: &Image, path: &str) -> Result<Vec<u8>, FileTreeError> {
        let mut bytes = Vec::new();
        self.content(image, path, |content| {
            bytes.clear();
            content.take(MOST_BYTES).read_to_end(&mut bytes).map(drop)
        })?;
        Ok(bytes)
    }

    /// Writes the bytes of this file into `file`, which is empty: for one that may be large.
    ///
    /// # Errors
    /// As for [`TreeFile::read`]; also if `file` cannot be written.
    pub fn copy_to(&self, image: &Image, path: &str, file: &mut File) -> Result<(), FileTreeError> {
        self.content(image, path, |content| {
            file.rewind()?;
            file.set_len(0)?;
            io::copy(content, file).map(drop)
        })
    }

    fn content(
        &self,
        image: &Image,
        path: &str,
        mut take: impl FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), FileTreeError> {
        let layer = &image.layers()[self.layer];
        let unreadable = |source| FileTreeError::Layer {
            layer: layer.descriptor.digest,
            source,
        };
        let path = path.trim_start_matches('/').as_bytes();
        let mut tar = layer_tar::open(layer).map_err(unreadable)?;
        let mut is_found = false;
        let entries = each_entry(&mut tar, &mut Bounds::default(), |entry| {
            // A name that appears twice means the last.
            if normal(&entry.path_bytes()).as_deref() == Some(path) {
                take(entry)?;
                is_found = true;
            }
            Ok(())
        });
        entries.map_err(unreadable)?;
        // The blob is verified at its end.
        io::copy(&mut tar, &mut io::sink()).map_err(unreadable)?;
        if is_found {
            Ok(())
        } else {
            Err(unreadable(io::ErrorKind::NotFound.into()))
        }
    }
}
