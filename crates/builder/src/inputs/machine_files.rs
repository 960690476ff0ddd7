use crate::BuildError;
use fs_err as fs;
use mizzen_dotnet::PROGRAM_FOLDERS;
use mizzen_oci::{Digest, Hasher};
use mizzen_store::{FileState, StatCache, Store};
use std::io;
use std::path::{Path, PathBuf};

/// Where distributions list what is installed, relative to the root: Debian's, Alpine's, and those with
/// RPM, whose newest entries may be in the file beside.
const LISTS: [&str; 8] = [
    "var/lib/dpkg/status",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/rpmdb.sqlite-wal",
    "var/lib/rpm/Packages",
];

/// What [`installed_packages`] calls its digest.
pub(crate) const INSTALLED: &str = "installed packages";

/// Returns the digest of what the distribution of the machine at `root` lists as installed, with its
/// name; `None` where nothing is known that lists it, or not to this user.
///
/// It stands for whatever a program of the machine may read beside itself.
///
/// # Errors
/// [`BuildError::Read`] names the file that cannot be read.
pub(crate) fn installed_packages(
    root: &Path,
    store: &Store,
) -> Result<Option<(String, String)>, BuildError> {
    let mut files = MachineFiles::load(store, &root.join("var"))?;
    let digest = match files.digest_of_all(&LISTS.map(|list| root.join(list))) {
        Err(BuildError::Read(error)) if error.kind() == io::ErrorKind::PermissionDenied => None,
        digest => digest?,
    };
    files.save(store)?;
    Ok(digest.map(|digest| (INSTALLED.to_owned(), digest.to_string())))
}

/// Files of the machine that are no part of a workspace or an SDK.
pub(crate) struct MachineFiles(StatCache);

impl MachineFiles {
    /// Begins with what is remembered for `scope`.
    pub(crate) fn load(store: &Store, scope: &Path) -> Result<Self, BuildError> {
        Ok(Self(StatCache::load(store, scope)?))
    }

    /// Remembers what was asked for.
    pub(crate) fn save(self, store: &Store) -> Result<(), BuildError> {
        Ok(self.0.save(store)?)
    }

    /// Returns where the machine at `root` has the program `name`, and its digest; `None` if it is not
    /// where a stage finds programs.
    pub(crate) fn program(
        &mut self,
        root: &Path,
        name: &str,
    ) -> Result<Option<(PathBuf, Digest)>, BuildError> {
        for folder in PROGRAM_FOLDERS {
            let place = root.join(&folder[1..]).join(name);
            if let Some(digest) = self.digest(&place)? {
                return Ok(Some((place, digest)));
            }
        }
        Ok(None)
    }

    /// Returns the digest of the file at `path`, links followed; `None` if there is none.
    pub(crate) fn digest(&mut self, path: &Path) -> Result<Option<Digest>, BuildError> {
        let Ok(resolved) = fs::canonicalize(path) else {
            return Ok(None);
        };
        let metadata = fs::metadata(&resolved).map_err(BuildError::Read)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let (name, state) = (path.to_string_lossy(), FileState::of(&metadata));
        let digest = self.0.digest(&name, &resolved, state);
        digest.map(Some).map_err(BuildError::Read)
    }

    /// Returns one digest for those of `paths` that are files; `None` if none is.
    pub(crate) fn digest_of_all(
        &mut self,
        paths: &[PathBuf],
    ) -> Result<Option<Digest>, BuildError> {
        let (mut hasher, mut is_any) = (Hasher::default(), false);
        hasher.field(b"mizzen machine files");
        for path in paths {
            if let Some(digest) = self.digest(path)? {
                is_any = true;
                hasher.field(path.as_os_str().as_encoded_bytes());
                hasher.field(digest.as_bytes());
            }
        }
        Ok(is_any.then(|| hasher.finish()))
    }
}
