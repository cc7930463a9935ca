//! Sockets: TCP, UDP, Unix, and any other descriptor that the OS can watch.
//!
//! Knows the runtime only as the place where descriptors are watched, and no
//! protocol above the OS's.
//!
//! # Which type
//!
//! | for | take |
//! |---|---|
//! | bytes over a network | [`TcpStream`], from [`TcpStream::connect`](Stream::connect) or [`TcpListener`] |
//! | options that must be set before | [`TcpSocket`] |
//! | datagrams, multicast | [`UdpSocket`]; many with one system call: its `recv_batch` |
//! | bytes or datagrams within the machine | [`UnixStream`], [`UnixListener`], [`UnixDatagram`] |
//! | a pipe, an eventfd, a device, another library's socket | [`AsyncFd`] |
//! | addresses of a host's name | [`resolve()`] |
//!
//! The halves of a stream have names without parameters in [`tcp`] and [`unix`].
//!
//! # How it is used
//!
//! A socket is made without a handle, and mostly without waiting: `bind`,
//! `from_std` and `pair` are plain functions, which need no runtime. What waits
//! is a future. A stream has methods of its own: `read` and `write`, which move
//! what they can, and [`read_exact`](Stream::read_exact),
//! [`read_to_end`](Stream::read_to_end) and [`write_all`](Stream::write_all),
//! which move all. It also implements [`AsyncRead`] and [`AsyncWrite`] of
//! `futures-io`, for the utilities of the crates `futures` and `futures-lite`. The
//! example uses the latter, which a program adds to its dependencies. With the
//! feature `tokio-io` it implements tokio's traits, under the same names, for
//! crates such as `hyper`.
//!
//! ```
//! use nexus_async_rt::net::{TcpListener, TcpStream};
//! use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
//! use std::net::Shutdown;
//!
//! let mut rt = RuntimeBuilder::new().build();
//! rt.block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
//!     let addr = listener.local_addr()?;
//!     let server = spawn_boxed(async move {
//!         let (stream, _) = listener.accept().await?;
//!         // Two halves may go to two tasks.
//!         let (mut read, mut write) = stream.into_split();
//!         futures_lite::io::copy(&mut read, &mut write).await
//!     });
//!     let stream = TcpStream::connect(addr).await?;
//!     stream.set_nodelay(true)?;
//!     stream.write_all(b"over and out").await?;
//!     stream.shutdown(Shutdown::Write)?;
//!     let mut echo = Vec::new();
//!     stream.read_to_end(&mut echo).await?;
//!     assert_eq!(echo, b"over and out");
//!     assert_eq!(server.await?, 12);
//!     Ok::<(), Box<dyn std::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A name is resolved when it is asked for, and never in passing:
//!
//! ```
//! use nexus_async_rt::RuntimeBuilder;
//! use nexus_async_rt::net::{TcpListener, TcpStream, resolve};
//!
//! let mut rt = RuntimeBuilder::new().build();
//! let listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
//! let port = listener.local_addr()?.port();
//! rt.block_on(async {
//!     for addr in resolve("127.0.0.1", port).await? {
//!         if let Ok(stream) = TcpStream::connect(addr).await {
//!             return Ok(assert_eq!(stream.peer_addr()?, addr));
//!         }
//!     }
//!     Err(std::io::Error::other("no address answers"))
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What all of them promise
//!
//! - **Try first.** An operation makes its system call at once. If the call would
//!   block, the runtime watches the descriptor, and only for the side that blocks
//!   (both sides of a TCP stream). Dropping the socket takes it out. While a side
//!   is known to be blocked, no call is made in vain.
//! - **Any number of waiters on either side.** Every event wakes all futures that
//!   wait on its side. The `poll_` forms, `AsyncRead` and `AsyncWrite` among them,
//!   take `&mut` and remember their latest caller, one per side. Dropping the
//!   socket, or `into_std`, forgets that caller without waking it.
//! - **A shutdown ends the waits.** `shutdown`, closing, and dropping the half
//!   that writes complete everything that waits on the ended sides. *Limits* of
//!   [`Stream`] and [`AsyncFd`] names the cases in which the kernel reports no event.
//! - **Where it belongs.** A socket is free until it waits for the first time;
//!   then it belongs to the runtime it waits in (an [`AsyncFd`] from the start).
//!   To wait in another one, or outside, panics. After the end of that runtime
//!   waiting is an error, `try_` forms and `into_std` still work.
//! - **Cancel safety.** A future that is dropped has moved no byte, datagram or
//!   connection, and leaves nothing behind; one that is leaked holds nobody up, but
//!   for a [paused clock](crate::time::pause). The exceptions are the methods that move
//!   all bytes: each consists of several operations.
//! - **Cooperation.** Completions count towards the poll budget, as those of
//!   channels do; `try_` forms do not.
//! - **Errors** are the OS's, and go to the caller. A call that a signal has
//!   interrupted is made again; no other error is retried.
//! - **No allocation** by reading and writing. Watching a descriptor allocates
//!   when there have never been as many.
//!
//! Sockets and their futures are `!Send`: none of this locks.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod batch;
mod fd;
#[cfg(feature = "futures")]
mod futures_io;
mod op;
#[cfg(any(feature = "futures", feature = "tokio-io"))]
mod polled;
mod resolve;
mod source;
mod split;
mod stream;
pub mod tcp;
#[cfg(feature = "tokio-io")]
mod tokio_io;
mod udp;
pub mod unix;
mod whole;

#[cfg(feature = "futures")]
pub use ::futures_io::{AsyncRead, AsyncWrite};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use batch::{Datagram, RecvBatch};
pub use fd::{AsyncFd, Interest, ReadyGuard, WouldBlock};
pub use resolve::resolve;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use stream::{Family, Stream};
pub use tcp::listener::TcpListener;
pub use tcp::socket::TcpSocket;
pub use tcp::stream::{Tcp, TcpStream};
pub use udp::UdpSocket;
pub use unix::datagram::UnixDatagram;
pub use unix::listener::UnixListener;
pub use unix::stream::{Unix, UnixStream};
