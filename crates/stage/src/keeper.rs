use crate::inside::{self, KEEPER, VERB};
use crate::job::{Ending, Job};
use crate::{OutputLine, StageError, Stream, socket};
use mizzen_store::Cancel;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How long a command that was asked to end may take.
const GRACE: Duration = Duration::from_secs(2);

/// The process that keeps a stage; when this value goes, so does everything in the stage.
#[derive(Debug)]
pub(crate) struct Keeper {
    process: Child,
    socket: UnixStream,
    output: Option<(ChildStdout, ChildStderr)>,
}

enum Heard {
    Line(OutputLine),
    Ended(Option<Ending>),
}

impl Keeper {
    /// Starts `launcher`, whose `main` calls [`play_part`](crate::play_part), as the keeper of a stage.
    /// `locks` are the place's; without any, the keeper leaves it alone.
    pub(crate) fn start<'a>(
        launcher: &Path,
        job: &Job,
        environment: impl Iterator<Item = (&'a String, &'a String)>,
        locks: &[BorrowedFd<'_>],
    ) -> Result<Self, StageError> {
        let not_started = |source| StageError::Start {
            program: launcher.display().to_string(),
            source,
        };
        let (ours, theirs) = UnixStream::pair()?;
        socket::send_locks(&ours, locks)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the program itself, as the keeper of the stage"
        )]
        let mut process = Command::new(launcher)
            .arg0("mizzen")
            .args([VERB, KEEPER])
            .args(job.to_arguments())
            .env_clear()
            .envs(environment)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C at the terminal reaches the build alone, and that ends it all.
            .process_group(0)
            .spawn()
            .map_err(not_started)?;
        let output = process.stdout.take().zip(process.stderr.take());
        Ok(Self {
            process,
            socket: ours,
            output,
        })
    }

    /// Runs the command to its end and gives its lines to `on_line`, and what `arrivals` tells of
    /// packages; no process of the stage is left then. Returns its exit code, `None` after a signal.
    ///
    /// # Errors
    /// [`StageError::Start`] if there is no such program; [`StageError::Isolation`] if the rung cannot
    /// be had; [`StageError::Cancelled`] if asked to stop: then every process has got SIGTERM and,
    /// two seconds later, SIGKILL.
    pub(crate) fn run(
        &mut self,
        job: &Job,
        cancel: &Cancel,
        on_line: &mut dyn FnMut(&OutputLine),
        arrivals: &mut dyn FnMut() -> Option<usize>,
    ) -> Result<Option<i32>, StageError> {
        cancel.check()?;
        let (output, error) = self.output.take().expect("a keeper runs one command");
        self.order(inside::RUN);
        let socket = BufReader::new(self.socket.try_clone()?);
        let (sender, heard) = channel();
        let ending = std::thread::scope(|scope| {
            let (from_error, from_keeper) = (sender.clone(), sender.clone());
            scope.spawn(move || send_lines(output, Stream::Output, &sender));
            scope.spawn(move || send_lines(error, Stream::Error, &from_error));
            scope.spawn(move || send_ending(socket, &from_keeper));
            let mut ending = None;
            let mut asked: Option<Instant> = None;
            let mut killed = false;
            loop {
                match heard.recv_timeout(Duration::from_millis(20)) {
                    Ok(Heard::Line(line)) => on_line(&line),
                    Ok(Heard::Ended(ended)) => ending = ended,
                    Err(RecvTimeoutError::Disconnected) => return ending,
                    Err(RecvTimeoutError::Timeout) => {}
                }
                if let Some(packages) = arrivals() {
                    on_line(&OutputLine {
                        stream: Stream::Packages,
                        text: packages.to_string(),
                    });
                }
                match asked {
                    _ if !cancel.is_cancelled() || ending.is_some() => {}
                    None => {
                        self.order(inside::TERMINATE);
                        asked = Some(Instant::now());
                    }
                    Some(since) if since.elapsed() > GRACE && !killed => {
                        self.order(inside::KILL);
                        killed = true;
                    }
                    Some(_) => {}
                }
            }
        });
        cancel.check()?;
        match ending {
            Some(Ending::Exited(code)) => Ok(code),
            Some(Ending::NotStarted(error)) => Err(StageError::Start {
                program: job.command.first().map_or_else(
                    || "mizzen".to_owned(),
                    |program| program.to_string_lossy().into_owned(),
                ),
                source: io::Error::from_raw_os_error(error),
            }),
            Some(Ending::NotIsolated(what, error)) => Err(StageError::Isolation {
                what,
                source: io::Error::from_raw_os_error(error),
            }),
            None => Err(StageError::Killed),
        }
    }

    fn order(&self, order: u8) {
        // A keeper that is gone says so by its silence.
        drop((&self.socket).write_all(&[order]));
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.socket.shutdown(Shutdown::Both));
        drop(self.process.wait());
    }
}

fn send_ending(mut from: impl BufRead, to: &Sender<Heard>) {
    let mut line = String::new();
    drop(from.read_line(&mut line));
    // Nobody hears it only if nobody waits for it.
    drop(to.send(Heard::Ended(Ending::parse(&line))));
}

fn send_lines(from: impl Read, stream: Stream, to: &Sender<Heard>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    // A pipe that breaks ends the lines, as its end does.
    while let Ok(1..) = from.read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line)
            .trim_end_matches(['\n', '\r'])
            .to_owned();
        line.clear();
        if to.send(Heard::Line(OutputLine { stream, text })).is_err() {
            return;
        }
    }
}
