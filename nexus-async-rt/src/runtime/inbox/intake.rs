//! What comes in to a runtime, and what keeps its block: the owner's side of the
//! inbox, the ready queue behind it, and how both end.
//!
//! Knows no loop, no future and no slab: how a task's memory goes is its home's
//! matter. So the models have it as it is.

use super::bell::Bell;
use super::ready::Ready;
use super::{Inbox, Park};
use crate::task::{Ended, Header, Home};
use std::cell::Cell;
use std::ptr;

/// See the module. It is the first field of what it is part of, as the inbox is
/// its own: the home of the tasks is the address of all three.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Intake {
    inbox: Inbox,
    /// Chain of tasks taken out of the inbox, not yet looked at.
    pending: Cell<*const Header>,
    pub(crate) ready: Ready,
    /// Tasks and claims with memory that exists, the root among them.
    live: Cell<usize>,
    /// The runtime is gone: `live` is counted by the inbox.
    closed: Cell<bool>,
}

impl Intake {
    /// With a root. [Set up](Ready::set_up) the ready queue where it lies.
    pub(crate) fn new(bell: Bell, destroy: unsafe fn(*const Inbox)) -> Self {
        Self {
            inbox: Inbox::new(bell, destroy),
            pending: Cell::new(ptr::null()),
            ready: Ready::new(),
            live: Cell::new(1),
            closed: Cell::new(false),
        }
    }

    #[inline(always)]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// A task or claim exists.
    #[inline(always)]
    pub(crate) fn keep(&self) {
        self.live.set(self.live.get() + 1);
    }

    /// A task or claim exists no longer.
    ///
    /// # Safety
    /// - As often as [`Intake::keep`]; `this` is not used afterwards, unless the
    ///   caller has another reason to keep it.
    #[inline(always)]
    pub(crate) unsafe fn let_go(this: *const Self) {
        // SAFETY: alive, because the caller keeps it.
        unsafe {
            if (*this).closed.get() {
                Inbox::let_go(this.cast());
            } else {
                (*this).live.set((*this).live.get() - 1);
            }
        }
    }

    /// A wake on the owner's thread.
    ///
    /// # Safety
    /// - `task` is alive, and of this home.
    #[inline(always)]
    pub(crate) unsafe fn wake(&self, task: *const Header) {
        // SAFETY: as the caller says; alive while it is queued, because of its
        // flag.
        unsafe {
            if (*task).state.make_ready() {
                self.ready.push(task);
            }
        }
    }

    /// Whether there is something that was not looked at; a hint, and enough for a
    /// loop that will look again.
    #[inline(always)]
    pub(crate) fn has_mail(&self) -> bool {
        !self.pending.get().is_null() || !self.inbox.is_empty()
    }

    /// Takes at most `limit` tasks from the inbox; how many of them were woken.
    pub(crate) fn drain<H: Home>(&self, limit: usize) -> u64 {
        let mut woken = 0;
        for _ in 0..limit {
            let mut chain = self.pending.get();
            if chain.is_null() {
                chain = self.inbox.take();
                if chain.is_null() {
                    break;
                }
            }
            // SAFETY: a chain from the inbox, not empty; it goes on with the
            // next before the task is given up.
            unsafe {
                self.pending.set(Inbox::next(chain));
                woken += u64::from(self.receive::<H>(chain));
            }
        }
        woken
    }

    /// A task came out of the inbox: it was woken (`true`), or is to be freed.
    ///
    /// # Safety
    /// - Once for each time that it came out; its link is not used any more.
    unsafe fn receive<H: Home>(&self, task: *const Header) -> bool {
        // SAFETY: alive, because what is in the inbox has a reference or is
        // the inbox's alone.
        unsafe {
            let woken = (*task).state.take_call();
            if woken {
                self.wake(task);
                H::drop_waker(task);
            } else if self.is_closed() {
                super::free_orphan(task);
            } else {
                H::free(task);
            }
            woken
        }
    }

    /// See [`Inbox::begin_park`].
    pub(crate) fn begin_park(&self, park: Park) -> bool {
        self.inbox.begin_park(park)
    }

    /// See [`Inbox::sleep`].
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(crate) fn sleep(&self) -> bool {
        self.inbox.sleep()
    }

    /// See [`Inbox::end_park`].
    pub(crate) fn end_park(&self) {
        // Nothing was pending, or there would have been no park.
        self.pending.set(self.inbox.end_park());
    }

    /// Ends the root and lets go of the block: from now on tasks and claims keep
    /// it, each by itself.
    ///
    /// # Safety
    /// - Called once, by the owner; `this` is not used afterwards.
    /// - No task is alive, and none is in the ready queue. `root` is part of the
    ///   block.
    pub(crate) unsafe fn close<H: Home>(this: *const Self, root: *const Header) {
        // SAFETY: alive, because the owner is a keeper until the last line.
        unsafe {
            (*this).inbox.keep((*this).live.get());
            (*this).closed.set(true);
            (*root).state.begin_end(Ended::Shutdown);
            (*root).state.end_busy();
            let waiting = (*this).pending.replace(ptr::null());
            let closed = (*this).inbox.close();
            for mut chain in [waiting, closed] {
                while !chain.is_null() {
                    let task = chain;
                    chain = Inbox::next(task);
                    (*this).receive::<H>(task);
                }
            }
            (*root).state.take_ready();
            H::release(root);
            Inbox::let_go(this.cast());
        }
    }
}

#[cfg(all(test, nexus_loom))]
impl Intake {
    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// See [`Inbox::end`].
    pub(crate) fn end(&mut self) {
        self.inbox.end();
    }
}
