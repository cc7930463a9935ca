//! Letting the others run.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets every other task that is ready run first.
///
/// # Example
/// ```
/// use nexus_async_rt::{Runtime, spawn_boxed, yield_now};
/// use nexus_rt::WorldBuilder;
///
/// let mut world = WorldBuilder::new().build();
/// let mut rt = Runtime::new(&mut world);
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
