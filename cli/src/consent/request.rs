use super::Wanted;
use crate::error::CommandError;
use mizzen_oci::{Digest, canonical_json};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What one repository asks for outside itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Request {
    /// The folder of its `mizzen.toml`, or its root: consents are kept by it.
    pub(crate) workspace: PathBuf,
    /// What it asks for, and which of its files or settings says so.
    pub(crate) wanted: BTreeMap<Wanted, String>,
}

impl Request {
    /// Adds what `asked_by` asks for.
    pub(super) fn add(&mut self, wanted: Wanted, asked_by: &str) {
        self.wanted
            .entry(wanted)
            .or_insert_with(|| asked_by.to_owned());
    }

    /// Returns what is left when `allowed` is taken away.
    pub(crate) fn without(&self, allowed: &BTreeSet<Wanted>) -> Self {
        let wanted = self.wanted.iter();
        let wanted = wanted.filter(|(wanted, _)| !allowed.contains(wanted));
        Self {
            workspace: self.workspace.clone(),
            wanted: wanted
                .map(|(wanted, asked_by)| (wanted.clone(), asked_by.clone()))
                .collect(),
        }
    }

    /// Returns each thing that is asked for as a line.
    pub(crate) fn lines(&self) -> Vec<String> {
        let wanted = self.wanted.iter();
        wanted
            .map(|(wanted, asked_by)| format!("{wanted} (`{}`)", super::wanted::plain(asked_by)))
            .collect()
    }

    /// Returns the error of a command that may not go on, and how it may.
    pub(crate) fn refusal(&self, path: &str) -> CommandError {
        let workspace = self.workspace.display();
        CommandError::usage(format!(
            "`{workspace}` asks for things outside itself that you have not allowed"
        ))
        .because(self.lines())
        .hinted(format!(
            "to allow it, run once: mizzen trust {path} (in CI: MIZZEN_TRUST, see docs/reference/config.md)"
        ))
    }
}

/// Returns the name of what some repositories ask for together: the same for the same things, wherever
/// the repositories lie.
pub(crate) fn request_id(requests: &[Request]) -> Digest {
    let wanted = requests.iter().flat_map(|request| request.wanted.keys());
    let wanted: BTreeSet<&Wanted> = wanted.collect();
    Digest::of(&canonical_json(&json!({ "schema": 1, "wanted": wanted })))
}
