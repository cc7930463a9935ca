//! Waiting for connections.

use super::stream::TcpStream;
use crate::net::source::Source;
use crate::reactor::Side;
use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll};

/// A socket that takes TCP connections.
///
/// Any number of tasks may [`accept`](TcpListener::accept) at once. It belongs
/// to the runtime in which it waited first.
///
/// # Example
/// See [`TcpStream`]. A port in use is an error:
/// ```
/// use nexus_async_rt::net::TcpListener;
/// use std::io::ErrorKind;
///
/// let first = TcpListener::bind("127.0.0.1:0".parse()?)?;
/// let second = TcpListener::bind(first.local_addr()?);
/// assert_eq!(second.unwrap_err().kind(), ErrorKind::AddrInUse);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TcpListener {
    /// mio's, which accepts in one call a stream that does not block.
    source: Source<mio::net::TcpListener>,
}

impl TcpListener {
    /// Listens on `addr`; port 0 lets the OS choose one. Does not wait and needs
    /// no runtime. An address that lingers from an earlier process can be had
    /// (`SO_REUSEADDR`); for other options see [`TcpSocket`](super::socket::TcpSocket).
    ///
    /// # Errors
    /// If the address is in use or not this machine's, or no descriptor is left.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        Self::from_std(net::TcpListener::bind(addr)?)
    }

    /// Over a listening socket, which is non-blocking from now on.
    ///
    /// # Errors
    /// If the OS refuses that.
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = mio::net::TcpListener::from_std(listener);
        Ok(Self {
            source: Source::new(listener),
        })
    }

    /// The socket, which stays non-blocking; no runtime watches it any more.
    #[must_use]
    pub fn into_std(self) -> net::TcpListener {
        self.source.into_io().into()
    }

    /// Waits for the next connection.
    ///
    /// # Errors
    /// What the OS says; the listener goes on. If no descriptor is left
    /// (`EMFILE`), the connection stays in the queue and the next call fails at
    /// once as well, until one is closed: wait a little before it.
    /// After the end of the runtime it belongs to, always.
    ///
    /// # Panics
    /// In another runtime than the one it belongs to; outside a runtime, if it
    /// belongs to one or has to wait.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.source
            .op("TcpListener::accept", Side::Read, accept)
            .await
    }

    /// Takes a connection that is there already.
    ///
    /// # Errors
    /// Of the kind [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none,
    /// else as [`accept`](TcpListener::accept).
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.source.try_op(Side::Read, accept)
    }

    /// [`accept`](TcpListener::accept) by hand. The latest caller is woken.
    ///
    /// # Errors
    /// As [`accept`](TcpListener::accept).
    pub fn poll_accept(&mut self, cx: &Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.source
            .poll_op("TcpListener::poll_accept", Side::Read, cx, accept)
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// What the OS says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// How many routers a packet may pass (`IP_TTL`).
    ///
    /// # Errors
    /// What the OS says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.source.io().ttl()
    }

    /// Sets how many routers a packet of the connections may pass.
    ///
    /// # Errors
    /// What the OS says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.source.io().set_ttl(ttl)
    }
}

fn accept(listener: &mio::net::TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (socket, addr) = listener.accept()?;
    Ok((TcpStream::nonblocking(socket.into()), addr))
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpListener").field(&self.source).finish()
    }
}

/// As [`from_std`](TcpListener::from_std).
impl TryFrom<net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(socket: net::TcpListener) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

/// As [`into_std`](TcpListener::into_std).
impl From<TcpListener> for net::TcpListener {
    fn from(socket: TcpListener) -> Self {
        socket.into_std()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.io().as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.source.io().as_raw_fd()
    }
}
