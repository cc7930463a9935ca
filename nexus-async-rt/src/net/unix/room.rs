//! Room at a destination that a datagram socket is not connected to.
//!
//! Knows no datagram. A send that would block lacks one of two things, and the
//! kernel (Linux) reports them in two places:
//!
//! - room in the socket's own send buffer, where what it has sent counts until it
//!   is received. The socket itself becomes writable again.
//! - room in the queue of the destination. The kernel reports that to sockets
//!   that are connected to the destination, and to no others. A socket that
//!   waited for itself instead would spin: each send that fails for this reason
//!   makes its own socket writable. So a second socket, the *probe*, is connected
//!   to the destination for as long as the wait takes.
//!
//! A socket that is itself connected is writable only while its peer's queue has
//! room, too; so a full send buffer then waits for both. The kernel reports the one
//! without the other nowhere: a limit, which `send_to` documents.
//!
//! A probe reports once, so each wait makes a new one: what it is connected to
//! is also what the path leads to now.

use crate::net::source::Source;
use crate::reactor::Side;
use socket2::SockRef;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Waits until there may be room for a datagram of `source` at `path`, of which a
/// send has just said that there is none. For the public function `name`.
///
/// # Errors
/// If the destination cannot be watched.
pub(super) async fn wait(
    name: &'static str,
    source: &Source<UnixDatagram>,
    path: &Path,
) -> io::Result<()> {
    if is_full(source.io())? {
        let watch = source.watch(name, Side::Write)?;
        // What was reported before has been used up.
        watch.block(Side::Write, watch.tick(Side::Write));
        return source.ready(name, Side::Write).await;
    }
    let probe = UnixDatagram::unbound()?;
    probe.connect(path)?;
    Source::new(probe).ready(name, Side::Write).await
}

/// Whether the socket's own send buffer has no room.
fn is_full(socket: &UnixDatagram) -> io::Result<bool> {
    let mut unreceived: libc::c_int = 0;
    // SAFETY: the call takes an open descriptor, because `socket` is borrowed;
    // and a place for one integer, which is what this request writes.
    let result = unsafe {
        libc::ioctl(
            socket.as_fd().as_raw_fd(),
            libc::TIOCOUTQ,
            &raw mut unreceived,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let room = SockRef::from(socket).send_buffer_size()?;
    Ok(usize::try_from(unreceived).is_ok_and(|unreceived| unreceived >= room))
}
