//! The waiters of a single consumer: a cell for the first, a queue for those
//! that wait beside it.
//!
//! The usual case, one future at a time, takes no lock: it arms the cell. Two
//! futures on one handle are allowed, so the second goes to the queue; a
//! notification goes to the cell if it is armed and else to the queue, so that
//! a future that was notified and never polls again (leaked) does not keep
//! the next notification from the others.
//!
//! Which future holds the cell is known to the consumer's side alone.

use std::cell::Cell;
use std::pin::Pin;
use std::task::Waker;

use super::cell::WaitCell;
use super::list::Node;
use super::mode::Threads;
use super::queue::WaitQueue;
use super::{Admission, WaitPoint, wake, wake_all};
use crate::sync::{AtomicBool, Ordering, Site, full_fence};
use crate::unwind::contained;

/// The wait point of a single consumer that other threads notify.
#[derive(Debug)]
pub struct ConsumerEnd {
    cell: WaitCell,
    /// Whether a future holds the cell.
    occupied: AtomicBool,
    queue: WaitQueue<Threads, false>,
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
            cell: WaitCell::new(),
            occupied: AtomicBool::new(false),
            queue: WaitQueue::new(),
        }
    }
}

impl WaitPoint for ConsumerEnd {
    type Mode = Threads;
    type Node = EndNode;

    #[inline(always)]
    fn admits_newcomer(&self) -> bool {
        true
    }

    fn admits(&self, _: Pin<&EndNode>) -> Admission {
        Admission::Now
    }

    fn register(&self, node: Pin<&EndNode>, waker: &Waker) {
        if !node.holds_cell.get() {
            // Ordering: Relaxed; written by the consumer's side alone.
            if self.occupied.load(Ordering::Relaxed) {
                return self.queue.register(node.queued(), waker);
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
        full_fence(Site::WakerFence);
        if self.cell.is_armed()
            && let Some(waker) = self.cell.take()
        {
            return wake(waker);
        }
        if self.queue.has_waiters()
            && let Some(waker) = self.queue.take_first()
        {
            wake(waker);
        }
    }

    fn notify_all(&self) {
        full_fence(Site::WakerFence);
        let mut cell = self.cell.take();
        wake_all(|| cell.take().or_else(|| self.queue.take_first()));
    }
}
