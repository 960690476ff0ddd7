use crate::inputs::stage_layout::HOME;
use mizzen_dotnet::{compressed_targets, injected_targets};
use mizzen_oci::Digest;
use mizzen_stage::Content;
use std::collections::BTreeMap;

/// What the stage shows beside the workspace, and what the key may know of it.
pub(crate) struct Injected {
    pub(crate) contents: BTreeMap<String, Content>,
    pub(crate) keyed: BTreeMap<String, Digest>,
}

/// Returns the files that mizzen itself adds to the stage: targets that every project imports.
pub(crate) fn injected() -> Injected {
    let all = [
        ("injected targets", injected_targets()),
        ("targets for compressed assets", compressed_targets()),
    ];
    let contents = all.iter().map(|(_, (name, targets))| {
        let content = Content::Bytes((*targets).into());
        (format!("{HOME}/{name}"), content)
    });
    let keyed = all
        .iter()
        .map(|(what, (_, targets))| ((*what).to_owned(), Digest::of(targets)));
    Injected {
        contents: contents.collect(),
        keyed: keyed.collect(),
    }
}
