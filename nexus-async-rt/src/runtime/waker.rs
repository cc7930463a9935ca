//! The waker of a task: one table of functions for all threads.
//!
//! The header knows its owner by a number that no other thread ever gets. On
//! that thread a waker touches plain fields and the ready queue; on any other
//! the atomic word and the inbox.

use super::block::Block;
use super::inbox;
use crate::task::{Header, Home};
use crate::thread;
use std::mem::ManuallyDrop;
use std::task::{RawWaker, RawWakerVTable, Waker};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// A waker of `task` that counts for nothing and is not dropped.
///
/// # Safety
/// - `task` stays alive while what is returned, or a reference to it, is used.
#[inline(always)]
pub(super) unsafe fn borrowed(task: *const Header) -> ManuallyDrop<Waker> {
    // SAFETY: the functions of the table follow the contract of `RawWaker`,
    // from any thread, as long as the task is alive.
    ManuallyDrop::new(unsafe { Waker::new(task.cast(), &VTABLE) })
}

/// The waker of the root of a runtime.
#[inline(always)]
pub(super) fn of_root(shared: &Block) -> ManuallyDrop<Waker> {
    // SAFETY: the root lives as long as `shared`.
    unsafe { borrowed(&shared.alive.root) }
}

/// The task behind a waker, and whether this is its owner's thread.
///
/// # Safety
/// - `data` is the data of a waker of this table.
#[inline(always)]
unsafe fn task(data: *const ()) -> (*const Header, bool) {
    let task: *const Header = data.cast();
    // SAFETY: alive, because the waker counts, or borrows from what keeps it.
    let owner = unsafe { (*task).owner };
    (task, owner == thread::number())
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: std calls this with a waker's data; the state is alive with it.
    unsafe {
        let (task, local) = task(data);
        if local {
            (*task).state.clone_local();
        } else {
            (*task).state.clone_foreign();
        }
    }
    RawWaker::new(data, &VTABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: as in `clone`; std gives the waker's reference away with it.
    unsafe {
        let (task, local) = task(data);
        if !local {
            return inbox::wake(task);
        }
        Block::wake(task);
        Block::drop_waker(task);
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: as in `clone`.
    unsafe {
        let (task, local) = task(data);
        if !local {
            return inbox::wake_by_ref(task);
        }
        Block::wake(task);
    }
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: as in `wake`.
    unsafe {
        let (task, local) = task(data);
        if !local {
            return inbox::drop_waker(task);
        }
        Block::drop_waker(task);
    }
}
