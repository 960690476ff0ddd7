use crate::inputs::staged::Staged;
use crate::records::publish_record::PublishRecord;
use crate::records::stored_records::Published;
use crate::report::{Event, Outcome};
use crate::result::app::{App, GitIgnoredFile, Made};
use crate::result::git_ignored::GitIgnored;
use crate::{DotnetMessage, LockedToolchain};
use mizzen_plan::StepName;

/// Returns the app that was published, now or before, and tells what its publish warned of. Its steps
/// are for the caller to add.
pub(crate) fn published_app(staged: &Staged<'_>, published: Published) -> App {
    let Published { record, layers, .. } = published;
    let mut all = layers.by_platform.iter().flat_map(|(_, layers)| layers);
    let is_reused = all.all(|layer| layer.outcome == Outcome::Hit);
    tell(staged, &record, is_reused);
    let toolchain = &staged.inputs.toolchain;
    App {
        git_ignored: git_ignored(staged, &record),
        runtime: record.runtime,
        project: record.project,
        layers: layers.by_platform,
        inventories: vec![record.inventory],
        symbols: layers.symbols,
        left_out: record.left_out,
        steps: Vec::new(),
        dotnet_calls: 0,
        toolchain: Some(LockedToolchain {
            version: toolchain.version.clone(),
            id: toolchain.id,
        }),
        made: Some(Made {
            sources: staged.inputs.files.digest(),
            commands: staged.inputs.commands.clone(),
            keys: [
                (StepName::Restore, staged.inputs.restore_key()),
                (StepName::Publish, staged.inputs.whole_key()),
            ]
            .into(),
            isolation: record.rung.as_str().to_owned(),
            is_watched: record.machine.is_some(),
            floating: record.floating,
        }),
    }
}

// Asked again each time: not every rule of git's is in the workspace, and so in a key.
fn git_ignored(staged: &Staged<'_>, record: &PublishRecord) -> Vec<GitIgnoredFile> {
    let mut ignored = GitIgnored::new(&staged.request.workspace.root);
    let is_in_image = |path: &str| record.left_out.iter().all(|file| file.path != path);
    let sources = record.sources.iter().filter(|(path, _)| is_in_image(path));
    let files = sources.filter_map(|(path, sources)| {
        let source = sources.iter().find(|source| ignored.contains(source))?;
        Some(GitIgnoredFile {
            path: path.clone(),
            source: source.clone(),
        })
    });
    files.collect()
}

fn tell(staged: &Staged<'_>, record: &PublishRecord, is_reused: bool) {
    let reporter = staged.context.reporter;
    if !record.changed_sources.is_empty() {
        let note = format!(
            "publish writes into the source folders; mizzen leaves yours as they are: {}",
            record.changed_sources.join(", ")
        );
        reporter.event(&Event::Note(&note));
    }
    if let Some(unshown) = &record.unshown {
        staged.tell_unshown(unshown);
    }
    let own = |warning: DotnetMessage| {
        warning.with_text(|text| staged.with_own_paths(text, &record.staged_sources))
    };
    let warnings = DotnetMessage::distinct(&record.warnings);
    let warnings: Vec<_> = warnings.into_iter().map(own).collect();
    if is_reused {
        return reporter.event(&Event::Reused(&warnings));
    }
    for warning in &warnings {
        reporter.event(&Event::Message(warning));
    }
}
