//! Many waiters, served in the order in which they began to wait.
//!
//! One word tells a notifier whether anybody waits; the list behind it is
//! locked only if so. A notification takes the first node out and marks it: it
//! has its *turn*, which ends when it comes back, with what it waited for or
//! without; then it is linked again at the place it had. It comes back without,
//! and does not even look, if one that waited longer is back in the list: what
//! has become free is for that one. While anyone waits or has a turn, whoever
//! comes new goes to the end of the list.
//!
//! Knows no ring: whether there is room is the caller's predicate.

use std::pin::Pin;
use std::task::Waker;

use super::fence::Fence;
use super::list::{LINKED, List, NOTIFIED, Node};
use super::mode::{Lock, Mode, Word};
use super::{Admission, WaitPoint, wake, wake_all};
use crate::sync::{Ordering, Site};
use crate::unwind::contained;

/// The queue. With `FIFO`, a future attempts only when nobody waits in front
/// of it; without, every future attempts whenever it is polled.
#[derive(Debug)]
pub struct WaitQueue<M: Mode, const FIFO: bool> {
    /// The length of the list, written under its lock.
    waiting: M::Word,
    /// Whose turn it is, likewise.
    turns: M::Word,
    fence: M::Fence,
    list: M::Lock<List<M>>,
}

impl<M: Mode, const FIFO: bool> WaitQueue<M, FIFO> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: M::Word::new(0),
            turns: M::Word::new(0),
            fence: M::Fence::new(),
            list: M::Lock::new(List::default()),
        }
    }

    /// Whether anybody waits. To be asked after the protocol's fence.
    #[inline(always)]
    pub(super) fn has_waiters(&self) -> bool {
        // Ordering: Relaxed; ordered by the fence before it.
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// Runs `f` under the lock and renews the counts.
    fn locked<R>(&self, f: impl FnOnce(&mut List<M>) -> R) -> R {
        self.list.with(|list| {
            let result = f(list);
            // Ordering: Relaxed; for notifiers ordered by the fences.
            self.waiting.store(list.len(), Ordering::Relaxed);
            if FIFO {
                // Ordering: Relaxed; a newcomer that misses it overtakes, no more.
                self.turns.store(list.turns(), Ordering::Relaxed);
            }
            result
        })
    }

    /// As [`register`](WaitPoint::register), for a waker that was cloned already.
    pub(super) fn register_owned(&self, node: Pin<&Node<M>>, waker: Waker) {
        let waker = match node.state() {
            // SAFETY: the lock is held; the node is in this list or in none,
            // because no other links it.
            LINKED => match self.locked(|list| unsafe { list.rearm(&node, waker) }) {
                Ok(old) => return drop(old),
                // Notified since the attempt, which may have been in vain.
                Err(waker) => waker,
            },
            _ => waker,
        };
        let had_turn = FIFO && node.state() == NOTIFIED;
        node.reset();
        let refused = self.locked(|list| {
            if had_turn {
                list.end_turn();
            }
            if !self.fence.before_register() {
                return Some(waker);
            }
            // SAFETY: the lock is held; the node is not linked, because its
            // state is `IDLE`; it is pinned, and `leave` takes it out before it
            // goes, guaranteed by `Waiter`, through which all futures wait.
            unsafe { list.link(&node, waker) };
            None
        });
        if let Some(waker) = refused {
            waker.wake();
        }
    }

    #[cold]
    fn relax(&self) {
        self.locked(|list| {
            if list.len() == 0 {
                self.fence.relax();
            }
        });
    }

    pub(super) fn take_first(&self) -> Option<Waker> {
        // SAFETY: the lock is held, guaranteed by `locked`.
        self.locked(|list| unsafe { list.pop_front() })
    }

    /// Wakes every waiter that is there now, once. A waiter that comes back
    /// while the others are woken waits for the next call: what it waits for may
    /// be gone again.
    #[cfg(not(all(test, nexus_loom)))]
    pub(crate) fn wake_present(&self) {
        M::fence(Site::WakerFence);
        if !self.has_waiters() {
            return;
        }
        let last = self.list.with(|list| list.last_ticket());
        let mut next = 0;
        wake_all(|| {
            // SAFETY: the lock is held, guaranteed by `locked`.
            let (ticket, waker) = self.locked(|list| unsafe { list.pop_of(next..=last) })?;
            next = ticket + 1;
            Some(waker)
        });
    }

    /// Takes one waiter out as if it had been notified; its waker.
    #[cfg(not(all(test, nexus_loom)))]
    pub(crate) fn dismiss(&self) -> Option<Waker> {
        self.take_first()
    }

    /// Whether nobody waits, as the owner of a queue of one thread sees it.
    #[cfg(not(all(test, nexus_loom)))]
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_waiters()
    }

    /// What [`notify_one`](WaitPoint::notify_one) wakes.
    #[inline(always)]
    pub(crate) fn to_notify(&self) -> Option<Waker> {
        if self.fence.before_look() && self.has_waiters() {
            self.take_first()
        } else {
            None
        }
    }
}

impl<M: Mode, const FIFO: bool> WaitPoint for WaitQueue<M, FIFO> {
    type Mode = M;
    type Node = Node<M>;

    #[inline(always)]
    fn admits_newcomer(&self) -> bool {
        // Ordering: Relaxed; as in `locked`.
        !FIFO || (!self.has_waiters() && self.turns.load(Ordering::Relaxed) == 0)
    }

    fn admits(&self, node: Pin<&Node<M>>) -> Admission {
        // Out of the list, it may miss one that has just come back to it, which
        // it then overtakes, no more.
        if FIFO && (node.state() == LINKED || self.has_waiters()) {
            self.locked(|list| list.admits(&node))
        } else {
            Admission::Now
        }
    }

    fn lingers(&self) -> bool {
        false
    }

    fn register(&self, node: Pin<&Node<M>>, waker: &Waker) {
        // A clone is user code: before anything is touched.
        self.register_owned(node, waker.clone());
    }

    fn leave(&self, node: Pin<&Node<M>>) {
        if node.state() == LINKED {
            // SAFETY: the lock is held; the node is in this list or, if it
            // was notified meanwhile, in none.
            let waker = self.locked(|list| unsafe { list.unlink(&node) });
            contained(|| drop(waker));
        }
        if FIFO && node.state() == NOTIFIED {
            self.locked(List::end_turn);
        }
        node.reset();
    }

    #[inline(always)]
    fn succeeded(&self) {
        if self.fence.succeeded() {
            self.relax();
        }
    }

    #[inline(always)]
    fn notify_one(&self) {
        if let Some(waker) = self.to_notify() {
            wake(waker);
        }
    }

    fn notify_all(&self) {
        M::fence(Site::WakerFence);
        wake_all(|| self.take_first());
        if FIFO {
            // Nobody is to wait for anyone any more.
            self.locked(List::end_turns);
        }
    }
}
