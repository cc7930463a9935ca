//! Many waiters, each of which may attempt whenever it is polled.
//!
//! One word tells a notifier whether anybody waits; the list behind it is locked only
//! if so. A notification takes the node that has waited longest out.
//!
//! Knows no ring: whether there is something to be had is the caller's predicate.

use std::pin::Pin;
use std::task::Waker;

use super::line::Line;
use super::list::Node;
use super::mode::{Mode, OneThread};
use super::{ConsumerPoint, Policy, WaitPoint, wake, wake_all};
use crate::sync::Site;

/// See the module.
#[derive(Debug)]
pub struct WaitQueue<M: Mode> {
    line: Line<M, ()>,
}

impl<M: Mode> WaitQueue<M> {
    pub(crate) fn new() -> Self {
        Self {
            line: Line::new(()),
        }
    }

    /// Whether anybody waits. To be asked after the protocol's fence.
    #[inline(always)]
    pub(crate) fn has_waiters(&self) -> bool {
        self.line.waiting() != 0
    }

    /// As [`register`](WaitPoint::register), for a waker that was cloned already.
    pub(super) fn register_owned(&self, node: Pin<&Node<M>>, waker: Waker) {
        let Err(waker) = self.line.rearm(node, waker) else {
            return;
        };
        node.reset();
        // SAFETY: the lock is held; the node is not linked, because its state is
        // `IDLE`. It is pinned, and `leave` takes it out before it goes, guaranteed by
        // `Waiter`, through which all futures wait.
        self.line
            .locked(|list, ()| unsafe { list.link(&node, waker) });
    }

    #[inline(never)]
    fn take_first(&self) -> Option<Waker> {
        // SAFETY: the lock is held, guaranteed by `locked`.
        self.line.locked(|list, ()| unsafe { list.pop_front() })
    }

    /// Wakes every waiter that is there now, once. A waiter that comes back
    /// while the others are woken waits for the next call: what it waits for may
    /// be gone again.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake_present(&self) {
        M::fence(Site::WakerFence);
        if self.has_waiters() {
            wake_all(self.present());
        }
    }

    /// Takes out those that wait now, one by one.
    pub(super) fn present(&self) -> impl FnMut() -> Option<Waker> {
        let last = self.line.look(|list, ()| list.last_ticket());
        let mut next = 0;
        move || {
            // SAFETY: the lock is held, guaranteed by `locked`.
            let popped = self
                .line
                .locked(|list, ()| unsafe { list.pop_of(next..=last) });
            let (ticket, waker) = popped?;
            next = ticket + 1;
            Some(waker)
        }
    }

    /// Takes one waiter out as if it had been notified; its waker.
    #[cfg(all(feature = "net", not(all(test, nexus_loom))))]
    pub(crate) fn dismiss(&self) -> Option<Waker> {
        self.take_first()
    }

    /// Whether nobody waits, as the owner of a queue of one thread sees it.
    #[cfg(all(feature = "net", not(all(test, nexus_loom))))]
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_waiters()
    }
}

impl<M: Mode> WaitPoint for WaitQueue<M> {
    type Mode = M;
    type Node = Node<M>;

    fn register(&self, node: Pin<&Node<M>>, waker: &Waker) {
        // A clone is user code: before anything is touched.
        self.register_owned(node, waker.clone());
    }

    fn leave(&self, node: Pin<&Node<M>>) {
        self.line.unlink(node);
        node.reset();
    }

    #[inline(always)]
    fn notify_one(&self) {
        M::fence(Site::WakerFence);
        if self.has_waiters()
            && let Some(waker) = self.take_first()
        {
            wake(waker);
        }
    }

    fn notify_all(&self) {
        M::fence(Site::WakerFence);
        wake_all(|| self.take_first());
    }
}

impl<M: Mode> Policy for WaitQueue<M> {}

impl WaitQueue<OneThread> {
    /// Not inlined: where nobody waits a send has no stack to set up.
    #[inline(never)]
    fn notify_some(&self) {
        if self.line.waiting() == 1 {
            self.notify_one();
        } else {
            self.wake_present();
        }
    }
}

/// The receiver of a channel within one thread.
impl ConsumerPoint for WaitQueue<OneThread> {
    #[inline(always)]
    fn before_look(&self) -> bool {
        true
    }

    #[inline(always)]
    fn notify_present(&self) {
        if self.has_waiters() {
            self.notify_some();
        }
    }

    #[inline(always)]
    fn succeeded(&self) {}

    fn close(&self, announce: impl FnOnce()) -> bool {
        announce();
        true
    }

    fn abandon(&self) {}

    fn is_late(&self) -> bool {
        false
    }
}
