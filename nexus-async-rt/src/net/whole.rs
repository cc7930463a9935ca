//! Reads and writes that move all bytes, or fail: loops over single operations.
//!
//! Each single operation counts towards the poll budget, so none of these loops
//! keeps other tasks from running.

use super::stream::{Family, Stream};
use crate::reactor::Side;
use std::io;

/// The most bytes that [`Stream::read_to_end`] takes in one operation.
const AT_ONCE: usize = 64 * 1024;

/// Moving all bytes. Two such calls at once on one side of a stream divide its
/// bytes between them, in pieces of any length.
impl<F: Family> Stream<F> {
    /// Fills `buf`.
    ///
    /// # Errors
    /// Of the kind [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream
    /// ends first; the message says how many bytes came. Otherwise see [`Stream`].
    /// What was read before is in `buf` either way.
    ///
    /// # Cancel safety
    /// Not cancel safe. A dropped call has read some bytes into `buf`, and nothing
    /// says how many. To give up and go on later, loop over
    /// [`read`](Stream::read).
    ///
    /// # Cost
    /// A read for each piece that arrives. It allocates nothing unless it fails.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::RuntimeBuilder;
    /// use nexus_async_rt::net::UnixStream;
    /// use std::io::ErrorKind;
    ///
    /// let mut rt = RuntimeBuilder::new().build();
    /// let (here, there) = UnixStream::pair()?;
    /// rt.block_on(async {
    ///     there.write_all(b"4 bytes").await?;
    ///     drop(there);
    ///     let mut header = [0; 4];
    ///     here.read_exact(&mut header).await?;
    ///     assert_eq!(&header, b"4 by");
    ///     let error = here.read_exact(&mut header).await.unwrap_err();
    ///     assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    ///     assert_eq!(error.to_string(), "stream ended after 3 of 4 bytes");
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    pub async fn read_exact(&self, buf: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.read(&mut buf[filled..]).await? {
                0 => return Err(ended_after(filled, buf.len())),
                read => filled += read,
            }
        }
        Ok(())
    }

    /// Reads until the stream ends, and appends the bytes to `buf`. Returns how
    /// many this call has appended.
    ///
    /// The peer decides how many: bound what comes from a stranger by a loop over
    /// [`read`](Stream::read).
    ///
    /// # Errors
    /// Of the kind [`OutOfMemory`](io::ErrorKind::OutOfMemory) if `buf` cannot grow.
    /// Otherwise see [`Stream`]. What was read before stays in `buf`.
    ///
    /// # Cancel safety
    /// A dropped call loses no byte: what it has read is in `buf`, and another call
    /// with the same `buf` goes on. That call returns how many bytes it has
    /// appended itself.
    ///
    /// # Cost
    /// At least one read more than needed, to find the end. `buf` grows as a `Vec`
    /// does.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::RuntimeBuilder;
    /// use nexus_async_rt::net::UnixStream;
    ///
    /// let mut rt = RuntimeBuilder::new().build();
    /// let (here, there) = UnixStream::pair()?;
    /// rt.block_on(async {
    ///     there.write_all(b"all of it").await?;
    ///     drop(there);
    ///     let mut all = b"> ".to_vec();
    ///     assert_eq!(here.read_to_end(&mut all).await?, 9);
    ///     assert_eq!(all, b"> all of it");
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    pub async fn read_to_end(&self, buf: &mut Vec<u8>) -> io::Result<usize> {
        let before = buf.len();
        loop {
            // What is there is appended before the operation would block.
            let read = |socket: &F::Socket| F::append(socket, buf, AT_ONCE);
            let operation = self.source().op("Stream::read_to_end", Side::Read, read);
            if operation.await? < AT_ONCE {
                return Ok(buf.len() - before);
            }
        }
    }

    /// Writes all of `buf`.
    ///
    /// # Errors
    /// Of the kind [`WriteZero`](io::ErrorKind::WriteZero) if the OS takes no bytes;
    /// the message says how many it took before. Otherwise see [`Stream`]. An
    /// unknown part of `buf` was written then, and may not have reached the peer.
    ///
    /// # Cancel safety
    /// Not cancel safe. A dropped call has written the first bytes of `buf`, and
    /// nothing says how many. To give up and go on later, loop over
    /// [`write`](Stream::write).
    ///
    /// # Cost
    /// A write for each time that the OS has room. It allocates nothing unless it
    /// fails.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::net::UnixStream;
    /// use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
    ///
    /// let mut rt = RuntimeBuilder::new().build();
    /// let (here, there) = UnixStream::pair()?;
    /// let received = rt.block_on(async {
    ///     // More than the OS takes at once.
    ///     let sender = spawn_boxed(async move { here.write_all(&[7; 1 << 20]).await });
    ///     let mut received = Vec::new();
    ///     there.read_to_end(&mut received).await?;
    ///     sender.await?;
    ///     std::io::Result::Ok(received)
    /// })?;
    /// assert_eq!(received, [7; 1 << 20]);
    /// # std::io::Result::Ok(())
    /// ```
    pub async fn write_all(&self, buf: &[u8]) -> io::Result<()> {
        let mut written = 0;
        while written < buf.len() {
            match self.write(&buf[written..]).await? {
                0 => return Err(took_only(written, buf.len())),
                more => written += more,
            }
        }
        Ok(())
    }
}

#[cold]
fn ended_after(filled: usize, len: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("stream ended after {filled} of {len} bytes"),
    )
}

#[cold]
fn took_only(written: usize, len: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::WriteZero,
        format!("stream took only {written} of {len} bytes"),
    )
}
