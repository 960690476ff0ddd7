use crate::{Action, Content, StageError, pack};
use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt;
use mizzen_oci::{ContentTime, Digest, HashingWriter};
use mizzen_store::{Blob, Store};
use rustix::fs::{AtFlags, Timespec, Timestamps};
use std::io;
use std::path::Path;

/// Makes what `action` shows, in the empty folder `root`.
///
/// Every file's time is a function of its content, to the nanosecond; every file is 0644 or 0755.
///
/// # Errors
/// [`StageError::Changed`] if a file is no longer the one whose digest the action holds.
pub(crate) fn materialize(action: &Action, root: &Path, store: &Store) -> Result<(), StageError> {
    for folder in &action.folders {
        fs::create_dir_all(root.join(folder))?;
    }
    let mut made = "";
    for (path, content) in &action.inputs {
        let target = root.join(path);
        // Sorted paths come folder by folder.
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if folder != made || made.is_empty() {
            fs::create_dir_all(target.parent().expect("a path under the root has a folder"))?;
            made = folder;
        }
        match content {
            Content::File {
                source,
                digest,
                executable,
            } => {
                let mut from = fs::File::open(source)?;
                if write_file(&target, &mut from, *executable)? != *digest {
                    return Err(StageError::Changed(source.clone()));
                }
            }
            Content::Bytes(bytes) => {
                write_file(&target, &mut &bytes[..], false)?;
            }
            Content::Link(to) => fs::os::unix::fs::symlink(to, &target)?,
            Content::Folder => fs::create_dir_all(&target)?,
        }
    }
    for (folder, output) in &action.packs {
        let missing = || {
            StageError::Pack(io::Error::new(
                io::ErrorKind::NotFound,
                output.digest.to_string(),
            ))
        };
        let blob = store
            .blob(&output.digest, output.size_bytes)
            .ok_or_else(missing)?;
        pack::unpack(blob.open().map_err(StageError::Pack)?, &root.join(folder))?;
    }
    Ok(())
}

/// Writes a new file with the time of its content. Returns the digest of what was written.
pub(crate) fn write_file(
    path: &Path,
    from: &mut dyn io::Read,
    executable: bool,
) -> io::Result<Digest> {
    let mode = if executable { 0o755 } else { 0o644 };
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    // The umask has had its say in `open`.
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    let mut writer = HashingWriter::new(file);
    io::copy(from, &mut writer)?;
    let (file, digest, _) = writer.finish();
    rustix::fs::futimens(&file, &timestamps(ContentTime::of(&digest)))?;
    Ok(digest)
}

/// Gives a symbolic link the time of what has no content.
pub(crate) fn set_link_time(path: &Path) -> io::Result<()> {
    let times = timestamps(ContentTime::CONSTANT);
    Ok(rustix::fs::utimensat(
        rustix::fs::CWD,
        path,
        &times,
        AtFlags::SYMLINK_NOFOLLOW,
    )?)
}

fn timestamps(time: ContentTime) -> Timestamps {
    let seconds = i64::try_from(time.seconds).expect("content times end in 1995");
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: time.nanoseconds.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
