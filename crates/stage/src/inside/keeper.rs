use super::{INIT, VERB, descendants, namespaces};
use crate::job::{Ending, Job};
use crate::{root, socket};
use fs_err as fs;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, set_child_subreaper};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

/// Tells the keeper to start the command.
pub(crate) const RUN: u8 = b'r';
/// Tells it to ask everything to end.
pub(crate) const TERMINATE: u8 = b't';
/// Tells it to end everything.
pub(crate) const KILL: u8 = b'k';

/// Keeps a stage for the build at the other end of its standard input, and outlives it for as long as
/// anything of the stage is left.
pub(super) fn keep(job: &Job) -> ExitCode {
    match serve(job) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody listens any more.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(job: &Job) -> io::Result<()> {
    // The list of processes shows this instead of `exe`.
    rustix::thread::set_name(c"mizzen-stage")?;
    let mut build = UnixStream::from(rustix::stdio::stdin().try_clone_to_owned()?);
    // Held to the end: no other build may use the place while a process of this one lives.
    let locks = socket::receive_locks(&build)?;
    let null = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdin(null.file().as_fd())?;
    // Whoever asks all processes of a session to end asks the build, too, and that one tells us.
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, std::sync::Arc::default())?;
    }
    // A program that changes its user could not be ended.
    rustix::thread::set_no_new_privs(true)?;
    set_child_subreaper(Some(rustix::process::getpid()))?;
    let isolated = namespaces::leave_user(job.rung);

    let mut order = [0];
    while build.read(&mut order)? == 1 && order[0] != RUN {}
    if order[0] == RUN {
        let ending = isolated.and_then(|()| run(job, &mut build, null.file().as_fd()));
        // The build reads lines until nobody can write any.
        be_quiet(null.file().as_fd())?;
        descendants::end_all();
        let line = ending.unwrap_or_else(|ending| ending).to_line();
        // What the build has not read when it ends, nobody misses.
        drop(build.write_all(line.as_bytes()));
    }
    while let Ok(1) = build.read(&mut order) {}
    if let Some(place) = &job.place
        && !locks.is_empty()
    {
        root::clear(place)?;
    }
    Ok(())
}

/// Starts the init and waits until it says how the command ended, or the build wants an end.
fn run(job: &Job, build: &mut UnixStream, null: impl AsFd) -> Result<Ending, Ending> {
    let not_started =
        |error: io::Error| Ending::NotStarted(error.raw_os_error().unwrap_or_default());
    let (init, mut report) = start_init(job).map_err(not_started)?;
    be_quiet(null).map_err(not_started)?;
    let mut said = Vec::new();
    loop {
        let mut sockets = [
            PollFd::new(&report, PollFlags::IN),
            PollFd::new(&*build, PollFlags::IN),
        ];
        match poll(&mut sockets, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(not_started(error.into())),
        }
        let [ended, ordered] = sockets.map(|socket| !socket.revents().is_empty());
        if ordered {
            let mut order = [0];
            match build.read(&mut order) {
                Ok(1) if order[0] == TERMINATE => {
                    descendants::signal_all_but(init, Signal::TERM);
                }
                Ok(1) if order[0] != KILL => {}
                _ => return Ok(Ending::Exited(None)),
            }
        } else if ended {
            // Its first byte comes at once, the line when it ends.
            let mut part = [0; 256];
            if let Ok(length @ 1..) = report.read(&mut part) {
                said.extend_from_slice(&part[..length]);
            } else {
                let line = String::from_utf8_lossy(&said);
                return Ok(Ending::parse(&line).unwrap_or(Ending::Exited(None)));
            }
        }
    }
}

fn be_quiet(null: impl AsFd) -> io::Result<()> {
    rustix::stdio::dup2_stdout(&null)?;
    Ok(rustix::stdio::dup2_stderr(&null)?)
}

fn start_init(job: &Job) -> io::Result<(Pid, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the program itself, as the first process of the stage"
    )]
    let init = Command::new("/proc/self/exe")
        .arg0("mizzen")
        .args([VERB, INIT])
        .args(job.to_arguments())
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .process_group(0)
        .spawn()?;
    Ok((Pid::from_child(&init), ours))
}
