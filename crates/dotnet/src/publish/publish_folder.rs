use crate::PublishError;
use crate::publish::elf;
use fs_err as fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A file of a publish folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishedFile {
    /// The path relative to the folder, parts joined by `/`; not always UTF-8.
    pub path: Vec<u8>,
    /// Where its bytes are.
    pub source: PathBuf,
    /// How many.
    pub size_bytes: u64,
    /// It is an ELF program or starts with `#!`: it is run, whatever its mode on disk says.
    pub is_program: bool,
    /// It is an ELF program.
    pub is_elf_program: bool,
}

/// Lists the files below `folder`, sorted by the bytes of their paths.
///
/// A symbolic link counts as what it points to, if that is inside the folder.
pub(crate) fn read(folder: &Path) -> Result<Vec<PublishedFile>, PublishError> {
    let root = fs::canonicalize(folder)?;
    let mut files = Vec::new();
    walk(&root, &mut vec![root.clone()], b"", &mut files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

// `within` holds the canonical folders from the root to the one that is read.
fn walk(
    folder: &Path,
    within: &mut Vec<PathBuf>,
    prefix: &[u8],
    files: &mut Vec<PublishedFile>,
) -> Result<(), PublishError> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (source, path) = (
            entry.path(),
            [prefix, entry.file_name().as_bytes()].concat(),
        );
        if entry.file_type()?.is_symlink() {
            check_link(&source, &path, within)?;
        }
        let metadata = fs::metadata(&source)?;
        if metadata.is_dir() {
            within.push(fs::canonicalize(&source)?);
            walk(&source, within, &[&path[..], b"/"].concat(), files)?;
            within.pop();
        } else if metadata.is_file() {
            let start = start(&source)?;
            let is_elf_program = elf::is_program(&start);
            files.push(PublishedFile {
                is_program: is_elf_program || start.starts_with(b"#!"),
                is_elf_program,
                size_bytes: metadata.len(),
                path,
                source,
            });
        } else {
            return Err(PublishError::Special { path: lossy(&path) });
        }
    }
    Ok(())
}

fn check_link(source: &Path, path: &[u8], within: &[PathBuf]) -> Result<(), PublishError> {
    let target = fs::read_link(source)?;
    let resolved = fs::canonicalize(source)
        .ok()
        .filter(|resolved| resolved.starts_with(&within[0]) && !within.contains(resolved));
    match resolved {
        Some(_) => Ok(()),
        None => Err(PublishError::Link {
            path: lossy(path),
            target,
        }),
    }
}

fn start(source: &Path) -> Result<Vec<u8>, PublishError> {
    let mut start = Vec::new();
    fs::File::open(source)?
        .take(elf::START_BYTES)
        .read_to_end(&mut start)?;
    Ok(start)
}

/// Returns the RID of a program; `None` for what is none.
pub(crate) fn runtime_identifier(file: &PublishedFile) -> Result<Option<String>, PublishError> {
    Ok(elf::runtime_identifier(&start(&file.source)?))
}

/// Returns whether a program names no loader.
pub(crate) fn is_static(file: &PublishedFile) -> Result<bool, PublishError> {
    Ok(!elf::names_loader(&start(&file.source)?))
}

pub(crate) fn lossy(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::PublishError;
    use fs_err as fs;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_inside_the_folder_count_as_their_targets() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("native")).unwrap();
        fs::write(root.join("native/libx.so.1"), b"x").unwrap();
        symlink("libx.so.1", root.join("native/libx.so")).unwrap();
        symlink("native", root.join("also")).unwrap();
        let paths: Vec<_> = read(root)
            .unwrap()
            .into_iter()
            .map(|file| file.path)
            .collect();
        let want: [&[u8]; 4] = [
            b"also/libx.so",
            b"also/libx.so.1",
            b"native/libx.so",
            b"native/libx.so.1",
        ];
        assert_eq!(paths, want);
    }

    #[test]
    fn links_out_of_the_folder_to_nothing_or_in_a_circle_are_refused_by_name() {
        for target in ["/etc/passwd", "../other", "missing", "."] {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("root")).unwrap();
            fs::write(folder.path().join("other"), b"").unwrap();
            symlink(target, folder.path().join("root/link")).unwrap();
            let error = read(&folder.path().join("root")).unwrap_err();
            let PublishError::Link { path, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(path, "link", "{target}");
        }
    }

    #[test]
    fn names_that_are_not_utf_8_are_kept_and_scripts_are_programs() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(OsStr::from_bytes(b"\xff")), b"#!/bin/sh").unwrap();
        let files = read(folder.path()).unwrap();
        assert_eq!(
            (&files[0].path[..], files[0].is_program),
            (&b"\xff"[..], true)
        );
    }
}
