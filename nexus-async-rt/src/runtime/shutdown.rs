//! Shutdown: telling all tasks of a runtime that it is time to end.
//!
//! A latch that is set once: by a [`ShutdownHandle`], by a signal, or by the
//! World's own flag. It ends nothing by itself; the tasks that wait for it do.

use super::block::Told;
use super::context;
use super::drive::Runtime;
use crate::wait::latch::LatchFut;
use crate::wait::until::Until;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Completes when the runtime in which it is first polled is told to shut down;
/// at once if it has been.
///
/// Any number of tasks may wait. What tells it: [`ShutdownHandle::trigger`], a
/// signal if [`signal_handlers`](crate::RuntimeBuilder::signal_handlers) is on,
/// and the flag of the World, see [`with_world`](crate::with_world). It may be
/// made anywhere; for other executors there is [`ShutdownHandle::signal`].
///
/// # Cost
/// Allocates nothing.
///
/// # Example
/// ```
/// use nexus_async_rt::{RuntimeBuilder, shutdown_signal};
/// use std::time::Duration;
///
/// let mut rt = RuntimeBuilder::new().build();
/// for _ in 0..3 {
///     rt.spawn_boxed(async {
///         shutdown_signal().await;
///         // Say goodbye to someone.
///     });
/// }
/// let handle = rt.shutdown_handle();
/// let outside = std::thread::spawn(move || handle.trigger());
/// rt.block_on(shutdown_signal());
/// rt.shutdown_quiesce(Duration::from_secs(5)).unwrap();
/// assert_eq!(rt.task_count(), 0);
/// outside.join().unwrap();
/// ```
pub fn shutdown_signal() -> ShutdownSignal {
    ShutdownSignal { latch: None }
}

/// Runs `future` until it returns, or until the runtime in which this is first polled
/// is told to shut down. Then the result is `None`, and `future` is dropped with what
/// is returned.
///
/// The order to shut down is looked at first: once it has been given, `future` is not
/// polled.
///
/// # Panics
/// As [`ShutdownSignal`].
///
/// # Cancel safety
/// That of `future`.
///
/// # Example
/// An intake that stops with the program:
/// ```
/// use nexus_async_rt::channel::local;
/// use nexus_async_rt::{RuntimeBuilder, run_until_shutdown};
///
/// let mut rt = RuntimeBuilder::new().build();
/// let (orders, accepted) = local::channel(4);
/// let intake = rt.spawn_boxed(async move {
///     let mut sum = 0;
///     while let Some(Ok(order)) = run_until_shutdown(accepted.recv()).await {
///         sum += order;
///     }
///     sum
/// });
/// let operator = rt.shutdown_handle();
/// let sum = rt.block_on(async {
///     orders.send(1).await.unwrap();
///     orders.send(2).await.unwrap();
///     nexus_async_rt::yield_now().await;
///     operator.trigger();
///     intake.await
/// });
/// assert_eq!(sum, 3);
/// ```
pub fn run_until_shutdown<F: Future>(future: F) -> RunUntilShutdown<F> {
    RunUntilShutdown {
        inner: Until::new(shutdown_signal(), future),
    }
}

/// The future of [`run_until_shutdown`]. `!Unpin`; `Send` if the future in it is.
#[must_use = "futures do nothing unless awaited"]
pub struct RunUntilShutdown<F> {
    inner: Until<ShutdownSignal, F>,
}

impl<F: Future> Future for RunUntilShutdown<F> {
    type Output = Option<F::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the field is pinned with the whole: nothing moves it out, and there
        // is no `Drop` and no `Unpin` of our own.
        unsafe { self.map_unchecked_mut(|this| &mut this.inner) }.poll(cx)
    }
}

impl<F> fmt::Debug for RunUntilShutdown<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunUntilShutdown")
            .field("until", self.inner.end())
            .finish_non_exhaustive()
    }
}

/// The handle of the runtime that the caller runs in.
///
/// # Panics
/// Outside a runtime.
#[must_use]
#[track_caller]
pub fn shutdown_handle() -> ShutdownHandle {
    context::with("shutdown_handle", |shared| {
        ShutdownHandle(shared.shutdown.told.clone())
    })
}

impl Runtime<'_> {
    /// What tells this runtime to shut down.
    #[must_use]
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        ShutdownHandle(self.shared().shutdown.told.clone())
    }
}

/// Tells a runtime to shut down, and knows whether it was told.
///
/// From [`Runtime::shutdown_handle`] or, inside a runtime,
/// [`shutdown_handle`]. It may be cloned, used on any thread, and outlive the
/// runtime.
///
/// # Example
/// ```
/// use nexus_async_rt::RuntimeBuilder;
///
/// let mut rt = RuntimeBuilder::new().build();
/// let handle = rt.shutdown_handle();
/// assert!(!handle.is_shutdown());
/// handle.trigger();
/// rt.block_on(handle.signal());
/// assert!(rt.shutdown_handle().is_shutdown());
/// ```
#[derive(Clone)]
pub struct ShutdownHandle(Told);

impl ShutdownHandle {
    /// Tells the runtime to shut down, once and for all, and wakes everything
    /// that waits for it.
    ///
    /// # Panics
    /// If a waker panics: after all others were woken.
    pub fn trigger(&self) {
        self.0.tell();
    }

    /// Whether the runtime was told to shut down.
    #[inline]
    #[must_use]
    pub fn is_shutdown(&self) -> bool {
        self.0.is_told()
    }

    /// A future that completes when the runtime is told to shut down: as
    /// [`shutdown_signal`], on any thread and executor. It tells nobody;
    /// [`trigger`](Self::trigger) does.
    pub fn signal(&self) -> ShutdownSignal {
        ShutdownSignal {
            latch: Some(LatchFut::new(self.0.clone())),
        }
    }
}

impl fmt::Debug for ShutdownHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownHandle")
            .field("is_shutdown", &self.is_shutdown())
            .finish()
    }
}

/// The future of [`shutdown_signal`] and [`ShutdownHandle::signal`]. `Send`,
/// `!Unpin`.
///
/// # Panics
/// That of [`shutdown_signal`] when it is first polled outside a runtime.
///
/// # Cancel safety
/// Dropping it takes its waker out.
#[must_use = "futures do nothing unless awaited"]
pub struct ShutdownSignal {
    /// `None` until the first poll, which says which runtime it belongs to.
    latch: Option<LatchFut<Told>>,
}

impl Future for ShutdownSignal {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: the latch is pinned with the whole: it is put in place once,
        // nothing moves it out, and there is no `Drop` and no `Unpin` of our
        // own.
        let latch = unsafe {
            let latch = &mut self.get_unchecked_mut().latch;
            Pin::new_unchecked(latch.get_or_insert_with(|| {
                context::with("shutdown_signal", |shared| {
                    LatchFut::new(shared.shutdown.told.clone())
                })
            }))
        };
        latch.poll(cx)
    }
}

impl fmt::Debug for ShutdownSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownSignal")
            .field("is_shutdown", &self.latch.as_ref().map(LatchFut::is_set))
            .finish()
    }
}
