//! Three facts of the current thread: its number, whether a `block_on` is on
//! its stack, and what is left of the running task's poll budget.
//!
//! Knows no task, no runtime and no channel; each of them meets the others
//! here. All three are plain thread-local cells without destructors, so they
//! can be asked at any time, also while the thread ends. A runtime sets them
//! (`owner`); every future asks.

#[cfg(feature = "rt")]
mod owner;

#[cfg(feature = "rt")]
pub(crate) use owner::{BlockOnGuard, assign_number, end_budget, has_budget, number, start_budget};

use std::cell::Cell;
use std::task::Context;

/// Completions that one poll of a task may see before it has to yield.
pub(crate) const POLL_BUDGET: i64 = 128;

/// Refusals after which a poll that does not yield gets a new budget. Such a
/// poll runs an executor of its own (`futures::executor::block_on` inside a
/// task): to refuse it for ever would be a hang.
///
/// The number has two sides. The other executor pays four refusals for each
/// completion. That is 60 ns a message under that of `futures-lite`, 1.4 µs under
/// tokio's, which asks its driver each time (with 65,536: 13 µs and 146 µs). A
/// join of more futures than this in one poll looks like an executor: of 10,000
/// that are ready, 2,048 complete in the first poll instead of 128. That poll
/// takes 120 µs instead of 50, because each of them is asked anyway. Up to 640
/// nothing changes.
const REFUSALS: i64 = 512;

/// Outside a task of this crate nothing counts: more than can be used up.
const UNLIMITED: i64 = i64::MAX;

thread_local! {
    static BLOCK_ON: Cell<bool> = const { Cell::new(false) };
    static BUDGET: Cell<i64> = const { Cell::new(UNLIMITED) };
}

/// Whether a `block_on` of this crate is on this thread's stack.
#[inline]
pub(crate) fn in_block_on() -> bool {
    BLOCK_ON.get()
}

/// Runs `f` with nothing counted.
pub(crate) fn without_budget<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(i64);
    impl Drop for Restore {
        fn drop(&mut self) {
            BUDGET.set(self.0);
        }
    }
    let _restore = Restore(BUDGET.replace(UNLIMITED));
    f()
}

/// Whether a future may complete now. If not, its task has been woken and the
/// future returns `Pending`.
#[inline(always)]
pub(crate) fn may_complete(cx: &Context<'_>) -> bool {
    BUDGET.get() > 0 || refuse(cx)
}

#[cold]
fn refuse(cx: &Context<'_>) -> bool {
    let left = BUDGET.get() - 1;
    if left < -REFUSALS {
        BUDGET.set(POLL_BUDGET);
        return true;
    }
    BUDGET.set(left);
    cx.waker().wake_by_ref();
    false
}

/// Counts a completion.
#[inline(always)]
pub(crate) fn completed() {
    BUDGET.set(BUDGET.get() - 1);
}
