use crate::{OutputLine, StageError, Stream};
use mizzen_store::{Cancel, Cancelled};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Runs a command to its end, gives its lines to `on_line`, and leaves no process of its group
/// behind. Returns its exit code, `None` after a signal.
///
/// # Errors
/// [`StageError::Start`] if there is no such program; [`StageError::Cancelled`] if asked to stop:
/// then the whole group has got SIGTERM and, two seconds later, SIGKILL.
pub(crate) fn run<'a>(
    command: &[String],
    folder: &Path,
    environment: impl Iterator<Item = (&'a String, &'a String)>,
    cancel: &Cancel,
    on_line: &mut dyn FnMut(&OutputLine),
) -> Result<Option<i32>, StageError> {
    cancel.check()?;
    let (program, arguments) = command.split_first().expect("an action names a program");
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where a stage starts its command"
    )]
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: Ctrl-C at the terminal reaches us alone, and we end the whole group.
        .process_group(0)
        .spawn()
        .map_err(|source| StageError::Start {
            program: program.clone(),
            source,
        })?;
    let group = Group(Pid::from_child(&child));
    let (sender, lines) = channel();
    let output = child.stdout.take().expect("stdout is piped");
    let error = child.stderr.take().expect("stderr is piped");
    let status = std::thread::scope(|scope| {
        let from_error = sender.clone();
        scope.spawn(move || send_lines(output, Stream::Output, &sender));
        scope.spawn(move || send_lines(error, Stream::Error, &from_error));
        let mut status = None;
        let mut stopping = None;
        loop {
            match lines.recv_timeout(Duration::from_millis(20)) {
                Ok(line) => on_line(&line),
                Err(RecvTimeoutError::Disconnected) if status.is_some() => return Ok(status),
                Err(_) => {}
            }
            if status.is_none()
                && let Some(ended) = child.try_wait()?
            {
                status = Some(ended);
                // Servers that the command left behind hold its pipes open: without this the lines never end.
                group.signal(Signal::KILL);
            }
            match (cancel.is_cancelled(), stopping) {
                (true, None) => {
                    group.signal(Signal::TERM);
                    stopping = Some(0);
                }
                (true, Some(100)) => group.signal(Signal::KILL),
                (true, Some(ticks)) => stopping = Some(ticks + 1),
                (false, _) => {}
            }
        }
    });
    let status: Result<_, io::Error> = status;
    let status = status?;
    if cancel.is_cancelled() {
        return Err(Cancelled.into());
    }
    Ok(status.and_then(|status| status.code()))
}

struct Group(Pid);

impl Group {
    fn signal(&self, signal: Signal) {
        // A group that is gone already is what we want.
        let _ = kill_process_group(self.0, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn send_lines(from: impl Read, stream: Stream, to: &Sender<OutputLine>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    // A pipe that breaks ends the lines, as its end does.
    while let Ok(1..) = from.read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line)
            .trim_end_matches(['\n', '\r'])
            .to_owned();
        line.clear();
        if to.send(OutputLine { stream, text }).is_err() {
            return;
        }
    }
}
