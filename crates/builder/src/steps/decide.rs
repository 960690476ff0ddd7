use crate::BuildError;
use crate::inputs::project_findings::Findings;
use crate::inputs::staged::Staged;
use crate::steps::records::{Known, RestoreFacts};
use mizzen_plan::{Plan, Skip, StepName, Verdict, plan};
use mizzen_store::ActionResult;

/// Decides what runs; where a restore that is known tells of packages that ask git, with what they ask.
///
/// The key that knows nothing of git is asked first, and that is sound: what restore gives is a function
/// of it, so it names a record only if no package asked.
///
/// # Errors
/// [`BuildError::Read`] names the file of git's that cannot be read.
pub(crate) fn decide(
    staged: &mut Staged<'_>,
    known: &Known<'_>,
    skip: Skip,
) -> Result<Plan<ActionResult>, BuildError> {
    let decided = plan(&staged.inputs, known, skip, None);
    let restored = decided
        .steps
        .iter()
        .find_map(|planned| match &planned.verdict {
            Verdict::Hit(result) if planned.key.step == StepName::Restore => Some(result),
            _ => None,
        });
    match restored {
        Some(restored) if staged.add_packages(&findings_of(restored))? => {
            Ok(plan(&staged.inputs, known, staged.skip_now(skip), None))
        }
        _ => Ok(decided),
    }
}

/// Returns what is odd in the packages of a restore.
pub(crate) fn findings_of(restored: &ActionResult) -> Findings {
    let facts = serde_json::from_value::<RestoreFacts>(restored.facts.clone());
    facts.map_or_else(|_| Findings::new(), |facts| facts.odd)
}
