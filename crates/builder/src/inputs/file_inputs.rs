use mizzen_oci::Digest;
use mizzen_plan::FileInput;
use mizzen_stage::Content;
use std::collections::BTreeMap;

/// Returns what the key knows of a staged workspace.
pub(crate) fn file_inputs<'a>(
    contents: impl IntoIterator<Item = (&'a String, &'a Content)>,
) -> BTreeMap<String, FileInput> {
    let fact = |content: &Content| match content {
        Content::File {
            digest,
            executable: false,
            ..
        } => FileInput::File(*digest),
        Content::File {
            digest,
            executable: true,
            ..
        } => FileInput::Program(*digest),
        Content::Bytes(bytes) => FileInput::File(Digest::of(bytes)),
        Content::Link(target) => FileInput::Link(target.clone()),
        Content::Folder => FileInput::Folder,
    };
    let contents = contents.into_iter();
    contents
        .map(|(path, content)| (path.clone(), fact(content)))
        .collect()
}
