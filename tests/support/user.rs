use super::files::copy;
use super::prepared::testdata;
use fs_err as fs;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A user of mizzen: everything that it reads and writes lies in one folder.
pub(crate) struct User {
    pub(super) folder: TempDir,
    pub(crate) environment: BTreeMap<String, String>,
    /// What the user's `dotnet` tells when it is called: in a stage it cannot write a file of the
    /// user's, but a pipe.
    calls: Option<OwnedFd>,
    /// The digests of images that were found sound.
    pub(super) validated: RefCell<BTreeSet<String>>,
}

impl User {
    /// Makes a user whose `PATH` begins with a `dotnet` that counts its calls and is `sdk` in all
    /// else.
    pub(crate) fn with_sdk(sdk: &Path) -> Self {
        let user = Self::without_sdk();
        let wrapped = user.path("sdk");
        fs::create_dir_all(&wrapped).unwrap();
        for entry in fs::read_dir(sdk).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name() != "dotnet" {
                fs::os::unix::fs::symlink(entry.path(), wrapped.join(entry.file_name())).unwrap();
            }
        }
        let calls = user.path("dotnet-calls");
        rustix::fs::mknodat(CWD, &calls, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let open = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = rustix::fs::open(&calls, open, Mode::empty()).unwrap();
        fs::os::unix::fs::symlink(&calls, wrapped.join("calls")).unwrap();
        fs::os::unix::fs::symlink(sdk, wrapped.join("real")).unwrap();
        user.write_dotnet("exec \"${0%/*}/real/dotnet\" \"$@\"");
        let path = format!("{}:/usr/bin:/bin", wrapped.display());
        Self {
            environment: user
                .environment
                .clone()
                .into_iter()
                .chain([("PATH".to_owned(), path)])
                .collect(),
            calls: Some(open),
            ..user
        }
    }

    /// Makes the user's `dotnet` tell that it is called, and then do what `script` says.
    pub(crate) fn write_dotnet(&self, script: &str) {
        let dotnet = self.path("sdk/dotnet");
        let script = format!("#!/bin/sh\necho \"$1\" > \"${{0%/*}}/calls\"\n{script}\n");
        fs::write(&dotnet, script).unwrap();
        fs::set_permissions(dotnet, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Makes a user who has no `dotnet`.
    pub(crate) fn without_sdk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let variables = [
            ("HOME", home.to_str().unwrap()),
            ("PATH", "/usr/bin:/bin"),
            (
                "MIZZEN_CACHE_DIR",
                folder.path().join("cache").to_str().unwrap(),
            ),
            // Most tests are about what a workspace makes of what it may have.
            ("MIZZEN_TRUST", "all"),
            // Packages come from a folder; without a network each signature would wait for a server.
            ("NUGET_CERT_REVOCATION_MODE", "offline"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            folder,
            environment: variables.into(),
            calls: None,
            validated: RefCell::default(),
        }
    }

    /// Returns the same user on another machine: another home, an empty cache.
    pub(crate) fn elsewhere(&self, name: &str) -> BTreeMap<String, String> {
        let mut environment = self.environment.clone();
        for (variable, folder) in [("HOME", "home"), ("MIZZEN_CACHE_DIR", "cache")] {
            let path = self.path(&format!("{name}-{folder}"));
            fs::create_dir_all(&path).unwrap();
            environment.insert(variable.to_owned(), path.to_str().unwrap().to_owned());
        }
        environment
    }

    /// Returns the folder that everything lies in, which is the working folder, too.
    pub(crate) fn folder_path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Copies a solution of `testdata/solutions` to `name`, with a package source where one is given.
    pub(crate) fn workspace(&self, solution: &str, name: &str, feed: Option<&Path>) -> PathBuf {
        self.sources(&testdata("solutions").join(solution), name, feed.as_slice())
    }

    /// Copies sources to `name`, with these package sources.
    pub(crate) fn sources(&self, from: &Path, name: &str, feeds: &[&Path]) -> PathBuf {
        let to = self.path(name);
        copy(from, &to);
        let mut source = String::new();
        for (key, feed) in feeds.iter().enumerate() {
            write!(
                source,
                "<add key=\"feed{key}\" value=\"{}\" />",
                feed.display()
            )
            .unwrap();
        }
        let config = format!(
            "<configuration><packageSources><clear />{source}</packageSources></configuration>\n"
        );
        fs::write(to.join("nuget.config"), config).unwrap();
        to
    }

    /// Returns the verbs that `dotnet` was called with since this was last asked.
    pub(crate) fn dotnet_calls(&self) -> Vec<String> {
        let calls = self.calls.as_ref().unwrap();
        let (mut text, mut part) = (Vec::new(), [0; 1024]);
        loop {
            match rustix::io::read(calls, &mut part) {
                Ok(length) => text.extend_from_slice(&part[..length]),
                Err(error) => {
                    assert_eq!(error, rustix::io::Errno::AGAIN);
                    let text = String::from_utf8(text).unwrap();
                    return text.lines().map(str::to_owned).collect();
                }
            }
        }
    }

    /// Returns the names of all files that the cache holds.
    pub(crate) fn cached_blobs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("cache/blobs/sha256")).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }
}
