use crate::{HostSettings, Settings};
use std::time::Duration;

/// How slow a host may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The longest that a peer may say and take nothing.
    pub(crate) silence: Duration,
    /// The longest that one attempt at a document may take.
    pub(crate) document: Duration,
    /// The least that a blob moves, over [`WINDOW`]; 0 for no such limit.
    pub(crate) least_bytes_per_second: u64,
}

/// A peer that holds on to us.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Slow {
    #[error("no answer for {}s", .0.as_secs_f32())]
    Silence(Duration),
    #[error("the answer is not complete after {}s", .0.as_secs())]
    Document(Duration),
    #[error("{bytes} bytes in {}s, less than {least} a second", .over.as_secs())]
    Rate {
        bytes: u64,
        over: Duration,
        least: u64,
    },
}

/// Watches how fast a blob arrives.
#[derive(Debug)]
pub(crate) struct Speedometer {
    pace: Pace,
    since: Duration,
    bytes: u64,
}

/// So long a blob may be slow: a connection may stand still for a moment.
const WINDOW: Duration = Duration::from_secs(30);

impl Pace {
    pub(crate) fn of(settings: &Settings, special: Option<&HostSettings>) -> Self {
        let document = special.and_then(|host| host.document_timeout);
        let least = special.and_then(|host| host.least_bytes_per_second);
        Self {
            silence: settings.silence_timeout,
            document: document.unwrap_or(settings.document_timeout),
            least_bytes_per_second: least.unwrap_or(settings.least_bytes_per_second),
        }
    }

    /// Returns how long one may wait for the next piece of a document that was asked for `elapsed`
    /// ago.
    pub(crate) fn patience(&self, elapsed: Duration) -> Result<Duration, Slow> {
        let left = self.document.saturating_sub(elapsed);
        if left.is_zero() {
            return Err(Slow::Document(self.document));
        }
        Ok(left.min(self.silence))
    }

    /// Says whether `bytes` are enough for this time.
    pub(crate) fn check(&self, bytes: u64, over: Duration) -> Result<(), Slow> {
        let least = self.least_bytes_per_second;
        if u128::from(bytes) * 1000 < u128::from(least) * over.as_millis() {
            return Err(Slow::Rate { bytes, over, least });
        }
        Ok(())
    }
}

impl Speedometer {
    pub(crate) fn new(pace: Pace, now: Duration) -> Self {
        Self {
            pace,
            since: now,
            bytes: 0,
        }
    }

    /// Takes note of a piece.
    pub(crate) fn note(&mut self, bytes: usize, now: Duration) -> Result<(), Slow> {
        self.bytes += bytes as u64;
        let over = now.saturating_sub(self.since);
        if over < WINDOW {
            return Ok(());
        }
        self.pace.check(self.bytes, over)?;
        *self = Self::new(self.pace, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, Slow, Speedometer};
    use std::time::Duration;

    const PACE: Pace = Pace {
        silence: Duration::from_secs(60),
        document: Duration::from_secs(30),
        least_bytes_per_second: 1000,
    };

    #[test]
    fn a_document_has_its_time_however_often_a_byte_arrives() {
        let patience = |seconds| PACE.patience(Duration::from_secs(seconds));
        assert_eq!(patience(0), Ok(Duration::from_secs(30)));
        assert_eq!(patience(29), Ok(Duration::from_secs(1)));
        assert_eq!(patience(30), Err(Slow::Document(PACE.document)));
    }

    #[test]
    fn a_blob_may_be_slow_for_a_moment_and_not_for_long() {
        let at = |seconds| Duration::from_secs(seconds);
        let mut speedometer = Speedometer::new(PACE, at(100));
        assert_eq!(speedometer.note(1, at(129)), Ok(()));
        // The whole window counts: what it lacks in the middle may come at its end.
        assert_eq!(speedometer.note(29_999, at(130)), Ok(()));
        assert_eq!(speedometer.note(1, at(159)), Ok(()));
        let least = 1000;
        let slow = Slow::Rate {
            bytes: 29_999,
            over: at(30),
            least,
        };
        assert_eq!(speedometer.note(29_998, at(160)), Err(slow));
        let no_limit = Pace {
            least_bytes_per_second: 0,
            ..PACE
        };
        assert_eq!(no_limit.check(0, at(3600)), Ok(()));
    }
}
