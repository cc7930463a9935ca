//! Waiting for connections.

use super::stream::UnixStream;
use crate::net::source::Source;
use crate::reactor::Side;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::task::{Context, Poll};

/// A socket that takes connections from this machine.
///
/// As [`TcpListener`](crate::net::TcpListener), in errors and panics too. The
/// path stays when it is dropped: the program that made it removes it.
///
/// # Example
/// ```
/// use nexus_async_rt::RuntimeBuilder;
/// use nexus_async_rt::net::{UnixListener, UnixStream};
///
/// let mut rt = RuntimeBuilder::new().build();
/// let path = std::env::temp_dir().join(format!("nexus-listener-{}", std::process::id()));
/// rt.block_on(async {
///     let listener = UnixListener::bind(&path)?;
///     let connecting = UnixStream::connect(&path).await?;
///     let (accepted, _) = listener.accept().await?;
///     std::fs::remove_file(&path)?;
///     assert!(connecting.try_write(b"x")? == 1);
///     accepted.readable().await
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixListener {
    /// mio's, which accepts in one call a stream that does not block.
    source: Source<mio::net::UnixListener>,
}

impl UnixListener {
    /// Listens at `path`, which must not be there yet. Does not wait and needs
    /// no runtime.
    ///
    /// # Errors
    /// If the path is there already or cannot be made, or no descriptor is left.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::from_std(net::UnixListener::bind(path)?)
    }

    /// Over a listening socket, which is non-blocking from now on.
    ///
    /// # Errors
    /// If the OS refuses that.
    pub fn from_std(listener: net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = mio::net::UnixListener::from_std(listener);
        Ok(Self {
            source: Source::new(listener),
        })
    }

    /// The socket, which stays non-blocking; no runtime watches it any more.
    #[must_use]
    pub fn into_std(self) -> net::UnixListener {
        self.source.into_io().into()
    }

    /// Waits for the next connection.
    ///
    /// # Errors
    /// As [`TcpListener::accept`](crate::net::TcpListener::accept).
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.source
            .op("UnixListener::accept", Side::Read, accept)
            .await
    }

    /// Takes a connection that is there already.
    ///
    /// # Errors
    /// Of the kind [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none,
    /// else as [`accept`](UnixListener::accept).
    pub fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.source.try_op(Side::Read, accept)
    }

    /// [`accept`](UnixListener::accept) by hand. The latest caller is woken.
    ///
    /// # Errors
    /// As [`accept`](UnixListener::accept).
    pub fn poll_accept(&mut self, cx: &Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        self.source
            .poll_op("UnixListener::poll_accept", Side::Read, cx, accept)
    }

    /// The address that it listens at.
    ///
    /// # Errors
    /// What the OS says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }
}

fn accept(listener: &mio::net::UnixListener) -> io::Result<(UnixStream, SocketAddr)> {
    let (socket, addr) = listener.accept()?;
    Ok((UnixStream::nonblocking(socket.into()), addr))
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnixListener").field(&self.source).finish()
    }
}

/// As [`from_std`](UnixListener::from_std).
impl TryFrom<net::UnixListener> for UnixListener {
    type Error = io::Error;

    fn try_from(socket: net::UnixListener) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

/// As [`into_std`](UnixListener::into_std).
impl From<UnixListener> for net::UnixListener {
    fn from(socket: UnixListener) -> Self {
        socket.into_std()
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.io().as_fd()
    }
}

impl AsRawFd for UnixListener {
    fn as_raw_fd(&self) -> RawFd {
        self.source.io().as_raw_fd()
    }
}
