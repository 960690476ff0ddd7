use rustix::io::IoSliceMut;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// How many descriptors are sent at most: a place's lock and that of the root.
const MOST: usize = 2;

/// Sends the descriptors that hold a place's locks, so that they hold until both ends are gone. They
/// are the same locks, not others: even on their way there is no moment at which nobody has them.
pub(crate) fn send_locks(to: &UnixStream, locks: &[BorrowedFd<'_>]) -> io::Result<()> {
    debug_assert!(locks.len() <= MOST, "the receiver has room for {MOST}");
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !locks.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(locks));
    }
    // A message has to have a byte.
    sendmsg(to, &[IoSlice::new(b"l")], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Receives what [`send_locks`] sent.
pub(crate) fn receive_locks(from: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut text = [0];
    let received = recvmsg(
        from,
        &mut [IoSliceMut::new(&mut text)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok(descriptors.flatten().collect())
}
