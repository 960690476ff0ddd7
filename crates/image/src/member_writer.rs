use crate::compression::{Compression, Framing, MemberCompressor};
use crate::earlier_layer::{EarlierLayer, Member};
use mizzen_oci::{Digest, Hasher};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Compresses what is written as a sequence of gzip members or zstd frames: the same bytes on every
/// machine, with any number of threads.
///
/// Each member is compressed alone and whole, so members can be made in any order and taken over
/// from an earlier layer. A streaming deflate is no choice: what zlib-rs makes depends on the sizes
/// of the writes.
/// Source: RFC 1952, section 2.2: a file is a series of members; RFC 8878, section 3: of frames.
pub(crate) struct MemberWriter<W> {
    inner: W,
    compression: Compression,
    member_bytes: usize,
    earlier: Option<Arc<EarlierLayer>>,
    member: Vec<u8>,
    /// Memory of members that were written.
    spare: Vec<Vec<u8>>,
    /// What the unfinished member is made of.
    key: Hasher,
    /// Members that are not written yet, oldest first.
    pending: VecDeque<(Digest, Compressed)>,
    thread_count: usize,
    /// `None` until there are two members to compress.
    jobs: Option<SyncSender<Job>>,
    written: Vec<Member>,
    written_bytes: u64,
}

/// What bytes are, so that the key of a member needs no hash of them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece<'a> {
    /// Themselves: headers, padding.
    Itself,
    /// So far into the file with that content.
    OfFile { content: &'a Digest, at: u64 },
}

/// The bytes of a member that was ended.
enum Compressed {
    Here(Vec<u8>),
    /// A thread is at it.
    Coming(Receiver<Done>),
}

/// The compressed bytes, and the member's own memory to be used again.
type Done = (Vec<u8>, Vec<u8>);
type Job = (Vec<u8>, SyncSender<Done>);

/// With more, memory would grow past what a small build machine has to spare.
const MAX_THREADS: usize = 8;

impl<W: Write> MemberWriter<W> {
    pub(crate) fn new(
        inner: W,
        compression: Compression,
        earlier: Option<Arc<EarlierLayer>>,
    ) -> Self {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let member_bytes = compression.framing().member_bytes;
        Self {
            compression,
            member_bytes,
            earlier,
            inner,
            member: Vec::with_capacity(member_bytes),
            spare: Vec::new(),
            key: Hasher::default(),
            pending: VecDeque::new(),
            thread_count: count.min(MAX_THREADS),
            jobs: None,
            written: Vec::new(),
            written_bytes: 0,
        }
    }

    /// Returns where members should end.
    pub(crate) fn framing(&self) -> Framing {
        self.compression.framing()
    }

    /// Returns how many bytes the unfinished member holds.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.member.len()
    }

    /// Takes bytes, and what they are.
    pub(crate) fn write(&mut self, mut bytes: &[u8], piece: Piece<'_>) -> io::Result<()> {
        let mut before = 0;
        while !bytes.is_empty() {
            let count = bytes.len().min(self.member_bytes - self.member.len());
            let (now, rest) = bytes.split_at(count);
            match piece {
                Piece::Itself => self.key.field(now),
                Piece::OfFile { content, at } => {
                    self.key.field(content.as_bytes());
                    self.key.field(&(at + before).to_le_bytes());
                    self.key.field(&(count as u64).to_le_bytes());
                }
            }
            self.member.extend_from_slice(now);
            before += count as u64;
            bytes = rest;
            if self.member.len() == self.member_bytes {
                self.end_member()?;
            }
        }
        Ok(())
    }

    /// Ends the unfinished member, if there is one.
    pub(crate) fn end_member(&mut self) -> io::Result<()> {
        if self.member.is_empty() {
            return Ok(());
        }
        let key = std::mem::take(&mut self.key).finish();
        let earlier = self
            .earlier
            .as_ref()
            .and_then(|earlier| earlier.member(&key));
        let compressed = if let Some(bytes) = earlier {
            self.member.clear();
            Compressed::Here(bytes)
        } else {
            let next = self.spare.pop();
            let next = next.unwrap_or_else(|| Vec::with_capacity(self.member_bytes));
            let member = std::mem::replace(&mut self.member, next);
            let (done, receiver) = sync_channel(1);
            let (count, compression) = (self.thread_count, self.compression);
            let jobs = self.jobs.get_or_insert_with(|| start(count, compression));
            jobs.send((member, done))
                .expect("the threads wait for jobs until this value is gone");
            Compressed::Coming(receiver)
        };
        self.pending.push_back((key, compressed));
        if self.pending.len() > 2 * self.thread_count {
            self.write_oldest()?;
        }
        Ok(())
    }

    /// Ends the last member; returns the inner writer and where each member is in what it got.
    pub(crate) fn finish(mut self) -> io::Result<(W, Vec<Member>)> {
        if self.pending.is_empty() && self.written.is_empty() {
            // Most layers are one small member: not worth a thread.
            let key = std::mem::take(&mut self.key).finish();
            let bytes = MemberCompressor::new(self.compression).compress(&self.member);
            self.pending.push_back((key, Compressed::Here(bytes)));
        } else {
            self.end_member()?;
        }
        while !self.pending.is_empty() {
            self.write_oldest()?;
        }
        Ok((self.inner, self.written))
    }

    fn write_oldest(&mut self) -> io::Result<()> {
        let Some((key, compressed)) = self.pending.pop_front() else {
            return Ok(());
        };
        let bytes = match compressed {
            Compressed::Here(bytes) => bytes,
            Compressed::Coming(receiver) => {
                let (bytes, mut member) = receiver
                    .recv()
                    .expect("compressing in memory does not fail");
                member.clear();
                self.spare.push(member);
                bytes
            }
        };
        self.inner.write_all(&bytes)?;
        let size_bytes = u32::try_from(bytes.len()).expect("a member is 2 MiB at most");
        self.written.push(Member {
            key,
            at: self.written_bytes,
            size_bytes,
        });
        self.written_bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Starts threads that compress members until nobody can send them any.
fn start(count: usize, compression: Compression) -> SyncSender<Job> {
    let (jobs, queue) = sync_channel::<Job>(count);
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..count {
        let queue = queue.clone();
        thread::spawn(move || {
            let mut compressor = MemberCompressor::new(compression);
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok((member, done)) = next else { return };
                // Nobody waits any more if the layer failed meanwhile.
                drop(done.send((compressor.compress(&member), member)));
            }
        });
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::{Compression, MemberWriter, Piece};
    use std::io::Read;

    /// Bytes that compress, but not to nothing.
    fn sample(count: usize) -> Vec<u8> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0] & 31
        };
        (0..count).map(|_| next()).collect()
    }

    fn compressed(
        compression: Compression,
        bytes: &[u8],
        piece_bytes: usize,
        thread_count: usize,
    ) -> Vec<u8> {
        let mut writer = MemberWriter::new(Vec::new(), compression, None);
        writer.thread_count = thread_count;
        for piece in bytes.chunks(piece_bytes) {
            writer.write(piece, Piece::Itself).unwrap();
        }
        let (written, members) = writer.finish().unwrap();
        let last = members.last().unwrap();
        assert_eq!(last.at + u64::from(last.size_bytes), written.len() as u64);
        written
    }

    #[test]
    fn threads_and_write_sizes_do_not_change_the_bytes() {
        for compression in [Compression::Gzip, Compression::ZSTD] {
            let member_bytes = compression.framing().member_bytes;
            let bytes = sample(5 * member_bytes + 17);
            let one = compressed(compression, &bytes, bytes.len(), 1);
            for (piece_bytes, thread_count) in [(1000, 1), (member_bytes, 2), (70_001, 8)] {
                assert!(compressed(compression, &bytes, piece_bytes, thread_count) == one);
            }
            let mut read = Vec::new();
            let mut reader: Box<dyn Read> = match compression {
                Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(&one[..])),
                Compression::Zstd(_) => Box::new(zstd::Decoder::new(&one[..]).unwrap()),
            };
            reader.read_to_end(&mut read).unwrap();
            assert!(read == bytes);
        }
    }
}
