//! The part of a task that has no type: what queues and wakers see. Below, a
//! task's life.
//!
//! This room knows no queue, no loop and no runtime. What has to happen to a task that
//! ends or is let go is asked of its [`Home`]. That is a trait that the runtime
//! implements and that is compiled into each task's table of functions.
//!
//! A task is one block: [`Header`], then the future, or the output in its
//! place. A pointer to the header needs no type.
//!
//! ```text
//!            spawn                wake                  pop
//!   (none) --------> READY queue <----- waiting    ---------> polled
//!                        ^                 ^                   |  |
//!                        |                 +---- Pending ------+  | Ready, panic,
//!                        +---- woken while polled --------+       | abort
//!                                                                 v
//!   memory gone <---- settled <---- no handle, not queued ---- COMPLETED
//! ```
//!
//! 1. *spawn*: `READY | HANDLE`, in the ready queue.
//! 2. *pop*: `READY` goes; the future is polled. What asks for its end meanwhile
//!    has to wait for the end of the poll.
//! 3. *pending*: nothing changes. A wake in between has set `READY` again.
//! 4. *end*: `COMPLETED` and `BUSY` come first, then the future is dropped, so
//!    that nothing that its destructor does can drop it twice or free the memory.
//!    `BUSY` goes when nothing of the task is on the stack any more.
//! 5. *settle*: completed, no handle, not queued, not busy. If no waker is
//!    left the memory goes; else the two halves of the waker count become one
//!    and the last waker takes the memory with it, on whatever thread.
//!
//! Invariants:
//! - Flags, links and the local half of the waker count are touched on the
//!   owning thread alone. Other threads touch `word` and, while they own the
//!   `CALLED` bit, the inbox link.
//! - A task is at most once in the ready queue (`READY`) and at most once in
//!   the inbox (`CALLED`, or a count that has reached zero). It may be in both.

use super::state::State;
use crate::sync::UnsafeCell;
use crate::unwind::Panic;
use std::cell::Cell;
use std::panic::Location;
use std::ptr;
use std::task::{Context, Waker};

/// What the owner of a task does when the task asks for it.
pub(crate) trait Home {
    /// Frees the memory of a task.
    ///
    /// # Safety
    /// - `task` is alive, nobody else knows of it, and this is its owning thread.
    unsafe fn free(task: *const Header);

    /// A reason to keep the task is gone: frees the memory if it was the last.
    ///
    /// # Safety
    /// - `task` is alive, and this is its owning thread.
    /// - The caller does not touch it afterwards.
    #[inline]
    unsafe fn release(task: *const Header) {
        // SAFETY: alive, because the caller says so; freed if nobody else
        // knows of it, and then not touched again.
        unsafe {
            let state = &raw const (*task).state;
            if (*state).is_done() && State::settle(state) {
                Self::free(task);
            }
        }
    }

    /// Ends the task now; right after the poll that is running, if it is its own;
    /// or right after the other task that is being ended. Whether it was still
    /// running. Does not release it.
    ///
    /// # Safety
    /// - `task` is alive, and the caller keeps it, by a handle or a waker; this is
    ///   its owning thread.
    unsafe fn abort(task: *const Header) -> bool;

    /// Drops the output, now or right after the task that is being ended; then
    /// releases the task. Returns the first panic.
    ///
    /// # Safety
    /// - [`State::begin_discard`] has said `true`; this is the owning thread.
    /// - The caller does not touch the task afterwards.
    unsafe fn discard(task: *const Header) -> Option<Panic>;

    /// Gives a waker up.
    ///
    /// # Safety
    /// - The caller has one, and does not touch the task afterwards; this is the
    ///   owning thread.
    #[inline(always)]
    unsafe fn drop_waker(task: *const Header) {
        // SAFETY: as the caller says; freed if the state says so.
        unsafe {
            if State::drop_local(&raw const (*task).state) {
                Self::free(task);
            }
        }
    }
}

/// What differs from one type of future to the next.
#[derive(Debug)]
pub(crate) struct TaskVtable {
    /// Polls the future. `true`: it has returned, and the output is in place.
    ///
    /// # Safety
    /// The owning thread, in [`State::begin_poll`]'s `true`.
    pub(crate) poll: unsafe fn(*const Header, &mut Context<'_>) -> bool,
    /// Drops the future.
    ///
    /// # Safety
    /// The owning thread, once, in [`State::begin_end`]'s `true`.
    pub(crate) drop_future: unsafe fn(*const Header),
    /// Drops the output.
    ///
    /// # Safety
    /// The owning thread, in [`State::take_output`]'s `true`.
    pub(crate) drop_output: unsafe fn(*const Header),
    /// [`Home::release`] of the task's home.
    pub(crate) release: unsafe fn(*const Header),
    /// [`Home::abort`] of the task's home.
    pub(crate) abort: unsafe fn(*const Header) -> bool,
    /// [`Home::discard`] of the task's home.
    pub(crate) discard: unsafe fn(*const Header) -> Option<Panic>,
    /// [`Home::drop_waker`] of the task's home.
    pub(crate) drop_waker: unsafe fn(*const Header),
    /// From the header to the output.
    pub(crate) output_offset: usize,
    /// Frees the block, on whatever thread, if it is one of its own; `None`: a
    /// slot, or part of something larger.
    ///
    /// # Safety
    /// Once, when nobody else knows of the task.
    pub(crate) dealloc: Option<unsafe fn(*const Header)>,
}

/// See the module.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) state: State,
    pub(crate) vtable: &'static TaskVtable,
    /// Whatever the home needs to find itself.
    pub(crate) home: *const (),
    /// The number of the owning thread.
    pub(crate) owner: u64,
    /// Link of the ready queue. Owner only, in use while `READY`.
    pub(crate) ready_next: Cell<*const Header>,
    /// Link of the inbox: the one that puts the task there writes it, the owner
    /// reads it.
    pub(crate) inbox_next: UnsafeCell<*const Header>,
    /// Links of the list of tasks alive, while `LISTED`; or of the queue of ends,
    /// which also takes finished tasks. Owner only.
    pub(crate) list_prev: Cell<*const Header>,
    /// See `list_prev`.
    pub(crate) list_next: Cell<*const Header>,
    /// What waits for the output. Owner only.
    pub(crate) joiner: Cell<Option<Waker>>,
    /// Where the task was spawned.
    pub(crate) location: &'static Location<'static>,
}

impl Header {
    /// A header that is in no list.
    #[inline(always)]
    pub(crate) fn new(
        state: State,
        vtable: &'static TaskVtable,
        home: *const (),
        owner: u64,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            state,
            vtable,
            home,
            owner,
            ready_next: Cell::new(ptr::null()),
            inbox_next: UnsafeCell::new(ptr::null()),
            list_prev: Cell::new(ptr::null()),
            list_next: Cell::new(ptr::null()),
            joiner: Cell::new(None),
            location,
        }
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    #[test]
    fn header_leaves_room_in_the_smallest_slot() {
        assert_eq!(crate::task::TASK_HEADER_SIZE, 96);
        const { assert!(crate::task::TASK_HEADER_SIZE < crate::task::MIN_SLOT_SIZE) };
    }
}
