use crate::{Action, Content, StageError, StagedPath, pack};
use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt;
use mizzen_oci::{ContentTime, Digest, HashingWriter};
use mizzen_store::{Blob, Store};
use rustix::fs::{AtFlags, Timespec, Timestamps};
use std::io;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread::available_parallelism;

/// How many files are worth a thread of their own.
const FILES_A_THREAD: usize = 500;
/// How many threads make files: more wait for the file system.
const MOST_THREADS: usize = 8;

/// Makes what `action` shows, in the empty folder `root`, on several threads where there is much.
///
/// Every file's time is a function of its content, to the nanosecond; every file is 0644 or 0755.
///
/// # Errors
/// [`StageError::Changed`] if a file is no longer the one whose digest the action holds.
pub(crate) fn materialize(action: &Action, root: &Path, store: &Store) -> Result<(), StageError> {
    for folder in &action.folders {
        fs::create_dir_all(root.join(folder))?;
    }
    let inputs: Vec<_> = action.inputs.iter().collect();
    let threads = available_parallelism().map_or(1, NonZero::get);
    let threads = threads.min(inputs.len() / FILES_A_THREAD).min(MOST_THREADS);
    if threads <= 1 {
        make(&inputs, root)?;
    } else {
        let share = inputs.len().div_ceil(threads);
        std::thread::scope(|scope| {
            let threads = inputs.chunks(share);
            let threads: Vec<_> = threads
                .map(|part| scope.spawn(|| make(part, root)))
                .collect();
            let made = threads.into_iter();
            let mut made =
                made.map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            made.try_for_each(|made| made)
        })?;
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

/// Makes these, by path, below `root`.
fn make(inputs: &[(&StagedPath, &Content)], root: &Path) -> Result<(), StageError> {
    let mut made = "";
    for &(path, content) in inputs {
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

#[cfg(test)]
mod tests {
    use super::{FILES_A_THREAD, materialize};
    use crate::{Action, Content, Network, StageError};
    use fs_err as fs;
    use mizzen_oci::Digest;
    use mizzen_store::Store;
    use std::collections::BTreeMap;

    #[test]
    fn much_is_made_by_several_threads_and_a_change_is_seen_by_each() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("cache")).unwrap();
        let from = folder.path().join("from");
        let number = 3 * FILES_A_THREAD;
        let inputs = (0..number).map(|number| {
            let source = from.join(format!("{}/{number:04}", number % 7));
            fs::create_dir_all(source.parent().unwrap()).unwrap();
            fs::write(&source, number.to_string()).unwrap();
            let content = Content::File {
                digest: Digest::of(number.to_string().as_bytes()),
                executable: false,
                source,
            };
            (format!("src/{}/{number:04}", number % 7), content)
        });
        let action = Action {
            label: String::new(),
            inputs: inputs.collect(),
            packs: Vec::new(),
            folders: Vec::new(),
            mounted: Vec::new(),
            shown: BTreeMap::new(),
            masked: Vec::new(),
            command: Vec::new(),
            warm_up: Vec::new(),
            working_folder: "src".to_owned(),
            environment: BTreeMap::new(),
            secret_environment: BTreeMap::new(),
            outputs: Vec::new(),
            network: Network::None,
            watched: false,
        };
        let root = folder.path().join("stage");
        materialize(&action, &root, &store).unwrap();
        for number in 0..number {
            let file = root.join(format!("src/{}/{number:04}", number % 7));
            assert_eq!(fs::read_to_string(file).unwrap(), number.to_string());
        }
        for (place, number) in [0, number / 2, number - 1].into_iter().enumerate() {
            let changed = from.join(format!("{}/{number:04}", number % 7));
            fs::write(&changed, "changed").unwrap();
            let root = folder.path().join(format!("stage-{place}"));
            let error = materialize(&action, &root, &store).unwrap_err();
            assert!(matches!(error, StageError::Changed(path) if path == changed));
            fs::write(&changed, number.to_string()).unwrap();
        }
    }
}
