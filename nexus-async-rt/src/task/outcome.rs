//! Why a task has no output, and the future that says so.

use super::join::JoinHandle;
use super::state::Ended;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future of [`JoinHandle::outcome`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct OutcomeFut<'a, T>(&'a mut JoinHandle<T>);

impl<'a, T> OutcomeFut<'a, T> {
    pub(super) fn new(handle: &'a mut JoinHandle<T>) -> Self {
        Self(handle)
    }
}

impl<T> Future for OutcomeFut<'_, T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let handle = &mut *self.0;
        let location = handle.location();
        handle.poll_end(cx).map_err(|ended| match ended {
            Ended::Aborted => JoinError::Aborted { location },
            Ended::Panicked => JoinError::Panicked { location },
            Ended::Shutdown => JoinError::Shutdown { location },
            Ended::Returned => handle.refuse(ended),
        })
    }
}

/// Why a task has no output: from [`JoinHandle::outcome`].
///
/// # Example
/// ```
/// use nexus_async_rt::{JoinError, RuntimeBuilder};
///
/// let rt = RuntimeBuilder::new().build();
/// let mut task = rt.spawn_boxed(std::future::pending::<()>());
/// drop(rt);
///
/// let error = RuntimeBuilder::new().build().block_on(task.outcome()).unwrap_err();
/// assert!(matches!(error, JoinError::Shutdown { .. }));
/// let place = error.location();
/// assert_eq!(
///     error.to_string(),
///     format!("the task spawned at {place} was dropped with its runtime")
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// It was aborted. The panic of a destructor that the abort ran leaves
    /// [`abort`](JoinHandle::abort), and does not change this.
    #[non_exhaustive]
    Aborted {
        /// Where the task was spawned.
        location: &'static Location<'static>,
    },
    /// Its future panicked: in a poll, or while it was dropped after it had
    /// returned.
    #[non_exhaustive]
    Panicked {
        /// Where the task was spawned.
        location: &'static Location<'static>,
    },
    /// Its runtime was dropped before it ended.
    #[non_exhaustive]
    Shutdown {
        /// Where the task was spawned.
        location: &'static Location<'static>,
    },
}

impl JoinError {
    /// Where the task was spawned.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        match self {
            Self::Aborted { location }
            | Self::Panicked { location }
            | Self::Shutdown { location } => location,
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self {
            Self::Aborted { .. } => "was aborted",
            Self::Panicked { .. } => "panicked",
            Self::Shutdown { .. } => "was dropped with its runtime",
        };
        write!(f, "the task spawned at {} {how}", self.location())
    }
}

impl Error for JoinError {}
