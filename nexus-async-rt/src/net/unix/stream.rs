//! What is a Unix socket's own of a stream.

use crate::net::source::Source;
use crate::net::stream::{Family, Sealed, Stream};
use crate::reactor::Side;
use socket2::SockRef;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

/// A connection within this machine: see [`Stream`] for all that is not a Unix
/// socket's own.
///
/// # Example
/// ```
/// use nexus_async_rt::RuntimeBuilder;
/// use nexus_async_rt::net::UnixStream;
///
/// let mut rt = RuntimeBuilder::new().build();
/// rt.block_on(async {
///     let (here, there) = UnixStream::pair()?;
///     here.write_all(b"ping").await?;
///     let mut buf = [0; 4];
///     there.read_exact(&mut buf).await?;
///     assert_eq!(&buf, b"ping");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub type UnixStream = Stream<Unix>;

/// The family of [`UnixStream`].
#[derive(Clone, Copy, Debug)]
pub enum Unix {}

impl Family for Unix {}

impl Sealed for Unix {
    type Socket = net::UnixStream;

    const TOGETHER: u8 = 0;

    /// A read stops where descriptors were sent along.
    const SHORT_READ_DRAINS: bool = false;

    fn set_nonblocking(socket: &net::UnixStream) -> io::Result<()> {
        socket.set_nonblocking(true)
    }

    fn read(mut socket: &net::UnixStream, buf: &mut [u8]) -> io::Result<usize> {
        socket.read(buf)
    }

    fn read_vectored(
        mut socket: &net::UnixStream,
        bufs: &mut [IoSliceMut<'_>],
    ) -> io::Result<usize> {
        socket.read_vectored(bufs)
    }

    fn append(socket: &net::UnixStream, buf: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        socket.take(limit as u64).read_to_end(buf)
    }

    fn peek(socket: &net::UnixStream, buf: &mut [u8]) -> io::Result<usize> {
        let buf: *mut [u8] = buf;
        // SAFETY: the same bytes, borrowed as long, because the types are alike
        // in memory; they stay initialized, because the OS writes bytes and
        // nothing else does, guaranteed by `peek`.
        let buf = unsafe { &mut *(buf as *mut [MaybeUninit<u8>]) };
        SockRef::from(socket).peek(buf)
    }

    fn write(mut socket: &net::UnixStream, buf: &[u8]) -> io::Result<usize> {
        socket.write(buf)
    }

    fn write_vectored(mut socket: &net::UnixStream, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        socket.write_vectored(bufs)
    }

    fn shutdown(socket: &net::UnixStream, how: Shutdown) -> io::Result<()> {
        socket.shutdown(how)
    }

    fn take_error(socket: &net::UnixStream) -> io::Result<Option<io::Error>> {
        socket.take_error()
    }
}

impl Stream<Unix> {
    /// Connects to the listener at `path`.
    ///
    /// # Errors
    /// What the OS says: nobody listens, no such path. Of the kind
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if the listener's queue is full,
    /// for which the OS knows no waiting: try again later.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let socket = mio::net::UnixStream::connect(path)?;
        let source = Source::new(net::UnixStream::from(socket));
        source
            .op("UnixStream::connect", Side::Write, |socket| {
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

    /// Two streams that are connected with each other. Needs no runtime.
    ///
    /// # Errors
    /// If no descriptor is left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (here, there) = net::UnixStream::pair()?;
        Ok((Self::from_std(here)?, Self::from_std(there)?))
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
impl TryFrom<net::UnixStream> for Stream<Unix> {
    type Error = io::Error;

    fn try_from(socket: net::UnixStream) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

/// As [`into_std`](Stream::into_std).
impl From<Stream<Unix>> for net::UnixStream {
    fn from(socket: Stream<Unix>) -> Self {
        socket.into_std()
    }
}
