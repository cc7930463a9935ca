//! A task with its types: the future, or the output in its place.

use super::header::{Header, Home, TaskVtable};
use super::state::Ended;
use crate::unwind::{caught, contained};
use std::alloc::{Layout, dealloc};
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, offset_of};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};

/// First the one, then the other; the flags in the header say which.
#[repr(C)]
union Payload<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<F::Output>,
}

/// The block of one task.
#[repr(C)]
struct TaskCell<F: Future> {
    header: Header,
    payload: Payload<F>,
}

/// The functions of a task of type `F` at home in `H`.
struct Table<F, H, const BOXED: bool>(PhantomData<(F, H)>);

impl<F: Future, H: Home, const BOXED: bool> Table<F, H, BOXED> {
    const VTABLE: TaskVtable = TaskVtable {
        poll: poll::<F>,
        drop_future: drop_future::<F>,
        drop_output: drop_output::<F>,
        release: H::release,
        abort: H::abort,
        discard: H::discard,
        drop_waker: H::drop_waker,
        output_offset: offset_of!(TaskCell<F>, payload),
        dealloc: if BOXED { Some(free::<F>) } else { None },
    };
}

/// The layout of a task of type `F`.
pub(crate) const fn fits<F: Future>() -> Layout {
    Layout::new::<TaskCell<F>>()
}

/// Makes a task in its memory, all of it but the future. That is the caller's to
/// write where the pointer says, once, which is one copy of it and no more. `make`
/// gets the task's table of functions and gives its header.
///
/// # Safety
/// - `memory` is writable for [`fits::<F>`](fits), size and alignment.
/// - `BOXED`: it came from the global allocator with that layout.
#[inline(always)]
pub(crate) unsafe fn place<F: Future, H: Home, const BOXED: bool>(
    memory: *mut u8,
    make: impl FnOnce(&'static TaskVtable) -> Header,
) -> (*const Header, *mut F) {
    let cell = memory.cast::<TaskCell<F>>();
    // SAFETY: the fields are inside a block of this layout, because the caller
    // says so; writing through raw pointers reads nothing uninitialised.
    let future = unsafe {
        (&raw mut (*cell).header).write(make(&Table::<F, H, BOXED>::VTABLE));
        (&raw mut (*cell).payload.future).cast()
    };
    (cell.cast_const().cast(), future)
}

/// The future's place.
///
/// # Safety
/// `task` points to a `TaskCell<F>`.
#[inline(always)]
unsafe fn payload<F: Future>(task: *const Header) -> *mut Payload<F> {
    let cell = task.cast_mut().cast::<TaskCell<F>>();
    // SAFETY: in bounds, because the caller says what `task` points to.
    unsafe { &raw mut (*cell).payload }
}

unsafe fn poll<F: Future>(task: *const Header, cx: &mut Context<'_>) -> bool {
    // SAFETY: the table is of this type of cell, guaranteed by `place`.
    let payload = unsafe { payload::<F>(task) };
    // SAFETY: the future is there, because the task is not completed, guaranteed
    // by `State::begin_poll`. Nobody else touches it, because the end of a task
    // spares the one that is being polled, guaranteed by `Home::abort`; it never
    // moves, because the block does not.
    let future = unsafe { Pin::new_unchecked(&mut *(&raw mut (*payload).future).cast::<F>()) };
    match future.poll(cx) {
        Poll::Pending => false,
        // SAFETY: as above; the future is not used again.
        Poll::Ready(output) => unsafe { finish::<F>(task, payload, output) },
    }
}

/// Puts the output where the future was.
///
/// # Safety
/// - As for `poll`, with a future that has returned `output`.
#[inline(always)]
unsafe fn finish<F: Future>(
    task: *const Header,
    payload: *mut Payload<F>,
    output: F::Output,
) -> bool {
    // SAFETY: `task` is alive: a task that is not completed is never done, and
    // from `complete` on it is busy, guaranteed by `State::is_done`.
    let state = unsafe { &(*task).state };
    state.complete();
    let mut output = ManuallyDrop::new(output);
    if std::mem::needs_drop::<F>() {
        // SAFETY: once, because the state says completed from here on.
        let dropped = caught(|| unsafe {
            ptr::drop_in_place((&raw mut (*payload).future).cast::<F>());
        });
        if let Some(panic) = dropped {
            state.set_ended(Ended::Panicked);
            // A second panic is swallowed: the first one goes on.
            // SAFETY: once; the output was not moved out.
            contained(|| unsafe { ManuallyDrop::drop(&mut output) });
            resume_unwind(panic);
        }
    }
    // SAFETY: the place is free, because the future has been dropped; a union
    // is large and aligned enough for each of its fields.
    unsafe { ptr::write(&raw mut (*payload).output, output) };
    state.put_output();
    true
}

unsafe fn drop_future<F: Future>(task: *const Header) {
    // SAFETY: the table is of this type of cell; the future is there, because
    // the caller came from `State::begin_end`, which says so once.
    unsafe { ptr::drop_in_place((&raw mut (*payload::<F>(task)).future).cast::<F>()) }
}

unsafe fn drop_output<F: Future>(task: *const Header) {
    // SAFETY: the table is of this type of cell; the output is there, because
    // the caller came from `State::take_output`, which says so once.
    unsafe { ptr::drop_in_place((&raw mut (*payload::<F>(task)).output).cast::<F::Output>()) }
}

unsafe fn free<F: Future>(task: *const Header) {
    // SAFETY: allocated with this layout, because the table is of this type of
    // cell, and of a boxed one, guaranteed by `place`.
    unsafe { dealloc(task.cast_mut().cast(), fits::<F>()) }
}
