use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that asks whatever holds it to stop: Ctrl-C, or a sibling that failed.
///
/// Long work asks [`Cancel::check`] between pieces; who started a process or a transfer asks it
/// while it waits.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

/// The work was asked to stop.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("interrupted")]
pub struct Cancelled;

impl Cancel {
    /// Asks everyone who holds this flag to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Returns the flag itself, for a signal handler to set.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }

    /// `true` once somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Goes on, unless asked to stop.
    ///
    /// # Errors
    /// [`Cancelled`] once somebody asked.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }
}
