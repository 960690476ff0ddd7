use crate::LayerError;
use crate::compression::Compression;
use crate::entry::{Content, Entry, lossy};
use crate::member_writer::MemberWriter;
use crate::tar_header::{Attributes, padding};
use fs_err as fs;
use libdeflater::Crc;
use mizzen_oci::{ContentTime, DiffId, Digest, Hasher};
use mizzen_store::{Cancel, StoreError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use tar::EntryType;

/// Writes entries, in the order they come, as a compressed tar.
pub(crate) struct TarWriter<'a, W> {
    members: MemberWriter<W>,
    diff_id: Hasher,
    cancel: &'a Cancel,
}

/// A file up to this size is read once; a larger one twice, for its time comes before its bytes and
/// memory stays bounded.
const IN_MEMORY_BYTES: u64 = 8 << 20;
/// A file from this size on has members of its own, which stay the same whatever lies beside
/// it.
const OWN_MEMBER_BYTES: u64 = 64 << 10;
/// Smaller files share a member until it holds this much.
const SHARED_MEMBER_BYTES: usize = 256 << 10;

impl<'a, W: Write> TarWriter<'a, W> {
    pub(crate) fn new(inner: W, compression: Compression, cancel: &'a Cancel) -> Self {
        Self {
            members: MemberWriter::new(inner, compression),
            diff_id: Hasher::default(),
            cancel,
        }
    }

    pub(crate) fn add(&mut self, entry: &Entry) -> Result<(), LayerError> {
        self.cancel.check()?;
        match &entry.content {
            Content::Bytes(bytes) => self.add_bytes(entry, bytes),
            Content::File(source) => self.add_file(entry, source),
            Content::Symlink(target) => {
                let header = attributes(entry, EntryType::Symlink, 0, ContentTime::CONSTANT);
                self.write_header(Attributes {
                    link_target: target,
                    ..header
                })
            }
            Content::Directory => {
                let path = [&entry.path[..], b"/"].concat();
                let header = attributes(entry, EntryType::Directory, 0, ContentTime::CONSTANT);
                self.write_header(Attributes {
                    path: &path,
                    ..header
                })
            }
        }
    }

    /// Ends the tar and returns the inner writer.
    pub(crate) fn finish(mut self) -> Result<(W, DiffId), LayerError> {
        // Two blocks of zeros end a tar.
        self.write(&[0; 1024])?;
        let diff_id = DiffId(self.diff_id.finish());
        Ok((self.members.finish().map_err(stored)?, diff_id))
    }

    fn add_bytes(&mut self, entry: &Entry, bytes: &[u8]) -> Result<(), LayerError> {
        let time = ContentTime::of(&Digest::of(bytes));
        let size_bytes = bytes.len() as u64;
        self.write_header(attributes(entry, EntryType::Regular, size_bytes, time))?;
        self.write(bytes)?;
        self.pad(size_bytes)
    }

    fn add_file(&mut self, entry: &Entry, source: &Path) -> Result<(), LayerError> {
        let unreadable = |error| LayerError::Read {
            path: lossy(&entry.path),
            source: error,
        };
        let mut file = fs::File::open(source).map_err(unreadable)?;
        let mut buffer = Vec::new();
        let limit = IN_MEMORY_BYTES + 1;
        let start = Read::by_ref(&mut file).take(limit).read_to_end(&mut buffer);
        if (start.map_err(unreadable)? as u64) < limit {
            return self.add_bytes(entry, &buffer);
        }
        let mut hasher = Hasher::default();
        file.rewind().map_err(unreadable)?;
        let first = self.pass_over(&mut file, &mut buffer, entry, |_, piece| {
            hasher.update(piece);
            Ok(())
        })?;
        let time = ContentTime::of(&hasher.finish());
        self.write_header(attributes(entry, EntryType::Regular, first.0, time))?;
        file.rewind().map_err(unreadable)?;
        let second = self.pass_over(&mut file, &mut buffer, entry, Self::write)?;
        if first != second {
            return Err(LayerError::Changed {
                path: lossy(&entry.path),
            });
        }
        self.pad(first.0)
    }

    /// Reads the rest of the file; returns how many bytes it had, and their checksum.
    fn pass_over(
        &mut self,
        file: &mut fs::File,
        buffer: &mut [u8],
        entry: &Entry,
        mut take: impl FnMut(&mut Self, &[u8]) -> Result<(), LayerError>,
    ) -> Result<(u64, u32), LayerError> {
        // To notice a change by accident the CRC is enough, and ten times as fast as SHA-256.
        let (mut checksum, mut size_bytes) = (Crc::new(), 0);
        loop {
            self.cancel.check()?;
            match file.read(buffer) {
                Ok(0) => return Ok((size_bytes, checksum.sum())),
                Ok(count) => {
                    checksum.update(&buffer[..count]);
                    size_bytes += count as u64;
                    take(self, &buffer[..count])?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(LayerError::Read {
                        path: lossy(&entry.path),
                        source,
                    });
                }
            }
        }
    }

    fn write_header(&mut self, attributes: Attributes<'_>) -> Result<(), LayerError> {
        if attributes.size_bytes >= OWN_MEMBER_BYTES
            || self.members.pending_bytes() >= SHARED_MEMBER_BYTES
        {
            self.members.end_member().map_err(stored)?;
        }
        self.write(&attributes.to_blocks())
    }

    fn pad(&mut self, size_bytes: u64) -> Result<(), LayerError> {
        self.write(&[0; 512][..padding(size_bytes)])?;
        if size_bytes >= OWN_MEMBER_BYTES {
            self.members.end_member().map_err(stored)?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LayerError> {
        self.diff_id.update(bytes);
        self.members.write_all(bytes).map_err(stored)
    }
}

fn attributes(
    entry: &Entry,
    entry_type: EntryType,
    size_bytes: u64,
    time: ContentTime,
) -> Attributes<'_> {
    Attributes {
        path: &entry.path,
        link_target: b"",
        entry_type,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        size_bytes,
        mtime_seconds: time.seconds,
    }
}

fn stored(error: io::Error) -> LayerError {
    LayerError::Store(StoreError::Io(error))
}
