//! What is special about a C# file that is an app.

use crate::BuildError;
use crate::inputs::injected::Injected;
use crate::inputs::scan::Scan;
use crate::inputs::stage_layout::{HOME, SOURCES};
use fs_err as fs;
use mizzen_dotnet::{Canonical, file_based_artifacts, file_based_directives, is_file_based};
use mizzen_oci::Digest;
use mizzen_stage::{Content, StageError};

/// Adds what a file-based app asks of restore to what its key covers: its directives, not its code.
///
/// # Errors
/// [`StageError::Changed`] if the file is no longer the one that was scanned.
pub(crate) fn add_directives(
    injected: &mut Injected,
    project: &str,
    scan: &Scan,
) -> Result<(), BuildError> {
    let Some(Content::File { source, digest, .. }) = scan.contents.get(project) else {
        return Ok(());
    };
    if !is_file_based(project) {
        return Ok(());
    }
    let text = fs::read(source).map_err(BuildError::Read)?;
    if Digest::of(&text) != *digest {
        return Err(StageError::Changed(source.clone()).into());
    }
    let directives = file_based_directives(&String::from_utf8_lossy(&text));
    let digest = Digest::of(directives.as_bytes());
    injected
        .keyed
        .insert(format!("directives of {project}"), digest);
    Ok(())
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
