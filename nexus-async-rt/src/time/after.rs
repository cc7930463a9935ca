//! Running a future later.

use super::sleep::{Sleep, sleep, sleep_until};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// Waits until `deadline`, then runs `future`, which is not polled before.
///
/// # Cancel safety
/// Dropped before the deadline, `future` has never been polled.
///
/// # Example
/// ```
/// use nexus_async_rt::time::after;
/// use nexus_async_rt::{RuntimeBuilder, now};
/// use std::time::Duration;
///
/// let mut rt = RuntimeBuilder::new().start_paused(true).build();
/// rt.block_on(async {
///     let open = now() + Duration::from_secs(60);
///     assert_eq!(after(open, async { now() }).await, open);
/// });
/// ```
#[inline]
pub fn after<F: Future>(deadline: Instant, future: F) -> After<F> {
    After {
        future,
        timer: sleep_until(deadline),
        waited: false,
    }
}

/// Waits for `duration` from this call on, then runs `future`; otherwise as
/// [`after`].
#[inline]
pub fn after_delay<F: Future>(duration: Duration, future: F) -> After<F> {
    After {
        future,
        timer: sleep(duration),
        waited: false,
    }
}

/// The future of [`after`] and [`after_delay`].
///
/// # Panics
/// As [`Sleep`].
#[must_use = "futures do nothing unless awaited"]
pub struct After<F> {
    future: F,
    timer: Sleep,
    waited: bool,
}

impl<F: Future> Future for After<F> {
    type Output = F::Output;

    #[track_caller]
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: both futures are pinned with their owner, because they are
        // never moved out, and `After` has no `Drop` and no `Unpin` of its own.
        let (future, timer, waited) = unsafe {
            let this = self.get_unchecked_mut();
            (
                Pin::new_unchecked(&mut this.future),
                Pin::new_unchecked(&mut this.timer),
                &mut this.waited,
            )
        };
        if !*waited {
            ready!(timer.poll(cx));
            *waited = true;
        }
        future.poll(cx)
    }
}

impl<F> fmt::Debug for After<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("After")
            .field("deadline", &self.timer.deadline())
            .field("waited", &self.waited)
            .finish_non_exhaustive()
    }
}
