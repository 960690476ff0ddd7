use fs_err as fs;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use walkdir::WalkDir;

/// Returns every reference by its name; a file of its own stands over a line of `packed-refs`.
///
/// Source: gitrepository-layout(5).
pub(crate) fn references(common: &Path) -> io::Result<BTreeMap<String, String>> {
    let packed = text_of(&common.join("packed-refs"))?.unwrap_or_default();
    let lines = packed.lines().filter(|line| !line.starts_with(['#', '^']));
    let lines = lines.filter_map(|line| line.split_once(' '));
    let mut references: BTreeMap<String, String> = lines
        .map(|(commit, name)| (name.trim().to_owned(), commit.to_owned()))
        .collect();
    for entry in WalkDir::new(common.join("refs")) {
        let entry = entry?;
        let name = entry.path().strip_prefix(common).ok();
        let Some(name) = name.and_then(Path::to_str) else {
            continue;
        };
        if entry.file_type().is_dir() {
            continue;
        }
        let commit = fs::read_to_string(entry.path())?;
        // One that refers to another (`origin/HEAD`) names no commit of its own.
        if commit.trim().bytes().all(|byte| byte.is_ascii_hexdigit()) {
            references.insert(name.to_owned(), commit.trim().to_owned());
        }
    }
    Ok(references)
}

pub(crate) fn text_of(file: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    }
}
