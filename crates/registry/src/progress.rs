use crate::{Trace, Wait};
use mizzen_oci::Digest;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};

/// Hears how blobs move, to draw them. Called from several threads; must return at once.
pub trait TransferReporter: Send + Sync + Debug {
    /// Something happened to the blob `digest`, which has `size_bytes` in all.
    fn report(&self, digest: &Digest, size_bytes: u64, what: Transfer);

    /// A request was answered, or failed.
    fn trace(&self, _: &Trace) {}

    /// A failure that may pass has everybody wait before the registry is asked again.
    fn wait(&self, _: &Wait) {}
}

/// What happened to a blob.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transfer {
    /// So many bytes of it have been sent in this attempt.
    Sent(u64),
    /// It is in the registry because it was sent.
    Uploaded,
    /// It is in the registry because another repository of the registry had it.
    Mounted,
    /// It was in the registry already.
    Skipped,
    /// So many bytes of it have been received in this attempt.
    Received(u64),
    /// It is here, verified.
    Downloaded,
}

/// Hears everything and says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl TransferReporter for Silent {
    fn report(&self, _: &Digest, _: u64, _: Transfer) {}
}

/// What one [`crate::Registry`] has done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// HTTP requests, those for tokens and those that failed included.
    pub requests: u64,
    /// Blobs that were sent.
    pub uploaded_blobs: u64,
    /// Bytes of request bodies that were handed to the network; repeated attempts count again.
    pub uploaded_bytes: u64,
    /// Bytes of answers' bodies.
    pub downloaded_bytes: u64,
    /// Sizes of the blobs that were mounted.
    pub mounted_bytes: u64,
    /// Sizes of the blobs that were there already.
    pub skipped_bytes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) uploaded_blobs: AtomicU64,
    pub(crate) uploaded_bytes: AtomicU64,
    pub(crate) downloaded_bytes: AtomicU64,
    pub(crate) mounted_bytes: AtomicU64,
    pub(crate) skipped_bytes: AtomicU64,
}

impl Counters {
    pub(crate) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            requests: read(&self.requests),
            uploaded_blobs: read(&self.uploaded_blobs),
            uploaded_bytes: read(&self.uploaded_bytes),
            downloaded_bytes: read(&self.downloaded_bytes),
            mounted_bytes: read(&self.mounted_bytes),
            skipped_bytes: read(&self.skipped_bytes),
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
