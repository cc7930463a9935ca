//! What a runtime says about its thread.

use super::{BLOCK_ON, BUDGET, POLL_BUDGET, UNLIMITED};
use std::cell::Cell;
use std::num::NonZeroU64;
use std::sync::Mutex;

thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(0) };
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

/// Whether a future may complete now; wakes nobody if not.
#[inline(always)]
pub(crate) fn has_budget() -> bool {
    BUDGET.get() > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thread::{REFUSALS, completed, in_block_on, may_complete};
    use std::task::{Context, Waker};

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
