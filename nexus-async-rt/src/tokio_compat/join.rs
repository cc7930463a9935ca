//! A task on tokio, awaited here.

use super::background::tokio;
use crate::runtime::try_hold_clock;
use crate::sync::Mutex;
use crate::thread;
use crate::timer::ClockHold;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use tokio::task::{JoinError, JoinHandle};

/// Runs `future` on a thread of tokio's. It starts at once, also if the handle
/// is never awaited.
///
/// May be called on any thread, inside a runtime or not.
///
/// The future leaves this thread, so it can hold nothing of this runtime: none of its
/// sockets, timers, task handles or [`local`](crate::channel::local) channels. The
/// compiler then says that an `Rc` or a pointer inside of them cannot be sent. Use
/// tokio's sockets and timers there, or [`with_tokio`](crate::tokio_compat::with_tokio),
/// which stays on this thread.
/// ```compile_fail,E0277
/// use nexus_async_rt::tokio_compat::spawn_on_tokio;
///
/// fn send(socket: nexus_async_rt::net::UdpSocket) {
///     spawn_on_tokio(async move { socket.send(b"late").await });
/// }
/// ```
///
/// # Panics
/// If tokio's thread cannot be started.
///
/// # Cost
/// An allocation and a wake of tokio's thread, as `tokio::spawn`. One allocation
/// more if the handle has to wait in a runtime of this crate.
///
/// # Example
/// A producer on tokio, a consumer here:
/// ```
/// use nexus_async_rt::RuntimeBuilder;
/// use nexus_async_rt::channel::spsc;
/// use nexus_async_rt::tokio_compat::spawn_on_tokio;
/// use std::time::Duration;
///
/// let mut rt = RuntimeBuilder::new().build();
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
        awaiting: None,
    }
}

/// A task on tokio: a future of its result, and the means to end it.
///
/// From [`spawn_on_tokio`]. It may be sent to another thread and awaited on any
/// executor. Dropping it detaches the task, which runs on;
/// [`abort`](TokioJoinHandle::abort) ends it. Once it has been awaited in a runtime
/// with a clock that is [paused](crate::time::pause), the clock is held until the
/// result is there, though nobody takes it, or the handle is dropped. A task that
/// nobody awaits holds no clock: it may be a server that never ends.
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
    /// From the first `Pending` in a runtime of this crate on.
    awaiting: Option<Arc<Awaiting>>,
}

/// The waker that tokio gets of what awaits the task in a runtime of this
/// crate. Holds the clock of that runtime until it has woken the task there.
struct Awaiting {
    waker: Waker,
    hold: Mutex<Option<ClockHold>>,
}

impl Wake for Awaiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.waker.wake_by_ref();
        // The clock may move now that the runtime knows of the result. Ended in its
        // place, so that a handle that is dropped meanwhile can end it before. It is no
        // newer one: tokio's thread wakes once, when a poll would return the result.
        self.hold.with(|hold| *hold = None);
    }
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

impl<T> TokioJoinHandle<T> {
    /// Ends the hold on the clock, if it is held.
    fn let_clock_go(&self) {
        if let Some(awaiting) = &self.awaiting {
            drop(awaiting.hold.with(Option::take));
        }
    }

    /// The waker for a poll in the runtime with the clock that is held by
    /// `hold`.
    fn awaiting(&mut self, cx: &Context<'_>, hold: ClockHold) -> Waker {
        let known = self.awaiting.take();
        let awaiting = match known.filter(|known| known.waker.will_wake(cx.waker())) {
            Some(known) => {
                drop(known.hold.with(|held| held.replace(hold)));
                known
            }
            None => Arc::new(Awaiting {
                waker: cx.waker().clone(),
                hold: Mutex::new(Some(hold)),
            }),
        };
        Waker::from(self.awaiting.insert(awaiting).clone())
    }
}

impl<T> Future for TokioJoinHandle<T> {
    type Output = Result<T, TokioJoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        // Before tokio's thread can wake, which ends it.
        let hold = try_hold_clock().filter(|_| !self.task.is_finished());
        self.let_clock_go();
        let waker = hold.map(|hold| self.awaiting(cx, hold));
        let mut cx = Context::from_waker(waker.as_ref().unwrap_or(cx.waker()));
        let Poll::Ready(result) = Pin::new(&mut self.task).poll(&mut cx) else {
            return Poll::Pending;
        };
        self.let_clock_go();
        thread::completed();
        Poll::Ready(result.map_err(TokioJoinError))
    }
}

impl<T> Drop for TokioJoinHandle<T> {
    fn drop(&mut self) {
        self.let_clock_go();
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
