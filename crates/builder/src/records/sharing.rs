//! Which records are of use on other machines, and how they travel.

use crate::records::path_sets::{PathSets, merged};
use crate::records::toolchain_alias::{self, TOOLCHAIN};
use crate::records::{ANSWERS, INVENTORY, NEAREST, PATHS, WHOLE, by_paths};
use mizzen_plan::StepName;
use mizzen_store::SharedForm;

/// Returns how the records that are kept under the name `step` travel between machines; `None` for those
/// that stay: what only this machine compares with, and publish by its own key, which is asked for where
/// the whole key has failed, and would fail for the same change.
pub fn shared_form(step: &str) -> Option<SharedForm> {
    const RECORD: SharedForm = SharedForm {
        is_inside: |name| [ANSWERS, INVENTORY, PATHS].contains(&name),
        has_inputs: false,
        is_watched: |result| result.outputs.contains_key(ANSWERS),
        merge: None,
    };
    let is_one_of = |names: &dyn Fn(StepName) -> String| {
        let mut steps = [StepName::Restore, StepName::Publish].into_iter();
        steps.any(|of| names(of) == step)
    };
    if step == WHOLE || step == StepName::Restore.as_str() || is_one_of(&by_paths) {
        return Some(RECORD);
    }
    if step == TOOLCHAIN {
        return Some(SharedForm {
            is_watched: |_| true,
            merge: Some(toolchain_alias::merged),
            ..RECORD
        });
    }
    if is_one_of(&PathSets::name_of) {
        return Some(SharedForm {
            is_inside: |_| true,
            // A path set is there only because the step was watched.
            is_watched: |_| true,
            merge: Some(merged),
            ..RECORD
        });
    }
    (step == NEAREST).then_some(SharedForm {
        is_inside: |_| false,
        has_inputs: true,
        is_watched: |_| true,
        merge: None,
    })
}

#[cfg(test)]
mod tests {
    use super::shared_form;

    #[test]
    fn what_a_hit_needs_travels_and_what_one_machine_compares_with_stays() {
        let shared = [
            "whole",
            "restore",
            "restore-by-paths",
            "publish-by-paths",
            "restore-paths",
            "publish-paths",
            "nearest",
            "toolchain",
        ];
        for step in shared {
            assert!(shared_form(step).is_some(), "{step}");
        }
        for step in [
            "publish",
            "latest",
            "latest-restore",
            "latest-publish-paths",
        ] {
            assert!(shared_form(step).is_none(), "{step}");
        }
        let record = shared_form("whole").unwrap();
        assert!((record.is_inside)("machine") && !(record.is_inside)("linux/amd64/app"));
    }
}
