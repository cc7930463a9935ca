//! The halves of a TCP stream, by names without parameters.
//!
//! The sockets themselves are in [`net`](super).
//!
//! # Example
//! ```
//! use nexus_async_rt::RuntimeBuilder;
//! use nexus_async_rt::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
//! use nexus_async_rt::net::{TcpListener, TcpStream};
//!
//! struct Session {
//!     orders: OwnedReadHalf,
//!     fills: OwnedWriteHalf,
//! }
//!
//! let mut rt = RuntimeBuilder::new().build();
//! rt.block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
//!     let client = TcpStream::connect(listener.local_addr()?).await?;
//!     let (orders, fills) = listener.accept().await?.0.into_split();
//!     let session = Session { orders, fills };
//!     client.write_all(b"buy").await?;
//!     let mut order = [0; 3];
//!     session.orders.read_exact(&mut order).await?;
//!     session.fills.write_all(b"filled").await?;
//!     drop(session);
//!     let mut fills = Vec::new();
//!     client.read_to_end(&mut fills).await?;
//!     assert_eq!((&order, fills.as_slice()), (b"buy", &b"filled"[..]));
//!     Ok::<(), Box<dyn std::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(super) mod listener;
pub(super) mod socket;
pub(super) mod stream;

use stream::Tcp;

/// The half of a [`TcpStream`](super::TcpStream) that reads, from
/// [`split`](super::Stream::split).
pub type ReadHalf<'a> = super::ReadHalf<'a, Tcp>;

/// The half of a [`TcpStream`](super::TcpStream) that writes, from
/// [`split`](super::Stream::split).
pub type WriteHalf<'a> = super::WriteHalf<'a, Tcp>;

/// The half of a [`TcpStream`](super::TcpStream) that reads, from
/// [`into_split`](super::Stream::into_split).
pub type OwnedReadHalf = super::OwnedReadHalf<Tcp>;

/// The half of a [`TcpStream`](super::TcpStream) that writes, from
/// [`into_split`](super::Stream::into_split).
pub type OwnedWriteHalf = super::OwnedWriteHalf<Tcp>;

/// Two owned halves that do not belong together.
pub type ReuniteError = super::ReuniteError<Tcp>;
