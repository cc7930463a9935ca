//! Datagrams within this machine.

use crate::net::source::Source;
use crate::reactor::{Side, attempt};
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

/// A Unix datagram socket.
///
/// As [`UdpSocket`](crate::net::UdpSocket), in errors and panics too; but nothing
/// is lost on the way: a send waits while the receiver's queue is full.
///
/// # Limits
/// The kernel reports nothing when the *receiver* calls `shutdown(Read)` while its
/// queue is full: a send waits until the receiver takes a datagram or is closed.
/// Bound such a wait by a [`timeout`](crate::timeout()).
///
/// # Example
/// ```
/// use nexus_async_rt::RuntimeBuilder;
/// use nexus_async_rt::net::UnixDatagram;
///
/// let mut rt = RuntimeBuilder::new().build();
/// rt.block_on(async {
///     let (here, there) = UnixDatagram::pair()?;
///     here.send(b"ping").await?;
///     let mut buf = [0; 16];
///     assert_eq!(there.recv(&mut buf).await?, 4);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixDatagram {
    source: Source<net::UnixDatagram>,
}

/// How it is made, and what becomes of it.
impl UnixDatagram {
    /// A socket at `path`, which must not be there yet and stays when the socket
    /// is dropped. Does not wait and needs no runtime.
    ///
    /// # Errors
    /// If the path is there already or cannot be made, or no descriptor is left.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::from_std(net::UnixDatagram::bind(path)?)
    }

    /// A socket without an address: it can send, and be connected.
    ///
    /// # Errors
    /// If no descriptor is left.
    pub fn unbound() -> io::Result<Self> {
        Self::from_std(net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are connected with each other.
    ///
    /// # Errors
    /// If no descriptor is left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (here, there) = net::UnixDatagram::pair()?;
        Ok((Self::from_std(here)?, Self::from_std(there)?))
    }

    /// Over a socket, which is non-blocking from now on.
    ///
    /// # Errors
    /// If the OS refuses that.
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            source: Source::new(socket),
        })
    }

    /// The socket, which stays non-blocking; no runtime watches it any more.
    #[must_use]
    pub fn into_std(self) -> net::UnixDatagram {
        self.source.into_io()
    }

    /// Has `send` go to the socket at `path`. Does not wait.
    ///
    /// # Errors
    /// If there is none.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.source.io().connect(path)
    }

    /// The address at this end.
    ///
    /// # Errors
    /// What the OS says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().local_addr()
    }

    /// The address that it is connected to.
    ///
    /// # Errors
    /// If it is not connected.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.io().peer_addr()
    }

    /// Ends one direction or both. Everything that waits there completes: sends
    /// with an error of the kind [`BrokenPipe`](io::ErrorKind::BrokenPipe),
    /// receives with 0 bytes from an unnamed address once nothing is left.
    ///
    /// # Errors
    /// What the OS says; on some systems that it is not connected.
    ///
    /// # Panics
    /// If a waker panics: after all others were woken.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.shutdown(how, |socket| socket.shutdown(how))
    }

    /// Takes the error that is pending on the socket.
    ///
    /// # Errors
    /// What the OS says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.source.io().take_error()
    }
}

/// Waiting. Errors and panics: as of [`UdpSocket`](crate::net::UdpSocket).
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl UnixDatagram {
    /// Sends a datagram to where the socket is connected to.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.source
            .op("UnixDatagram::send", Side::Write, |s| s.send(datagram))
            .await
    }

    /// Sends a datagram to the socket at `path`. Waits while that has no room in
    /// its queue, or this socket none in its send buffer.
    ///
    /// # Errors
    /// What the OS says: no such path, nobody there, a destination that is
    /// connected to another socket (`PermissionDenied`). While it waits, also
    /// that no descriptor is left. Elsewhere than on Linux a full queue is an
    /// error.
    ///
    /// # Limits
    /// A socket that is itself [connected](UnixDatagram::connect), to a peer with a
    /// full queue, hears of room in its own send buffer only when that peer takes a
    /// datagram. If the buffer is full of datagrams for others, the
    /// wait goes on until then, though there is room. Send to other addresses from a
    /// socket that is not connected, or bound the wait by a
    /// [`timeout`](crate::timeout()).
    ///
    /// # Cost
    /// A wait for the queue takes a second descriptor until there is room: the
    /// kernel reports room only to a socket that is connected to the queue's.
    /// To send much to one destination, [`connect`](UnixDatagram::connect).
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::RuntimeBuilder;
    /// use nexus_async_rt::net::UnixDatagram;
    ///
    /// let mut rt = RuntimeBuilder::new().build();
    /// let path = std::env::temp_dir().join(format!("nexus-to-{}", std::process::id()));
    /// let receiver = UnixDatagram::bind(&path)?;
    /// let sender = UnixDatagram::unbound()?;
    /// rt.block_on(async {
    ///     sender.send_to(b"ping", &path).await?;
    ///     let mut buf = [0; 16];
    ///     let (len, from) = receiver.recv_from(&mut buf).await?;
    ///     std::fs::remove_file(&path)?;
    ///     assert_eq!(&buf[..len], b"ping");
    ///     assert!(from.is_unnamed());
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        const NAME: &str = "UnixDatagram::send_to";
        let path = path.as_ref();
        let send = |socket: &net::UnixDatagram| socket.send_to(datagram, path);
        loop {
            if let Some(sent) = self.source.once(NAME, send).await {
                return sent;
            }
            #[cfg(any(target_os = "linux", target_os = "android"))]
            let waited = super::room::wait(NAME, &self.source, path).await;
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            let waited = Err(io::ErrorKind::WouldBlock.into());
            if let Err(error) = waited {
                // What keeps the wait from its end may keep a send from it, too:
                // then that has the last word.
                let sent = self.source.once(NAME, send).await;
                return sent.unwrap_or(Err(error));
            }
        }
    }

    /// Receives a datagram; its length.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.source
            .op("UnixDatagram::recv", Side::Read, |s| self.recv_now(s, buf))
            .await
    }

    /// Receives a datagram; its length, and the address of its sender.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source
            .op("UnixDatagram::recv_from", Side::Read, |s| {
                self.recv_from_now(s, buf)
            })
            .await
    }

    /// Waits until there is something to receive. May be wrong.
    pub async fn readable(&self) -> io::Result<()> {
        self.source
            .ready("UnixDatagram::readable", Side::Read)
            .await
    }

    /// Waits until there is room to send. May be wrong.
    pub async fn writable(&self) -> io::Result<()> {
        self.source
            .ready("UnixDatagram::writable", Side::Write)
            .await
    }
}

/// Not waiting: an error of the kind [`WouldBlock`](io::ErrorKind::WouldBlock)
/// instead. None of these needs a runtime.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl UnixDatagram {
    /// As [`send`](UnixDatagram::send), without waiting.
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.source.try_op(Side::Write, |s| s.send(datagram))
    }

    /// As [`send_to`](UnixDatagram::send_to), without waiting.
    pub fn try_send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        // What has no room there says nothing about the room that a connected
        // send needs.
        attempt(|| self.source.io().send_to(datagram, &path))
            .unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    /// As [`recv`](UnixDatagram::recv), without waiting.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.source.try_op(Side::Read, |s| self.recv_now(s, buf))
    }

    /// As [`recv_from`](UnixDatagram::recv_from), without waiting.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source
            .try_op(Side::Read, |s| self.recv_from_now(s, buf))
    }
}

/// Receiving after a shutdown. The OS ends a receive that blocks; one that does
/// not block would block for ever.
impl UnixDatagram {
    fn recv_now(&self, socket: &net::UnixDatagram, buf: &mut [u8]) -> io::Result<usize> {
        self.or_end(socket.recv(buf), || Ok(0))
    }

    fn recv_from_now(
        &self,
        socket: &net::UnixDatagram,
        buf: &mut [u8],
    ) -> io::Result<(usize, SocketAddr)> {
        let unnamed = || SocketAddr::from_pathname("").map(|from| (0, from));
        self.or_end(socket.recv_from(buf), unnamed)
    }

    /// `end` instead of an error that nothing is there, if nothing more comes.
    fn or_end<R>(
        &self,
        received: io::Result<R>,
        end: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        match received {
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    && self.source.has_ended(Side::Read) =>
            {
                end()
            }
            received => received,
        }
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnixDatagram").field(&self.source).finish()
    }
}

/// As [`from_std`](UnixDatagram::from_std).
impl TryFrom<net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    fn try_from(socket: net::UnixDatagram) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

/// As [`into_std`](UnixDatagram::into_std).
impl From<UnixDatagram> for net::UnixDatagram {
    fn from(socket: UnixDatagram) -> Self {
        socket.into_std()
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.io().as_fd()
    }
}

impl AsRawFd for UnixDatagram {
    fn as_raw_fd(&self) -> RawFd {
        self.source.io().as_raw_fd()
    }
}
