//! Every error of every kind.

use std::error::Error;
use std::fmt;

/// The receiver is gone or has closed. Holds the value that was not sent.
///
/// ```
/// use nexus_async_rt::channel::{SendError, spsc};
///
/// let (tx, rx) = spsc::channel(4);
/// drop(rx);
/// let error: SendError<&str> = tx.blocking_send("kept").unwrap_err();
/// assert_eq!(error.into_inner(), "kept");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> SendError<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// A `try_send` that did not send. Holds the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room now; it can be tried again.
    Full(T),
    /// The receiver is gone or has closed; it will never succeed.
    Disconnected(T),
}

impl<T> TrySendError<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Disconnected(value) => value,
        }
    }

    /// Whether it can be tried again.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether it will never succeed.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

/// All senders are gone, or the receiver closed, and everything that was
/// accepted has been received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError;

/// A `try_recv` that received nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is no message now; it can be tried again.
    Empty,
    /// There will never be one; see [`RecvError`].
    Disconnected,
}

impl TryRecvError {
    /// Whether it can be tried again.
    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }

    /// Whether there will never be a message.
    pub fn is_disconnected(&self) -> bool {
        *self == Self::Disconnected
    }
}

/// A claim of a byte channel that will never succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimError {
    /// An empty message could not be told from no message.
    ZeroLength,
    /// More than any message of this channel may have.
    TooLong {
        /// What was asked for, in bytes.
        len: usize,
        /// The channel's `max_message_len()`, in bytes.
        max: usize,
    },
    /// The receiver is gone or has closed.
    Disconnected,
}

/// A `try_claim` or `try_send` of a byte channel that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryClaimError {
    /// An empty message could not be told from no message.
    ZeroLength,
    /// More than any message of this channel may have.
    TooLong {
        /// What was asked for, in bytes.
        len: usize,
        /// The channel's `max_message_len()`, in bytes.
        max: usize,
    },
    /// There is no room now; it can be tried again.
    Full,
    /// The receiver is gone or has closed.
    Disconnected,
}

impl TryClaimError {
    /// Whether it can be tried again.
    pub fn is_full(&self) -> bool {
        *self == Self::Full
    }

    /// Whether the receiver is gone or has closed.
    pub fn is_disconnected(&self) -> bool {
        *self == Self::Disconnected
    }
}

impl From<ClaimError> for TryClaimError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::ZeroLength => Self::ZeroLength,
            ClaimError::TooLong { len, max } => Self::TooLong { len, max },
            ClaimError::Disconnected => Self::Disconnected,
        }
    }
}

const FULL: &str = "the channel is full";
const RECEIVER_GONE: &str = "the receiver is gone or has closed";
const SENDERS_GONE: &str = "the channel is empty and disconnected";
const ZERO_LENGTH: &str = "a message of 0 bytes cannot be sent";

fn too_long(f: &mut fmt::Formatter<'_>, len: usize, max: usize) -> fmt::Result {
    write!(
        f,
        "a message of {len} bytes is longer than the channel's limit of {max}"
    )
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(RECEIVER_GONE)
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => FULL,
            Self::Disconnected(_) => RECEIVER_GONE,
        })
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SENDERS_GONE)
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the channel is empty",
            Self::Disconnected => SENDERS_GONE,
        })
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TryClaimError::from(*self).fmt(f)
    }
}

impl fmt::Display for TryClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ZeroLength => f.write_str(ZERO_LENGTH),
            Self::TooLong { len, max } => too_long(f, len, max),
            Self::Full => f.write_str(FULL),
            Self::Disconnected => f.write_str(RECEIVER_GONE),
        }
    }
}

impl<T> Error for SendError<T> {}
impl<T> Error for TrySendError<T> {}
impl Error for RecvError {}
impl Error for TryRecvError {}
impl Error for ClaimError {}
impl Error for TryClaimError {}
