use mizzen_builder::Event;
use serde_json::{Value, json};

/// Returns what a machine hears of an event, if it is not just a text.
pub(super) fn for_machines(event: &Event<'_>, verbose: bool) -> Option<Value> {
    match event {
        Event::StepStarted(step, reasons) => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            Some(json!({
                "event": "step", "step": step.as_str(), "state": "started", "reasons": reasons,
            }))
        }
        Event::StepEnded(report) => Some(json!({
            "event": "step", "step": report.step.as_str(), "state": "ended",
            "outcome": report.outcome.as_str(),
            "ms": u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        })),
        Event::DotnetLine(text) if verbose => Some(json!({ "event": "dotnet", "text": text })),
        Event::DotnetLine(_)
        | Event::Message(_)
        | Event::Reused(_)
        | Event::Note(_)
        | Event::Warning(_) => None,
    }
}
