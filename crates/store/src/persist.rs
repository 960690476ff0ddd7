use fs_err as fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::NamedTempFile;

/// Gives a temporary file of the same file system its name: syncs the bytes, renames, syncs the
/// folder, so that after a power cut there is the whole file or none.
///
/// A file that is there already is replaced, because it may be damaged and this one is not.
///
/// # Errors
/// The message names the file that could not be written.
pub fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| {
        io::Error::new(
            failed.error.kind(),
            format!("cannot write `{}`: {}", path.display(), failed.error),
        )
    })?;
    fs::File::open(path.parent().expect("a file has a folder"))?.sync_all()
}

/// The same for a file of the cache, which nobody writes again.
pub(crate) fn publish(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(0o444))?;
    persist(file, path)
}
