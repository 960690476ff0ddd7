use std::io::{self, Write};
use std::panic::resume_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

/// Hands what is written to a thread, which hashes it and brings it to disk meanwhile.
pub(crate) struct WriteBehind<'scope, W> {
    /// `None` once the thread has ended.
    parts: Option<SyncSender<Vec<u8>>>,
    thread: Option<ScopedJoinHandle<'scope, io::Result<W>>>,
}

/// How many parts may wait.
const MAX_WAITING: usize = 4;
/// After so many bytes they are brought to disk: at the end all would wait for that.
const SYNCED_BYTES: usize = 8 << 20;

impl<'scope, W: Write + Send + 'scope> WriteBehind<'scope, W> {
    /// Starts the thread, which calls `sync` now and then.
    pub(crate) fn new<'env>(
        scope: &'scope Scope<'scope, 'env>,
        mut inner: W,
        sync: fn(&mut W) -> io::Result<()>,
    ) -> Self {
        let (parts, waiting) = sync_channel::<Vec<u8>>(MAX_WAITING);
        let thread = scope.spawn(move || {
            let mut unsynced = 0;
            for part in waiting {
                inner.write_all(&part)?;
                unsynced += part.len();
                if unsynced >= SYNCED_BYTES {
                    sync(&mut inner)?;
                    unsynced = 0;
                }
            }
            Ok(inner)
        });
        Self {
            parts: Some(parts),
            thread: Some(thread),
        }
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// If a part could not be written.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.end().map(|inner| inner.expect("it ends once"))
    }

    /// Ends the thread; `None` if it was ended before.
    fn end(&mut self) -> io::Result<Option<W>> {
        self.parts = None;
        let Some(thread) = self.thread.take() else {
            return Ok(None);
        };
        let inner = thread.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(Some(inner))
    }
}

impl<'scope, W: Write + Send + 'scope> Write for WriteBehind<'scope, W> {
    /// Takes all of `buffer`; what fails later is told by a later call, or by
    /// [`finish`](WriteBehind::finish).
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let parts = self.parts.as_ref();
        if parts.is_some_and(|parts| parts.send(buffer.to_vec()).is_ok()) {
            return Ok(buffer.len());
        }
        // The thread ends early only if it failed.
        self.end()?;
        Err(io::Error::other("an earlier part could not be written"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::WriteBehind;
    use std::io::{self, Write};
    use std::thread;

    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(buffer.len())
                .ok_or(io::ErrorKind::StorageFull)?;
            Ok(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn everything_is_written_in_its_order() {
        let written = thread::scope(|scope| {
            let mut behind = WriteBehind::new(scope, Vec::new(), |_| Ok(()));
            for number in 0..100u8 {
                behind.write_all(&[number; 3]).unwrap();
            }
            behind.finish().unwrap()
        });
        let expected: Vec<u8> = (0..100).flat_map(|number| [number; 3]).collect();
        assert_eq!(written, expected);
    }

    #[test]
    fn a_disk_that_is_full_is_told_by_a_later_part_or_at_the_end() {
        thread::scope(|scope| {
            let mut behind = WriteBehind::new(scope, Full(10), |_| Ok(()));
            let mut write = || behind.write_all(&[0; 4]);
            let error = loop {
                if let Err(error) = write() {
                    break error;
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            let mut behind = WriteBehind::new(scope, Full(10), |_| Ok(()));
            behind.write_all(&[0; 11]).unwrap();
            let error = behind.finish().err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        });
    }
}
