use crate::{Cancel, StoreError};
use fs_err as fs;
use rustix::fs::FlockOperation;
use std::io;
use std::time::Duration;

/// Waits until nobody else has `file` locked, and locks it; says once, to `on_wait`, that it waits.
///
/// # Errors
/// [`StoreError::Io`] if the file system has no locks; [`StoreError::Cancelled`] if asked to stop while
/// it waits.
pub fn lock_file(
    file: &fs::File,
    cancel: &Cancel,
    on_wait: impl FnOnce(),
) -> Result<(), StoreError> {
    let mut on_wait = Some(on_wait);
    while let Err(error) = rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        if error != rustix::io::Errno::WOULDBLOCK {
            return Err(io::Error::from(error).into());
        }
        if let Some(on_wait) = on_wait.take() {
            on_wait();
        }
        cancel.check()?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
