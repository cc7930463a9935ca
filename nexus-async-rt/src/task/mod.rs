//! Tasks: the slots that they lie in, and the handles to them.
//!
//! A task is one block of memory, on the heap or in a slot of a slab: a header of
//! [`TASK_HEADER_SIZE`] bytes, then the future, or the output in its place. It is
//! made by [`spawn_boxed`](crate::spawn_boxed()), [`spawn_slab`](crate::spawn_slab())
//! or [`claim_slab`](crate::claim_slab()).
//!
//! | for | see |
//! |---|---|
//! | slots, and what fits into one | [`ByteSlab`], [`BoundedByteSlab`], [`task_size`] |
//! | the output of a task | [`JoinHandle`], [`OutcomeFut`], [`JoinError`] |
//! | the end of a task from outside | [`AbortHandle`], [`cancel`](crate::cancel) |
//! | the tasks that are alive | [`task_count`](crate::runtime::task_count()) |

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
pub(crate) use storage::{Arena, SLOT_ALIGN};
pub use storage::{BoundedByteSlab, ByteSlab};

/// Bytes that a task needs beside its future or output, whichever is larger.
///
/// May change between versions.
pub const TASK_HEADER_SIZE: usize = size_of::<Header>();

/// The bytes of a slot that a task with this future needs: its header, and the larger
/// of the future and its output.
///
/// A task fits if a slot has as many bytes, and the future is aligned to no more than
/// the slot. A slot is aligned to 64 bytes, or 128 where the slot's size is a
/// multiple of that.
///
/// # Example
/// ```
/// use nexus_async_rt::sleep;
/// use nexus_async_rt::task::task_size;
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
