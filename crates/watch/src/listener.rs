use crate::caller::{self, Named};
use crate::calls::{self, Handling, How, PathArgument};
use crate::filter::ARCHITECTURE;
use crate::kernel::{self, Notification};
use crate::links::{note_followed, note_moved};
use crate::log::Log;
use crate::program::interpreters;
use crate::seen::Kinds;
use fs_err as fs;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Notes each call that the filter asks about and lets it go on, until no process is left that could
/// make one.
pub(crate) fn serve(listener: BorrowedFd<'_>, log: &Log) {
    let mut started = BTreeSet::new();
    loop {
        match kernel::receive(listener) {
            Ok(call) => {
                log.count_asked();
                note(listener, log, &mut started, &call);
                // Only the call of a process that was killed meanwhile cannot go on.
                drop(kernel::go_on(listener, call.id));
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR) => {}
                // The caller was killed, or there is no process left.
                Some(libc::ENOENT) if !is_over(listener) => {}
                Some(libc::ENOENT) => return,
                _ => return log.is_blind("the kernel does not tell what it looks up"),
            },
        }
    }
}

fn is_over(listener: BorrowedFd<'_>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut listener = [PollFd::from_borrowed_fd(listener, PollFlags::IN)];
    let now = Timespec::default();
    poll(&mut listener, Some(&now)).is_err() || listener[0].revents().contains(PollFlags::HUP)
}

/// `started` are the processes that have asked for another program and not yet called from there.
fn note(listener: BorrowedFd<'_>, log: &Log, started: &mut BTreeSet<i32>, call: &Notification) {
    if call.architecture != ARCHITECTURE {
        return log.is_blind("it ran a 32-bit program");
    }
    let Some(handling) = calls::handling(call.number) else {
        let number = call.number;
        return log.is_blind(&format!(
            "it made the system call {number}, which this version does not know"
        ));
    };
    // The machine may have more formats of programs than scripts and ELF, and who starts those is told
    // by nobody but the process. Not at each call: what /proc has of a thread has to go again with it.
    if started.remove(&call.thread)
        && let Ok(program) = fs::read_link(format!("/proc/{}/exe", call.thread))
    {
        log.note(Kinds::EXECUTED, program.as_os_str().as_bytes());
    }
    if matches!(handling, Handling::Execute(_)) {
        // Whichever thread asks: it goes on as the first.
        started.insert(caller::process(call).unwrap_or(call.thread));
    }
    if let Err(error) = handle(log, call, handling)
        // The process of a call that waits no more was killed.
        && kernel::waits(listener, call.id)
    {
        log.is_blind(&format!("the memory of a process cannot be read ({error})"));
    }
}

fn handle(log: &Log, call: &Notification, handling: Handling) -> io::Result<()> {
    match handling {
        Handling::Paths(arguments) => {
            for argument in arguments {
                note_path(log, call, *argument)?;
            }
        }
        Handling::Execute(argument) => {
            let kinds = Kinds::READ.and(Kinds::EXECUTED);
            if let Named::Path(program) | Named::Descriptor(program) =
                caller::named(call, argument)?
            {
                note_look(log, kinds, &program);
                for interpreter in interpreters(&from_here(call, &program)) {
                    if !interpreter.starts_with(b"/") {
                        log.is_blind(
                            "it ran a script whose interpreter lies in the working folder",
                        );
                    }
                    note_look(log, kinds, &interpreter);
                }
            }
        }
        Handling::Move(from, to) => {
            let moved = note_path(log, call, from)?;
            let replaced = note_path(log, call, to)?;
            // What the second was may be the first then.
            for path in [moved, replaced].into_iter().flatten() {
                // A file that has a descriptor was looked up, or made without a name.
                if !is_descriptor(&path) {
                    note_moved(log, Path::new(OsStr::from_bytes(&from_here(call, &path))));
                }
            }
        }
        Handling::Link(link) => {
            note_path(log, call, link)?;
            log.make_links_followed();
        }
        Handling::Socket(kinds) => {
            if let Some(path) = caller::socket(call)? {
                note_look(log, kinds, &path);
            }
        }
        Handling::Blind(reason) => log.is_blind(reason),
    }
    Ok(())
}

/// Returns whether a path names a descriptor of the process itself.
fn is_descriptor(path: &[u8]) -> bool {
    let number = path.strip_prefix(b"/proc/self/fd/");
    number.is_some_and(|number| number.iter().all(u8::is_ascii_digit))
}

/// Returns a path under which this process finds what the caller finds under `path`.
fn from_here(call: &Notification, path: &[u8]) -> Vec<u8> {
    for own in ["/proc/self/", "/proc/thread-self/"] {
        if let Some(rest) = path.strip_prefix(own.as_bytes()) {
            return [format!("/proc/{}/", call.thread).as_bytes(), rest].concat();
        }
    }
    path.to_vec()
}

/// Notes the path of an argument, if it names one, and returns it.
fn note_path(
    log: &Log,
    call: &Notification,
    argument: PathArgument,
) -> io::Result<Option<Vec<u8>>> {
    if let How::Structure(at) = argument.how
        && caller::has_its_own_root(call, at)?
    {
        log.is_blind("it looked up a path below a root of its own");
    }
    let Some(kinds) = caller::kinds(call, argument.how)? else {
        return Ok(None);
    };
    // What is behind a descriptor was noted when that was opened.
    let Named::Path(path) = caller::named(call, argument)? else {
        return Ok(None);
    };
    note_look(log, kinds, &path);
    Ok(Some(path))
}

fn note_look(log: &Log, kinds: Kinds, path: &[u8]) {
    log.note(kinds, path);
    if log.has_links() {
        note_followed(log, kinds, path);
    }
}
