use mizzen_store::Cancel;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Ctrl-C and SIGTERM: the first asks the work to stop, and it leaves nothing half-made.
#[derive(Debug)]
pub(crate) struct Interrupt {
    pub(crate) cancel: Cancel,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = Self {
            cancel: Cancel::default(),
            signal: Arc::default(),
        };
        for signal in [SIGINT, SIGTERM] {
            let number = usize::try_from(signal).expect("signals are small positive numbers");
            signal_hook::flag::register_usize(signal, interrupt.signal.clone(), number)?;
            signal_hook::flag::register(signal, interrupt.cancel.flag())?;
        }
        Ok(interrupt)
    }

    /// Returns 128 plus the signal that came, if one came.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        let signal = u8::try_from(self.signal.load(Ordering::SeqCst)).ok()?;
        (signal > 0).then_some(128 + signal)
    }
}
