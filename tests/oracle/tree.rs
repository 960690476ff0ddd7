use fs_err as fs;
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// What lies under one path, but for its times.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Entry {
    File { bytes: Vec<u8>, mode: u32 },
    Link(PathBuf),
    Folder,
}

impl Entry {
    fn write(&self, path: &Path) {
        match self {
            Self::Folder => fs::create_dir_all(path).unwrap(),
            Self::Link(target) => symlink(target, path).unwrap(),
            Self::File { bytes, mode } => {
                fs::write(path, bytes).unwrap();
                fs::set_permissions(path, std::fs::Permissions::from_mode(*mode)).unwrap();
            }
        }
    }
}

/// Everything below a folder, by relative path.
pub(crate) type Snapshot = BTreeMap<String, Entry>;

/// Reads everything below `root`, also what a build would not look at.
pub(crate) fn read(root: &Path) -> Snapshot {
    let mut snapshot = Snapshot::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let (path, kind) = {
                let entry = entry.unwrap();
                (entry.path(), entry.file_type().unwrap())
            };
            let entry = if kind.is_dir() {
                folders.push(path.clone());
                Entry::Folder
            } else if kind.is_symlink() {
                Entry::Link(fs::read_link(&path).unwrap())
            } else {
                Entry::File {
                    bytes: fs::read(&path).unwrap(),
                    mode: fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                }
            };
            let relative = path.strip_prefix(root).unwrap();
            snapshot.insert(relative.to_str().unwrap().to_owned(), entry);
        }
    }
    snapshot
}

/// Makes `root` hold exactly what was read; all times are new.
pub(crate) fn write(root: &Path, snapshot: &Snapshot) {
    if root.exists() {
        fs::remove_dir_all(root).unwrap();
    }
    fs::create_dir_all(root).unwrap();
    for (path, entry) in snapshot {
        entry.write(&root.join(path));
    }
}

/// Makes `root` hold exactly what was read, as a version control does: what is so already keeps its
/// time.
pub(crate) fn switch(root: &Path, snapshot: &Snapshot) {
    let now = read(root);
    // Backwards: what a folder holds goes before it.
    for (path, entry) in now.iter().rev() {
        let is_folder = |entry: &Entry| matches!(entry, Entry::Folder);
        match snapshot.get(path) {
            Some(wanted) if wanted == entry => {}
            _ if is_folder(entry) => fs::remove_dir(root.join(path)).unwrap(),
            _ => fs::remove_file(root.join(path)).unwrap(),
        }
    }
    for (path, entry) in snapshot {
        if now.get(path) != Some(entry) {
            entry.write(&root.join(path));
        }
    }
}

/// Returns the files below `root` that `wanted` says yes to, sorted; links are none.
pub(crate) fn files(root: &Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let files = read(root).into_iter();
    let files = files.filter(|(path, entry)| matches!(entry, Entry::File { .. }) && wanted(path));
    files.map(|(path, _)| path).collect()
}

/// Gives a file a time, `seconds` after 1970.
pub(crate) fn set_time(path: &Path, seconds: u64) {
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}
