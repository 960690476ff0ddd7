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

#[cfg(test)]
mod tests {
    use super::{Cancel, Cancelled};
    use std::sync::atomic::Ordering;

    #[test]
    fn everyone_who_holds_the_flag_is_asked_to_stop() {
        let cancel = Cancel::default();
        assert_eq!(cancel.check(), Ok(()));
        let other = cancel.clone();
        // As a signal handler does.
        cancel.flag().store(true, Ordering::SeqCst);
        assert!(other.is_cancelled());
        assert_eq!(other.check(), Err(Cancelled));
    }
}
