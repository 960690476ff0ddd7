use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, wait};
use std::time::Duration;

/// Sends `signal` to every process below this one except `init`.
pub(super) fn signal_all_but(init: Pid, signal: Signal) {
    for pid in below(getpid()).into_iter().filter(|pid| *pid != init) {
        // It may have ended since.
        let _ = kill_process(pid, signal);
    }
}

/// Ends every process below this one, which adopts all whose parents end, and returns when none is
/// left.
pub(super) fn end_all() {
    loop {
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        let left = below(getpid());
        if left.is_empty() {
            return;
        }
        for pid in left {
            let _ = kill_process(pid, Signal::KILL);
        }
        // Each has to give back its memory first.
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns every process that can be seen and is a child of `top`, or of one of those.
fn below(top: Pid) -> Vec<Pid> {
    let parents = parents();
    let mut found = vec![top];
    let mut next = 0;
    while let Some(above) = found.get(next).copied() {
        let children = parents.iter().filter(|(_, parent)| *parent == above);
        found.extend(children.map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

fn parents() -> Vec<(Pid, Pid)> {
    let Ok(entries) = fs_err::read_dir("/proc") else {
        return Vec::new();
    };
    let number = |text: &str| Pid::from_raw(text.parse().ok()?);
    let parent = |pid: Pid| {
        let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything, parentheses too.
        let (_, fields) = stat.rsplit_once(')')?;
        number(fields.split_whitespace().nth(1)?)
    };
    let pair = |name: &str| {
        let pid = number(name)?;
        Some((pid, parent(pid)?))
    };
    entries
        .filter_map(|entry| pair(entry.ok()?.file_name().to_str()?))
        .collect()
}
