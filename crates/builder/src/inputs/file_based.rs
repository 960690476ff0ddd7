//! What is special about a C# file that is an app.

use crate::BuildError;
use crate::inputs::stage_layout::{HOME, SOURCES};
use fs_err as fs;
use mizzen_dotnet::{Canonical, file_based_artifacts, file_based_directives, is_file_based};
use mizzen_oci::Digest;
use mizzen_stage::{Content, StageError};
use std::collections::BTreeMap;

/// Returns what restore's key has of a file-based app, with its name there: its directives, not its code.
/// `None` for any other project.
///
/// # Errors
/// [`StageError::Changed`] if the file is no longer the one that was scanned.
pub(crate) fn directives(
    project: &str,
    contents: &BTreeMap<String, Content>,
) -> Result<Option<(String, Digest)>, BuildError> {
    let Some(Content::File { source, digest, .. }) = contents.get(project) else {
        return Ok(None);
    };
    if !is_file_based(project) {
        return Ok(None);
    }
    let text = fs::read(source).map_err(BuildError::Read)?;
    if Digest::of(&text) != *digest {
        return Err(StageError::Changed(source.clone()).into());
    }
    let directives = file_based_directives(&String::from_utf8_lossy(&text));
    let digest = Digest::of(directives.as_bytes());
    Ok(Some((format!("directives of {project}"), digest)))
}

/// Returns the folders of the stage, below its root, in which restore writes what publish reads: the
/// sources, with an `obj` beside each project, and the SDK's own place for a file-based app.
pub(crate) fn written_by_restore(canonical: &Canonical, project: &str) -> Vec<String> {
    let mut folders = vec![SOURCES.to_owned()];
    if is_file_based(project) {
        let artifacts = file_based_artifacts(&format!("{}/{project}", canonical.sources));
        folders.push(format!("{HOME}/{artifacts}"));
    }
    folders
}
