//! The two halves of a stream.
//!
//! Each side of a stream has waiters of its own, so a task that reads and one
//! that writes never stand in each other's way.

use super::stream::{Family, Stream};
use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::rc::Rc;

impl<F: Family> Stream<F> {
    /// Two halves that borrow the stream: one reads, one writes.
    pub fn split(&mut self) -> (ReadHalf<'_, F>, WriteHalf<'_, F>) {
        (ReadHalf(self), WriteHalf(self))
    }

    /// Two halves for two tasks. Dropping the one that writes ends the stream
    /// for the peer.
    ///
    /// # Cost
    /// One allocation.
    #[must_use = "dropping the half that writes shuts that direction down"]
    pub fn into_split(self) -> (OwnedReadHalf<F>, OwnedWriteHalf<F>) {
        let stream = Rc::new(self);
        (
            OwnedReadHalf(stream.clone()),
            OwnedWriteHalf {
                stream: Some(stream),
            },
        )
    }
}

/// The half that reads, from [`Stream::split`]. [`AsRef`] gives the stream, for its
/// addresses and options.
#[derive(Debug)]
pub struct ReadHalf<'a, F: Family>(&'a Stream<F>);

/// The half that writes, from [`Stream::split`]. [`AsRef`] gives the stream, for its
/// addresses and options, and to [shut it down](Stream::shutdown).
#[derive(Debug)]
pub struct WriteHalf<'a, F: Family>(&'a Stream<F>);

/// The half that reads, from [`Stream::into_split`]. [`AsRef`] gives the stream, for
/// its addresses and options. The stream lives as long as either half.
#[derive(Debug)]
pub struct OwnedReadHalf<F: Family>(Rc<Stream<F>>);

/// The half that writes, from [`Stream::into_split`]. [`AsRef`] gives the stream, for
/// its addresses and options. The stream lives as long as either half. Dropping this
/// one ends it for the peer.
///
/// # Panics
/// Dropping it hands on the panic of a waker, after all others were woken,
/// unless the thread is unwinding already.
#[derive(Debug)]
pub struct OwnedWriteHalf<F: Family> {
    /// Taken only when the halves are joined.
    stream: Option<Rc<Stream<F>>>,
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

/// The methods of a half that reads.
macro_rules! reading {
    ($($half:ty),*) => {$(
        impl<F: Family> $half {
            /// As [`Stream::read`].
            ///
            /// # Errors
            /// See [`Stream`].
            pub fn read(&self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
                self.stream().read(buf)
            }

            /// As [`Stream::peek`].
            ///
            /// # Errors
            /// See [`Stream`].
            pub fn peek(&self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
                self.stream().peek(buf)
            }

            /// As [`Stream::read_exact`].
            ///
            /// # Errors
            /// As [`Stream::read_exact`].
            pub fn read_exact(&self, buf: &mut [u8]) -> impl Future<Output = io::Result<()>> {
                self.stream().read_exact(buf)
            }

            /// As [`Stream::read_to_end`].
            ///
            /// # Errors
            /// As [`Stream::read_to_end`].
            pub fn read_to_end(
                &self,
                buf: &mut Vec<u8>,
            ) -> impl Future<Output = io::Result<usize>> {
                self.stream().read_to_end(buf)
            }

            /// As [`Stream::readable`].
            ///
            /// # Errors
            /// See [`Stream`].
            pub fn readable(&self) -> impl Future<Output = io::Result<()>> {
                self.stream().readable()
            }

            /// As [`Stream::try_read`].
            ///
            /// # Errors
            /// As [`Stream::try_read`].
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.stream().try_read(buf)
            }

            /// As [`Stream::try_read_vectored`].
            ///
            /// # Errors
            /// As [`Stream::try_read`].
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.stream().try_read_vectored(bufs)
            }
        }
    )*};
}

/// The methods of a half that writes.
macro_rules! writing {
    ($($half:ty),*) => {$(
        impl<F: Family> $half {
            /// As [`Stream::write`].
            ///
            /// # Errors
            /// See [`Stream`].
            pub fn write(&self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> {
                self.stream().write(buf)
            }

            /// As [`Stream::write_all`].
            ///
            /// # Errors
            /// As [`Stream::write_all`].
            pub fn write_all(&self, buf: &[u8]) -> impl Future<Output = io::Result<()>> {
                self.stream().write_all(buf)
            }

            /// As [`Stream::writable`].
            ///
            /// # Errors
            /// See [`Stream`].
            pub fn writable(&self) -> impl Future<Output = io::Result<()>> {
                self.stream().writable()
            }

            /// As [`Stream::try_write`].
            ///
            /// # Errors
            /// As [`Stream::try_write`].
            pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
                self.stream().try_write(buf)
            }

            /// As [`Stream::try_write_vectored`].
            ///
            /// # Errors
            /// As [`Stream::try_write`].
            pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.stream().try_write_vectored(bufs)
            }
        }
    )*};
}

reading!(ReadHalf<'_, F>, OwnedReadHalf<F>);
writing!(WriteHalf<'_, F>, OwnedWriteHalf<F>);

/// Where each half finds the stream.
macro_rules! half {
    ($($half:ty: $self:ident => $stream:expr),*) => {$(
        impl<F: Family> $half {
            pub(super) fn stream(&$self) -> &Stream<F> {
                $stream
            }
        }

        /// The whole stream, for its addresses and options.
        impl<F: Family> AsRef<Stream<F>> for $half {
            fn as_ref(&self) -> &Stream<F> {
                self.stream()
            }
        }
    )*};
}

half! {
    ReadHalf<'_, F>: self => self.0,
    WriteHalf<'_, F>: self => self.0,
    OwnedReadHalf<F>: self => &self.0,
    OwnedWriteHalf<F>: self => self.stream.as_ref().expect("taken only with the half")
}
