use crate::compression::{Compression, MemberCompressor};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Compresses what is written as a sequence of gzip members or zstd frames: the same bytes on every
/// machine, with any number of threads.
///
/// Each member is compressed alone and whole, so members can be made in any order and kept by
/// content. A streaming deflate is no choice: what zlib-rs makes depends on the sizes of the writes.
/// Source: RFC 1952, section 2.2: a file is a series of members; RFC 8878, section 3: of frames.
pub(crate) struct MemberWriter<W> {
    inner: W,
    compression: Compression,
    member: Vec<u8>,
    thread_count: usize,
    /// `None` until the first member is full.
    threads: Option<Threads>,
}

/// The most that one member holds, uncompressed.
const MEMBER_BYTES: usize = 1 << 20;
/// With more, memory would grow past what a small build machine has to spare.
const MAX_THREADS: usize = 8;

impl<W: Write> MemberWriter<W> {
    pub(crate) fn new(inner: W, compression: Compression) -> Self {
        let count = thread::available_parallelism().map_or(1, usize::from);
        Self::with_threads(inner, compression, count.min(MAX_THREADS))
    }

    fn with_threads(inner: W, compression: Compression, thread_count: usize) -> Self {
        Self {
            compression,
            thread_count,
            inner,
            member: Vec::with_capacity(MEMBER_BYTES),
            threads: None,
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
        let (count, compression) = (self.thread_count, self.compression);
        let threads = self
            .threads
            .get_or_insert_with(|| Threads::start(count, compression));
        let next = Vec::with_capacity(MEMBER_BYTES);
        let member = std::mem::replace(&mut self.member, next);
        if let Some(compressed) = threads.compress(member) {
            self.inner.write_all(&compressed)?;
        }
        Ok(())
    }

    /// Ends the last member and returns the inner writer.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        match self.threads.take() {
            // Most layers are one small member: not worth a thread.
            None => {
                let compressed = MemberCompressor::new(self.compression).compress(&self.member);
                self.inner.write_all(&compressed)?;
            }
            Some(threads) => {
                self.threads = Some(threads);
                self.end_member()?;
                for compressed in self.threads.take().into_iter().flat_map(Threads::finish) {
                    self.inner.write_all(&compressed)?;
                }
            }
        }
        Ok(self.inner)
    }
}

impl<W: Write> Write for MemberWriter<W> {
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

type Job = (Vec<u8>, SyncSender<Vec<u8>>);

/// Threads that compress members; what they give comes back in the order in which it went in.
struct Threads {
    count: usize,
    jobs: SyncSender<Job>,
    /// Where the compressed members will be, oldest first.
    pending: VecDeque<Receiver<Vec<u8>>>,
}

impl Threads {
    fn start(count: usize, compression: Compression) -> Self {
        let (jobs, queue) = sync_channel::<Job>(count);
        let queue = Arc::new(Mutex::new(queue));
        let work = |queue: Arc<Mutex<Receiver<Job>>>| {
            move || {
                let mut compressor = MemberCompressor::new(compression);
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((member, done)) = next else { return };
                    // Nobody waits any more if the layer failed meanwhile.
                    drop(done.send(compressor.compress(&member)));
                }
            }
        };
        for _ in 0..count {
            thread::spawn(work(queue.clone()));
        }
        Self {
            count,
            jobs,
            pending: VecDeque::new(),
        }
    }

    /// Takes a member; returns the oldest compressed one if enough are under way.
    fn compress(&mut self, member: Vec<u8>) -> Option<Vec<u8>> {
        let (done, receiver) = sync_channel(1);
        self.jobs
            .send((member, done))
            .expect("the threads wait for jobs until this value is gone");
        self.pending.push_back(receiver);
        if self.pending.len() > 2 * self.count {
            return self.pending.pop_front().as_ref().map(received);
        }
        None
    }

    fn finish(self) -> impl Iterator<Item = Vec<u8>> {
        self.pending.into_iter().map(|receiver| received(&receiver))
    }
}

fn received(receiver: &Receiver<Vec<u8>>) -> Vec<u8> {
    receiver
        .recv()
        .expect("compressing in memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::{Compression, MEMBER_BYTES, MemberWriter};
    use std::io::{Read, Write};

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
        let mut writer = MemberWriter::with_threads(Vec::new(), compression, thread_count);
        for piece in bytes.chunks(piece_bytes) {
            writer.write_all(piece).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn threads_and_write_sizes_do_not_change_the_bytes() {
        let bytes = sample(5 * MEMBER_BYTES + 17);
        for compression in [Compression::Gzip, Compression::ZSTD] {
            let one = compressed(compression, &bytes, bytes.len(), 1);
            for (piece_bytes, thread_count) in [(1000, 1), (MEMBER_BYTES, 2), (70_001, 8)] {
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
