use super::arguments::BuildArgs;
use crate::config::{TOO_DEEP, is_too_deep, read_repository_file};
use crate::error::CommandError;
use mizzen_builder::LockedToolchain;
use mizzen_oci::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The file's name, at the workspace's root.
const NAME: &str = "mizzen.lock";
const SCHEMA: u32 = 1;
const HEADER: &str =
    "# What `mizzen build --locked` takes, and nothing else. Written by `mizzen lock`.\n";

/// What `mizzen build --locked` takes and nothing else: the toolchain by content, bases by digest.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    schema: u32,
    toolchain: Toolchain,
    /// By the name that a build gives the base.
    #[serde(default)]
    base: BTreeMap<String, LockedBase>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Toolchain {
    sdk: String,
    id: Digest,
}

/// A base image of the lock.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockedBase {
    /// What the name pointed at: an index or a manifest.
    pub(crate) digest: Digest,
    /// The images of the platforms that were built.
    pub(crate) platforms: BTreeMap<String, Digest>,
}

impl Lock {
    /// Reads what a build may take; `None` if it was not asked to be locked.
    pub(crate) fn asked(arguments: &BuildArgs, root: &Path) -> Result<Option<Self>, CommandError> {
        if !arguments.reuse.locked {
            return Ok(None);
        }
        let missing = || failed(format!("`{}` is not there", path(root).display()));
        Ok(Some(Self::read(root)?.ok_or_else(missing)?))
    }

    /// Reads the file at the root of a workspace, if it is there.
    pub(crate) fn read(root: &Path) -> Result<Option<Self>, CommandError> {
        let file = path(root);
        let Some(text) = read_repository_file(root, NAME)? else {
            return Ok(None);
        };
        let unknown = |why: String| {
            CommandError::usage(format!("`{}` is not understood: {why}", file.display()))
                .hinted("write it again: mizzen lock")
        };
        if is_too_deep(&text) {
            return Err(unknown(TOO_DEEP.to_owned()));
        }
        let lock: Self = toml::from_str(&text).map_err(|error| unknown(error.to_string()))?;
        if lock.schema != SCHEMA {
            return Err(unknown(format!(
                "its schema is {}, want {SCHEMA}",
                lock.schema
            )));
        }
        Ok(Some(lock))
    }

    /// Returns a lock of this toolchain, with the bases that `earlier` had.
    pub(crate) fn of(toolchain: LockedToolchain, earlier: Option<Self>) -> Self {
        Self {
            schema: SCHEMA,
            toolchain: Toolchain {
                sdk: toolchain.version,
                id: toolchain.id,
            },
            base: earlier.map(|earlier| earlier.base).unwrap_or_default(),
        }
    }

    /// Takes a base in, over what was known of that name.
    pub(crate) fn insert(&mut self, name: String, base: LockedBase) {
        self.base.insert(name, base);
    }

    /// Writes the file, whole or not at all, and returns where.
    pub(crate) fn write(&self, root: &Path) -> Result<PathBuf, CommandError> {
        let file = path(root);
        let written = || {
            let mut temporary = tempfile::NamedTempFile::new_in(root)?;
            let text = toml::to_string(self).map_err(io::Error::other)?;
            io::Write::write_all(&mut temporary, format!("{HEADER}{text}").as_bytes())?;
            let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            temporary.as_file().set_permissions(readable)?;
            temporary.persist(&file)?;
            Ok(())
        };
        written().map_err(|error: io::Error| {
            CommandError::local(format!("`{}` cannot be written", file.display()), &error)
        })?;
        Ok(file)
    }

    /// Returns the toolchain.
    pub(crate) fn toolchain(&self) -> LockedToolchain {
        LockedToolchain {
            version: self.toolchain.sdk.clone(),
            id: self.toolchain.id,
        }
    }

    /// Returns the base of this name.
    pub(crate) fn base(&self, name: &str) -> Result<&LockedBase, CommandError> {
        let missing = || failed(format!("{NAME} has no base `{name}`"));
        self.base.get(name).ok_or_else(missing)
    }
}

/// Where the lock of a workspace lies.
pub(crate) fn path(root: &Path) -> PathBuf {
    root.join(NAME)
}

/// What is locked and what is there differ.
pub(crate) fn failed(message: String) -> CommandError {
    CommandError::check(message, &[] as &[&str])
        .hinted("if that is intended: mizzen lock, and commit mizzen.lock")
}

#[cfg(test)]
mod tests {
    use super::{Lock, LockedBase, path};
    use fs_err as fs;
    use mizzen_builder::LockedToolchain;
    use mizzen_oci::Digest;

    #[test]
    fn what_is_written_is_read_again_and_other_bases_stay() {
        let folder = tempfile::tempdir().unwrap();
        let toolchain = LockedToolchain {
            version: "10.0.401".to_owned(),
            id: Digest::of(b"sdk"),
        };
        assert_eq!(Lock::read(folder.path()).unwrap(), None);
        let mut lock = Lock::of(toolchain.clone(), None);
        let base = LockedBase {
            digest: Digest::of(b"index"),
            platforms: [("linux/amd64".to_owned(), Digest::of(b"image"))].into(),
        };
        lock.insert("oci:a \"b\" \u{7f}".to_owned(), base.clone());
        lock.write(folder.path()).unwrap();
        let read = Lock::read(folder.path()).unwrap().unwrap();
        assert_eq!(read, lock);
        assert_eq!(read.base("oci:a \"b\" \u{7f}").unwrap(), &base);
        assert!(read.base("other").is_err());
        assert_eq!(Lock::of(toolchain, Some(read)), lock);

        let text = fs::read_to_string(path(folder.path())).unwrap();
        fs::write(
            path(folder.path()),
            text.replace("schema = 1", "schema = 2"),
        )
        .unwrap();
        assert!(Lock::read(folder.path()).is_err());
    }
}
