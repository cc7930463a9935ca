//! One task: its memory and its life cycle.
//!
//! Knows no queue, no loop and no runtime. What has to happen to a task that
//! ends or is let go is asked of its [`Home`], a trait that the runtime
//! implements and that is compiled into each task's table of functions.
//!
//! A task is one block: [`Header`], then the future, whose place the output
//! takes. Whoever holds a pointer to the header needs no type.
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
//!   owning thread alone; other threads touch `word` and, while they own the
//!   `CALLED` bit, the inbox link.
//! - A task is at most once in the ready queue (`READY`) and at most once in
//!   the inbox (`CALLED`, or a count that has reached zero). It may be in both.

mod abort;
mod cell;
mod header;
mod join;
mod outcome;
mod state;
mod storage;

pub use abort::AbortHandle;
pub(crate) use cell::{fits, place};
pub(crate) use header::{Header, Home, TaskVtable};
pub use join::JoinHandle;
pub use outcome::{JoinError, OutcomeFut};
pub(crate) use state::{Ended, State};
pub(crate) use storage::Arena;
pub use storage::{BoundedByteSlab, ByteSlab};

/// Bytes that a task needs beside its future or output, whichever is larger.
///
/// May change between versions.
pub const TASK_HEADER_SIZE: usize = size_of::<Header>();

/// The bytes of a slot that a task with this future needs: its header, and the larger
/// of the future and its output.
///
/// A task fits if a slot has as many bytes, and the future is aligned to no more than
/// the slot: 64 bytes, or 128 where the slot's size is a multiple of that.
///
/// # Example
/// ```
/// use nexus_async_rt::{sleep, task_size};
/// use std::time::Duration;
///
/// const SLOT: usize = 512;
///
/// async fn session(orders: [u64; 16]) -> u64 {
///     sleep(Duration::from_secs(1)).await;
///     orders.iter().sum()
/// }
///
/// assert!(task_size(&session([1; 16])) <= SLOT);
/// // Without its future's own state, a task is mostly header.
/// assert!(task_size(&async { 7 }) <= 128);
/// ```
#[must_use]
pub const fn task_size<F: Future>(_: &F) -> usize {
    fits::<F>().size()
}

/// The smallest slot that a slab accepts, in bytes.
///
/// May change between versions.
pub const MIN_SLOT_SIZE: usize = 128;
