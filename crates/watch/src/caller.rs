//! What is behind the arguments of a call that waits: the caller's memory, its working folder and its
//! descriptors.

use crate::calls::{self, How, PathArgument};
use crate::kernel::{self, Notification};
use crate::seen::Kinds;
use fs_err as fs;
use std::io;
use std::os::unix::ffi::OsStringExt;

const PATH_BYTES: usize = 4096;
/// Memory that can be read ends at a multiple of it, whatever the machine's pages are.
const PAGE: usize = 4096;

/// A path that a call names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    /// An absolute path.
    Path(Vec<u8>),
    /// No path but a descriptor, and the path under which that was opened.
    Descriptor(Vec<u8>),
    /// The kernel will look up nothing: the path is too long, cannot be read, or starts nowhere.
    Nothing,
}

/// Returns the path of an argument.
///
/// # Errors
/// If the caller's memory may not be read.
pub(crate) fn named(call: &Notification, argument: PathArgument) -> io::Result<Named> {
    let path = text(call, argument.path)?;
    let Some(path) = path else {
        return Ok(Named::Nothing);
    };
    if path.starts_with(b"/") {
        return Ok(Named::Path(path));
    }
    let Some(mut whole) = folder(call, argument.folder) else {
        return Ok(Named::Nothing);
    };
    if path.is_empty() {
        return Ok(Named::Descriptor(whole));
    }
    whole.push(b'/');
    whole.extend(path);
    Ok(Named::Path(whole))
}

/// Returns the folder from which a path starts; `None` if the descriptor leads to no path.
fn folder(call: &Notification, argument: Option<usize>) -> Option<Vec<u8>> {
    let link = match argument.map(|at| descriptor(call.arguments[at])) {
        None | Some(libc::AT_FDCWD) => format!("/proc/{}/cwd", call.thread),
        Some(descriptor) => format!("/proc/{}/fd/{descriptor}", call.thread),
    };
    let folder = fs::read_link(link).ok()?.into_os_string().into_vec();
    Some(folder).filter(|folder| folder.starts_with(b"/"))
}

/// Returns the process of the thread that calls; `None` if it is gone.
pub(crate) fn process(call: &Notification) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{}/status", call.thread)).ok()?;
    let mut lines = status.lines();
    lines
        .find_map(|line| line.strip_prefix("Tgid:"))?
        .trim()
        .parse()
        .ok()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the kernel looks at the lower half of the register, too"
)]
fn descriptor(argument: u64) -> i32 {
    (argument as u32).cast_signed()
}

/// Returns what a call does with a path; `None` if the kernel will refuse it.
pub(crate) fn kinds(call: &Notification, how: How) -> io::Result<Option<Kinds>> {
    Ok(match how {
        How::Always(kinds) => Some(kinds),
        How::Flags(at) => Some(calls::how_opened(call.arguments[at])),
        How::Structure(at) => {
            let mut flags = [0; 8];
            let read = memory(call, call.arguments[at], &mut flags)?;
            (read == flags.len()).then(|| calls::how_opened(u64::from_ne_bytes(flags)))
        }
    })
}

/// Returns whether a call of `openat2` takes the folder for the root of all paths.
pub(crate) fn has_its_own_root(call: &Notification, structure: usize) -> io::Result<bool> {
    const IN_ROOT: u64 = 0x10;
    let mut resolve = [0; 8];
    memory(
        call,
        call.arguments[structure].wrapping_add(16),
        &mut resolve,
    )?;
    Ok(u64::from_ne_bytes(resolve) & IN_ROOT != 0)
}

/// Reads the text that an argument points at; `None` if it is not there or too long for a path.
fn text(call: &Notification, argument: usize) -> io::Result<Option<Vec<u8>>> {
    let mut address = call.arguments[argument];
    let mut text = Vec::new();
    let mut part = [0; PAGE];
    while text.len() < PATH_BYTES {
        // What lies on the next page may not be there.
        let length = PAGE - usize::try_from(address % PAGE as u64).map_err(io::Error::other)?;
        let part = &mut part[..length];
        let read = memory(call, address, part)?;
        let part = &part[..read];
        if let Some(end) = part.iter().position(|byte| *byte == 0) {
            text.extend_from_slice(&part[..end]);
            return Ok(Some(text).filter(|text| text.len() < PATH_BYTES));
        }
        if part.is_empty() {
            return Ok(None);
        }
        text.extend_from_slice(part);
        address = address.wrapping_add(length as u64);
    }
    Ok(None)
}

/// Reads the address of a socket; `None` if it is not a path.
pub(crate) fn socket(call: &Notification) -> io::Result<Option<Vec<u8>>> {
    const FAMILY: [u8; 2] = 1u16.to_ne_bytes();
    let mut address = [0; 110];
    let length = usize::try_from(call.arguments[2]).unwrap_or(usize::MAX);
    let address = &mut address[..length.min(110)];
    let read = memory(call, call.arguments[1], address)?;
    let Some(path) = address[..read].strip_prefix(&FAMILY) else {
        return Ok(None);
    };
    let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
    if path.is_empty() || path.starts_with(b"/") {
        return Ok(Some(path.to_vec()).filter(|path| !path.is_empty()));
    }
    Ok(folder(call, None).map(|folder| [&folder, &b"/"[..], path].concat()))
}

/// Reads memory of the caller; nothing where nothing is: the kernel will not be able to read it either.
fn memory(call: &Notification, address: u64, buffer: &mut [u8]) -> io::Result<usize> {
    match kernel::read_memory(call.thread, address, buffer) {
        Err(error) if error.raw_os_error() == Some(libc::EFAULT) => Ok(0),
        read => read,
    }
}
