//! Typed channel within one thread.
//!
//! No atomics anywhere: both ends are `!Send`. The sender may be cloned. What
//! every kind promises stands in [`channel`](super).
//!
//! It has no `blocking_` calls, which would block the only thread, and no byte
//! form: those belong to the kinds for several threads.
//!
//! ```compile_fail,E0277
//! let (tx, _rx) = nexus_async_rt::channel::local::channel(1);
//! let _ = tx.blocking_send(1);
//! ```
//!
//! # Cost
//!
//! Two allocations when it is made: `capacity` values, rounded up to a power of
//! two, and a block that both ends share. A send or receive that
//! need not wait moves the value and touches nothing else; one that waits
//! clones the task's waker, which on this crate's runtime is an addition.
//!
//! # Example
//!
//! ```
//! use futures_lite::future::{block_on, zip};
//! use nexus_async_rt::channel::local;
//!
//! let (tx, rx) = local::channel::<u64>(4);
//! // In a runtime, each of them is a task.
//! let producer = async move {
//!     for n in 1..=100 {
//!         tx.send(n).await.unwrap(); // waits while four are buffered
//!     }
//! };
//! let consumer = async {
//!     let mut sum = 0;
//!     while let Ok(n) = rx.recv().await {
//!         sum += n;
//!     }
//!     sum
//! };
//! let ((), sum) = block_on(zip(producer, consumer));
//! assert_eq!(sum, 5050);
//! ```

use super::{kind, typed};

/// The sending end: see [`channel::Sender`](super::Sender).
pub type Sender<T> = super::Sender<T, kind::Local>;

/// The receiving end: see [`channel::Receiver`](super::Receiver).
pub type Receiver<T> = super::Receiver<T, kind::Local>;

/// A channel within this thread for `capacity` messages.
///
/// # Panics
///
/// If `capacity` is 0, more than 2^31, or more than can be addressed.
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    typed::channel(capacity)
}
