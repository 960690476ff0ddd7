use crate::job::Ending;
use crate::{Network, Rung};
use fs_err as fs;
use rustix::io::Errno;
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, UnshareFlags};
use std::io;

/// Leaves the user namespace, and the process namespace for the next child; the process keeps its
/// user's number.
pub(super) fn leave_user(rung: Rung) -> Result<(), Ending> {
    let flags = match rung {
        Rung::Path => return Ok(()),
        Rung::Mounts => UnshareFlags::NEWUSER,
        Rung::Processes => UnshareFlags::NEWUSER | UnshareFlags::NEWPID,
    };
    let user = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    unshare(flags).map_err(failed("user namespace"))?;
    // A plain user may map the own group only after giving up the power to drop others.
    let maps = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ];
    for (file, text) in maps {
        let path = format!("/proc/self/{file}");
        write(&path, &text).map_err(failed(&path))?;
    }
    keep_powers().map_err(failed("capabilities"))
}

/// Hands what the init needs on to it: a program that is started by a plain user has no capability of
/// its own, whatever the one that starts it has.
fn keep_powers() -> io::Result<()> {
    let needed = CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN | CapabilitySet::SETPCAP;
    let mut sets = rustix::thread::capabilities(None)?;
    sets.inheritable = needed;
    rustix::thread::set_capabilities(None, sets)?;
    for capability in needed.iter() {
        rustix::thread::configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

/// Leaves the namespaces of mounts, messages, the host's name and, unless it may be reached, the
/// network.
pub(super) fn leave_machine(network: Network) -> Result<(), Ending> {
    let mut flags = UnshareFlags::NEWNS | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    if network == Network::None {
        flags |= UnshareFlags::NEWNET;
    }
    unshare(flags).map_err(failed("mount and network namespaces"))?;
    rustix::system::sethostname(b"mizzen")
        .map_err(io::Error::from)
        .map_err(failed("host name"))?;
    if network == Network::None {
        super::loopback::bring_up().map_err(failed("loopback"))?;
    }
    Ok(())
}

/// Takes care that the command, though it may be user 0, has none of the powers that made its
/// namespaces: it could undo them.
pub(super) fn give_up_powers() -> Result<(), Ending> {
    let bits = CapabilitiesSecureBits::NO_ROOT | CapabilitiesSecureBits::NO_ROOT_LOCKED;
    rustix::thread::set_capabilities_secure_bits(bits)
        .and_then(|()| rustix::thread::clear_ambient_capability_set())
        .map_err(io::Error::from)
        .map_err(failed("capabilities"))
}

fn unshare(flags: UnshareFlags) -> io::Result<()> {
    #[expect(
        unsafe_code,
        reason = "unshare is unsafe for its flag FILES, with which threads lose sight of each other's descriptors; it is never among ours, and this process has one thread"
    )]
    // SAFETY: `flags` does not hold `UnshareFlags::FILES`.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

// One write: the kernel takes a map as a whole, and only once.
fn write(path: &str, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())
}

/// Returns how to turn an error into the ending that names `what` failed.
pub(super) fn failed(what: &str) -> impl FnOnce(io::Error) -> Ending {
    move |error| {
        let number = error
            .raw_os_error()
            .or_else(|| Errno::from_io_error(&error).map(Errno::raw_os_error));
        Ending::NotIsolated(what.to_owned(), number.unwrap_or_default())
    }
}
