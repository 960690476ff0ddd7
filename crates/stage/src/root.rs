use crate::StageError;
use fs_err as fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The folder in which every user's stage has the same path.
const PARENT: &str = "/tmp";
/// The canonical root: what is compiled there has this path in its bytes.
const NAME: &str = "mizzen-stage";

/// Files that `dotnet` would pick up in a folder above the one it builds.
const READ_FROM_ABOVE: [&str; 12] = [
    "Directory.Build.props",
    "Directory.Build.targets",
    "Directory.Packages.props",
    "Directory.Build.rsp",
    "global.json",
    "nuget.config",
    "NuGet.config",
    "NuGet.Config",
    ".editorconfig",
    ".globalconfig",
    ".git",
    "HEAD",
];

/// Returns the root of this user's stages: the canonical one, else, where another user has taken
/// that, one named by the user's number. It belongs to the user and is closed to others; if it is not
/// there, [`make`] makes it so.
///
/// # Errors
/// [`StageError::Root`] if neither can be had; [`StageError::Above`] if a file above would be read.
pub(crate) fn choose() -> Result<PathBuf, StageError> {
    choose_in(Path::new(PARENT))
}

fn choose_in(parent: &Path) -> Result<PathBuf, StageError> {
    for folder in parent.ancestors() {
        if let Some(file) = READ_FROM_ABOVE
            .iter()
            .map(|name| folder.join(name))
            .find(|file| file.exists())
        {
            return Err(StageError::Above(file));
        }
    }
    let user = rustix::process::geteuid().as_raw();
    let canonical = parent.join(NAME);
    if is_fit(&canonical, user)?.is_ok() {
        return Ok(canonical);
    }
    let own = parent.join(format!("{NAME}-{user}"));
    match is_fit(&own, user)? {
        Ok(()) => Ok(own),
        Err(why) => Err(StageError::Root { path: own, why }),
    }
}

/// Makes the root that was chosen, if it is not there.
///
/// # Errors
/// [`StageError::Root`] if somebody else has made it meanwhile.
pub(crate) fn make(root: &Path) -> Result<(), StageError> {
    owned(root, rustix::process::geteuid().as_raw())?.map_err(|why| StageError::Root {
        path: root.to_owned(),
        why,
    })
}

/// Whether the folder can be the root: it is not there, or is the user's, closed, and a stage's: one
/// with files and without a stage's lock is somebody's work, and would be emptied.
fn is_fit(path: &Path, user: u32) -> io::Result<Result<(), &'static str>> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(())),
        metadata => metadata?,
    };
    let fit = closed(&metadata, user);
    if fit.is_err() || path.join(".lock").exists() || fs::read_dir(path)?.next().is_none() {
        return Ok(fit);
    }
    Ok(Err("it holds files that are not a stage's"))
}

// Anyone can make a folder, a file or a link of this name in /tmp before we do.
pub(crate) fn owned(path: &Path, user: u32) -> io::Result<Result<(), &'static str>> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(io::Error::new(
                error.kind(),
                format!("cannot make `{}`: {error}", path.display()),
            ));
        }
    }
    Ok(closed(&fs::symlink_metadata(path)?, user))
}

fn closed(metadata: &std::fs::Metadata, user: u32) -> Result<(), &'static str> {
    if !metadata.is_dir() {
        Err("it is not a folder")
    } else if metadata.uid() != user {
        Err("it belongs to another user")
    } else if metadata.mode() & 0o077 != 0 {
        Err("other users can enter it")
    } else {
        Ok(())
    }
}

/// Empties the folder of a stage. The root's lock stays: another build may be waiting for it.
pub(crate) fn clear(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_name() == ".lock" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            remove_folder(&entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        result => result,
    }
}

// A command may leave folders that not even their owner can write.
fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{choose_in, make, owned};
    use crate::StageError;
    use fs_err as fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_taken_root_gives_way_to_one_of_the_users_own() {
        let parent = tempfile::tempdir().unwrap();
        let canonical = parent.path().join("mizzen-stage");
        assert_eq!(choose_in(parent.path()).unwrap(), canonical);
        assert!(!canonical.exists());
        make(&canonical).unwrap();
        assert_eq!(
            fs::metadata(&canonical).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(choose_in(parent.path()).unwrap(), canonical);

        // Somebody's work is not emptied.
        fs::write(canonical.join("thesis.odt"), "mine").unwrap();
        assert_ne!(choose_in(parent.path()).unwrap(), canonical);
        fs::write(canonical.join(".lock"), "").unwrap();
        assert_eq!(choose_in(parent.path()).unwrap(), canonical);
        fs::remove_file(canonical.join(".lock")).unwrap();
        fs::remove_file(canonical.join("thesis.odt")).unwrap();

        fs::set_permissions(&canonical, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert_ne!(choose_in(parent.path()).unwrap(), canonical);
        fs::remove_dir(&canonical).unwrap();
        fs::os::unix::fs::symlink("/", &canonical).unwrap();
        assert_ne!(choose_in(parent.path()).unwrap(), canonical);
        assert_eq!(owned(&canonical, 0).unwrap(), Err("it is not a folder"));
    }

    #[test]
    fn a_file_above_that_dotnet_would_read_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("Directory.Build.props"), "<Project/>").unwrap();
        let error = choose_in(parent.path()).unwrap_err();
        assert!(
            matches!(error, StageError::Above(file) if file.ends_with("Directory.Build.props"))
        );
    }
}
