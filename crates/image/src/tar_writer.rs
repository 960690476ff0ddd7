use crate::LayerError;
use crate::compression::Framing;
use crate::earlier_layer::Member;
use crate::entry::{Content, Entry};
use crate::file_reader::Prepared;
use crate::member_writer::{MemberWriter, Piece};
use crate::tar_header::{Attributes, padding};
use mizzen_oci::{ContentTime, DiffId, Hasher};
use mizzen_store::{Cancel, StoreError};
use std::io::{self, Write};
use tar::EntryType;

/// Writes entries, in the order they come, as a compressed tar.
pub(crate) struct TarWriter<'a, W> {
    members: MemberWriter<W>,
    framing: Framing,
    diff_id: Hasher,
    cancel: &'a Cancel,
}

impl<'a, W: Write> TarWriter<'a, W> {
    pub(crate) fn new(members: MemberWriter<W>, cancel: &'a Cancel) -> Self {
        Self {
            framing: members.framing(),
            members,
            diff_id: Hasher::default(),
            cancel,
        }
    }

    pub(crate) fn add(&mut self, entry: &Entry, prepared: Prepared) -> Result<(), LayerError> {
        match prepared {
            Prepared::Nothing => self.add_without_content(entry),
            Prepared::Bytes(bytes, content) => {
                let size_bytes = bytes.len() as u64;
                let time = ContentTime::of(&content);
                self.write_header(attributes(entry, EntryType::Regular, size_bytes, time))?;
                let content = &content;
                self.write(&bytes, Piece::OfFile { content, at: 0 })?;
                self.pad(size_bytes)
            }
            Prepared::Large(file) => {
                let (content, size_bytes, cancel) = (file.content, file.size_bytes, self.cancel);
                let time = ContentTime::of(&content);
                self.write_header(attributes(entry, EntryType::Regular, size_bytes, time))?;
                let (content, mut at) = (&content, 0);
                file.read(entry, cancel, |bytes| {
                    let piece = Piece::OfFile { content, at };
                    at += bytes.len() as u64;
                    self.write(bytes, piece)
                })?;
                self.pad(size_bytes)
            }
        }
    }

    /// Ends the tar; returns the inner writer, the tar's name and where each member is.
    pub(crate) fn finish(mut self) -> Result<(W, DiffId, Vec<Member>), LayerError> {
        // Two blocks of zeros end a tar.
        self.write(&[0; 1024], Piece::Itself)?;
        let diff_id = DiffId(self.diff_id.finish());
        let (inner, members) = self.members.finish().map_err(stored)?;
        Ok((inner, diff_id, members))
    }

    fn add_without_content(&mut self, entry: &Entry) -> Result<(), LayerError> {
        let time = ContentTime::CONSTANT;
        if let Content::Symlink(target) = &entry.content {
            let header = attributes(entry, EntryType::Symlink, 0, time);
            return self.write_header(Attributes {
                link_target: target,
                ..header
            });
        }
        let path = [&entry.path[..], b"/"].concat();
        let header = attributes(entry, EntryType::Directory, 0, time);
        self.write_header(Attributes {
            path: &path,
            ..header
        })
    }

    fn write_header(&mut self, attributes: Attributes<'_>) -> Result<(), LayerError> {
        if attributes.size_bytes >= self.framing.own_from_size
            || self.members.pending_bytes() >= self.framing.shared_bytes
        {
            self.members.end_member().map_err(stored)?;
        }
        self.write(&attributes.to_blocks(), Piece::Itself)
    }

    fn pad(&mut self, size_bytes: u64) -> Result<(), LayerError> {
        self.write(&[0; 512][..padding(size_bytes)], Piece::Itself)?;
        if size_bytes >= self.framing.own_from_size {
            self.members.end_member().map_err(stored)?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], piece: Piece<'_>) -> Result<(), LayerError> {
        self.diff_id.update(bytes);
        self.members.write(bytes, piece).map_err(stored)
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
