//! Ends of tasks that are asked for while another one is under way.
//!
//! The destructor of a future may abort another task, and its destructor the next.
//! The destructor of an output may drop the handle of a finished task, and its
//! output may hold the next handle. Neither may cost stack. So one end of a
//! runtime is under way at a time, the *outermost*: what is asked for meanwhile is
//! queued here, and done before the outermost call returns.
//!
//! Knows no loop. The queue runs through the links of the list of live tasks,
//! which a queued task has left: it allocates nothing.
//!
//! | queued | state | what happens to it |
//! |---|---|---|
//! | a live task | `ABORT`, not `COMPLETED` | its future is dropped |
//! | a finished task without a handle | `BUSY`, `OUTPUT` | its output is dropped |
//!
//! A queued task still counts among the tasks alive, and is not polled: nothing
//! is, before the queue is empty. Where a destructor drives the loop itself,
//! between two runs, that run does first what is queued.

use crate::task::Header;
use std::cell::Cell;
use std::ptr;

/// See the module.
#[derive(Debug)]
pub(crate) struct Ends {
    /// The runtime is being dropped: futures spawned now are dropped at once.
    pub(crate) closing: Cell<bool>,
    /// A future spawned while `closing` is being dropped up the stack.
    pub(crate) dropping_late: Cell<bool>,
    /// The outermost end is under way.
    busy: Cell<bool>,
    oldest: Cell<*const Header>,
    newest: Cell<*const Header>,
}

impl Ends {
    pub(crate) fn new() -> Self {
        Self {
            closing: Cell::new(false),
            dropping_late: Cell::new(false),
            busy: Cell::new(false),
            oldest: Cell::new(ptr::null()),
            newest: Cell::new(ptr::null()),
        }
    }

    /// # Safety
    /// - `task` is alive, in no list, and stays alive while it is queued.
    pub(crate) unsafe fn push(&self, task: *const Header) {
        let newest = self.newest.replace(task);
        // SAFETY: alive, as the caller says; so is what is queued already.
        unsafe {
            (*task).list_next.set(ptr::null());
            if newest.is_null() {
                self.oldest.set(task);
            } else {
                (*newest).list_next.set(task);
            }
        }
    }

    pub(crate) fn pop(&self) -> Option<*const Header> {
        let task = self.oldest.get();
        if task.is_null() {
            return None;
        }
        // SAFETY: alive while it is queued, guaranteed by `push`. Linked to
        // itself it can be taken out of the list of live tasks once more.
        unsafe {
            let next = (*task).list_next.replace(task);
            (*task).list_prev.set(task);
            self.oldest.set(next);
            if next.is_null() {
                self.newest.set(next);
            }
        }
        Some(task)
    }

    /// Whether the outermost end is under way, so that others are queued.
    #[inline(always)]
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.get()
    }

    /// Queues ends until what is returned is dropped.
    pub(crate) fn begin(&self) -> Outermost<'_> {
        self.replace(true)
    }

    /// Queues none, although an end is under way, until what is returned is dropped.
    pub(crate) fn begin_run(&self) -> Outermost<'_> {
        self.replace(false)
    }

    fn replace(&self, busy: bool) -> Outermost<'_> {
        Outermost {
            ends: self,
            was_busy: self.busy.replace(busy),
        }
    }
}

/// Puts back whether ends are queued when it is dropped.
#[derive(Debug)]
pub(crate) struct Outermost<'a> {
    ends: &'a Ends,
    was_busy: bool,
}

impl Drop for Outermost<'_> {
    fn drop(&mut self) {
        self.ends.busy.set(self.was_busy);
    }
}
