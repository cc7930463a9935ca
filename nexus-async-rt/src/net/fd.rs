//! Any descriptor that the OS can watch.

use super::source::Source;
use crate::reactor::{BOTH, Side};
use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Which sides of an [`AsyncFd`] are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Only whether it can be read.
    Readable,
    /// Only whether it can be written.
    Writable,
    /// Both.
    Both,
}

/// A descriptor of any kind that can become ready: a pipe, an eventfd, a device, a
/// socket of another library.
///
/// Made inside a runtime, to which it belongs from then on. The descriptor
/// should be non-blocking, which is its owner's business.
///
/// # Limits
/// A wait ends only by an event of the kernel. The kernel reports no event for
/// some calls on the descriptor itself, such as `shutdown(Write)` on a Unix
/// socket without room: only the owner knows of these. Drop the future of such
/// a wait, or bound it by a [`timeout`](crate::timeout()).
///
/// # Example
/// ```
/// use nexus_async_rt::RuntimeBuilder;
/// use nexus_async_rt::net::AsyncFd;
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// let mut rt = RuntimeBuilder::new().build();
/// rt.block_on(async {
///     let (mut other, socket) = UnixStream::pair()?;
///     socket.set_nonblocking(true)?;
///     let socket = AsyncFd::new(socket)?;
///     other.write_all(b"ping")?;
///     let mut buf = [0; 16];
///     let len = loop {
///         let mut ready = socket.readable().await?;
///         if let Ok(read) = ready.try_io(|mut socket| socket.read(&mut buf)) {
///             break read?;
///         }
///     };
///     assert_eq!(&buf[..len], b"ping");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct AsyncFd<T: AsFd> {
    source: Source<T>,
    interest: Interest,
}

impl<T: AsFd> AsyncFd<T> {
    /// Registers both sides of `fd` with the runtime that the caller runs in.
    ///
    /// # Errors
    /// If the OS cannot watch it, as it cannot watch a regular file; or watches
    /// it already for this runtime. `fd` is dropped then.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn new(fd: T) -> io::Result<Self> {
        Self::with_interest(fd, Interest::Both)
    }

    /// As [`new`](AsyncFd::new), for the sides that are needed.
    ///
    /// # Errors
    /// As [`new`](AsyncFd::new).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn with_interest(fd: T, interest: Interest) -> io::Result<Self> {
        let source = Source::new(fd);
        let sides = match interest {
            Interest::Readable => Side::Read.bit(),
            Interest::Writable => Side::Write.bit(),
            Interest::Both => BOTH,
        };
        source.register("AsyncFd::new", sides)?;
        Ok(Self { source, interest })
    }

    /// Waits until it can be read, or has an end or an error to tell. May be
    /// wrong: see [`ReadyGuard::try_io`].
    ///
    /// # Errors
    /// After the end of the runtime, and if that side is not watched.
    ///
    /// # Panics
    /// Outside a runtime, and in another one than it belongs to.
    pub async fn readable(&self) -> io::Result<ReadyGuard<'_, T>> {
        self.ready("AsyncFd::readable", Side::Read).await
    }

    /// Waits until it can be written, or has an error to tell. May be wrong: see
    /// [`ReadyGuard::try_io`].
    ///
    /// # Errors
    /// After the end of the runtime, and if that side is not watched.
    ///
    /// # Panics
    /// Outside a runtime, and in another one than it belongs to.
    pub async fn writable(&self) -> io::Result<ReadyGuard<'_, T>> {
        self.ready("AsyncFd::writable", Side::Write).await
    }

    async fn ready(&self, name: &'static str, side: Side) -> io::Result<ReadyGuard<'_, T>> {
        if !self
            .source
            .watched()
            .is_some_and(|watch| watch.covers(side))
        {
            let interest = self.interest;
            let message = format!("`{name}` of a descriptor that is watched as {interest:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.source.ready(name, side).await?;
        let tick = self.source.watched().map_or(0, |watch| watch.tick(side));
        Ok(ReadyGuard {
            fd: self,
            side,
            tick,
        })
    }

    /// The descriptor.
    pub fn get_ref(&self) -> &T {
        self.source.io()
    }

    /// The descriptor, watched no longer.
    pub fn into_inner(self) -> T {
        self.source.into_io()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncFd").field(&self.source).finish()
    }
}

impl<T: AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.io().as_fd()
    }
}

/// A side of an [`AsyncFd`] that was found ready.
///
/// It stays ready, for every task that asks, until one of them says that it is not.
#[must_use = "the descriptor stays ready until an operation says that it is not"]
pub struct ReadyGuard<'a, T: AsFd> {
    fd: &'a AsyncFd<T>,
    side: Side,
    /// The event that made it ready.
    tick: u32,
}

impl<T: AsFd> ReadyGuard<'_, T> {
    /// Runs `operation` on the descriptor. If that would block, the side is not
    /// ready any more, and the next wait is for an event that comes after the
    /// one that made this guard.
    ///
    /// # Errors
    /// [`WouldBlock`] in that case; any other error is within the `Ok`.
    pub fn try_io<R>(
        &mut self,
        operation: impl FnOnce(&T) -> io::Result<R>,
    ) -> Result<io::Result<R>, WouldBlock> {
        match operation(self.fd.get_ref()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.clear_ready();
                Err(WouldBlock)
            }
            result => Ok(result),
        }
    }

    /// Says that the side is not ready. An event that came after the one that
    /// made this guard is not forgotten.
    pub fn clear_ready(&mut self) {
        if let Some(watch) = self.fd.source.watched() {
            watch.block(self.side, self.tick);
        }
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for ReadyGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyGuard")
            .field("fd", &self.fd)
            .field("side", &self.side)
            .finish_non_exhaustive()
    }
}

/// An operation on a descriptor that was thought to be ready would block: wait
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WouldBlock;

impl fmt::Display for WouldBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operation would block")
    }
}

impl Error for WouldBlock {}
