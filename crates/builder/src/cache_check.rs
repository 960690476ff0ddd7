//! What `--check-cache` does: runs what was reused, and compares.

use crate::BuildError;
use crate::inputs::staged::Staged;
use crate::records::restore_record::RestoreRecord;
use crate::records::stored_records::StoredRecords;
use crate::report::{Event, Outcome};
use crate::result::app::App;
use crate::steps::run_step::{run_publish, run_restore};
use mizzen_image::{Addendum, Image, ImageDiff, Layer};
use mizzen_oci::{Digest, History, Platform};
use mizzen_plan::{Record, Records, StepName};

/// Runs the steps of `app` that were hits and compares what they give with what the cache gave. Nothing
/// of it is kept as a record. Returns how often `dotnet` was started.
///
/// # Errors
/// [`BuildError::CacheDiffers`] names what differs.
pub(crate) fn check(
    staged: &Staged<'_>,
    records: &StoredRecords<'_>,
    app: &App,
) -> Result<usize, BuildError> {
    let was_hit = |step: StepName| {
        let mut steps = app.steps.iter();
        steps.any(|report| report.step == step && report.outcome == Outcome::Hit)
    };
    if !was_hit(StepName::Restore) {
        return Ok(0);
    }
    let note = |text: &str| staged.context.reporter.event(&Event::Note(text));
    let mut differences = Vec::new();
    let again = |step: &str| {
        note(&format!("running {step} again to check the cache"));
    };
    let restored = run_restore(staged, &[], || again("restore"))?.record;
    let key = staged.inputs.restore_key();
    // There may be no record of restore left behind that of publish: then it is fetched as it is now.
    if let Record::Found(kept) = records.restored(&key) {
        differences.extend(changed_packs(&kept, &restored));
    }
    let mut calls = 1;
    if was_hit(StepName::Publish) {
        let published = run_publish(staged, &restored, || again("publish"))?.published;
        calls += 1;
        for ((platform, kept), (_, made)) in app.layers.iter().zip(&published.layers.by_platform) {
            let layers = |of: &[crate::AppLayer]| -> Vec<Layer> {
                of.iter().map(|layer| layer.layer.clone()).collect()
            };
            differences.extend(changed_files(platform, layers(kept), layers(made))?);
        }
    }
    if differences.is_empty() {
        note("the cache matches what was just built, byte for byte");
        return Ok(calls);
    }
    Err(BuildError::CacheDiffers(differences))
}

/// Returns the packages, and the folders of restore's other files, that differ.
fn changed_packs(kept: &RestoreRecord, now: &RestoreRecord) -> Vec<String> {
    let names = kept.packs.keys().chain(now.packs.keys());
    let mut names: Vec<&String> = names.collect();
    names.sort_unstable();
    names.dedup();
    let change = |name: &&String| match (kept.packs.get(*name), now.packs.get(*name)) {
        (Some(kept), Some(now)) if kept.digest == now.digest => None,
        (Some(_), Some(_)) => Some(format!("~ restored {name}")),
        (Some(_), None) => Some(format!("- restored {name}")),
        _ => Some(format!("+ restored {name}")),
    };
    names.iter().filter_map(change).collect()
}

fn changed_files(
    platform: &Platform,
    kept: Vec<Layer>,
    made: Vec<Layer>,
) -> Result<Vec<String>, BuildError> {
    let digests = |layers: &[Layer]| -> Vec<Digest> {
        layers.iter().map(|layer| layer.descriptor.digest).collect()
    };
    let (kept_digests, made_digests) = (digests(&kept), digests(&made));
    if kept_digests == made_digests {
        return Ok(Vec::new());
    }
    let image = |layers: Vec<Layer>| {
        let addendum = |layer| Addendum {
            layer,
            history: History::default(),
        };
        let scratch = Image::scratch(platform);
        layers
            .into_iter()
            .map(addendum)
            .fold(scratch, Image::append)
    };
    let diff = ImageDiff::of(&image(kept), &image(made)).map_err(BuildError::CachedLayer)?;
    let change = |file: &mizzen_image::FileChange| match (&file.old, &file.new) {
        (Some(_), Some(_)) => format!("~ {} ({})", file.path, file.what.join(", ")),
        (Some(_), None) => format!("- {}", file.path),
        _ => format!("+ {}", file.path),
    };
    let files: Vec<String> = diff.files.iter().map(change).collect();
    if !files.is_empty() {
        return Ok(files);
    }
    // The same files in other bytes: of another compressor, or in other layers.
    let pairs = kept_digests.iter().zip(&made_digests);
    let pairs = pairs.filter(|(kept, made)| kept != made);
    Ok(pairs
        .map(|(kept, made)| format!("~ layer {kept} (now {made})"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::changed_packs;
    use crate::inputs::project_findings::Findings;
    use crate::records::restore_record::RestoreRecord;
    use mizzen_oci::Digest;
    use mizzen_stage::Rung;
    use mizzen_store::Output;

    fn result(packs: &[(&str, &str)]) -> RestoreRecord {
        let output = |text: &str| Output {
            digest: Digest::of(text.as_bytes()),
            size_bytes: 1,
        };
        RestoreRecord {
            packs: packs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), output(text)))
                .collect(),
            packages: Vec::new(),
            floating: None,
            findings: Findings::new(),
            rung: Rung::Processes,
            machine: None,
        }
    }

    #[test]
    fn packages_that_differ_are_named() {
        let kept = result(&[
            ("packages/a/1.0", "a"),
            ("packages/b/1.0", "b"),
            ("src", "s"),
        ]);
        let now = result(&[
            ("packages/a/1.0", "other"),
            ("packages/c/2.0", "c"),
            ("src", "s"),
        ]);
        assert_eq!(
            changed_packs(&kept, &now),
            [
                "~ restored packages/a/1.0",
                "- restored packages/b/1.0",
                "+ restored packages/c/2.0"
            ]
        );
        assert!(changed_packs(&kept, &kept).is_empty());
    }
}
