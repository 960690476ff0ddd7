use fs_err as fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes a result by one rename: readers see all of it or what was there before.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut file = tempfile::Builder::new()
        .prefix(".mizzen-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    // A temporary file is closed to others; a result is for whoever may read the folder.
    fs::set_permissions(
        file.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )?;
    file.persist(path)?;
    Ok(())
}
