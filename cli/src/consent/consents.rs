use super::Wanted;
use crate::Process;
use crate::error::CommandError;
use fs_err as fs;
use mizzen_oci::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What the user has allowed, kept in the user's own configuration folder, where no build can write:
/// `$XDG_CONFIG_HOME/mizzen/trust/<hex>.json`, one file a workspace, named by the digest of its path.
pub(crate) struct Consents {
    folder: PathBuf,
}

/// The file of one workspace.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema: u32,
    /// For people who look.
    workspace: String,
    allowed: BTreeSet<Wanted>,
}

const SCHEMA: u32 = 1;

impl Consents {
    /// Finds the user's; `None` if the user has no home.
    pub(crate) fn of(process: &Process) -> Option<Self> {
        let xdg = process.variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let configuration = xdg
            .filter(|folder| folder.is_absolute())
            .or_else(|| Some(process.home()?.join(".config")))?;
        Some(Self {
            folder: configuration.join("mizzen/trust"),
        })
    }

    /// Returns what the repository at `workspace` was allowed.
    ///
    /// # Errors
    /// The file cannot be read, or is not understood.
    pub(crate) fn allowed(&self, workspace: &Path) -> Result<BTreeSet<Wanted>, CommandError> {
        let file = self.file(workspace);
        let text = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            text => text.map_err(|error| {
                CommandError::local(format!("`{}` cannot be read", file.display()), &error)
            })?,
        };
        match serde_json::from_slice::<Kept>(&text) {
            Ok(kept) if kept.schema == SCHEMA => Ok(kept.allowed),
            _ => Err(
                CommandError::usage(format!("`{}` is not understood", file.display()))
                    .hinted("remove it, and allow again what it allowed: mizzen trust"),
            ),
        }
    }

    /// Keeps that the repository at `workspace` may have `wanted`, beside what it had before. Returns
    /// where.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn allow(
        &self,
        workspace: &Path,
        wanted: impl IntoIterator<Item = Wanted>,
    ) -> Result<PathBuf, CommandError> {
        let mut allowed = self.allowed(workspace)?;
        allowed.extend(wanted);
        let kept = Kept {
            schema: SCHEMA,
            workspace: workspace.to_string_lossy().into_owned(),
            allowed,
        };
        let mut text = serde_json::to_vec_pretty(&kept).expect("names are JSON");
        text.push(b'\n');
        let file = self.file(workspace);
        self.write(&file, &text).map_err(|error| {
            CommandError::local(format!("`{}` cannot be written", file.display()), &error)
        })?;
        Ok(file)
    }

    /// Forgets what the repository at `workspace` was allowed. Returns whether it was anything.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub(crate) fn forget(&self, workspace: &Path) -> Result<bool, CommandError> {
        let file = self.file(workspace);
        match fs::remove_file(&file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(CommandError::local(
                format!("`{}` cannot be removed", file.display()),
                &error,
            )),
        }
    }

    fn write(&self, file: &Path, text: &[u8]) -> io::Result<()> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let mut written = tempfile::NamedTempFile::new_in(&self.folder)?;
        written.write_all(text)?;
        written.as_file().sync_all()?;
        written.persist(file)?;
        Ok(())
    }

    fn file(&self, workspace: &Path) -> PathBuf {
        let name = Digest::of(workspace.as_os_str().as_bytes());
        self.folder.join(format!("{}.json", name.hex()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Consents, Wanted};
    use fs_err as fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    #[test]
    fn what_was_allowed_is_kept_for_one_workspace_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let consents = Consents {
            folder: folder.path().join("mizzen/trust"),
        };
        let [here, there] = ["/w", "/w2"].map(Path::new);
        let [read, see] = [
            Wanted::Read("/x".to_owned()),
            Wanted::Variable("X".to_owned()),
        ];
        assert!(consents.allowed(here).unwrap().is_empty());
        let file = consents.allow(here, [read.clone()]).unwrap();
        consents.allow(here, [see.clone()]).unwrap();
        assert_eq!(consents.allowed(here).unwrap(), [read, see].into());
        assert!(consents.allowed(there).unwrap().is_empty());
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(consents.forget(here).unwrap());
        assert!(!consents.forget(here).unwrap());
        assert!(consents.allowed(here).unwrap().is_empty());

        consents.allow(here, []).unwrap();
        fs::write(&file, "{}").unwrap();
        assert!(consents.allowed(here).is_err());
    }
}
