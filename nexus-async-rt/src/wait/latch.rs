//! A flag that is set once, and the futures that wait for it.
//!
//! Knows no tree and no runtime. What was done before the flag was set is seen
//! by every thread that sees it set. Many may wait; all of them are woken, and
//! nobody waits any more.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::mode::Threads;
use super::queue::WaitQueue;
use super::{WaitPoint, Waiter};
use crate::sync::{AtomicBool, Ordering, Site, full_fence, ordering};
use crate::thread;

type Waiters = WaitQueue<Threads>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Latch {
    set: AtomicBool,
    waiters: Waiters,
}

impl Latch {
    pub(crate) fn new() -> Self {
        Self {
            set: AtomicBool::new(false),
            waiters: WaitQueue::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn is_set(&self) -> bool {
        // Ordering: Acquire; pairs with the Release store in `mark`, so that
        // what came before it is visible.
        self.set.load(ordering(Site::LatchSee, Ordering::Acquire))
    }

    /// Sets the flag and wakes all that wait. Their wakers run here, with no
    /// lock held; if one panics the others are woken all the same, and the
    /// first panic goes on.
    #[cfg(any(feature = "rt", all(test, nexus_loom)))]
    pub(crate) fn set(&self) {
        if self.mark() {
            self.wake();
        }
    }

    /// Sets the flag, and says whether anybody is to be [woken](Latch::wake).
    /// Runs no foreign code.
    #[must_use]
    pub(crate) fn mark(&self) -> bool {
        // Ordering: Release; pairs with the Acquire load in `is_set`.
        self.set
            .store(true, ordering(Site::LatchSet, Ordering::Release));
        full_fence(Site::WakerFence);
        self.waiters.has_waiters()
    }

    /// Wakes all that wait.
    pub(crate) fn wake(&self) {
        self.waiters.notify_all();
    }
}

/// What leads a future to its latch.
///
/// # Safety
///
/// - `latch` gives the same latch each time, also after a move, and that stays
///   where it is while the holder exists.
pub(crate) unsafe trait Holder {
    fn latch(&self) -> &Latch;
}

/// Waits for a latch. `!Unpin`: the latch points into it while it waits.
pub(crate) struct LatchFut<H: Holder> {
    holder: H,
    waiter: Waiter<Waiters>,
}

// SAFETY: the field that is not auto is the node in the waiter, which is pinned
// and, while it is linked, touched under the lock of its list alone.
unsafe impl<H: Holder + Send> Send for LatchFut<H> {}
// SAFETY: no shared reference leads to the node.
unsafe impl<H: Holder + Sync> Sync for LatchFut<H> {}

impl<H: Holder> LatchFut<H> {
    pub(crate) fn new(holder: H) -> Self {
        Self {
            holder,
            waiter: Waiter::new(),
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.holder.latch().is_set()
    }
}

impl<H: Holder> Future for LatchFut<H> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        // SAFETY: the waiter is pinned with the whole; nothing moves it out.
        let this = unsafe { self.get_unchecked_mut() };
        let latch = this.holder.latch();
        // SAFETY: as above.
        let waiter = unsafe { Pin::new_unchecked(&mut this.waiter) };
        ready!(waiter.poll(&latch.waiters, cx, || latch.is_set().then_some(())));
        thread::completed();
        // SAFETY: the waiter is pinned.
        unsafe { this.waiter.leave(&latch.waiters) };
        Poll::Ready(())
    }
}

impl<H: Holder> Drop for LatchFut<H> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: pinned if it was ever polled, guaranteed by `poll`'s receiver;
        // the latch is the one that it was polled with, guaranteed by `Holder`.
        unsafe { self.waiter.leave(&self.holder.latch().waiters) };
    }
}
