//! The two halves of a stream.
//!
//! Each side of a stream has waiters of its own, so a task that reads and one
//! that writes never stand in each other's way.

use super::stream::{Family, Stream};
use futures_io::{AsyncRead, AsyncWrite};
use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The half that reads, from [`Stream::split`]. It lends the stream, for all
/// that needs no `&mut`.
#[derive(Debug)]
pub struct ReadHalf<'a, F: Family>(pub(super) &'a Stream<F>);

/// The half that writes, from [`Stream::split`]. It lends the stream, for all
/// that needs no `&mut`.
#[derive(Debug)]
pub struct WriteHalf<'a, F: Family>(pub(super) &'a Stream<F>);

/// The half that reads, from [`Stream::into_split`]. It lends the stream, for
/// all that needs no `&mut`. The stream lives as long as either half.
#[derive(Debug)]
pub struct OwnedReadHalf<F: Family>(pub(super) Rc<Stream<F>>);

/// The half that writes, from [`Stream::into_split`]. It lends the stream, for
/// all that needs no `&mut`. The stream lives as long as either half; dropping
/// this one ends it for the peer.
///
/// # Panics
/// Dropping it hands on the panic of a waker, after all others were woken,
/// unless the thread is unwinding already.
#[derive(Debug)]
pub struct OwnedWriteHalf<F: Family> {
    /// Taken only when the halves are joined.
    stream: Option<Rc<Stream<F>>>,
}

impl<F: Family> OwnedWriteHalf<F> {
    pub(super) fn new(stream: Rc<Stream<F>>) -> Self {
        Self {
            stream: Some(stream),
        }
    }
}

impl<F: Family> OwnedReadHalf<F> {
    /// The stream again.
    ///
    /// # Errors
    /// With both halves, if they are of two streams.
    pub fn reunite(self, write: OwnedWriteHalf<F>) -> Result<Stream<F>, ReuniteError<F>> {
        reunite(self, write)
    }
}

impl<F: Family> OwnedWriteHalf<F> {
    /// The stream again.
    ///
    /// # Errors
    /// With both halves, if they are of two streams.
    pub fn reunite(self, read: OwnedReadHalf<F>) -> Result<Stream<F>, ReuniteError<F>> {
        reunite(read, self)
    }
}

fn reunite<F: Family>(
    read: OwnedReadHalf<F>,
    mut write: OwnedWriteHalf<F>,
) -> Result<Stream<F>, ReuniteError<F>> {
    let same = |stream: &Rc<Stream<F>>| Rc::ptr_eq(stream, &read.0);
    let Some(stream) = write.stream.take_if(|stream| same(stream)) else {
        return Err(ReuniteError(read, write));
    };
    drop(read);
    Ok(Rc::into_inner(stream).expect("there are two halves, and one was dropped"))
}

/// Two halves that do not belong together.
pub struct ReuniteError<F: Family>(
    /// The half that reads.
    pub OwnedReadHalf<F>,
    /// The half that writes.
    pub OwnedWriteHalf<F>,
);

impl<F: Family> fmt::Debug for ReuniteError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReuniteError")
    }
}

impl<F: Family> fmt::Display for ReuniteError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of two streams")
    }
}

impl<F: Family> Error for ReuniteError<F> {}

impl<F: Family> Drop for OwnedWriteHalf<F> {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            // A connection that is gone has nothing to end.
            let _ = stream.close_write();
        }
    }
}

impl<F: Family> Deref for ReadHalf<'_, F> {
    type Target = Stream<F>;

    fn deref(&self) -> &Stream<F> {
        self.0
    }
}

impl<F: Family> Deref for WriteHalf<'_, F> {
    type Target = Stream<F>;

    fn deref(&self) -> &Stream<F> {
        self.0
    }
}

impl<F: Family> Deref for OwnedReadHalf<F> {
    type Target = Stream<F>;

    fn deref(&self) -> &Stream<F> {
        &self.0
    }
}

impl<F: Family> Deref for OwnedWriteHalf<F> {
    type Target = Stream<F>;

    fn deref(&self) -> &Stream<F> {
        self.stream.as_ref().expect("taken only with the half")
    }
}

impl<F: Family> AsyncRead for ReadHalf<'_, F> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_op(cx, buf)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_vectored_op(cx, bufs)
    }
}

impl<F: Family> AsyncRead for OwnedReadHalf<F> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_op(cx, buf)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_vectored_op(cx, bufs)
    }
}

impl<F: Family> AsyncWrite for WriteHalf<'_, F> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_op(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_op(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.close_write())
    }
}

impl<F: Family> AsyncWrite for OwnedWriteHalf<F> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_op(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_op(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.close_write())
    }
}
