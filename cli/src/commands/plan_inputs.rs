use super::plan_why::{look_word, not_known};
use crate::ui::{Lines, age, count};
use mizzen_builder::{KnownLooks, ProjectPlan};
use mizzen_plan::{Look, PathSet};
use serde_json::{Value, json};

/// Adds the paths that each step of a project is known to look up, one a line.
pub(super) fn add(text: &mut Lines, plan: &ProjectPlan, now: u64) {
    for looks in &plan.looks {
        text.add_gap();
        let whom = format!("{} of {}", looks.step, plan.inputs.project);
        let (paths, at, is_of_today) = match &looks.known {
            KnownLooks::Seen {
                paths,
                at,
                is_of_today,
            } => (paths, at, is_of_today),
            known => {
                let why = not_known(known, now);
                text.add(format_args!("{whom}: not known: {why}"));
                continue;
            }
        };
        let seen = at.map(|at| format!(", seen {} ago", age(now, at)));
        let other = if *is_of_today {
            ""
        } else {
            ", with another SDK, other packages or other options"
        };
        text.add(format_args!(
            "{whom}: {}{}{other}",
            count(paths.len(), "path"),
            seen.unwrap_or_default()
        ));
        for (path, look, place) in sorted(paths) {
            let path = if path.is_empty() { "." } else { path };
            text.add(format_args!("  {:10}  {place:9}  {path}", look.to_string()));
        }
    }
}

/// Returns the same for a machine.
pub(super) fn json(plan: &ProjectPlan, now: u64) -> Value {
    let steps = plan.looks.iter().map(|looks| {
        let mut step = json!({ "step": looks.step.as_str() });
        match &looks.known {
            KnownLooks::Seen {
                paths,
                at,
                is_of_today,
            } => {
                let paths = sorted(paths).into_iter().map(|(path, look, place)| {
                    json!({ "path": path, "look": look_word(look), "where": place })
                });
                step["seenAt"] = json!(at);
                step["ofToday"] = json!(is_of_today);
                step["paths"] = json!(paths.collect::<Vec<_>>());
            }
            known => step["notKnown"] = json!(not_known(known, now)),
        }
        step
    });
    json!({
        "schema": 1,
        "project": plan.inputs.project,
        "steps": steps.collect::<Vec<_>>(),
    })
}

/// Returns each path by name, those of the workspace first: they are relative to its root.
fn sorted(paths: &PathSet) -> Vec<(&str, Look, &'static str)> {
    let sources = paths.sources.iter();
    let sources = sources.map(|(path, look)| (path.as_str(), *look, "workspace"));
    let machine = paths.machine.iter();
    let machine = machine.map(|(path, look)| (path.as_str(), *look, "machine"));
    sources.chain(machine).collect()
}
