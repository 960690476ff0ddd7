use crate::BuildError;
use crate::inputs::staged::Staged;
use crate::records::restore_record::RestoreRecord;
use crate::records::stored_records::{Published, StoredRecords};
use mizzen_plan::{Plan, Verdict, plan};
use tracing::debug_span;

/// Decides what runs, with what is known of packages: from a record of restore, or from `restored`,
/// which is settled for this build.
///
/// The key that knows nothing of what packages ask for is asked first, and that is sound: what restore
/// gives is a function of it, so it names a record only if no package asked.
///
/// # Errors
/// [`BuildError::Read`] names the file that a package asks for and that cannot be read.
pub(crate) fn decide(
    staged: &mut Staged<'_>,
    records: &StoredRecords<'_>,
    restored: Option<&RestoreRecord>,
) -> Result<Plan<RestoreRecord, Published>, BuildError> {
    let _span = debug_span!("decide").entered();
    loop {
        let decided = plan(&staged.inputs, records, staged.skip(), restored);
        match &decided.restore.verdict {
            Verdict::Hit(restored) if staged.add_packages(&restored.findings)? => {}
            _ if runs(&decided) && staged.settle_sdk()? => {}
            _ => return Ok(decided),
        }
    }
}

fn runs(plan: &Plan<RestoreRecord, Published>) -> bool {
    matches!(plan.restore.verdict, Verdict::Run(_))
        || matches!(plan.publish.verdict, Verdict::Run(_))
}
