use crate::BuildError;
use crate::odd_files::OddFiles;
use crate::records::{Known, RestoreFacts};
use crate::staged::Staged;
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
    let decided = plan(&staged.facts, known, skip, None);
    let restored = decided
        .steps
        .iter()
        .find_map(|planned| match &planned.verdict {
            Verdict::Hit(result) if planned.key.step == StepName::Restore => Some(result),
            _ => None,
        });
    match restored {
        Some(restored) if staged.add_packages(&odd_of(restored))? => {
            Ok(plan(&staged.facts, known, staged.skip_now(skip), None))
        }
        _ => Ok(decided),
    }
}

/// Returns what is odd in the packages of a restore.
pub(crate) fn odd_of(restored: &ActionResult) -> OddFiles {
    let facts = serde_json::from_value::<RestoreFacts>(restored.facts.clone());
    facts.map_or_else(|_| OddFiles::new(), |facts| facts.odd)
}
