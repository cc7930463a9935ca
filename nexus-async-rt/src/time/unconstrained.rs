//! Lifting the cooperation budget.

use crate::thread;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs `future` without the limit on completions in one poll.
///
/// In one poll of a task this crate's futures complete at most 128 times. The next
/// one wakes its task and returns `Pending`: a loop over a channel that is never
/// empty cannot hold back the other tasks. Inside `unconstrained` nothing is
/// counted.
///
/// A poll that is refused 512 times and has still not returned completes 128 times
/// more, and so on. It runs an executor of its own, such as the `block_on` of
/// `futures` or tokio inside a task, and would otherwise never end. There, each
/// completion costs four refusals: `unconstrained` around what that executor runs
/// spares them. A join of more than 640 futures in one task looks the same, and
/// completes more than 128 of them in one poll.
///
/// A `select` that polls in a fixed order gets to its later branches only when the
/// earlier ones wait, or when the earlier ones have used all completions up. In that
/// case the later ones may not complete either. Therefore what ends a loop (a token,
/// a timer) comes first, before what may always be ready (a channel).
///
/// # Example
/// ```
/// use nexus_async_rt::time::unconstrained;
/// use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
///
/// let mut rt = RuntimeBuilder::new().build();
/// let sum = rt.block_on(unconstrained(async {
///     let mut sum = 0;
///     for n in 0..1000 {
///         sum += spawn_boxed(async move { n }).await;
///     }
///     sum
/// }));
/// assert_eq!(sum, 499_500);
/// ```
pub fn unconstrained<F: Future>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

/// The future of [`unconstrained`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Unconstrained<F> {
    future: F,
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the field is pinned with its owner: it is never moved out,
        // and `Unconstrained` has no `Drop` and no `Unpin` of its own.
        let future = unsafe { self.map_unchecked_mut(|this| &mut this.future) };
        thread::without_budget(|| future.poll(cx))
    }
}
