use super::about::About;
use super::live::room;
use super::numbers::size;
use super::screen::{Form, Screen};
use mizzen_oci::Digest;
use mizzen_registry::{Trace, Transfer, TransferReporter, Wait};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shows how blobs move to and from registries, and with `-v` what was said.
#[derive(Debug)]
pub(crate) struct Transfers {
    screen: Arc<Screen>,
    about: About,
    verbose: bool,
    moving: Mutex<Moving>,
}

/// The blobs on their way, and what has arrived since there was none.
#[derive(Debug, Default)]
struct Moving {
    blobs: BTreeMap<Digest, Blob>,
    since: Option<Instant>,
    /// When a machine was last told of a blob that is on its way.
    told: Option<Instant>,
}

#[derive(Debug)]
struct Blob {
    size_bytes: u64,
    moved_bytes: u64,
    is_done: bool,
}

/// Machines hear of a blob on its way at most this often.
const TELL: Duration = Duration::from_millis(250);
/// A wait that is shorter is nobody's concern.
const NOTABLE_WAIT: Duration = Duration::from_secs(2);
/// A bar has at most so many cells, and none where it would have less.
const BAR_CELLS: usize = 24;
const FEWEST_CELLS: usize = 8;

impl Transfers {
    pub(crate) fn new(screen: Arc<Screen>, about: About, verbose: bool) -> Self {
        Self {
            screen,
            about,
            verbose,
            moving: Mutex::default(),
        }
    }

    fn moved(&self, digest: &Digest, size_bytes: u64, moved_bytes: u64, state: &str) {
        let mut moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let blob = Blob {
            size_bytes,
            moved_bytes,
            // Only when the other side says so.
            is_done: false,
        };
        moving.blobs.insert(*digest, blob);
        let is_first = moving.since.is_none();
        let since = *moving.since.get_or_insert_with(Instant::now);
        if let Some(live) = self.screen.live() {
            if is_first {
                live.begin(&self.about, state, "");
            }
            let room = room(&self.about);
            live.detail(&self.about, &status(&moving.blobs, since.elapsed(), room));
        } else if moving.told.is_none_or(|told| told.elapsed() >= TELL) {
            moving.told = Some(Instant::now());
            let event = json!({
                "event": "blob", "state": state, "digest": digest, "size": size_bytes,
                "bytes": moved_bytes,
            });
            self.screen.event(&self.about, &event);
        }
    }

    fn ended(&self, digest: &Digest, size_bytes: u64, state: &str) {
        let mut moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(blob) = moving.blobs.get_mut(digest) {
            blob.is_done = true;
            blob.moved_bytes = size_bytes;
        }
        if moving.blobs.values().all(|blob| blob.is_done) {
            moving.blobs.clear();
            if moving.since.take().is_some()
                && let Some(live) = self.screen.live()
            {
                live.idle(&self.about);
            }
        }
        match self.screen.form() {
            Form::Silent => {}
            Form::Json => self.screen.event(
                &self.about,
                &json!({ "event": "blob", "state": state, "digest": digest, "size": size_bytes }),
            ),
            // What one has seen move needs no line.
            Form::Rich if !self.verbose => {}
            Form::Plain if state == "skipped" && !self.verbose => {}
            Form::Rich | Form::Plain => self.screen.line(
                &self.about,
                &format!("{state:8} {}, {}", digest.short(), size(size_bytes)),
            ),
        }
    }
}

impl TransferReporter for Transfers {
    fn report(&self, digest: &Digest, size_bytes: u64, what: Transfer) {
        match what {
            Transfer::Sent(bytes) => self.moved(digest, size_bytes, bytes, "sending"),
            Transfer::Received(bytes) => self.moved(digest, size_bytes, bytes, "receiving"),
            Transfer::Uploaded => self.ended(digest, size_bytes, "uploaded"),
            Transfer::Mounted => self.ended(digest, size_bytes, "mounted"),
            Transfer::Skipped => self.ended(digest, size_bytes, "skipped"),
            Transfer::Downloaded => self.ended(digest, size_bytes, "fetched"),
        }
    }

    fn trace(&self, trace: &Trace) {
        if !self.verbose {
            return;
        }
        if self.screen.form() != Form::Json {
            let line = format!("request  {trace}");
            return self.screen.line(&self.about, &line);
        }
        let (status, error) = match &trace.outcome {
            Ok(status) => (Some(status), None),
            Err(error) => (None, Some(error)),
        };
        let event = json!({
            "event": "request", "method": trace.method, "url": trace.url, "status": status,
            "error": error, "attempt": trace.attempt, "sentBytes": trace.sent_bytes,
            "answerBytes": trace.answer_bytes,
            "ms": u64::try_from(trace.took.as_millis()).unwrap_or(u64::MAX),
        });
        self.screen.event(&self.about, &event);
    }

    fn wait(&self, wait: &Wait) {
        if self.screen.form() == Form::Json {
            let event = json!({
                "event": "wait", "registry": wait.registry, "what": wait.what,
                "because": wait.because,
                "ms": u64::try_from(wait.delay.as_millis()).unwrap_or(u64::MAX),
            });
            self.screen.event(&self.about, &event);
        } else if self.verbose || wait.delay >= NOTABLE_WAIT {
            self.screen.line(&self.about, &format!("note: {wait}"));
        }
    }
}

/// Returns how far everything is, in `room` columns: a bar if it fits,
/// `[####----] 41.2 MB of 120 MB, 2 of 3 blobs, 12.3 MB/s`.
fn status(blobs: &BTreeMap<Digest, Blob>, elapsed: Duration, room: usize) -> String {
    let size_bytes: u64 = blobs.values().map(|blob| blob.size_bytes).sum();
    let moved_bytes: u64 = blobs.values().map(|blob| blob.moved_bytes).sum();
    let done = blobs.values().filter(|blob| blob.is_done).count();
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    // The first moment says nothing about the rest.
    let rate = match milliseconds {
        ..500 => String::new(),
        _ => format!(
            ", {}/s",
            size(moved_bytes.saturating_mul(1000) / milliseconds)
        ),
    };
    let text = format!(
        "{} of {}, {done} of {} blobs{rate}",
        size(moved_bytes),
        size(size_bytes),
        blobs.len()
    );
    let brackets = "[] ".len();
    let cells = room.saturating_sub(text.len() + brackets).min(BAR_CELLS);
    if cells < FEWEST_CELLS {
        return text;
    }
    let cells = u64::try_from(cells).unwrap_or_default();
    let filled = moved_bytes.saturating_mul(cells).checked_div(size_bytes);
    let filled = filled.unwrap_or(cells);
    let bar = (0..cells).map(|cell| if cell < filled { '#' } else { '-' });
    format!("[{}] {text}", bar.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{Blob, status};
    use mizzen_oci::Digest;
    use std::time::Duration;

    #[test]
    fn one_line_says_how_far_everything_is() {
        let blob = |size_bytes, moved_bytes| {
            let is_done = size_bytes == moved_bytes;
            let blob = Blob {
                size_bytes,
                moved_bytes,
                is_done,
            };
            (
                Digest::of(&[u8::try_from(moved_bytes % 251).unwrap()]),
                blob,
            )
        };
        let blobs = [blob(80_000_000, 10_000_000), blob(20_000_000, 20_000_000)].into();
        assert_eq!(
            status(&blobs, Duration::from_secs(3), 100),
            "[#######-----------------] 30.0 MB of 100 MB, 1 of 2 blobs, 10.0 MB/s"
        );
        // Beside the word and the time of a terminal of 80 columns, and where there is no room.
        assert_eq!(
            status(&blobs, Duration::from_secs(3), 62),
            "[#####------------] 30.0 MB of 100 MB, 1 of 2 blobs, 10.0 MB/s"
        );
        assert_eq!(
            status(&blobs, Duration::from_secs(3), 20),
            "30.0 MB of 100 MB, 1 of 2 blobs, 10.0 MB/s"
        );
        assert_eq!(
            status(&[blob(0, 0)].into(), Duration::ZERO, 100),
            "[########################] 0 B of 0 B, 1 of 1 blobs"
        );
    }
}
