//! The halves of a Unix stream, by names without parameters.
//!
//! The sockets themselves are in [`net`](super).
//!
//! # Example
//! ```
//! use nexus_async_rt::RuntimeBuilder;
//! use nexus_async_rt::net::UnixStream;
//! use nexus_async_rt::net::unix::{ReadHalf, WriteHalf};
//!
//! async fn echo(from: ReadHalf<'_>, to: WriteHalf<'_>) -> std::io::Result<()> {
//!     let mut word = [0; 4];
//!     from.read_exact(&mut word).await?;
//!     to.write_all(&word).await
//! }
//!
//! let mut rt = RuntimeBuilder::new().build();
//! let (here, mut there) = UnixStream::pair()?;
//! rt.block_on(async {
//!     here.write_all(b"ping").await?;
//!     let (from, to) = there.split();
//!     echo(from, to).await?;
//!     let mut word = [0; 4];
//!     here.read_exact(&mut word).await?;
//!     assert_eq!(&word, b"ping");
//!     std::io::Result::Ok(())
//! })?;
//! # std::io::Result::Ok(())
//! ```

pub(super) mod datagram;
pub(super) mod listener;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod room;
pub(super) mod stream;

use stream::Unix;

/// The half of a [`UnixStream`](super::UnixStream) that reads, from
/// [`split`](super::Stream::split).
pub type ReadHalf<'a> = super::ReadHalf<'a, Unix>;

/// The half of a [`UnixStream`](super::UnixStream) that writes, from
/// [`split`](super::Stream::split).
pub type WriteHalf<'a> = super::WriteHalf<'a, Unix>;

/// The half of a [`UnixStream`](super::UnixStream) that reads, from
/// [`into_split`](super::Stream::into_split).
pub type OwnedReadHalf = super::OwnedReadHalf<Unix>;

/// The half of a [`UnixStream`](super::UnixStream) that writes, from
/// [`into_split`](super::Stream::into_split).
pub type OwnedWriteHalf = super::OwnedWriteHalf<Unix>;

/// Two owned halves that do not belong together.
pub type ReuniteError = super::ReuniteError<Unix>;
