use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Returns a command for a program that tests need.
#[expect(
    clippy::disallowed_methods,
    reason = "tests start the tools that mizzen's images must get along with"
)]
pub(crate) fn command(program: &str) -> Command {
    Command::new(program)
}

/// Runs a program in `folder` to its end and returns what it printed on stdout.
///
/// # Panics
/// With everything that it said if it fails; with the way out if it is not there.
pub(crate) fn run<S: AsRef<OsStr>>(program: &str, folder: &Path, arguments: &[S]) -> String {
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    let output = command(program)
        .args(&arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("`{program}` does not start ({error}): ./test installs it"));
    assert!(
        output.status.success(),
        "`{program}` {arguments:?} ended with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Starts a program that goes on until its [`Running`] is dropped; its output goes to `log`.
///
/// # Panics
/// If it does not start.
pub(crate) fn start(mut command: Command, log: &Path) -> Running {
    let log = fs_err::File::create(log)
        .expect("the log's folder is there")
        .into_file();
    let error_log = log.try_clone().expect("a file has room for two owners");
    let child = command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(error_log)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start ({error}): ./test installs it"));
    Running(child)
}

/// A process that ends with this value.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// `true` until it ended by itself.
    pub(crate) fn goes_on(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
