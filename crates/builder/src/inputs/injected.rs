use crate::inputs::stage_layout::HOME;
use mizzen_dotnet::injected_targets;
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
    let (name, targets) = injected_targets();
    Injected {
        contents: [(format!("{HOME}/{name}"), Content::Bytes(targets.into()))].into(),
        keyed: [("injected targets".to_owned(), Digest::of(targets))].into(),
    }
}
