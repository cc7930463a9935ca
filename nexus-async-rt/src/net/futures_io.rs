//! The traits of `futures-io`, on streams and their halves.

use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use super::stream::{Family, Stream};
use crate::reactor::Side;
use ::futures_io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Of these traits alone: tokio reads into one buffer.
impl<F: Family> Stream<F> {
    fn poll_read_vectored_op(
        &self,
        cx: &Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        // Of many buffers the OS fills the first ones only: less than there was
        // room for does not mean that nothing is left.
        self.source()
            .poll_op("Stream::poll_read_vectored", Side::Read, cx, |socket| {
                F::read_vectored(socket, bufs)
            })
    }
}

macro_rules! read {
    ($($type:ty),*) => {$(
        impl<F: Family> AsyncRead for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.stream().poll_read_op(cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                self.stream().poll_read_vectored_op(cx, bufs)
            }
        }
    )*};
}

macro_rules! write {
    ($($type:ty),*) => {$(
        /// Nothing is buffered here: a flush does nothing. Closing ends what is
        /// written; reading goes on.
        impl<F: Family> AsyncWrite for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.stream().poll_write_op(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.stream().poll_write_vectored_op(cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.stream().close_write())
            }
        }
    )*};
}

read!(Stream<F>, ReadHalf<'_, F>, OwnedReadHalf<F>);
write!(Stream<F>, WriteHalf<'_, F>, OwnedWriteHalf<F>);
