//! A task on tokio, awaited here.

use super::background::tokio;
use crate::runtime::{ClockHold, try_hold_clock};
use crate::thread;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::{JoinError, JoinHandle};

/// Runs `future` on a thread of tokio's. It starts at once, also if the handle
/// is never awaited.
///
/// May be called on any thread, inside a runtime or not.
///
/// # Panics
/// If tokio's thread cannot be started.
///
/// # Cost
/// An allocation and a wake of tokio's thread, as `tokio::spawn`.
///
/// # Example
/// A producer on tokio, a consumer here:
/// ```
/// use nexus_async_rt::channel::spsc;
/// use nexus_async_rt::{Runtime, spawn_on_tokio};
/// use nexus_rt::WorldBuilder;
/// use std::time::Duration;
///
/// let mut world = WorldBuilder::new().build();
/// let mut rt = Runtime::new(&mut world);
/// rt.block_on(async {
///     let (mut tx, rx) = spsc::channel(8);
///     let feed = spawn_on_tokio(async move {
///         for n in 1..=3 {
///             tokio::time::sleep(Duration::from_millis(1)).await;
///             tx.send_mut(n).await.unwrap();
///         }
///     });
///     let mut sum = 0;
///     while let Ok(n) = rx.recv().await {
///         sum += n;
///     }
///     assert_eq!(sum, 6);
///     feed.await.unwrap();
/// });
/// ```
#[track_caller]
pub fn spawn_on_tokio<F>(future: F) -> TokioJoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    TokioJoinHandle {
        task: tokio().spawn(future),
        hold: None,
    }
}

/// A task on tokio: a future of its result, and the means to end it.
///
/// From [`spawn_on_tokio`]. It may be sent to another thread and awaited on
/// any executor. Dropping it detaches the task, which runs on;
/// [`abort`](TokioJoinHandle::abort) ends it. Once it has been awaited in a
/// runtime whose clock is [paused](crate::pause), that is held until the result
/// is there or the handle is dropped.
///
/// # Errors
/// Awaiting it returns a [`TokioJoinError`] if the task panicked, was aborted,
/// or was dropped with its runtime.
///
/// # Panics
/// When polled after it completed.
///
/// # Cancel safety
/// The result is not lost: await `&mut handle`.
pub struct TokioJoinHandle<T> {
    task: JoinHandle<T>,
    /// From the first `Pending` in a runtime of this crate to the end.
    hold: Option<ClockHold>,
}

impl<T> TokioJoinHandle<T> {
    /// Whether the task has ended, in whatever way.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Asks tokio to end the task at its next await, and returns at once. The
    /// handle then says *cancelled*, unless the task was faster.
    pub fn abort(&self) {
        self.task.abort();
    }
}

impl<T> Future for TokioJoinHandle<T> {
    type Output = Result<T, TokioJoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        let Poll::Ready(result) = Pin::new(&mut self.task).poll(cx) else {
            if self.hold.is_none() {
                self.hold = try_hold_clock();
            }
            return Poll::Pending;
        };
        self.hold = None;
        thread::completed();
        Poll::Ready(result.map_err(TokioJoinError))
    }
}

impl<T> fmt::Debug for TokioJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioJoinHandle")
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// Why a task on tokio has no result; from a [`TokioJoinHandle`].
#[derive(Debug)]
pub struct TokioJoinError(JoinError);

impl TokioJoinError {
    /// The task panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.0.is_panic()
    }

    /// The task was aborted, or dropped with its runtime.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// What the task panicked with, to be looked at or handed on by
    /// [`resume_unwind`](std::panic::resume_unwind).
    ///
    /// # Panics
    /// Unless [`is_panic`](TokioJoinError::is_panic).
    #[must_use]
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        match self.0.try_into_panic() {
            Ok(panic) => panic,
            Err(_) => panic!("`into_panic` of the error of a task that did not panic"),
        }
    }
}

impl fmt::Display for TokioJoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for TokioJoinError {}
