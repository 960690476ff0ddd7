use rustix::io::IoSliceMut;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

const WITH_LOCK: &[u8] = b"l";
const WITHOUT: &[u8] = b"n";

/// Sends the descriptor that holds the root's lock, so that it holds until both ends are gone. It is
/// one lock, not another: even on its way there is no moment at which nobody has it.
pub(crate) fn send_lock(to: &UnixStream, lock: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let lock = lock.as_slice();
    if !lock.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(lock));
    }
    let text = if lock.is_empty() { WITHOUT } else { WITH_LOCK };
    sendmsg(to, &[IoSlice::new(text)], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Receives what [`send_lock`] sent.
pub(crate) fn receive_lock(from: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
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
    Ok(descriptors.flatten().next())
}
