//! Streams of bytes, whatever they go through.
//!
//! [`Stream`] is written once, over a [`Family`]: TCP or Unix. What differs, how
//! a connection is made and which options it has, stands with the family.

use super::source::Source;
use crate::reactor::Side;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// What a kind of stream is made of. Sealed: [`Tcp`](super::Tcp) and
/// [`Unix`](super::Unix).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a family of streams",
    label = "expected `Tcp` or `Unix`",
    note = "`net::TcpStream` and `net::UnixStream` are the streams, `net::tcp` and \
            `net::unix` name their halves; `from_std` takes a socket of `std`"
)]
pub trait Family: Sealed + 'static {}

/// The calls of one kind of stream. None of them blocks.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a family of streams",
    label = "expected `Tcp` or `Unix`",
    note = "`net::TcpStream` and `net::UnixStream` are the streams, `net::tcp` and \
            `net::unix` name their halves; `from_std` takes a socket of `std`"
)]
pub trait Sealed {
    /// The socket of the standard library.
    type Socket: AsFd + AsRawFd + fmt::Debug;

    /// The sides that are registered together. Not both where each read of the
    /// peer makes the OS report room to write.
    const TOGETHER: u8;

    /// A read that gives less than there was room for leaves nothing behind.
    const SHORT_READ_DRAINS: bool;

    fn set_nonblocking(socket: &Self::Socket) -> io::Result<()>;
    fn read(socket: &Self::Socket, buf: &mut [u8]) -> io::Result<usize>;
    fn read_vectored(socket: &Self::Socket, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>;

    /// Appends to `buf` until `limit` bytes have been read, the stream ends or an
    /// error comes. What was read before an error is in `buf`.
    fn append(socket: &Self::Socket, buf: &mut Vec<u8>, limit: usize) -> io::Result<usize>;

    fn peek(socket: &Self::Socket, buf: &mut [u8]) -> io::Result<usize>;
    fn write(socket: &Self::Socket, buf: &[u8]) -> io::Result<usize>;
    fn write_vectored(socket: &Self::Socket, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
    fn shutdown(socket: &Self::Socket, how: Shutdown) -> io::Result<()>;
    fn take_error(socket: &Self::Socket) -> io::Result<Option<io::Error>>;
}

/// A connection that carries bytes both ways: a [`TcpStream`](super::TcpStream)
/// or a [`UnixStream`](super::UnixStream).
///
/// It is read and written through the methods here, which take `&self`: any number
/// of them may wait on either side. With the feature `futures` it also implements
/// `futures-io`'s `AsyncRead` and `AsyncWrite`, which need `&mut`. It belongs to the
/// runtime in which it waited first.
///
/// The methods here shadow those of the same name of `AsyncReadExt` and
/// `AsyncWriteExt`, and do the same.
///
/// # Errors
/// What the OS says. After the end of the runtime it belongs to, the methods that
/// may wait fail, whether they need to or not.
///
/// # Panics
/// The methods that may wait panic in another runtime than the one it belongs to.
/// Outside a runtime they panic if it belongs to one, or if they have to wait.
///
/// # Cancel safety
/// A single read or write that is dropped before it has completed has moved no
/// byte. [`read_exact`](Stream::read_exact) and [`write_all`](Stream::write_all)
/// consist of several.
///
/// # Cost
/// The system call is tried first; the runtime is asked to watch the socket
/// when it would block for the first time. Nothing is allocated after that.
///
/// # Limits
/// A wait ends when the kernel reports an event, or when this stream is
/// [shut down](Stream::shutdown) by its own methods. The kernel reports nothing
/// to a writer on a full Unix stream when the *peer* calls `shutdown(Read)`
/// without closing: that write waits until the peer closes or reads. Nor is
/// anything known here of a `shutdown` by another handle of the socket
/// ([`AsFd`], a duplicate). Bound such a wait by a
/// [`timeout`](crate::timeout()).
pub struct Stream<F: Family> {
    source: Source<F::Socket>,
}

/// How it is made, and what becomes of it.
impl<F: Family> Stream<F> {
    /// A stream over a connected socket, which is non-blocking from now on.
    ///
    /// # Errors
    /// If the OS refuses that.
    pub fn from_std(socket: F::Socket) -> io::Result<Self> {
        F::set_nonblocking(&socket)?;
        Ok(Self::nonblocking(socket))
    }

    /// Over a socket that is non-blocking.
    pub(super) fn nonblocking(socket: F::Socket) -> Self {
        Self::over(Source::together(socket, F::TOGETHER))
    }

    pub(super) fn over(source: Source<F::Socket>) -> Self {
        Self { source }
    }

    /// The socket, which stays non-blocking; no runtime watches it any more.
    pub fn into_std(self) -> F::Socket {
        self.source.into_io()
    }

    /// The socket, for the calls that do not wait.
    pub(super) fn socket(&self) -> &F::Socket {
        self.source.io()
    }

    /// Itself, as the halves lead to it.
    #[cfg(any(feature = "futures", feature = "tokio-io"))]
    pub(super) fn stream(&self) -> &Self {
        self
    }

    pub(super) fn source(&self) -> &Source<F::Socket> {
        &self.source
    }
}

/// Waiting.
impl<F: Family> Stream<F> {
    /// Reads some bytes, at most `buf.len()`, and returns how many. 0 is the end of
    /// the stream, or an empty `buf`.
    ///
    /// It may read fewer bytes than the peer has written at once:
    /// [`read_exact`](Stream::read_exact) fills `buf`.
    ///
    /// # Errors
    /// See [`Stream`].
    pub async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let read = |socket: &F::Socket| self.read_now(socket, buf);
        self.source.op("Stream::read", Side::Read, read).await
    }

    /// As [`read`](Stream::read), but leaves the bytes where they are.
    ///
    /// # Errors
    /// See [`Stream`].
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let peek = |socket: &F::Socket| F::peek(socket, buf);
        self.source.op("Stream::peek", Side::Read, peek).await
    }

    /// Writes some of `buf`, from its beginning, and returns how many bytes.
    ///
    /// It may write fewer bytes than `buf` holds; the rest is not sent.
    /// [`write_all`](Stream::write_all) writes all of them.
    ///
    /// # Errors
    /// See [`Stream`].
    pub async fn write(&self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let write = |socket: &F::Socket| F::write(socket, buf);
        self.source.op("Stream::write", Side::Write, write).await
    }

    /// Waits until there is something to read, the end or an error included.
    /// May be wrong: [`try_read`](Stream::try_read) has the last word.
    ///
    /// # Errors
    /// See [`Stream`].
    pub async fn readable(&self) -> io::Result<()> {
        self.source.ready("Stream::readable", Side::Read).await
    }

    /// Waits until there is room to write, or an error. May be wrong:
    /// [`try_write`](Stream::try_write) has the last word.
    ///
    /// # Errors
    /// See [`Stream`].
    pub async fn writable(&self) -> io::Result<()> {
        self.source.ready("Stream::writable", Side::Write).await
    }

    pub(super) fn read_now(&self, socket: &F::Socket, buf: &mut [u8]) -> io::Result<usize> {
        let read = F::read(socket, buf)?;
        self.took(read, buf.len());
        Ok(read)
    }

    /// `read` bytes were read where there was room for `room`.
    #[inline]
    fn took(&self, read: usize, room: usize) {
        if F::SHORT_READ_DRAINS && read > 0 && read < room {
            self.source.drained();
        }
    }
}

/// Not waiting. None of these needs a runtime.
impl<F: Family> Stream<F> {
    /// Reads what is there, at most `buf.len()` bytes.
    ///
    /// # Errors
    /// Of the kind [`WouldBlock`](io::ErrorKind::WouldBlock) if nothing is.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let read = |socket: &F::Socket| self.read_now(socket, buf);
        self.source.try_op(Side::Read, read)
    }

    /// As [`try_read`](Stream::try_read), into several buffers.
    ///
    /// # Errors
    /// As [`try_read`](Stream::try_read).
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.source
            .try_op(Side::Read, |socket| F::read_vectored(socket, bufs))
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// Of the kind [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.source
            .try_op(Side::Write, |socket| F::write(socket, buf))
    }

    /// As [`try_write`](Stream::try_write), out of several buffers.
    ///
    /// # Errors
    /// As [`try_write`](Stream::try_write).
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.source
            .try_op(Side::Write, |socket| F::write_vectored(socket, bufs))
    }

    /// Ends one direction or both. Everything that waits there completes:
    /// reads with 0, writes with an error of the kind
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe).
    ///
    /// Closing a stream, and dropping the half that writes, does the same for
    /// the direction that it ends.
    ///
    /// # Errors
    /// What the OS says: mostly that there is no connection any more.
    ///
    /// # Panics
    /// If a waker panics: after all others were woken.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.shutdown(how, |socket| F::shutdown(socket, how))
    }

    /// Takes the error that is pending on the socket.
    ///
    /// # Errors
    /// What the OS says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        F::take_error(self.socket())
    }

    /// Ends what this side writes. A peer that has gone already is no error.
    pub(super) fn close_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

impl<F: Family> fmt::Debug for Stream<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").field(&self.source).finish()
    }
}

impl<F: Family> AsFd for Stream<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl<F: Family> AsRawFd for Stream<F> {
    fn as_raw_fd(&self) -> RawFd {
        self.socket().as_raw_fd()
    }
}
