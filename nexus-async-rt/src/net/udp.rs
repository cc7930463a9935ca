//! Datagrams over UDP.

use super::source::Source;
use crate::reactor::Side;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::fmt;
use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// A UDP socket.
///
/// All methods take `&self`: any number of tasks may send and receive. It
/// belongs to the runtime in which it waited first.
///
/// A datagram is received whole. Bytes that the buffer has no room for are lost, and
/// nothing reports it: take a buffer that is one byte longer than the longest datagram
/// that you expect, and treat a full buffer as an error. On Linux, `recv_batch` reports it.
/// A datagram may have no bytes:
/// a length of 0 is not the end, and there is none.
///
/// # Errors
/// What the OS says. Of a connected socket also what came back for an earlier
/// datagram, such as that nobody listens there. After the end of the runtime it
/// belongs to, the methods that may wait fail, whether they need to or not.
///
/// # Panics
/// The methods that may wait panic in another runtime than the one it belongs to.
/// Outside a runtime they panic if it belongs to one, or if they have to wait.
///
/// # Cancel safety
/// A receive that is dropped before it has completed has taken no datagram, a
/// send has sent none.
///
/// # Cost
/// The system call is tried first; the runtime is asked to watch the socket
/// when it would block for the first time. Nothing is allocated after that.
///
/// # Example
/// ```
/// use nexus_async_rt::RuntimeBuilder;
/// use nexus_async_rt::net::UdpSocket;
///
/// let mut rt = RuntimeBuilder::new().build();
/// rt.block_on(async {
///     let here = UdpSocket::bind("127.0.0.1:0".parse()?)?;
///     let there = UdpSocket::bind("127.0.0.1:0".parse()?)?;
///     here.send_to(b"ping", there.local_addr()?).await?;
///     let mut buf = [0; 1500];
///     let (len, from) = there.recv_from(&mut buf).await?;
///     assert_eq!((&buf[..len], from), (&b"ping"[..], here.local_addr()?));
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UdpSocket {
    source: Source<net::UdpSocket>,
}

/// How it is made, and what becomes of it.
impl UdpSocket {
    /// Takes an address of this machine; port 0 lets the OS choose one. Does not
    /// wait and needs no runtime.
    ///
    /// # Errors
    /// If the address is in use or not this machine's, or no descriptor is left.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        Self::from_std(net::UdpSocket::bind(addr)?)
    }

    /// As [`bind`](UdpSocket::bind), where others may have the same address too
    /// (`SO_REUSEADDR`, `SO_REUSEPORT`): several receivers of one multicast group.
    ///
    /// # Errors
    /// As [`bind`](UdpSocket::bind); in use, if one of the others is not shared.
    pub fn bind_shared(addr: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket.bind(&addr.into())?;
        Self::from_std(socket.into())
    }

    /// Over a socket, which is non-blocking from now on.
    ///
    /// # Errors
    /// If the OS refuses that.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            source: Source::new(socket),
        })
    }

    /// The socket, which stays non-blocking; no runtime watches it any more.
    #[must_use]
    pub fn into_std(self) -> net::UdpSocket {
        self.source.into_io()
    }

    /// Has `send` go to `addr`, and only what comes from there received. Does
    /// not wait.
    ///
    /// # Errors
    /// What the OS says.
    pub fn connect(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket().connect(addr)
    }

    fn socket(&self) -> &net::UdpSocket {
        self.source.io()
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn source(&self) -> &Source<net::UdpSocket> {
        &self.source
    }
}

/// Waiting. Errors and panics: see [`UdpSocket`].
#[expect(clippy::missing_errors_doc, reason = "said once, at the type")]
impl UdpSocket {
    /// Sends a datagram to where the socket is connected to.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.source
            .op("UdpSocket::send", Side::Write, |s| s.send(datagram))
            .await
    }

    /// Sends a datagram to `addr`.
    pub async fn send_to(&self, datagram: &[u8], addr: SocketAddr) -> io::Result<usize> {
        self.source
            .op("UdpSocket::send_to", Side::Write, |s| {
                s.send_to(datagram, addr)
            })
            .await
    }

    /// Receives a datagram from where the socket is connected to; its length.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.source
            .op("UdpSocket::recv", Side::Read, |s| s.recv(buf))
            .await
    }

    /// Receives a datagram; its length, and the address of its sender.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source
            .op("UdpSocket::recv_from", Side::Read, |s| s.recv_from(buf))
            .await
    }

    /// As [`recv`](UdpSocket::recv), but leaves the datagram where it is.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.source
            .op("UdpSocket::peek", Side::Read, |s| s.peek(buf))
            .await
    }

    /// As [`recv_from`](UdpSocket::recv_from), but leaves the datagram where it
    /// is.
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source
            .op("UdpSocket::peek_from", Side::Read, |s| s.peek_from(buf))
            .await
    }

    /// Waits until there is something to receive. May be wrong.
    pub async fn readable(&self) -> io::Result<()> {
        self.source.ready("UdpSocket::readable", Side::Read).await
    }

    /// Waits until there is room to send. May be wrong.
    pub async fn writable(&self) -> io::Result<()> {
        self.source.ready("UdpSocket::writable", Side::Write).await
    }
}

/// Not waiting: an error of the kind [`WouldBlock`](io::ErrorKind::WouldBlock)
/// instead. None of these needs a runtime.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl UdpSocket {
    /// As [`send`](UdpSocket::send), without waiting.
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.source.try_op(Side::Write, |s| s.send(datagram))
    }

    /// As [`send_to`](UdpSocket::send_to), without waiting.
    pub fn try_send_to(&self, datagram: &[u8], addr: SocketAddr) -> io::Result<usize> {
        self.source
            .try_op(Side::Write, |s| s.send_to(datagram, addr))
    }

    /// As [`recv`](UdpSocket::recv), without waiting.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.source.try_op(Side::Read, |s| s.recv(buf))
    }

    /// As [`recv_from`](UdpSocket::recv_from), without waiting.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source.try_op(Side::Read, |s| s.recv_from(buf))
    }
}

/// Options. Their errors are what the OS says.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl UdpSocket {
    /// The address at this end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()
    }

    /// The address that it is connected to.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()
    }

    /// Takes the error that is pending on the socket.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().take_error()
    }

    /// How many routers a packet may pass (`IP_TTL`).
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket().ttl()
    }

    /// Sets how many routers a packet may pass.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket().set_ttl(ttl)
    }

    /// Whether it may send to a broadcast address.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket().broadcast()
    }

    /// Sets whether it may send to a broadcast address.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.socket().set_broadcast(broadcast)
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

    /// Bytes that the OS holds for the receiver.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        SockRef::from(self.socket()).recv_buffer_size()
    }

    /// Sets how many bytes the OS holds for the receiver; Linux doubles it.
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(self.socket()).set_recv_buffer_size(bytes)
    }

    /// Bytes that the OS takes from the sender.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        SockRef::from(self.socket()).send_buffer_size()
    }

    /// Sets how many bytes the OS takes from the sender; Linux doubles it.
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(self.socket()).set_send_buffer_size(bytes)
    }
}

/// Multicast. Errors are what the OS says.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl UdpSocket {
    /// Receives what is sent to `group`, through the interface that has the
    /// address `interface`; the OS chooses if that is unspecified.
    ///
    /// Groups that others on this machine have joined may be heard as well, if
    /// they use the same port: on Linux see `set_multicast_all_v4`.
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.socket().join_multicast_v4(&group, &interface)
    }

    /// Ends what [`join_multicast_v4`](UdpSocket::join_multicast_v4) began.
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.socket().leave_multicast_v4(&group, &interface)
    }

    /// Whether groups that others on this machine have joined are heard as well;
    /// they are by default.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn multicast_all_v4(&self) -> io::Result<bool> {
        SockRef::from(self.socket()).multicast_all_v4()
    }

    /// Sets whether groups that others on this machine have joined are heard as
    /// well.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn set_multicast_all_v4(&self, hear: bool) -> io::Result<()> {
        SockRef::from(self.socket()).set_multicast_all_v4(hear)
    }

    /// Receives what `source` sends to `group` (source-specific multicast).
    pub fn join_ssm_v4(
        &self,
        source: Ipv4Addr,
        group: Ipv4Addr,
        interface: Ipv4Addr,
    ) -> io::Result<()> {
        SockRef::from(self.socket()).join_ssm_v4(&source, &group, &interface)
    }

    /// Ends what [`join_ssm_v4`](UdpSocket::join_ssm_v4) began.
    pub fn leave_ssm_v4(
        &self,
        source: Ipv4Addr,
        group: Ipv4Addr,
        interface: Ipv4Addr,
    ) -> io::Result<()> {
        SockRef::from(self.socket()).leave_ssm_v4(&source, &group, &interface)
    }

    /// Receives what is sent to `group`, through the interface number
    /// `interface`; the OS chooses if that is 0.
    pub fn join_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket().join_multicast_v6(&group, interface)
    }

    /// Ends what [`join_multicast_v6`](UdpSocket::join_multicast_v6) began.
    pub fn leave_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket().leave_multicast_v6(&group, interface)
    }

    /// The address of the interface that multicast is sent through.
    pub fn multicast_if_v4(&self) -> io::Result<Ipv4Addr> {
        SockRef::from(self.socket()).multicast_if_v4()
    }

    /// Has multicast sent through the interface with the address `interface`.
    pub fn set_multicast_if_v4(&self, interface: Ipv4Addr) -> io::Result<()> {
        SockRef::from(self.socket()).set_multicast_if_v4(&interface)
    }

    /// The number of the interface that multicast is sent through.
    pub fn multicast_if_v6(&self) -> io::Result<u32> {
        SockRef::from(self.socket()).multicast_if_v6()
    }

    /// Has multicast sent through the interface number `interface`.
    pub fn set_multicast_if_v6(&self, interface: u32) -> io::Result<()> {
        SockRef::from(self.socket()).set_multicast_if_v6(interface)
    }

    /// Whether this machine hears the multicast that it sends.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.socket().multicast_loop_v4()
    }

    /// Sets whether this machine hears the multicast that it sends.
    pub fn set_multicast_loop_v4(&self, hear: bool) -> io::Result<()> {
        self.socket().set_multicast_loop_v4(hear)
    }

    /// Whether this machine hears the multicast that it sends.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.socket().multicast_loop_v6()
    }

    /// Sets whether this machine hears the multicast that it sends.
    pub fn set_multicast_loop_v6(&self, hear: bool) -> io::Result<()> {
        self.socket().set_multicast_loop_v6(hear)
    }

    /// How many routers a multicast packet may pass.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.socket().multicast_ttl_v4()
    }

    /// Sets how many routers a multicast packet may pass.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.socket().set_multicast_ttl_v4(ttl)
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UdpSocket").field(&self.source).finish()
    }
}

/// As [`from_std`](UdpSocket::from_std).
impl TryFrom<net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: net::UdpSocket) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

/// As [`into_std`](UdpSocket::into_std).
impl From<UdpSocket> for net::UdpSocket {
    fn from(socket: UdpSocket) -> Self {
        socket.into_std()
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket().as_raw_fd()
    }
}
