//! What both suites stand on: a user with a home, a cache and a `dotnet` whose calls are counted.

#![allow(dead_code, reason = "each suite uses a part")]

pub(crate) mod monorepo;
pub(crate) mod sdk_choice;

use fs_err as fs;
use mizzen_image::{Layout, validate_all};
use mizzen_testkit::DockerRegistry;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A user of mizzen: everything that it reads and writes lies in one folder.
pub(crate) struct User {
    folder: TempDir,
    pub(crate) environment: BTreeMap<String, String>,
    /// What the user's `dotnet` tells when it is called: in a stage it cannot write a file of the
    /// user's, but a pipe.
    calls: Option<OwnedFd>,
    /// The digests of images that were found sound.
    validated: RefCell<BTreeSet<String>>,
}

/// How a run of mizzen ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The metadata file; null where none was written.
    pub(crate) metadata: Value,
}

/// A build that goes on.
pub(crate) struct Going {
    child: Child,
    metadata: PathBuf,
}

impl Going {
    /// Ends it as nothing can keep from; what it started is left to itself.
    pub(crate) fn kill(mut self) -> Run {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Run {
        let output = self.child.wait_with_output().unwrap();
        let metadata = fs::read_to_string(self.metadata).unwrap_or_else(|_| "null".to_owned());
        Run::of(output, serde_json::from_str(&metadata).unwrap())
    }
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

    /// Runs `mizzen` with a metadata file.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build(&self, arguments: &[&str]) -> Run {
        self.build_as(&self.environment, arguments)
    }

    /// Runs it from a shell with another umask.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_under_umask(
        &self,
        environment: &BTreeMap<String, String>,
        umask: &str,
        arguments: &[&str],
    ) -> Run {
        let script = format!(
            "umask {umask}; exec '{}' \"$@\"",
            env!("CARGO_BIN_EXE_mizzen")
        );
        self.run(&["/bin/sh", "-c", &script, "sh"], environment, arguments)
    }

    /// Runs it where part of `/proc` is covered, as Docker covers it.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_below_masked_proc(
        &self,
        environment: &BTreeMap<String, String>,
        arguments: &[&str],
    ) -> Run {
        let script = format!(
            "mount --bind /dev/null /proc/version && exec '{}' \"$@\"",
            env!("CARGO_BIN_EXE_mizzen")
        );
        let unshare = ["unshare", "--user", "--map-root-user", "--mount"];
        let shell = ["/bin/sh", "-c", &script, "sh"];
        self.run(&[&unshare[..], &shell].concat(), environment, arguments)
    }

    /// Runs it as another user, who has what this one has: by number somebody else.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_as_somebody(
        &self,
        environment: &BTreeMap<String, String>,
        arguments: &[&str],
    ) -> Run {
        let unshare = ["unshare", "--user", "--map-user=4242", "--map-group=4242"];
        let script = format!("umask 077; exec '{}' \"$@\"", env!("CARGO_BIN_EXE_mizzen"));
        let shell = ["/bin/sh", "-c", &script, "sh"];
        self.run(&[&unshare[..], &shell].concat(), environment, arguments)
    }

    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_as(
        &self,
        environment: &BTreeMap<String, String>,
        arguments: &[&str],
    ) -> Run {
        self.run(&[env!("CARGO_BIN_EXE_mizzen")], environment, arguments)
    }

    /// Runs a foreign program as this user and returns what it prints; it must succeed.
    pub(crate) fn tool(&self, program: &str, arguments: &[&str]) -> String {
        #[expect(clippy::disallowed_methods, reason = "tests run foreign tools")]
        let output = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `mizzen` with these arguments and nothing else.
    pub(crate) fn run_bare(&self, arguments: &[&str]) -> Run {
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let output = Command::new(env!("CARGO_BIN_EXE_mizzen"))
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        Run::of(output, Value::Null)
    }

    /// The same, with `input` on stdin.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let mut process = Command::new(env!("CARGO_BIN_EXE_mizzen"))
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        Run::of(process.wait_with_output().unwrap(), Value::Null)
    }

    fn run(
        &self,
        program: &[&str],
        environment: &BTreeMap<String, String>,
        arguments: &[&str],
    ) -> Run {
        let metadata = self.path("metadata.json");
        drop(fs::remove_file(&metadata));
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let output = Command::new(program[0])
            .args(&program[1..])
            .args(["build", "--metadata-file"])
            .arg(&metadata)
            .args(arguments)
            .env_clear()
            .envs(environment)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let metadata = fs::read_to_string(&metadata).unwrap_or_else(|_| "null".to_owned());
        let run = Run::of(output, serde_json::from_str(&metadata).unwrap());
        if run.code == 0 {
            run.stdout
                .lines()
                .for_each(|line| self.validate(line, environment));
        }
        run
    }

    /// Has `mizzen validate` judge an image that a build printed, each digest once.
    fn validate(&self, printed: &str, environment: &BTreeMap<String, String>) {
        let (image, digest) = printed.rsplit_once('@').unwrap();
        let is_in_engine = image.starts_with("podman:");
        if is_in_engine || !self.validated.borrow_mut().insert(digest.to_owned()) {
            return;
        }
        // A cache of its own: what the build left there is part of what is tested.
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let output = Command::new(env!("CARGO_BIN_EXE_mizzen"))
            .args(["validate", image, "--cache-dir"])
            .arg(self.path("validated"))
            .env_clear()
            .envs(environment)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{image}: {said}");
    }

    /// Runs it until the file `when` appears, and then sends it a signal.
    #[must_use = "a run that failed tells nothing by itself"]
    pub(crate) fn build_and_signal(&self, signal: &str, arguments: &[&str]) -> Run {
        // The shell that waits is no part of what is tested; it has no child of its own to lose.
        let script = format!(
            "'{}' \"$@\" & mizzen=$!; timeout 60 head -n 1 '{}' > /dev/null; \
             kill -{signal} $mizzen; wait $mizzen",
            env!("CARGO_BIN_EXE_mizzen"),
            self.path("dotnet-calls").display()
        );
        self.run(
            &["/bin/sh", "-c", &script, "sh"],
            &self.environment,
            arguments,
        )
    }

    /// Starts `mizzen build`; `name` tells this run's files from another's.
    pub(crate) fn start(&self, name: &str, arguments: &[&str]) -> Going {
        let metadata = self.path(&format!("{name}-metadata.json"));
        drop(fs::remove_file(&metadata));
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let child = Command::new(env!("CARGO_BIN_EXE_mizzen"))
            .args(["build", "--metadata-file"])
            .arg(&metadata)
            .args(arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Going { child, metadata }
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

/// The exit code that a shell gives to what was ended by `SIGKILL`.
pub(crate) const KILLED: i32 = 128 + 9;

impl Run {
    fn of(output: std::process::Output, metadata: Value) -> Self {
        Self {
            code: output.status.code().unwrap_or(KILLED),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            metadata,
        }
    }

    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, 0, "mizzen failed:\n{}", self.stderr);
        self
    }

    /// Checks that one clear error was told, that nothing was printed for machines, and returns what
    /// was said.
    pub(crate) fn failure(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}", self.stderr);
        assert_eq!((self.stdout.as_str(), &self.metadata), ("", &Value::Null));
        let errors = self
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: "))
            .count();
        assert_eq!(errors, 1, "{}", self.stderr);
        self.stderr
    }

    pub(crate) fn image(&self) -> &Value {
        &self.metadata["images"][0]
    }

    pub(crate) fn digest(&self) -> &str {
        self.image()["digest"].as_str().unwrap()
    }

    /// Returns the digests of the layers that mizzen made, by name.
    pub(crate) fn layers(&self) -> BTreeMap<String, String> {
        let layers = self.image()["layers"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        layers
            .map(|layer| (text(&layer["name"]), text(&layer["digest"])))
            .collect()
    }

    pub(crate) fn network(&self, name: &str) -> u64 {
        self.metadata["network"][name].as_u64().unwrap()
    }

    /// Returns `restore=hit publish=ran`.
    pub(crate) fn steps(&self) -> String {
        let steps = self.image()["steps"].as_array().unwrap().iter();
        let steps = steps.map(|step| {
            format!(
                "{}={}",
                step["step"].as_str().unwrap(),
                step["outcome"].as_str().unwrap()
            )
        });
        steps.collect::<Vec<_>>().join(" ")
    }
}

/// A real registry that holds a distroless ASP.NET base.
pub(crate) struct Registry {
    pub(crate) registry: DockerRegistry,
    pub(crate) base: String,
}

impl Registry {
    pub(crate) fn with_base(layout: &Path) -> Self {
        let registry = DockerRegistry::start().unwrap();
        let base = format!("{}/dotnet/aspnet:latest", registry.host());
        mizzen_testkit::skopeo_copy(
            &format!("oci:{}:latest", layout.display()),
            &format!("docker://{base}"),
        );
        Self { registry, base }
    }

    pub(crate) fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.registry.host())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        let repositories = self
            .registry
            .folder()
            .join("storage/docker/registry/v2/repositories");
        repositories.join(name).exists()
    }
}

/// Pulls an image with skopeo into a layout, has our own `validate` judge it, and returns the
/// layout; the image has the tag `pulled`.
pub(crate) fn pull(reference: &str, to: &Path) -> PathBuf {
    mizzen_testkit::skopeo_copy(
        &format!("docker://{reference}"),
        &format!("oci:{}:pulled", to.display()),
    );
    validated(to, Some("pulled"));
    to.to_owned()
}

/// Has our own `validate` judge an image of a layout.
pub(crate) fn validated(layout: &Path, tag: Option<&str>) {
    let image = Layout::new(layout, tag).read().unwrap();
    if let Err(defects) = validate_all(&image) {
        let defects: Vec<String> = defects.iter().map(ToString::to_string).collect();
        panic!("{}", defects.join("\n"));
    }
}

pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(name)
}

/// Tells whether a variable asks the tests for something.
pub(crate) fn is_set(name: &str) -> bool {
    variable(name).is_some()
}

/// Returns what a variable asks the tests for.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
    std::env::var(name).ok()
}

/// Returns what `./test` has prepared and named by a variable.
pub(crate) fn prepared(variable: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
    let value = std::env::var_os(variable);
    value
        .unwrap_or_else(|| {
            panic!("{variable} is not set: run ./test, which prepares what this suite needs")
        })
        .into()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, name) = {
            let entry = entry.unwrap();
            let name = entry.file_name();
            (entry, name)
        };
        if entry.file_type().unwrap().is_dir() {
            if name != "bin" && name != "obj" {
                copy(&entry.path(), &to.join(name));
            }
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// Replaces text in a file; it must be there.
pub(crate) fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "`{from}` is not in {}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}
