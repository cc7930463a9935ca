//! What is TCP's own of a stream.

use crate::net::source::Source;
use crate::net::stream::{Family, Sealed, Stream};
use crate::reactor::{BOTH, Side};
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::time::Duration;

/// A TCP connection: see [`Stream`] for all that is not TCP's own.
///
/// # Example
/// ```
/// use nexus_async_rt::net::{TcpListener, TcpStream};
/// use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
///
/// let mut rt = RuntimeBuilder::new().build();
/// rt.block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
///     let addr = listener.local_addr().unwrap();
///     let server = spawn_boxed(async move {
///         let (stream, _) = listener.accept().await.unwrap();
///         let mut heard = Vec::new();
///         stream.read_to_end(&mut heard).await.unwrap();
///         heard
///     });
///     let stream = TcpStream::connect(addr).await.unwrap();
///     stream.write_all(b"hello").await.unwrap();
///     drop(stream);
///     assert_eq!(server.await, b"hello");
/// });
/// ```
///
/// It does not leave its thread:
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<nexus_async_rt::net::TcpStream>();
/// ```
pub type TcpStream = Stream<Tcp>;

/// The family of [`TcpStream`].
#[derive(Clone, Copy, Debug)]
pub enum Tcp {}

impl Family for Tcp {}

impl Sealed for Tcp {
    type Socket = net::TcpStream;

    const TOGETHER: u8 = BOTH;

    const SHORT_READ_DRAINS: bool = true;

    fn set_nonblocking(socket: &net::TcpStream) -> io::Result<()> {
        socket.set_nonblocking(true)
    }

    fn read(mut socket: &net::TcpStream, buf: &mut [u8]) -> io::Result<usize> {
        socket.read(buf)
    }

    fn read_vectored(
        mut socket: &net::TcpStream,
        bufs: &mut [IoSliceMut<'_>],
    ) -> io::Result<usize> {
        socket.read_vectored(bufs)
    }

    fn append(socket: &net::TcpStream, buf: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        socket.take(limit as u64).read_to_end(buf)
    }

    fn peek(socket: &net::TcpStream, buf: &mut [u8]) -> io::Result<usize> {
        socket.peek(buf)
    }

    fn write(mut socket: &net::TcpStream, buf: &[u8]) -> io::Result<usize> {
        socket.write(buf)
    }

    fn write_vectored(mut socket: &net::TcpStream, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        socket.write_vectored(bufs)
    }

    fn shutdown(socket: &net::TcpStream, how: Shutdown) -> io::Result<()> {
        socket.shutdown(how)
    }

    fn take_error(socket: &net::TcpStream) -> io::Result<Option<io::Error>> {
        socket.take_error()
    }
}

impl Stream<Tcp> {
    /// Connects to `addr`. Dropping the future gives the attempt up.
    ///
    /// # Errors
    /// What the OS says: refused, unreachable, timed out, no descriptor left.
    ///
    /// # Panics
    /// Outside a runtime, unless the connection is there at once.
    pub async fn connect(addr: SocketAddr) -> io::Result<Self> {
        let socket = mio::net::TcpStream::connect(addr)?;
        Self::connected(socket.into()).await
    }

    /// A stream over a socket that has begun to connect.
    pub(super) async fn connected(socket: net::TcpStream) -> io::Result<Self> {
        let source = Source::together(socket, Tcp::TOGETHER);
        source
            .op("TcpStream::connect", Side::Write, |socket| {
                if let Some(error) = socket.take_error()? {
                    return Err(error);
                }
                match socket.peer_addr() {
                    Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                        Err(io::ErrorKind::WouldBlock.into())
                    }
                    result => result,
                }
            })
            .await?;
        Ok(Self::over(source))
    }

    /// The address at the other end.
    ///
    /// # Errors
    /// If there is no connection any more.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// The address at this end.
    ///
    /// # Errors
    /// What the OS says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()
    }
}

/// As [`from_std`](Stream::from_std).
impl TryFrom<net::TcpStream> for Stream<Tcp> {
    type Error = io::Error;

    fn try_from(socket: net::TcpStream) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

/// As [`into_std`](Stream::into_std).
impl From<Stream<Tcp>> for net::TcpStream {
    fn from(socket: Stream<Tcp>) -> Self {
        socket.into_std()
    }
}

/// Options. Their errors are what the OS says.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl Stream<Tcp> {
    /// Whether small writes are sent at once (`TCP_NODELAY`).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket().nodelay()
    }

    /// Has small writes sent at once, or gathered first (Nagle's algorithm).
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket().set_nodelay(nodelay)
    }

    /// How many routers a packet may pass (`IP_TTL`).
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket().ttl()
    }

    /// Sets how many routers a packet may pass.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket().set_ttl(ttl)
    }

    /// After which idle time the peer is probed; `None`: never.
    pub fn keepalive(&self) -> io::Result<Option<Duration>> {
        keepalive(&SockRef::from(self.socket()))
    }

    /// Has the peer probed after `idle`, in whole seconds; `None`: never.
    pub fn set_keepalive(&self, idle: Option<Duration>) -> io::Result<()> {
        set_keepalive(&SockRef::from(self.socket()), idle)
    }

    /// How long closing waits for what was written (`SO_LINGER`).
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        SockRef::from(self.socket()).linger()
    }

    /// Sets how long closing, which then blocks the thread, waits for what was
    /// written; zero resets the connection instead.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        SockRef::from(self.socket()).set_linger(linger)
    }

    /// The type of service of the packets sent over IPv4 (`IP_TOS`).
    pub fn tos_v4(&self) -> io::Result<u32> {
        SockRef::from(self.socket()).tos_v4()
    }

    /// Sets the type of service of the packets sent over IPv4.
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        SockRef::from(self.socket()).set_tos_v4(tos)
    }

    /// The traffic class of the packets sent over IPv6 (`IPV6_TCLASS`).
    pub fn tclass_v6(&self) -> io::Result<u32> {
        SockRef::from(self.socket()).tclass_v6()
    }

    /// Sets the traffic class of the packets sent over IPv6.
    pub fn set_tclass_v6(&self, class: u32) -> io::Result<()> {
        SockRef::from(self.socket()).set_tclass_v6(class)
    }

    /// Bytes that the OS holds for the reader.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        SockRef::from(self.socket()).recv_buffer_size()
    }

    /// Sets how many bytes the OS holds for the reader; Linux doubles it.
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(self.socket()).set_recv_buffer_size(bytes)
    }

    /// Bytes that the OS takes from the writer.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        SockRef::from(self.socket()).send_buffer_size()
    }

    /// Sets how many bytes the OS takes from the writer; Linux doubles it.
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(self.socket()).set_send_buffer_size(bytes)
    }
}

/// After which idle time the peer is probed; `None`: never.
pub(super) fn keepalive(socket: &socket2::Socket) -> io::Result<Option<Duration>> {
    if socket.keepalive()? {
        socket.tcp_keepalive_time().map(Some)
    } else {
        Ok(None)
    }
}

/// Has the peer probed after `idle`; `None`: never.
pub(super) fn set_keepalive(socket: &socket2::Socket, idle: Option<Duration>) -> io::Result<()> {
    match idle {
        Some(idle) => socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle)),
        None => socket.set_keepalive(false),
    }
}
