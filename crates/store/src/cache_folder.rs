use crate::StoreError;
use crate::own_files::{FOLDERS, FOLDERS_OF_FOLDERS, entries, is_unmarked_cache};
use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt;
use rustix::fs::OFlags;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// The file that marks a folder as a cache: backup programs skip such a folder.
///
/// Source: <https://bford.info/cachedir/>.
const MARKER: &str = "CACHEDIR.TAG";
const SIGNATURE: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";
const VERSION: &str = "# mizzen-cache-version: ";
const CURRENT: &str = "1";

/// Why a folder cannot be a cache.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnfitFolder {
    /// There are files in it, and nothing says that they are a cache's.
    #[error("it is not empty, and it is not mizzen's cache")]
    NotACache,
    /// Another program has marked it.
    #[error("it is another program's cache, as its `{MARKER}` says")]
    OtherPrograms,
    /// A later mizzen has made it.
    #[error("it is a cache of version {0}, and this mizzen knows version {CURRENT}")]
    Version(String),
    /// It belongs to somebody else, who could put anything into it.
    #[error("it belongs to user {owner}, not to user {user}")]
    Owner {
        /// Its owner's number.
        owner: u32,
        /// The number of the user who runs this process.
        user: u32,
    },
    /// Others may have put anything into it.
    #[error("other users can write into it (mode {mode:03o})")]
    Open {
        /// Its permission bits.
        mode: u32,
    },
    /// It is a file, or a link that leads elsewhere.
    #[error("it is not a folder")]
    NotAFolder,
}

/// Makes the cache folder `root` (0700) if it is not there, and makes sure that it is a cache, of this
/// user, closed to others.
///
/// # Errors
/// [`StoreError::Folder`] if it cannot be a cache; then it is as it was.
pub(crate) fn claim(root: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(root)
        .map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                return unfit(root, UnfitFolder::NotAFolder);
            }
            let message = format!("cannot make `{}`: {error}", root.display());
            io::Error::new(error.kind(), message).into()
        })?;
    if is_blank(root)? {
        check_owner(root, &fs::metadata(root)?)?;
        // Nothing is in it that anybody could have put there.
        fs::set_permissions(root, PermissionsExt::from_mode(0o700))?;
        mark(root)?;
    }
    check(root)?;
    for folder in FOLDERS {
        make_folder(&root.join(folder))?;
    }
    Ok(())
}

/// Returns whether there is a cache in `root`; nothing is made.
///
/// # Errors
/// As [`claim`].
pub(crate) fn is_claimed(root: &Path) -> Result<bool, StoreError> {
    match fs::metadata(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
        Ok(metadata) if !metadata.is_dir() => Err(unfit(root, UnfitFolder::NotAFolder)),
        Ok(metadata) => {
            check_owner(root, &metadata)?;
            Ok(!is_blank(root)?)
        }
    }
}

/// Makes a folder of the cache, 0700 whatever the umask, unless it is there.
///
/// # Errors
/// [`StoreError::Folder`] if something else is there.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::symlink_metadata(path)?.is_dir() {
                return Ok(());
            }
            Err(unfit(path, UnfitFolder::NotAFolder))
        }
        Err(error) => {
            let message = format!("cannot make `{}`: {error}", path.display());
            Err(io::Error::new(error.kind(), message).into())
        }
        Ok(()) => Ok(()),
    }
}

/// Opens a file of the cache to lock it, making it if it is not there; not through a link.
///
/// # Errors
/// It cannot be opened, or is a link.
pub(crate) fn open_lock(path: &Path) -> io::Result<fs::File> {
    let no_follow = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.custom_flags(no_follow).open(path)
}

fn unfit(path: &Path, why: UnfitFolder) -> StoreError {
    let path = path.to_owned();
    StoreError::Folder { path, why }
}

/// Whether nothing is in it but, perhaps, the marker of a process that is about to write it.
fn is_blank(root: &Path) -> io::Result<bool> {
    let is_empty_marker = |(name, metadata): (_, std::fs::Metadata)| {
        name == Path::new(MARKER) && metadata.is_file() && metadata.len() == 0
    };
    Ok(entries(root)?.into_iter().all(is_empty_marker))
}

fn mark(root: &Path) -> io::Result<()> {
    let text = format!(
        "{SIGNATURE}# This folder is a cache of mizzen: it can be removed at any time.\n\
         {VERSION}{CURRENT}\n"
    );
    // In place and in one piece: several processes may do so at once, and all write the same.
    open_lock(&root.join(MARKER))?.write_all(text.as_bytes())
}

/// Makes sure that nobody but this user has made or written what is in the cache.
fn check(root: &Path) -> Result<(), StoreError> {
    let mut folders = vec![root.to_owned()];
    folders.extend(FOLDERS.map(|folder| root.join(folder)));
    for folder in FOLDERS_OF_FOLDERS {
        let folder = root.join(folder);
        let below = entries(&folder)?
            .into_iter()
            .map(|(name, _)| folder.join(name));
        folders.extend(below.filter(|path| path.is_dir()));
        folders.push(folder);
    }
    // Until every one is known to be sound nothing is changed.
    let mut found = Vec::new();
    for folder in folders {
        // Where the cache lies is for the user to say, and may be a link.
        let metadata = if folder == root {
            fs::metadata(&folder)
        } else {
            fs::symlink_metadata(&folder)
        };
        let metadata = match metadata {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        if !metadata.is_dir() {
            return Err(unfit(&folder, UnfitFolder::NotAFolder));
        }
        check_owner(&folder, &metadata)?;
        found.push((folder, metadata.mode() & 0o777));
    }
    check_marker(root)?;
    // Behind a folder that nobody else can enter the others may be as they are.
    let is_closed = found.first().is_some_and(|(_, mode)| mode & !0o700 == 0);
    if let Some((folder, mode)) = found.iter().find(|(_, mode)| mode & 0o022 != 0)
        && !is_closed
    {
        return Err(unfit(folder, UnfitFolder::Open { mode: *mode }));
    }
    for (folder, mode) in found {
        if mode != 0o700 {
            fs::set_permissions(&folder, PermissionsExt::from_mode(0o700))?;
        }
    }
    Ok(())
}

fn check_owner(folder: &Path, metadata: &std::fs::Metadata) -> Result<(), StoreError> {
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner == user {
        return Ok(());
    }
    Err(unfit(folder, UnfitFolder::Owner { owner, user }))
}

fn check_marker(root: &Path) -> Result<(), StoreError> {
    let path = root.join(MARKER);
    let Some(text) = read_marker(&path)? else {
        if is_unmarked_cache(root)? {
            return Ok(mark(root)?);
        }
        // Another process may have marked it and begun to use it after the first look.
        return match read_marker(&path)? {
            Some(_) => check_marker(root),
            None => Err(unfit(root, UnfitFolder::NotACache)),
        };
    };
    if !text.starts_with(SIGNATURE) {
        return Err(unfit(root, UnfitFolder::NotACache));
    }
    match text.lines().find_map(|line| line.strip_prefix(VERSION)) {
        Some(CURRENT) => Ok(()),
        Some(version) => Err(unfit(root, UnfitFolder::Version(version.to_owned()))),
        None => Err(unfit(root, UnfitFolder::OtherPrograms)),
    }
}

/// Returns what the marker says; `None` if it is not there, or not written yet.
fn read_marker(path: &Path) -> io::Result<Option<String>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(metadata) if metadata.len() == 0 => return Ok(None),
        Ok(metadata) if !metadata.is_file() => return Ok(Some(String::new())),
        Ok(_) => {}
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(4096).read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
