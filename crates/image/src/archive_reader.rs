use crate::LayoutError;
use crate::archive_error::ArchiveError;
use crate::blob_folder::MAX_SMALL_BYTES;
use crate::entry::lossy;
use crate::layer_entries::{Metered, each_entry_of_file};
use crate::layout_reader::{BlobSource, check_blob};
use fs_err as fs;
use mizzen_oci::{Descriptor, Digest};
use mizzen_store::{Blob, verified};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tar::EntryType;

/// The files in a tar, found by name without unpacking it.
#[derive(Clone, Debug)]
pub(crate) struct ArchiveReader {
    file: PathBuf,
    parts: BTreeMap<String, Part>,
}

/// Where the bytes of a file in the tar are.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// So many bytes from there.
    File { at: u64, size_bytes: u64 },
    /// In another file of the tar.
    Link(String),
}

/// A file in the tar as a blob.
#[derive(Debug)]
struct ArchiveBlob {
    file: PathBuf,
    at: u64,
    size_bytes: u64,
    digest: Digest,
}

/// No image comes near; each entry costs memory.
const MAX_ENTRIES: usize = 100_000;
/// Links that lead to links that lead to links are not an archive's.
const MAX_LINKS: usize = 8;

impl ArchiveReader {
    /// Reads the tar's headers, and refuses what an archive of an image never holds.
    pub(crate) fn open(file: &Path) -> Result<Self, ArchiveError> {
        let mut tar = fs::File::open(file)?;
        let size_bytes = tar.metadata()?.len();
        let mut start = [0; 6];
        let count = tar.read(&mut start)?;
        let magics: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ"];
        if magics.iter().any(|magic| start[..count].starts_with(magic)) {
            return Err(ArchiveError::Compressed {
                file: file.to_owned(),
            });
        }
        tar.rewind()?;
        let mut reader = Self {
            file: file.to_owned(),
            parts: BTreeMap::new(),
        };
        let malformed = |source| ArchiveError::Malformed {
            file: file.to_owned(),
            source,
        };
        let mut refused = Ok(());
        let read = each_entry_of_file(tar, |entry| {
            let added = reader.add(entry, size_bytes);
            if added.is_err() {
                refused = added;
                return Err(io::ErrorKind::Other.into());
            }
            Ok(())
        });
        refused?;
        read.map_err(malformed)?;
        Ok(reader)
    }

    fn add(
        &mut self,
        entry: &tar::Entry<'_, Metered<fs::File>>,
        archive_bytes: u64,
    ) -> Result<(), ArchiveError> {
        let raw = entry.path_bytes();
        let refused = |why| ArchiveError::Entry {
            file: self.file.clone(),
            entry: lossy(&raw),
            why,
        };
        let path = std::str::from_utf8(&raw)
            .map_err(|_| refused("is not the name of a part of an image"))?;
        let path = joined("", path).ok_or_else(|| refused("leads out of the archive"))?;
        let link = |folder: &str| {
            let target = entry.link_name_bytes().unwrap_or_default();
            let target = std::str::from_utf8(&target)
                .ok()
                .and_then(|target| joined(folder, target));
            target
                .map(Part::Link)
                .ok_or_else(|| refused("links out of the archive"))
        };
        let part = match entry.header().entry_type() {
            EntryType::Directory | EntryType::XGlobalHeader => return Ok(()),
            EntryType::Regular | EntryType::Continuous => {
                let (at, size_bytes) = (entry.raw_file_position(), entry.size());
                if at
                    .checked_add(size_bytes)
                    .is_none_or(|end| end > archive_bytes)
                {
                    return Err(refused("is cut off"));
                }
                Part::File { at, size_bytes }
            }
            EntryType::Symlink => link(path.rsplit_once('/').map_or("", |(folder, _)| folder))?,
            EntryType::Link => link("")?,
            _ => return Err(refused("is not a file, folder or link")),
        };
        if self.parts.len() == MAX_ENTRIES {
            return Err(refused("is one too many"));
        }
        match self.parts.insert(path, part) {
            None => Ok(()),
            Some(_) => Err(refused("appears twice")),
        }
    }

    /// Returns the archive itself.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the bytes of a small file; `None` if it is not there.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        let Some((at, size_bytes)) = self.find(path) else {
            return Ok(None);
        };
        if size_bytes > MAX_SMALL_BYTES {
            return Err(ArchiveError::Entry {
                file: self.file.clone(),
                entry: path.to_owned(),
                why: "is too large to be what its name says",
            });
        }
        let mut bytes = Vec::new();
        self.part(at, size_bytes)?.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Returns where the bytes of a file are and how many, through links.
    pub(crate) fn find(&self, path: &str) -> Option<(u64, u64)> {
        let mut path = joined("", path)?;
        for _ in 0..=MAX_LINKS {
            match self.parts.get(&path)? {
                Part::File { at, size_bytes } => return Some((*at, *size_bytes)),
                Part::Link(target) => path.clone_from(target),
            }
        }
        None
    }

    /// Opens so many bytes from there.
    pub(crate) fn part(&self, at: u64, size_bytes: u64) -> io::Result<impl Read + Send + use<>> {
        part(&self.file, at, size_bytes)
    }

    /// Returns a file as the blob that it should be.
    pub(crate) fn blob_at(&self, at: u64, size_bytes: u64, digest: Digest) -> Arc<dyn Blob> {
        Arc::new(ArchiveBlob {
            file: self.file.clone(),
            at,
            size_bytes,
            digest,
        })
    }
}

impl BlobSource for ArchiveReader {
    fn place(&self) -> &Path {
        &self.file
    }

    fn read_small(&self, descriptor: &Descriptor) -> Result<Vec<u8>, LayoutError> {
        let path = blob_path(&descriptor.digest);
        let mut bytes = Vec::new();
        if let Some((at, size_bytes)) = self.find(&path) {
            let size_bytes = size_bytes.min(MAX_SMALL_BYTES);
            self.part(at, size_bytes)?.read_to_end(&mut bytes)?;
        }
        check_blob(
            &self.file,
            descriptor,
            Digest::of(&bytes),
            bytes.len() as u64,
        )?;
        Ok(bytes)
    }

    // One that is not there has no bytes: reading it says what is missing.
    fn blob(&self, descriptor: &Descriptor) -> Arc<dyn Blob> {
        let (at, _) = self
            .find(&blob_path(&descriptor.digest))
            .unwrap_or((u64::MAX, 0));
        self.blob_at(at, descriptor.size_bytes, descriptor.digest)
    }
}

impl Blob for ArchiveBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        if self.at == u64::MAX {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("`{}` has no {}", self.file.display(), self.digest),
            ));
        }
        let part = part(&self.file, self.at, self.size_bytes)?;
        Ok(verified(part, self.digest, self.size_bytes, || ()))
    }
}

/// The path of a blob in a layout.
pub(crate) fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn part(file: &Path, at: u64, size_bytes: u64) -> io::Result<impl Read + Send + use<>> {
    let mut file = fs::File::open(file)?;
    file.seek(SeekFrom::Start(at))?;
    Ok(io::BufReader::with_capacity(
        256 * 1024,
        file.take(size_bytes),
    ))
}

/// The path from the root that `path` means in `folder`; `None` if it is absolute or leads out.
fn joined(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
