use crate::archive_error::ArchiveError;
use crate::archive_reader::blob_path;
use crate::tar_header::{Attributes, padding};
use fs_err as fs;
use mizzen_oci::{ContentTime, Descriptor};
use mizzen_store::{Blob, BytesBlob};
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tar::EntryType;

/// Collects the files of an image archive and writes them as one tar, sorted, each once.
#[derive(Default)]
pub(crate) struct ArchiveWriter {
    files: BTreeMap<String, (u64, Arc<dyn Blob>)>,
}

impl ArchiveWriter {
    pub(crate) fn add_bytes(&mut self, path: &str, bytes: Vec<u8>) {
        let size_bytes = bytes.len() as u64;
        let blob = Arc::new(BytesBlob(bytes.into()));
        self.files.insert(path.to_owned(), (size_bytes, blob));
    }

    /// Adds the bytes of a manifest, index or config.
    pub(crate) fn add_named(&mut self, descriptor: &Descriptor, bytes: &Arc<[u8]>) {
        self.add_blob(descriptor, Arc::new(BytesBlob(bytes.clone())));
    }

    pub(crate) fn add_blob(&mut self, descriptor: &Descriptor, blob: Arc<dyn Blob>) {
        let path = blob_path(&descriptor.digest);
        self.files.insert(path, (descriptor.size_bytes, blob));
    }

    /// Writes the tar; it appears under its name by one rename, complete.
    pub(crate) fn write(self, file: &Path) -> Result<(), ArchiveError> {
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let temporary = tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(folder)?;
        let mut tar = BufWriter::with_capacity(256 * 1024, temporary);
        for (path, (size_bytes, blob)) in self.files {
            let header = Attributes {
                path: path.as_bytes(),
                link_target: b"",
                entry_type: EntryType::Regular,
                mode: 0o644,
                uid: 0,
                gid: 0,
                size_bytes,
                mtime_seconds: ContentTime::CONSTANT.seconds,
            };
            tar.write_all(&header.to_blocks())?;
            let written = io::copy(&mut blob.open()?, &mut tar)?;
            if written != size_bytes {
                let message = format!("`{path}` has {written} bytes, want {size_bytes}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message).into());
            }
            tar.write_all(&[0; 512][..padding(size_bytes)])?;
        }
        // Two blocks of zeros end a tar.
        tar.write_all(&[0; 1024])?;
        let temporary = tar.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.as_file().sync_all()?;
        temporary.persist(file).map_err(|failed| {
            let message = format!("cannot write `{}`: {}", file.display(), failed.error);
            io::Error::new(failed.error.kind(), message)
        })?;
        Ok(fs::File::open(folder)?.sync_all()?)
    }
}
