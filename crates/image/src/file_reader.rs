use crate::LayerError;
use crate::entry::{Content, Entry, lossy};
use fs_err as fs;
use libdeflater::Crc;
use mizzen_oci::{Digest, Hasher};
use mizzen_store::Cancel;
use std::io::{self, Read, Seek};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

/// The content of an entry, ready to be written behind its header.
pub(crate) enum Prepared {
    /// It has none.
    Nothing,
    /// All of it, and its digest.
    Bytes(Bytes, Digest),
    /// More than memory should hold.
    Large(LargeFile),
}

/// Bytes in memory, the entry's own or a file's.
pub(crate) enum Bytes {
    Shared(Arc<[u8]>),
    Read(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Read(bytes) => bytes,
        }
    }
}

/// A file that is read twice, because its time comes before its bytes and memory stays bounded.
pub(crate) struct LargeFile {
    file: fs::File,
    pub(crate) content: Digest,
    pub(crate) size_bytes: u64,
    checksum: u32,
}

/// A file up to this size is read once.
const IN_MEMORY_BYTES: u64 = 2 << 20;
const BUFFER_BYTES: u64 = 1 << 20;

/// Reads what comes before the bytes of an entry: their digest; and the bytes, if they are few.
pub(crate) fn prepare(entry: &Entry, cancel: &Cancel) -> Result<Prepared, LayerError> {
    cancel.check()?;
    match &entry.content {
        Content::Symlink(_) | Content::Directory => Ok(Prepared::Nothing),
        Content::Bytes(bytes) => {
            let digest = Digest::of(bytes);
            Ok(Prepared::Bytes(Bytes::Shared(bytes.clone()), digest))
        }
        Content::File(source) => read(entry, source, cancel),
    }
}

fn read(entry: &Entry, source: &Path, cancel: &Cancel) -> Result<Prepared, LayerError> {
    let mut file = fs::File::open(source).map_err(|error| unreadable(entry, error))?;
    let limit = IN_MEMORY_BYTES + 1;
    // What the file system says spares the copies of a vector that grows; it need not be true.
    let expected_bytes = file.metadata().map_or(0, |metadata| metadata.len()) + 1;
    let expected_bytes = usize::try_from(expected_bytes.min(limit)).unwrap_or_default();
    let mut start = Vec::with_capacity(expected_bytes);
    let read_bytes = Read::by_ref(&mut file).take(limit).read_to_end(&mut start);
    if (read_bytes.map_err(|error| unreadable(entry, error))? as u64) < limit {
        let digest = Digest::of(&start);
        return Ok(Prepared::Bytes(Bytes::Read(start), digest));
    }
    let mut hasher = Hasher::default();
    let (size_bytes, checksum) = pass_over(&mut file, entry, cancel, |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    Ok(Prepared::Large(LargeFile {
        file,
        content: hasher.finish(),
        size_bytes,
        checksum,
    }))
}

impl LargeFile {
    /// Gives the bytes, piece by piece; fails at the end if they are others than before.
    pub(crate) fn read(
        mut self,
        entry: &Entry,
        cancel: &Cancel,
        take: impl FnMut(&[u8]) -> Result<(), LayerError>,
    ) -> Result<(), LayerError> {
        let again = pass_over(&mut self.file, entry, cancel, take)?;
        if again == (self.size_bytes, self.checksum) {
            Ok(())
        } else {
            Err(LayerError::Changed {
                path: lossy(&entry.path),
            })
        }
    }
}

/// Reads a file from its start; returns how many bytes it has, and their checksum.
fn pass_over(
    file: &mut fs::File,
    entry: &Entry,
    cancel: &Cancel,
    mut take: impl FnMut(&[u8]) -> Result<(), LayerError>,
) -> Result<(u64, u32), LayerError> {
    // To notice a change by accident the CRC is enough, and ten times as fast as SHA-256.
    let (mut checksum, mut size_bytes) = (Crc::new(), 0);
    let mut buffer = Vec::with_capacity(usize::try_from(BUFFER_BYTES).unwrap_or_default());
    file.rewind().map_err(|error| unreadable(entry, error))?;
    loop {
        cancel.check()?;
        buffer.clear();
        // Into room that nobody filled with zeros first.
        let read = Read::by_ref(file)
            .take(BUFFER_BYTES)
            .read_to_end(&mut buffer);
        if read.map_err(|error| unreadable(entry, error))? == 0 {
            return Ok((size_bytes, checksum.sum()));
        }
        checksum.update(&buffer);
        size_bytes += buffer.len() as u64;
        take(&buffer)?;
    }
}

fn unreadable(entry: &Entry, source: io::Error) -> LayerError {
    LayerError::Read {
        path: lossy(&entry.path),
        source,
    }
}
