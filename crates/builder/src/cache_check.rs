//! What `--check-cache` does: runs what was reused, and compares.

use crate::inputs::keyed_paths::Keyed;
use crate::inputs::staged::Staged;
use crate::records::restore_record::RestoreRecord;
use crate::records::stored_records::StoredRecords;
use crate::report::{Event, Outcome};
use crate::result::app::App;
use crate::steps::publish_step::{PublishRun, Shortcuts, is_where_builds_write};
use crate::steps::restore_step::RestoreRun;
use crate::steps::run_step::{run_publish, run_restore};
use crate::{BuildError, KnownLooks};
use mizzen_image::{Addendum, Image, ImageDiff, Layer};
use mizzen_oci::{Digest, History, Platform};
use mizzen_plan::{PathSet, Record, Records, StepName};

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
        steps.any(|report| report.step == step && report.outcome != Outcome::Ran)
    };
    if !was_hit(StepName::Restore) {
        return Ok(0);
    }
    let note = |text: &str| staged.context.reporter.event(&Event::Note(text));
    let mut differences = Vec::new();
    let again = |step: &str| {
        note(&format!("running {step} again to check the cache"));
    };
    let RestoreRun {
        record: restored,
        keyed,
        ..
    } = run_restore(staged, &[], || again("restore"))?;
    tell_other_looks(staged, records, StepName::Restore, &keyed)?;
    let key = staged.inputs.restore_key();
    // There may be no record of restore left behind that of publish: then it is fetched as it is now.
    if let Record::Found(kept) = records.restored(&key) {
        differences.extend(changed_packs(&kept, &restored));
    }
    let mut calls = 1;
    if was_hit(StepName::Publish) {
        // In the way of the run that left the record, so that both look up the same paths; but nothing of
        // what an earlier build made.
        let shortcuts = Shortcuts {
            is_restored: records.is_proven(&staged.inputs, &restored)?,
            ..Shortcuts::default()
        };
        let PublishRun {
            published, keyed, ..
        } = run_publish(staged, &restored, shortcuts, || again("publish"))?;
        tell_other_looks(staged, records, StepName::Publish, &keyed)?;
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

/// Tells if `step`, which has just run again, looked up other paths than the run that left the record: as
/// every path of the record answers as it did, the step would have done the same, were it a function of
/// them.
fn tell_other_looks(
    staged: &Staged<'_>,
    records: &StoredRecords<'_>,
    step: StepName,
    keyed: &Keyed,
) -> Result<(), BuildError> {
    let Some(now) = keyed.paths() else {
        return Ok(());
    };
    if let KnownLooks::Seen {
        paths: kept,
        is_of_today: true,
        ..
    } = records.looks(step, Some(&now.weak), &staged.inputs)?
        && let Some(differ) = other_looks(&kept, &now.paths)
    {
        let project = &staged.request.workspace.project;
        let note = format!(
            "{step} of `{project}` does not look up the same paths each time: {differ}; a random name or the \
             time may be part of them"
        );
        staged.context.reporter.event(&Event::Note(&note));
    }
    Ok(())
}

/// Returns which paths only one of two runs looked up, the first of each; `None` if there are none.
///
/// Those where builds write do not count: NuGet and MSBuild make files there by random names, and rename
/// them.
fn other_looks(kept: &PathSet, now: &PathSet) -> Option<String> {
    let only = |one: &PathSet, other: &PathSet, when: &str| {
        let sources = one.sources.keys();
        let sources = sources.filter(|path| !other.sources.contains_key(*path));
        let sources = sources.filter(|path| !is_where_builds_write(path));
        let machine = one.machine.keys();
        let machine = machine.filter(|path| !other.machine.contains_key(*path));
        let paths: Vec<&String> = sources.chain(machine).collect();
        let first = paths.first()?;
        Some(match paths.len() - 1 {
            0 => format!("`{first}` only {when}"),
            more => format!("`{first}` and {more} more only {when}"),
        })
    };
    let differ = [only(kept, now, "then"), only(now, kept, "now")];
    let differ: Vec<String> = differ.into_iter().flatten().collect();
    (!differ.is_empty()).then(|| differ.join(", "))
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
    use super::{changed_packs, other_looks};
    use crate::bench::{Bench, published_of, restored};
    use crate::inputs::project_findings::Findings;
    use crate::records::restore_record::RestoreRecord;
    use mizzen_oci::Digest;
    use mizzen_plan::{Look, PathSet};
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
            looked_up: None,
            origin: None,
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
    #[test]
    fn paths_that_one_of_two_runs_looked_up_are_named() {
        let set = |sources: &[&str], machine: &[&str]| {
            let mut set = PathSet::default();
            for path in sources {
                set.add_source(*path, Look::Read);
            }
            for path in machine {
                set.add_machine(*path, Look::Probed);
            }
            set
        };
        let kept = set(&["a", "x-1"], &["/etc/a"]);
        assert_eq!(other_looks(&kept, &kept), None);
        let made = set(&["a", "src/obj/1.tmp", "x-1"], &["/etc/a"]);
        assert_eq!(other_looks(&kept, &made), None);
        let other = set(&["a", "x-2", "x-3"], &["/etc/a"]);
        assert_eq!(
            other_looks(&kept, &other).unwrap(),
            "`x-1` only then, `x-2` and 1 more only now"
        );
        let fewer = set(&["a", "x-1"], &[]);
        assert_eq!(other_looks(&kept, &fewer).unwrap(), "`/etc/a` only then");
    }

    #[test]
    fn a_step_that_looks_up_other_paths_is_told_of_and_is_no_failure() {
        let mut bench = Bench::new();
        let pinned = "Serilog >= 4.3.0";
        let run = |name| published_of(pinned, &["src/Api/Program.cs", name]);
        bench.will([restored(pinned), run("random-1")]);
        bench.build().unwrap();
        bench.request.check_cache = true;
        let told = |name| {
            bench.heard();
            bench.will([restored(pinned), run(name)]);
            bench.build().unwrap();
            let heard = bench.heard().into_iter();
            let notes = heard.filter(|line| line.contains("the same paths each time"));
            notes.collect::<Vec<_>>()
        };
        assert_eq!(told("random-1"), [""; 0]);
        let [note] = &told("random-2")[..] else {
            panic!("there is one");
        };
        let differ = "`random-1` only then, `random-2` only now";
        assert!(
            note.starts_with("note: publish of ") && note.contains(differ),
            "{note}"
        );
    }
}
