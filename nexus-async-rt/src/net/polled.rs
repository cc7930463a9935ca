//! The `poll_` forms of reading and writing, which the traits of `futures-io` and of
//! tokio are made of.

use super::stream::{Family, Stream};
use crate::reactor::Side;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

impl<F: Family> Stream<F> {
    pub(super) fn poll_read_op(&self, cx: &Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.source()
            .poll_op("Stream::poll_read", Side::Read, cx, |socket| {
                self.read_now(socket, buf)
            })
    }

    pub(super) fn poll_write_op(&self, cx: &Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.source()
            .poll_op("Stream::poll_write", Side::Write, cx, |socket| {
                F::write(socket, buf)
            })
    }

    pub(super) fn poll_write_vectored_op(
        &self,
        cx: &Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.source()
            .poll_op("Stream::poll_write_vectored", Side::Write, cx, |socket| {
                F::write_vectored(socket, bufs)
            })
    }
}
