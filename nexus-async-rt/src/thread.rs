//! Three facts of the current thread: its number, whether a `block_on` is on
//! its stack, and what is left of the running task's poll budget.
//!
//! Knows no task, no runtime and no channel; each of them meets the others
//! here. All three are plain thread-local cells without destructors, so they
//! can be asked at any time, also while the thread ends.

use std::cell::Cell;
use std::num::NonZeroU64;
use std::sync::Mutex;
use std::task::Context;

/// Completions that one poll of a task may see before it has to yield.
pub(crate) const POLL_BUDGET: i64 = 128;

/// Refusals after which a poll that does not yield gets a new budget. Such a
/// poll runs an executor of its own (`futures::executor::block_on` inside a
/// task): to refuse it for ever would be a hang.
///
/// The number has two sides. The other executor pays four refusals for each
/// completion: 60 ns a message under that of `futures-lite`, 1.4 µs under tokio's,
/// which asks its driver each time (with 65,536: 13 µs and 146 µs). A join of more
/// futures than this in one poll looks like an executor: of 10,000 that are ready,
/// 2,048 complete in the first poll instead of 128. That poll takes 120 µs instead
/// of 50, because each of them is asked anyway. Up to 640 nothing changes.
const REFUSALS: i64 = 512;

/// Outside a task of this crate nothing counts: more than can be used up.
const UNLIMITED: i64 = i64::MAX;

thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(0) };
    static BLOCK_ON: Cell<bool> = const { Cell::new(false) };
    static BUDGET: Cell<i64> = const { Cell::new(UNLIMITED) };
}

/// The number of this thread, 0 while it has none.
#[inline(always)]
pub(crate) fn number() -> u64 {
    NUMBER.get()
}

/// The number of this thread, from a process-wide counter: no two threads
/// ever have the same, not even one after the other.
pub(crate) fn assign_number() -> NonZeroU64 {
    static NEXT: Mutex<u64> = Mutex::new(1);
    if let Some(number) = NonZeroU64::new(NUMBER.get()) {
        return number;
    }
    let mut next = NEXT
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let number = NonZeroU64::new(*next).expect("thread numbers start at 1");
    *next += 1;
    NUMBER.set(number.get());
    number
}

/// Whether a `block_on` of this crate is on this thread's stack.
#[inline]
pub(crate) fn in_block_on() -> bool {
    BLOCK_ON.get()
}

/// Says that a `block_on` is on this thread's stack, until it is dropped.
#[derive(Debug)]
pub(crate) struct BlockOnGuard(());

impl BlockOnGuard {
    /// `None` if there is one already.
    pub(crate) fn enter() -> Option<Self> {
        (!BLOCK_ON.replace(true)).then(|| Self(()))
    }
}

impl Drop for BlockOnGuard {
    fn drop(&mut self) {
        BLOCK_ON.set(false);
    }
}

/// Gives the poll that is about to start its budget.
#[inline(always)]
pub(crate) fn start_budget() {
    BUDGET.set(POLL_BUDGET);
}

/// Nothing is counted until the next [`start_budget`].
#[inline(always)]
pub(crate) fn end_budget() {
    BUDGET.set(UNLIMITED);
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

/// Whether a future may complete now; wakes nobody if not.
#[inline(always)]
pub(crate) fn has_budget() -> bool {
    BUDGET.get() > 0
}

/// Counts a completion.
#[inline(always)]
pub(crate) fn completed() {
    BUDGET.set(BUDGET.get() - 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[test]
    fn numbers_are_never_reused() {
        let mine = assign_number();
        assert_eq!(mine.get(), number());
        assert_eq!(mine, assign_number());
        let other = std::thread::spawn(assign_number).join().unwrap();
        let next = std::thread::spawn(assign_number).join().unwrap();
        assert!(other != mine && next != mine && next != other);
    }

    #[test]
    fn budget_ends_and_a_poll_that_never_yields_gets_a_new_one() {
        let cx = Context::from_waker(Waker::noop());
        start_budget();
        for _ in 0..POLL_BUDGET {
            assert!(may_complete(&cx));
            completed();
        }
        let refusals = (0..).take_while(|_| !may_complete(&cx)).count();
        assert_eq!(refusals as i64, REFUSALS);
        end_budget();
        assert!((0..1000).all(|_| {
            completed();
            may_complete(&cx)
        }));
    }

    #[test]
    fn one_block_on_a_thread() {
        let first = BlockOnGuard::enter();
        assert!(first.is_some() && in_block_on());
        assert!(BlockOnGuard::enter().is_none());
        assert!(in_block_on());
        drop(first);
        assert!(!in_block_on());
    }
}
