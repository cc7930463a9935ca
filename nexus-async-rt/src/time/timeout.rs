//! Waiting for a future, but not for ever.

use super::sleep::{Sleep, sleep, sleep_until};
use crate::thread;
use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Runs `future` for at most `duration` from this call on.
///
/// The future is polled first: if it completes when the time is up it has
/// completed. `Duration::MAX` is never.
///
/// # Errors
/// [`Elapsed`] if the time was up first. The future is dropped with what is
/// returned, not before; awaited by value, that is at once.
///
/// # Cancel safety
/// As that of `future`.
///
/// # Cost
/// Reads the clock. The timer enters the wheel only when `future` has to wait, and
/// leaves it when this completes or is dropped; nothing is allocated.
///
/// # Example
/// ```
/// use nexus_async_rt::time::Elapsed;
/// use nexus_async_rt::{RuntimeBuilder, sleep, timeout};
/// use std::time::Duration;
///
/// let mut rt = RuntimeBuilder::new().start_paused(true).build();
/// rt.block_on(async {
///     let second = Duration::from_secs(1);
///     assert_eq!(timeout(second, async { 7 }).await, Ok(7));
///     assert_eq!(timeout(second, sleep(2 * second)).await, Err(Elapsed));
/// });
/// ```
#[inline]
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout {
        future,
        timer: sleep(duration),
    }
}

/// Runs `future` until `deadline`; otherwise as [`timeout`].
///
/// # Errors
/// As [`timeout`].
///
/// # Cost
/// As [`timeout`], but does not read the clock.
#[inline]
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout {
        future,
        timer: sleep_until(deadline),
    }
}

/// The future of [`timeout`] and [`timeout_at`].
///
/// # Panics
/// As [`Sleep`], if the future inside has to wait.
#[must_use = "futures do nothing unless awaited"]
pub struct Timeout<F> {
    future: F,
    timer: Sleep,
}

impl<F> Timeout<F> {
    /// The future, if it still can be moved.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.future
    }

    /// When the time is up; `None` is never.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timer.deadline()
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[track_caller]
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: both are pinned with their owner, because they are never moved
        // out of what is pinned, and `Timeout` has no `Drop` and no `Unpin` of
        // its own.
        let (future, timer) = unsafe {
            let this = self.get_unchecked_mut();
            (
                Pin::new_unchecked(&mut this.future),
                Pin::new_unchecked(&mut this.timer),
            )
        };
        let could = thread::has_budget();
        if let Poll::Ready(output) = future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // A future that uses the budget up in every poll must not keep the
        // timer from completing.
        let elapsed = if could && !thread::has_budget() {
            thread::without_budget(|| timer.poll(cx))
        } else {
            timer.poll(cx)
        };
        elapsed.map(|()| Err(Elapsed))
    }
}

impl<F: fmt::Debug> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("future", &self.future)
            .field("deadline", &self.timer.deadline())
            .finish()
    }
}

/// The time was up before the future of a [`timeout`] had completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up before the future had completed")
    }
}

impl Error for Elapsed {}

/// So that `?` works on a time limit around I/O. The kind is `TimedOut`.
impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}
