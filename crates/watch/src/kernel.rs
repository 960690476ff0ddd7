//! What the standard library has no safe call for, each wrapped in one that is: the only unsafe code
//! of the crate.
#![expect(
    unsafe_code,
    reason = "seccomp, its notifications, other processes' memory and memory that is shared with them have no safe interface in the standard library or in rustix"
)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64};

const RECEIVE: libc::c_ulong = 0xc050_2100;
const SEND: libc::c_ulong = 0xc018_2101;
const IS_VALID: libc::c_ulong = 0x4008_2102;
const SET_FLAGS: libc::c_ulong = 0x4008_2104;

/// A call that waits for an answer.
///
/// Source: `seccomp_unotify(2)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    /// The thread that made the call, as this process sees it.
    pub(crate) thread: i32,
    pub(crate) number: u32,
    pub(crate) architecture: u32,
    pub(crate) arguments: [u64; 6],
}

/// Puts `filter` on this thread and on every process and thread that it starts, and returns where
/// the calls arrive that the filter asks about.
pub(crate) fn install(filter: &[libc::sock_filter]) -> io::Result<OwnedFd> {
    rustix::thread::set_no_new_privs(true)?;
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_ptr().cast_mut(),
    };
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER
        // Without it older kernels run the whole step with a slower processor.
        | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    // A signal that interrupts a call which is being answered would restart it again and again.
    // Kernels before 5.19 do not know the flag.
    let killable = flags | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    let install = |flags: libc::c_ulong| {
        // SAFETY: `program` and the filter behind it live until the call returns; the kernel copies.
        let file = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const program,
            )
        };
        i32::try_from(file)
            .ok()
            .filter(|file| *file >= 0)
            .ok_or_else(io::Error::last_os_error)
    };
    let file = install(killable).or_else(|error| match error.raw_os_error() {
        Some(libc::EINVAL) => install(flags),
        _ => Err(error),
    })?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    let listener = unsafe { OwnedFd::from_raw_fd(file) };
    // Who asks sleeps until it is answered, so the two may take turns on one processor: on a machine
    // with other work to do a call takes 10 µs instead of 280. Kernels before 6.6 refuse.
    let flag: u64 = 1; // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
    // SAFETY: the flag is a plain number.
    drop(control(unsafe {
        libc::ioctl(listener.as_raw_fd(), SET_FLAGS as _, flag)
    }));
    Ok(listener)
}

/// Waits for the next call.
pub(crate) fn receive(listener: BorrowedFd<'_>) -> io::Result<Notification> {
    // Larger than the kernel's structure, which may grow; it has to be zeroed.
    let mut buffer = [0u64; 32];
    // SAFETY: the kernel writes a `seccomp_notif`, 80 bytes, into a buffer of 256.
    control(unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE as _, buffer.as_mut_ptr()) })?;
    let [id, thread, call, _, arguments @ ..] = buffer;
    let (thread, _) = halves(thread);
    let (number, architecture) = halves(call);
    Ok(Notification {
        id,
        thread: thread.cast_signed(),
        number,
        architecture,
        arguments: arguments[..6].try_into().expect("six of 28"),
    })
}

/// Splits two adjacent `u32`.
fn halves(both: u64) -> (u32, u32) {
    let bytes = both.to_ne_bytes();
    let half = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    (half(0), half(4))
}

/// Lets the call go on.
pub(crate) fn go_on(listener: BorrowedFd<'_>, id: u64) -> io::Result<()> {
    let flags = [
        0, 1, /* SECCOMP_USER_NOTIF_FLAG_CONTINUE, after the error */
    ];
    let answer = [id, 0, u64::from_ne_bytes(bytes_of(flags))];
    // SAFETY: the kernel reads a `seccomp_notif_resp`, 24 bytes, from a buffer of 24.
    control(unsafe { libc::ioctl(listener.as_raw_fd(), SEND as _, answer.as_ptr()) })
}

fn bytes_of(halves: [u32; 2]) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&halves[0].to_ne_bytes());
    bytes[4..].copy_from_slice(&halves[1].to_ne_bytes());
    bytes
}

/// Returns whether the call still waits: its process may have been killed.
pub(crate) fn waits(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the kernel reads eight bytes.
    control(unsafe { libc::ioctl(listener.as_raw_fd(), IS_VALID as _, &raw const id) }).is_ok()
}

fn control(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Reads memory of another process into `buffer`; returns how many bytes there were before the first
/// that cannot be read.
pub(crate) fn read_memory(thread: i32, address: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let remote = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(
            usize::try_from(address).map_err(io::Error::other)?,
        ),
        iov_len: buffer.len(),
    };
    // SAFETY: `local` describes `buffer`, which is ours for as long as the call takes; the kernel
    // checks the other address.
    let read =
        unsafe { libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

/// A file that other processes have mapped, too.
#[derive(Debug)]
pub(crate) struct Memory {
    start: *mut u8,
    length: usize,
}

// SAFETY: it is shared with other processes anyway: whatever changes is read through atomics, and
// bytes are written by the one that has reserved them and read after they were published.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Maps the first `length` bytes of a file, which has as many.
    pub(crate) fn map(file: &File, length: usize) -> io::Result<Self> {
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            start: start.cast(),
            length,
        })
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn u32(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset + 4 <= self.length);
        // SAFETY: inside the mapping, aligned, and every process uses it as an atomic.
        unsafe { AtomicU32::from_ptr(self.start.add(offset).cast()) }
    }

    pub(crate) fn u64(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.length);
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(self.start.add(offset).cast()) }
    }

    /// Returns bytes that nobody changes any more.
    pub(crate) fn published(&self, offset: usize, length: usize) -> &[u8] {
        assert!(
            offset
                .checked_add(length)
                .is_some_and(|end| end <= self.length)
        );
        // SAFETY: inside the mapping; a record is never changed once a slot names it.
        unsafe { std::slice::from_raw_parts(self.start.add(offset), length) }
    }

    /// Writes bytes that the caller has reserved.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(
            offset
                .checked_add(bytes.len())
                .is_some_and(|end| end <= self.length)
        );
        // SAFETY: inside the mapping, and nobody else reads or writes there before it is published.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(offset), bytes.len());
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference into it outlives this value.
        unsafe { libc::munmap(self.start.cast(), self.length) };
    }
}
