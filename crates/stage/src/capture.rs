use crate::{Action, Content, OutputSpec, StageError, StagedPath, pack};
use fs_err as fs;
use mizzen_oci::{ContentTime, Digest};
use mizzen_store::{Output, Store};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use walkdir::{DirEntry, WalkDir};

/// What a finished command left, stored.
pub(crate) struct Captured {
    pub(crate) outputs: BTreeMap<String, Output>,
    pub(crate) changed: BTreeMap<StagedPath, Vec<StagedPath>>,
}

/// Stores what `action` asks to keep of the stage at `root`.
///
/// # Errors
/// [`StageError`] if it cannot be read or stored.
pub(crate) fn capture(action: &Action, root: &Path, store: &Store) -> Result<Captured, StageError> {
    let mut captured = Captured {
        outputs: BTreeMap::new(),
        changed: BTreeMap::new(),
    };
    for output in &action.outputs {
        match output {
            OutputSpec::File(_) | OutputSpec::Folder(_) => {}
            OutputSpec::Packages(folder) => {
                for (name, paths) in packages(&root.join(folder))? {
                    let output = pack::pack(store, &root.join(folder).join(&name), &paths)?;
                    captured.outputs.insert(format!("{folder}/{name}"), output);
                }
            }
            OutputSpec::Changes(folder) => {
                let paths = changes(action, root, folder)?;
                captured.outputs.insert(
                    folder.clone(),
                    pack::pack(store, &root.join(folder), &paths)?,
                );
                captured.changed.insert(folder.clone(), paths);
            }
            OutputSpec::ChangedPaths(folder) => {
                let paths = changes(action, root, folder)?;
                captured.changed.insert(folder.clone(), paths);
            }
        }
    }
    Ok(captured)
}

/// Returns the files of each `<id>/<version>` below `folder`, without the `.nupkg` they came from.
fn packages(folder: &Path) -> Result<BTreeMap<String, Vec<String>>, StageError> {
    let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files_below(folder)? {
        let mut parts = path.splitn(3, '/');
        let (Some(id), Some(version), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let files = packages.entry(format!("{id}/{version}")).or_default();
        // NuGet asks for the `.nupkg.sha512` and `.nupkg.metadata` beside it, never for the archive.
        let is_archive = Path::new(rest)
            .extension()
            .is_some_and(|extension| extension == "nupkg");
        if !is_archive || rest.contains('/') {
            files.push(rest.to_owned());
        }
    }
    Ok(packages)
}

// A staged file has the time of its content; whatever the command wrote has the time of the writing.
fn changes(action: &Action, root: &Path, folder: &str) -> Result<Vec<String>, StageError> {
    let mut changed = Vec::new();
    for path in files_below(&root.join(folder))? {
        let staged = format!("{folder}/{path}");
        let metadata = fs::symlink_metadata(root.join(&staged))?;
        let unchanged = match action.inputs.get(&staged) {
            Some(Content::File { digest, .. }) => {
                metadata.is_file() && has_time_of(&metadata, digest)
            }
            Some(Content::Bytes(bytes)) => {
                metadata.is_file() && has_time_of(&metadata, &Digest::of(bytes))
            }
            Some(Content::Link(_)) => metadata.is_symlink(),
            Some(Content::Folder) | None => false,
        };
        if !unchanged {
            changed.push(path);
        }
    }
    Ok(changed)
}

fn has_time_of(metadata: &std::fs::Metadata, digest: &Digest) -> bool {
    let time = ContentTime::of(digest);
    u64::try_from(metadata.mtime()) == Ok(time.seconds)
        && metadata.mtime_nsec() == i64::from(time.nanoseconds)
}

/// Returns every file and link below `folder`, relative to it, sorted bytewise. A name that is not
/// UTF-8 cannot be in a record and is left out; NuGet makes none.
fn files_below(folder: &Path) -> Result<Vec<String>, StageError> {
    let mut files = Vec::new();
    let is_utf8 = |entry: &DirEntry| entry.depth() == 0 || entry.file_name().to_str().is_some();
    for entry in WalkDir::new(folder).into_iter().filter_entry(is_utf8) {
        let entry = entry.map_err(io::Error::from)?;
        let path = entry.path().strip_prefix(folder).ok();
        let path = path.and_then(Path::to_str).expect("it is below, and UTF-8");
        if !entry.file_type().is_dir() {
            files.push(path.to_owned());
        }
    }
    files.sort_unstable();
    Ok(files)
}
