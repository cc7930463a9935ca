//! Typed channel between many producers and one consumer, on any threads.
//!
//! The sender is `Clone`, `Send` and `Sync`; the receiver is `Send`. What every
//! kind promises stands in [`channel`](super).
//!
//! # Ordering
//!
//! Messages of one producer arrive in order. Between producers the order is
//! that of their sends: one that returned before another began comes first.
//!
//! # Cost
//!
//! Two allocations when it is made: `capacity` values with a stamp each,
//! rounded up to a power of two, and a block that all ends share. Cloning a
//! sender allocates nothing. A send that need not wait is one compare-exchange,
//! a receive a few plain loads and stores, each with [a fence](super#cost)
//! unless messages are dense.
//!
//! # Example
//!
//! ```
//! use nexus_async_rt::channel::mpsc;
//!
//! let (tx, rx) = mpsc::channel::<u64>(64);
//! let producers: Vec<_> = (0..4)
//!     .map(|_| {
//!         let tx = tx.clone();
//!         std::thread::spawn(move || (1..=100).try_for_each(|n| tx.blocking_send(n)))
//!     })
//!     .collect();
//! drop(tx); // so that the channel ends with its producers
//! let mut sum = 0;
//! while let Ok(n) = rx.blocking_recv() {
//!     sum += n;
//! }
//! for producer in producers {
//!     producer.join().unwrap().unwrap();
//! }
//! assert_eq!(sum, 4 * 5050);
//! ```

use super::{kind, typed};

/// The sending end: see [`channel::Sender`](super::Sender).
pub type Sender<T> = super::Sender<T, kind::Mpsc>;

/// The receiving end: see [`channel::Receiver`](super::Receiver).
pub type Receiver<T> = super::Receiver<T, kind::Mpsc>;

/// A channel between threads for `capacity` messages.
///
/// # Panics
///
/// If `capacity` is 0, more than 2^31, or more than can be addressed.
#[track_caller]
pub fn channel<T: Send>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    typed::channel(capacity)
}
