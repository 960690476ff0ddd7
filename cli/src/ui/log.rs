//! What mizzen does and how long each part takes, for those who work on it: on stderr where
//! `MIZZEN_LOG` asks for it.

use super::colours::Colours;
use super::output::{err_json, say};
use crate::Process;
use crate::error::CommandError;
use serde_json::json;
use std::io;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::{self, MakeWriter, time};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, registry};

const VARIABLE: &str = "MIZZEN_LOG";
/// What the names of mizzen's own modules begin with.
const OURS: &str = "mizzen";

/// Starts the log if `MIZZEN_LOG` asks for one; each line is an object where stderr is `json`.
///
/// # Errors
/// The value is neither a level nor a list of modules with levels.
pub(crate) fn start_log(process: &Process, json: bool) -> Result<(), CommandError> {
    let Some(value) = process.variable(VARIABLE) else {
        return Ok(());
    };
    let targets = targets(value).ok_or_else(|| {
        CommandError::usage(format!("{VARIABLE}: `{value}` is not a log level"))
            .hinted("levels are off, error, warn, info, debug and trace; for one crate: MIZZEN_LOG=mizzen_registry=debug")
    })?;
    let lines = fmt::layer()
        .with_writer(Log { json })
        .with_ansi(false)
        .with_timer(time::uptime())
        .with_span_events(FmtSpan::CLOSE);
    // Fails if there is a log already: the process has one, whoever started it.
    registry().with(lines.with_filter(targets)).try_init().ok();
    Ok(())
}

/// Returns whether there is a log, so that nothing else draws on the screen.
pub(super) fn is_logging(process: &Process) -> bool {
    process.variable(VARIABLE).is_some()
}

/// Returns what to log. Libraries are never in it: nobody has checked that they log no secrets.
fn targets(value: &str) -> Option<Targets> {
    let asked: Targets = value.parse().ok()?;
    if asked.iter().any(|(target, _)| !target.starts_with(OURS)) {
        return None;
    }
    let for_all = asked.default_level().map(|level| (OURS, level));
    let (ours, named) = (for_all.into_iter(), asked.iter());
    Some(Targets::new().with_targets(ours).with_targets(named))
}

#[derive(Clone, Copy, Debug)]
struct Log {
    json: bool,
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl io::Write for Log {
    // Called with one whole line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches('\n');
        if self.json {
            err_json(&json!({ "event": "log", "text": text }));
        } else {
            say(&(Colours::Off.paint(text) + "\n"));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::targets;
    use tracing::Level;

    #[test]
    fn only_mizzens_own_modules_are_logged() {
        let all = targets("trace").unwrap();
        assert!(all.would_enable("mizzen_registry::exchange", &Level::TRACE));
        assert!(all.would_enable("mizzen", &Level::TRACE));
        assert!(!all.would_enable("hyper_util::client", &Level::ERROR));
        let one = targets("mizzen_registry=debug,mizzen_stage=off").unwrap();
        assert!(one.would_enable("mizzen_registry", &Level::DEBUG));
        assert!(!one.would_enable("mizzen_registry", &Level::TRACE));
        assert!(!one.would_enable("mizzen_builder", &Level::ERROR));
        for wrong in ["loud", "hyper=trace", "debug,rustls=debug", "mizzen=loud"] {
            assert!(targets(wrong).is_none(), "{wrong}");
        }
    }
}
