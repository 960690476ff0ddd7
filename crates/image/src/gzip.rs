use libdeflater::{CompressionLvl, Compressor};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Compresses what is written as a sequence of gzip members: the same bytes on every machine, with
/// any number of threads.
///
/// Each member is compressed alone and whole, so members can be made in any order and kept by
/// content. A streaming deflate is no choice: what zlib-rs makes depends on the sizes of the writes.
/// Members have no name, no time and operating system "unknown".
/// Source: RFC 1952, section 2.2: a file is a series of members.
pub(crate) struct GzipWriter<W> {
    inner: W,
    member: Vec<u8>,
    thread_count: usize,
    /// `None` until the first member is full.
    threads: Option<Threads>,
}

/// The most that one member holds, uncompressed.
const MEMBER_BYTES: usize = 1 << 20;
/// Smaller output than zlib's level 6, at three times its speed.
const LEVEL: i32 = 5;
/// With more, memory would grow past what a small build machine has to spare.
const MAX_THREADS: usize = 8;

impl<W: Write> GzipWriter<W> {
    pub(crate) fn new(inner: W) -> Self {
        let count = thread::available_parallelism().map_or(1, usize::from);
        Self::with_threads(inner, count.min(MAX_THREADS))
    }

    fn with_threads(inner: W, thread_count: usize) -> Self {
        Self {
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
        let count = self.thread_count;
        let threads = self.threads.get_or_insert_with(|| Threads::start(count));
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
                let compressed = compress(&mut compressor(), &self.member);
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

type Job = (Vec<u8>, SyncSender<Vec<u8>>);

/// Threads that compress members; what they give comes back in the order in which it went in.
struct Threads {
    count: usize,
    jobs: SyncSender<Job>,
    /// Where the compressed members will be, oldest first.
    pending: VecDeque<Receiver<Vec<u8>>>,
}

impl Threads {
    fn start(count: usize) -> Self {
        let (jobs, queue) = sync_channel::<Job>(count);
        let queue = Arc::new(Mutex::new(queue));
        let work = |queue: Arc<Mutex<Receiver<Job>>>| {
            move || {
                let mut compressor = compressor();
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((member, done)) = next else { return };
                    // Nobody waits any more if the layer failed meanwhile.
                    drop(done.send(compress(&mut compressor, &member)));
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

fn compressor() -> Compressor {
    Compressor::new(CompressionLvl::new(LEVEL).expect("a level that libdeflate has"))
}

fn compress(compressor: &mut Compressor, member: &[u8]) -> Vec<u8> {
    let mut compressed = vec![0; compressor.gzip_compress_bound(member.len())];
    let size = compressor
        .gzip_compress(member, &mut compressed)
        .expect("the buffer has the size that libdeflate asks for");
    compressed.truncate(size);
    compressed
}

#[cfg(test)]
mod tests {
    use super::{GzipWriter, MEMBER_BYTES};
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

    fn compressed(bytes: &[u8], piece_bytes: usize, thread_count: usize) -> Vec<u8> {
        let mut gzip = GzipWriter::with_threads(Vec::new(), thread_count);
        for piece in bytes.chunks(piece_bytes) {
            gzip.write_all(piece).unwrap();
        }
        gzip.finish().unwrap()
    }

    #[test]
    fn threads_and_write_sizes_do_not_change_the_bytes() {
        let bytes = sample(5 * MEMBER_BYTES + 17);
        let one = compressed(&bytes, bytes.len(), 1);
        for (piece_bytes, thread_count) in [(1000, 1), (MEMBER_BYTES, 2), (70_001, 8)] {
            assert!(compressed(&bytes, piece_bytes, thread_count) == one);
        }
        let mut read = Vec::new();
        let mut reader = flate2::read::MultiGzDecoder::new(&one[..]);
        reader.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }
}
