use libdeflater::{CompressionLvl, Compressor};
use std::io::{self, Write};

/// Compresses what is written as a sequence of gzip members, with the same bytes on every machine.
///
/// Each member is compressed alone and whole, so members can be made in any order and kept by
/// content. A streaming deflate is no choice: what zlib-rs makes depends on the sizes of the writes.
/// Members have no name, no time and operating system "unknown".
/// Source: RFC 1952, section 2.2: a file is a series of members.
pub(crate) struct GzipWriter<W> {
    inner: W,
    member: Vec<u8>,
    compressor: Compressor,
    compressed: Vec<u8>,
}

/// The most that one member holds, uncompressed.
const MEMBER_BYTES: usize = 1 << 20;
/// Smaller output than zlib's level 6, at three times its speed.
const LEVEL: i32 = 5;

impl<W: Write> GzipWriter<W> {
    pub(crate) fn new(inner: W) -> Self {
        let level = CompressionLvl::new(LEVEL).expect("a level that libdeflate has");
        let mut compressor = Compressor::new(level);
        Self {
            compressed: vec![0; compressor.gzip_compress_bound(MEMBER_BYTES)],
            inner,
            member: Vec::with_capacity(MEMBER_BYTES),
            compressor,
        }
    }

    /// Returns how many bytes the unfinished member holds.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.member.len()
    }

    /// Ends the unfinished member, if there is one.
    pub(crate) fn end_member(&mut self) -> io::Result<()> {
        if self.member.is_empty() {
            return Ok(());
        }
        let size = self
            .compressor
            .gzip_compress(&self.member, &mut self.compressed)
            .expect("the buffer has the size that libdeflate asks for");
        self.member.clear();
        self.inner.write_all(&self.compressed[..size])
    }

    /// Ends the last member and returns the inner writer.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.end_member()?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = buffer.len().min(MEMBER_BYTES - self.member.len());
        self.member.extend_from_slice(&buffer[..count]);
        if self.member.len() == MEMBER_BYTES {
            self.end_member()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
