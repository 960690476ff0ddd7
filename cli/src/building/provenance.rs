//! How an image was made, said beside it.

use super::git_labels::GitLabels;
use mizzen_attest::{
    Bill, PREDICATE_ANNOTATION, PROVENANCE_PREDICATE, Provenance, ProvenanceStep, STATEMENT_TYPE,
};
use mizzen_builder::App;
use mizzen_image::{Artifact, Taggable};
use mizzen_oci::{Descriptor, annotation};
use mizzen_store::BytesBlob;
use std::sync::Arc;

/// Returns the statement about `what`, as an artifact that goes with it where it is pushed.
pub(crate) fn artifact(
    bill: &Bill,
    (app, project): (&App, Option<&str>),
    what: &Taggable,
    git: &GitLabels,
    created: &str,
) -> Artifact {
    let made = app.made.as_ref();
    // Their keys, and not those that this build found them by: a hit says the same as a run.
    let keys = made.iter().flat_map(|made| &made.keys);
    let steps = keys.map(|(step, key)| {
        let command = made.and_then(|made| made.commands.get(step));
        ProvenanceStep {
            name: step.as_str().to_owned(),
            key: *key,
            command: command.cloned().unwrap_or_default(),
        }
    });
    let steps: Vec<ProvenanceStep> = steps.collect();
    let toolchain = app.toolchain.as_ref();
    let statement = Provenance {
        bill,
        project,
        source: git.source.as_deref(),
        revision: git.revision.as_deref(),
        sources: made.map(|made| made.sources),
        toolchain: toolchain.map(|it| (it.version.as_str(), it.id)),
        steps: &steps,
        isolation: made.map(|made| made.isolation.as_str()),
        is_watched: made.is_some_and(|made| made.is_watched),
        floating: made.and_then(|made| made.floating.as_deref()),
    };
    let bytes: Arc<[u8]> = statement.to_bytes().into();
    let mut descriptor = Descriptor::of(STATEMENT_TYPE.into(), &bytes);
    let predicate = || {
        (
            PREDICATE_ANNOTATION.to_owned(),
            PROVENANCE_PREDICATE.to_owned(),
        )
    };
    descriptor.annotations.extend([predicate()]);
    let annotations = [
        predicate(),
        (annotation::CREATED.to_owned(), created.to_owned()),
    ];
    let blob = Arc::new(BytesBlob(bytes));
    let artifact = Artifact::new(
        STATEMENT_TYPE,
        what.descriptor(),
        vec![(descriptor, blob)],
        &annotations.into(),
    );
    // An image that is there already has its own, from whoever pushed it.
    artifact.of_push()
}
