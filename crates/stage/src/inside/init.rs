use super::namespaces::{give_up_powers, leave_machine};
use super::new_root;
use crate::job::{Ending, Job};
use crate::stage::WATCH;
use fs_err as fs;
use mizzen_watch::start_watched;
use rustix::process::{Pid, Signal, WaitOptions, getpid, set_child_subreaper};
use std::ffi::OsString;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// The libraries that a dynamic program loads first.
const PRELOADED: &str = "LD_PRELOAD";

/// Makes what the command sees, runs it to its end, and says on the socket that is its standard input
/// how it ended.
pub(super) fn init(job: &Job) -> ExitCode {
    match serve(job) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(job: &Job) -> std::io::Result<()> {
    let mut report = UnixStream::from(rustix::stdio::stdin().try_clone_to_owned()?);
    let null = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdin(null.file().as_fd())?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A keeper that ended before that sends no signal, but nobody reads this then.
    report.write_all(b"\n")?;
    let ending = run(job, null.file().as_fd()).unwrap_or_else(|ending| ending);
    report.write_all(ending.to_line().as_bytes())
}

fn run(job: &Job, null: impl AsFd) -> Result<Ending, Ending> {
    if job.rung.hides_the_machine() {
        leave_machine(job.network)?;
        new_root::enter(job)?;
        give_up_powers()?;
    }
    let not_started =
        |error: std::io::Error| Ending::NotStarted(error.raw_os_error().unwrap_or_default());
    let started = if job.watched {
        // Whose memory is read has to be below this process.
        set_child_subreaper(Some(getpid())).map_err(|error| not_started(error.into()))?;
        start_watched(&job.root.join(WATCH), |library| start(job, library))
            .and_then(|started| started)
    } else {
        start(job, None)
    };
    let Some(command) = started.map_err(not_started)? else {
        return Ok(Ending::Exited(Some(0)));
    };
    // The lines end when the command's own ends of the pipes are closed.
    let quiet = rustix::stdio::dup2_stdout(&null).and_then(|()| rustix::stdio::dup2_stderr(&null));
    quiet.map_err(|error| Ending::NotStarted(error.raw_os_error()))?;
    loop {
        // Process 1 adopts what the command leaves behind, and so does one that watches; else the keeper.
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == command => {
                return Ok(Ending::Exited(status.exit_status()));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Ending::NotStarted(error.raw_os_error())),
        }
    }
}

/// Starts the command, and what runs beside it; `None` if there is none. `library` is what a watched
/// program loads first.
fn start(job: &Job, library: Option<&Path>) -> std::io::Result<Option<Pid>> {
    let Some(mut command) = prepared(&job.command, job, library) else {
        return Ok(None);
    };
    if let Some(mut warm_up) = prepared(&job.warm_up, job, library) {
        // Without it the command takes longer, and nothing else.
        drop(warm_up.stdout(Stdio::null()).stderr(Stdio::null()).spawn());
    }
    Ok(Some(Pid::from_child(&command.spawn()?)))
}

/// Returns what starts a program of the stage; `None` if there is none.
fn prepared(command: &[OsString], job: &Job, library: Option<&Path>) -> Option<Command> {
    let (program, arguments) = command.split_first()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where a stage starts its command"
    )]
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&job.folder)
        .stdin(Stdio::null())
        .process_group(0);
    if let Some(library) = library {
        #[expect(clippy::disallowed_methods, reason = "the command's own environment")]
        let others = std::env::var_os(PRELOADED);
        // Those of the command come first: what they stand before may be what ours stands before, too.
        let mut all = others.unwrap_or_default();
        if !all.is_empty() {
            all.push(":");
        }
        all.push(library);
        command.env(PRELOADED, all);
    }
    Some(command)
}
