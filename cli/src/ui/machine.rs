use mizzen_builder::{DotnetMessage, Event};
use serde_json::{Value, json};

/// Returns what a machine hears of an event.
pub(super) fn for_machines(event: &Event<'_>, verbose: bool) -> Vec<Value> {
    vec![match event {
        Event::StepStarted(step, reasons) => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            json!({
                "event": "step", "step": step.as_str(), "state": "started", "reasons": reasons,
            })
        }
        Event::StepEnded(report) => {
            let mut ended = json!({
                "event": "step", "step": report.step.as_str(), "state": "ended",
                "outcome": report.outcome.as_str(),
                "ms": u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
            });
            if let Some(watched) = &report.watched {
                ended["watched"] = json!(watched.is_ok());
                ended["notWatched"] = json!(watched.as_ref().err());
            }
            ended
        }
        Event::DotnetLine(text) if verbose => json!({ "event": "dotnet", "text": text }),
        Event::Message(message) => diagnostic(message, false),
        Event::Reused(messages) => {
            let messages = messages.iter();
            return messages.map(|message| diagnostic(message, true)).collect();
        }
        Event::Note(text) | Event::Waiting(text) => json!({ "event": "note", "text": text }),
        Event::DotnetLine(_) | Event::GoesOn(_) | Event::Packages(_) | Event::Compiling(_) => {
            return Vec::new();
        }
        Event::Warning(text) => json!({ "event": "warning", "text": text }),
    }]
}

fn diagnostic(message: &DotnetMessage, is_reused: bool) -> Value {
    json!({
        "event": "diagnostic",
        "severity": if message.is_error { "error" } else { "warning" },
        "code": message.code,
        "text": message.text,
        "reused": is_reused,
    })
}
