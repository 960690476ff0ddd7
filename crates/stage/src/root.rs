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
/// that, one named by the user's number. It exists, belongs to the user and is closed to others.
///
/// # Errors
/// [`StageError::Root`] if neither can be had; [`StageError::Above`] if a file above would be read.
pub(crate) fn claim() -> Result<PathBuf, StageError> {
    claim_in(Path::new(PARENT))
}

fn claim_in(parent: &Path) -> Result<PathBuf, StageError> {
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
    if owned(&canonical, user)?.is_ok() {
        return Ok(canonical);
    }
    let own = parent.join(format!("{NAME}-{user}"));
    match owned(&own, user)? {
        Ok(()) => Ok(own),
        Err(why) => Err(StageError::Root { path: own, why }),
    }
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
    let metadata = fs::symlink_metadata(path)?;
    Ok(if !metadata.is_dir() {
        Err("it is not a folder")
    } else if metadata.uid() != user {
        Err("it belongs to another user")
    } else if metadata.mode() & 0o077 != 0 {
        Err("other users can enter it")
    } else {
        Ok(())
    })
}

/// Empties the folder of a stage. The lock's file stays: another build may be waiting for it.
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
    use super::{claim_in, owned};
    use crate::StageError;
    use fs_err as fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_taken_root_gives_way_to_one_of_the_users_own() {
        let parent = tempfile::tempdir().unwrap();
        let canonical = parent.path().join("mizzen-stage");
        assert_eq!(claim_in(parent.path()).unwrap(), canonical);
        assert_eq!(
            fs::metadata(&canonical).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(claim_in(parent.path()).unwrap(), canonical);

        fs::set_permissions(&canonical, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert_ne!(claim_in(parent.path()).unwrap(), canonical);
        fs::remove_dir(&canonical).unwrap();
        fs::os::unix::fs::symlink("/", &canonical).unwrap();
        assert_ne!(claim_in(parent.path()).unwrap(), canonical);
        assert_eq!(owned(&canonical, 0).unwrap(), Err("it is not a folder"));
    }

    #[test]
    fn a_file_above_that_dotnet_would_read_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("Directory.Build.props"), "<Project/>").unwrap();
        let error = claim_in(parent.path()).unwrap_err();
        assert!(
            matches!(error, StageError::Above(file) if file.ends_with("Directory.Build.props"))
        );
    }
}
