//! The waiters of a single consumer: a cell for the first, a queue for those
//! that wait beside it.
//!
//! The usual case, one future at a time, takes no lock: it arms the cell. Two
//! futures on one handle are allowed, so the second goes to the queue. A
//! publication wakes the cell and all of the queue. So a future that is
//! notified and never polls again (leaked) keeps nothing from the others, and
//! one that leaves has nothing to hand on.
//!
//! Which future holds the cell is known to the consumer's side alone.

use std::cell::Cell;
use std::pin::Pin;
use std::task::Waker;

use super::cell::WaitCell;
use super::fence::{Adaptive, Fence};
use super::list::Node;
use super::mode::Threads;
use super::queue::WaitQueue;
use super::{ConsumerPoint, Policy, WaitPoint, wake, wake_again, wake_all};
use crate::sync::{AtomicBool, Ordering, Site, full_fence};
use crate::unwind::contained;

/// The wait point of a single consumer that other threads notify.
#[derive(Debug)]
pub struct ConsumerEnd {
    fence: Adaptive,
    cell: WaitCell,
    /// Whether a future holds the cell.
    occupied: AtomicBool,
    queue: WaitQueue<Threads>,
}

/// What a future of the consumer keeps.
#[derive(Debug)]
pub struct EndNode {
    holds_cell: Cell<bool>,
    queued: Node<Threads>,
}

impl Default for EndNode {
    #[inline(always)]
    fn default() -> Self {
        Self {
            holds_cell: Cell::new(false),
            queued: Node::default(),
        }
    }
}

impl EndNode {
    fn queued(self: Pin<&Self>) -> Pin<&Node<Threads>> {
        // SAFETY: the field is pinned with the whole, because nothing moves it
        // out and `EndNode` implements no `Drop` and is not `Unpin`.
        unsafe { self.map_unchecked(|node| &node.queued) }
    }
}

impl ConsumerEnd {
    pub(crate) fn new() -> Self {
        Self {
            fence: Adaptive::new(),
            cell: WaitCell::new(),
            occupied: AtomicBool::new(false),
            queue: WaitQueue::new(),
        }
    }

    fn register_owned(&self, node: Pin<&EndNode>, waker: Waker) {
        if !node.holds_cell.get() {
            // Ordering: Relaxed; written by the consumer's side alone.
            if self.occupied.load(Ordering::Relaxed) {
                return self.queue.register_owned(node.queued(), waker);
            }
            self.occupied.store(true, Ordering::Relaxed);
            node.holds_cell.set(true);
            // It may have been queued while another future held the cell. Its
            // waker is dropped there, which may call back: not before now.
            self.queue.leave(node.queued());
        }
        // SAFETY: one owner at a time, because `occupied` lets one future of
        // the consumer's side in, guaranteed by the lines above.
        unsafe { self.cell.register(waker) };
    }

    /// Wakes the cell and all of the queue.
    #[cold]
    fn wake_everyone(&self) {
        let mut cell = self.cell.take();
        let mut queued = self.queue.present();
        wake_all(|| cell.take().or_else(&mut queued));
    }

    #[cold]
    fn relax(&self) {
        // Ordering: Relaxed; written by the consumer's side alone. The queue
        // may look longer than it is, and not shorter: only this side adds.
        if !self.occupied.load(Ordering::Relaxed) && !self.queue.has_waiters() {
            self.fence.relax();
        }
    }
}

impl WaitPoint for ConsumerEnd {
    type Mode = Threads;
    type Node = EndNode;

    fn register(&self, node: Pin<&EndNode>, waker: &Waker) {
        // A clone is user code, which may change everything: before all else.
        let owned = waker.clone();
        let fenced = self.fence.before_register();
        self.register_owned(node, owned);
        if !fenced {
            wake_again(waker);
        }
    }

    fn leave(&self, node: Pin<&EndNode>) {
        if node.holds_cell.replace(false) {
            let waker = self.cell.take();
            // Ordering: Relaxed; written by the consumer's side alone.
            self.occupied.store(false, Ordering::Relaxed);
            contained(|| drop(waker));
        } else {
            self.queue.leave(node.queued());
        }
    }

    #[inline(always)]
    fn notify_one(&self) {
        if self.before_look() {
            self.notify_present();
        }
    }

    fn notify_all(&self) {
        full_fence(Site::WakerFence);
        self.wake_everyone();
    }
}

impl Policy for ConsumerEnd {
    /// A receiver that is faster than its sender catches up with it after each
    /// message, and each time takes the line away that the sender is about to
    /// write. Left alone for a moment, the sender writes several.
    fn lingers(&self) -> bool {
        /// A tenth of a microsecond in all, which other tasks have to wait.
        const SPINS: usize = 4;
        let dense = self.fence.is_dense();
        if dense {
            (0..SPINS).for_each(|_| std::hint::spin_loop());
        }
        dense
    }
}

impl ConsumerEnd {
    /// Not inlined, so that the way of a message that nobody waits for stays short.
    #[inline(never)]
    fn wake_present(&self) {
        if self.queue.has_waiters() {
            self.wake_everyone();
        } else if let Some(waker) = self.cell.take() {
            wake(waker);
        }
    }
}

impl ConsumerPoint for ConsumerEnd {
    #[inline(always)]
    fn succeeded(&self) {
        if self.fence.succeeded() {
            self.relax();
        }
    }

    #[inline(always)]
    fn before_look(&self) -> bool {
        self.fence.before_look()
    }

    #[inline(always)]
    fn notify_present(&self) {
        if self.queue.has_waiters() || self.cell.is_armed() {
            self.wake_present();
        }
    }

    fn close(&self, announce: impl FnOnce()) -> bool {
        self.fence.close(announce)
    }

    fn abandon(&self) {
        self.fence.abandon();
    }

    fn is_late(&self) -> bool {
        self.fence.is_late()
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use super::*;
    use crate::wait::Waiter;
    use std::pin::pin;
    use std::task::{Context, Poll};

    /// A receive that was cancelled gives the cell back: the next one does not
    /// have to take the lock of the queue.
    #[test]
    fn the_cell_is_free_again_after_a_cancelled_receive() {
        let end = ConsumerEnd::new();
        let cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            let mut waiter = pin!(Waiter::new());
            let poll: Poll<()> = waiter.as_mut().poll(&end, &cx, || None);
            assert!(poll.is_pending());
            assert!(end.cell.is_armed() && !end.queue.has_waiters());
            // SAFETY: the waiter is pinned.
            unsafe { waiter.get_unchecked_mut().leave(&end) };
            assert!(!end.cell.is_armed() && !end.occupied.load(Ordering::Relaxed));
        }
    }
}
