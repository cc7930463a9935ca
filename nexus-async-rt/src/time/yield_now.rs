//! Letting the others run.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets the others run first.
///
/// In a task, everything that is ready when it yields is polled before it comes up
/// again: the queue is first in, first out. The future of `block_on` itself is not
/// in the queue. It comes up again with the next turn of the loop. Before it come
/// at most `tasks_per_cycle` tasks (64 by default), the wake-ups of other threads,
/// and the timers that are due then.
///
/// # Example
/// ```
/// use nexus_async_rt::{RuntimeBuilder, spawn_boxed, yield_now};
///
/// let mut rt = RuntimeBuilder::new().build();
/// rt.block_on(async {
///     let other = spawn_boxed(async {});
///     yield_now().await;
///     assert!(other.is_finished());
/// });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
