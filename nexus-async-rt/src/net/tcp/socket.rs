//! A TCP socket before it listens or connects, to set its options.

use super::listener::TcpListener;
use super::stream::TcpStream;
use super::stream::{keepalive, set_keepalive};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// A TCP socket that is neither listening nor connected yet, for the options
/// that have to be set before.
///
/// # Example
/// ```
/// use nexus_async_rt::net::TcpSocket;
///
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuse_address(true)?;
/// socket.set_recv_buffer_size(1 << 20)?;
/// socket.bind("127.0.0.1:0".parse()?)?;
/// let listener = socket.listen(1024)?;
/// assert_ne!(listener.local_addr()?.port(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    socket: Socket,
    /// Not `Send`, like all that it may become.
    _local: std::marker::PhantomData<*const ()>,
}

impl TcpSocket {
    /// For IPv4.
    ///
    /// # Errors
    /// If no descriptor is left.
    pub fn new_v4() -> io::Result<Self> {
        Self::new(Domain::IPV4)
    }

    /// For IPv6.
    ///
    /// # Errors
    /// If no descriptor is left, or the OS has no IPv6.
    pub fn new_v6() -> io::Result<Self> {
        Self::new(Domain::IPV6)
    }

    fn new(domain: Domain) -> io::Result<Self> {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        Self::over(socket)
    }

    fn over(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            _local: std::marker::PhantomData,
        })
    }

    /// Over a socket, which is non-blocking from now on; `std` has no type of
    /// its own for one that is not connected.
    ///
    /// # Errors
    /// If the OS refuses that.
    pub fn from_std(socket: net::TcpStream) -> io::Result<Self> {
        Self::over(socket.into())
    }

    /// The socket, which stays non-blocking.
    #[must_use]
    pub fn into_std(self) -> net::TcpStream {
        self.socket.into()
    }

    /// Takes an address of this machine.
    ///
    /// # Errors
    /// If it is in use or not this machine's.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.bind(&addr.into())
    }

    /// Listens; `backlog` connections may wait to be accepted.
    ///
    /// # Errors
    /// What the OS says.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        let backlog = backlog.min(i32::MAX.cast_unsigned()).cast_signed();
        self.socket.listen(backlog)?;
        TcpListener::from_std(self.socket.into())
    }

    /// Connects to `addr`, as [`TcpStream::connect`].
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        match self.socket.connect(&addr.into()) {
            Err(error) if !is_under_way(&error) => Err(error),
            _ => TcpStream::connected(self.socket.into()).await,
        }
    }

    /// The address that it was bound to.
    ///
    /// # Errors
    /// What the OS says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let addr = self.socket.local_addr()?.as_socket();
        addr.ok_or_else(|| io::Error::other("the socket has no IP address"))
    }
}

/// Options. Their errors are what the OS says.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl TcpSocket {
    /// Whether an address that lingers from earlier may be had.
    pub fn reuse_address(&self) -> io::Result<bool> {
        self.socket.reuse_address()
    }

    /// Sets whether an address that lingers from earlier may be had
    /// (`SO_REUSEADDR`).
    pub fn set_reuse_address(&self, reuse: bool) -> io::Result<()> {
        self.socket.set_reuse_address(reuse)
    }

    /// Whether others may listen on the same address.
    pub fn reuse_port(&self) -> io::Result<bool> {
        self.socket.reuse_port()
    }

    /// Sets whether others may listen on the same address, among which the OS
    /// shares the connections out (`SO_REUSEPORT`).
    pub fn set_reuse_port(&self, reuse: bool) -> io::Result<()> {
        self.socket.set_reuse_port(reuse)
    }

    /// Whether small writes are sent at once.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.tcp_nodelay()
    }

    /// Has small writes sent at once, or gathered first (Nagle's algorithm).
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_tcp_nodelay(nodelay)
    }

    /// After which idle time the peer is probed; `None`: never.
    pub fn keepalive(&self) -> io::Result<Option<Duration>> {
        keepalive(&self.socket)
    }

    /// Has the peer probed after `idle`, in whole seconds; `None`: never.
    pub fn set_keepalive(&self, idle: Option<Duration>) -> io::Result<()> {
        set_keepalive(&self.socket, idle)
    }

    /// How long closing waits for what was written (`SO_LINGER`).
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.linger()
    }

    /// Sets how long closing, which then blocks the thread, waits for what was
    /// written, in whole seconds; zero resets the connection instead.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.set_linger(linger)
    }

    /// The type of service of the packets sent over IPv4 (`IP_TOS`).
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.socket.tos_v4()
    }

    /// Sets the type of service of the packets sent over IPv4.
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.socket.set_tos_v4(tos)
    }

    /// The traffic class of the packets sent over IPv6 (`IPV6_TCLASS`).
    pub fn tclass_v6(&self) -> io::Result<u32> {
        self.socket.tclass_v6()
    }

    /// Sets the traffic class of the packets sent over IPv6.
    pub fn set_tclass_v6(&self, class: u32) -> io::Result<()> {
        self.socket.set_tclass_v6(class)
    }

    /// Bytes that the OS holds for the reader.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        self.socket.recv_buffer_size()
    }

    /// Sets how many bytes the OS holds for the reader; Linux doubles it.
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_recv_buffer_size(bytes)
    }

    /// Bytes that the OS takes from the writer.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        self.socket.send_buffer_size()
    }

    /// Sets how many bytes the OS takes from the writer; Linux doubles it.
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_send_buffer_size(bytes)
    }
}

/// Whether a `connect` that does not block has begun.
fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
        || error.kind() == io::ErrorKind::WouldBlock
        || error.kind() == io::ErrorKind::Interrupted
}

/// As [`from_std`](TcpSocket::from_std).
impl TryFrom<net::TcpStream> for TcpSocket {
    type Error = io::Error;

    fn try_from(socket: net::TcpStream) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

/// As [`into_std`](TcpSocket::into_std).
impl From<TcpSocket> for net::TcpStream {
    fn from(socket: TcpSocket) -> Self {
        socket.into_std()
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for TcpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
