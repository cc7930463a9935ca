//! The tasks that are to be polled, in the order in which they were woken.
//!
//! Knows no state: a caller that pushes a task has set its `READY` flag, one
//! that pops it clears it. A list through the headers; its tail is a pointer to
//! the last link, so that a push is two stores.

use crate::task::Header;
use std::cell::Cell;
use std::ptr;

/// See the module. Points into itself: not to be moved once [set
/// up](Ready::set_up).
#[derive(Debug)]
pub(crate) struct Ready {
    head: Cell<*const Header>,
    /// The link that the next task goes into: `head`, or the last task's.
    tail: Cell<*const Cell<*const Header>>,
}

impl Ready {
    pub(crate) fn new() -> Self {
        Self {
            head: Cell::new(ptr::null()),
            tail: Cell::new(ptr::null()),
        }
    }

    /// Makes an empty queue of it, where it lies.
    pub(crate) fn set_up(&self) {
        self.tail.set(&self.head);
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        ptr::eq(self.tail.get(), &self.head)
    }

    /// # Safety
    /// - `task` is alive, not in the queue, and stays alive while it is.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, task: *const Header) {
        // SAFETY: `tail` points to `head` or into a task in the queue, and both
        // are alive, guaranteed by `set_up` and by who pushed that task.
        unsafe {
            debug_assert!(!ptr::eq(self.tail.get(), &raw const (*task).ready_next));
            (*self.tail.get()).set(task);
            self.tail.set(&raw const (*task).ready_next);
        }
    }

    /// The oldest task.
    #[inline(always)]
    pub(crate) fn pop(&self) -> Option<*const Header> {
        if self.is_empty() {
            return None;
        }
        let task = self.head.get();
        // SAFETY: alive while it is in the queue, guaranteed by its pusher.
        let next = unsafe { &raw const (*task).ready_next };
        if ptr::eq(self.tail.get(), next) {
            self.tail.set(&self.head);
        } else {
            // SAFETY: as above; not the last one, so its link has been set.
            self.head.set(unsafe { (*next).get() });
        }
        Some(task)
    }
}
