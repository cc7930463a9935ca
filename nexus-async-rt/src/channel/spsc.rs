//! Typed channel between one producer and one consumer, on any two threads.
//!
//! Both ends are `Send`, neither is `Clone` nor `Sync`. What every kind
//! promises stands in [`channel`](super).
//!
//! # Cost
//!
//! Two allocations when it is made: `capacity` values, rounded up to a power of
//! two, and a block that both ends share. A send or receive that need not wait is
//! a few plain loads and stores, and [a fence](super#cost) unless messages are
//! dense. The other side's cache line is fetched when the ring looks full, or
//! empty: at best once a lap.
//!
//! # Example
//!
//! ```
//! use nexus_async_rt::channel::spsc;
//!
//! let (tx, rx) = spsc::channel::<u64>(64);
//! let producer = std::thread::spawn(move || {
//!     (1..=1000).try_for_each(|n| tx.blocking_send(n))
//! });
//! let mut sum = 0;
//! while let Ok(n) = rx.blocking_recv() {
//!     sum += n;
//! }
//! producer.join().unwrap().unwrap();
//! assert_eq!(sum, 500_500);
//! ```
//!
//! A handle cannot be shared between threads:
//!
//! ```compile_fail,E0277
//! let (tx, _rx) = nexus_async_rt::channel::spsc::channel::<u64>(64);
//! std::thread::scope(|s| {
//!     s.spawn(|| tx.try_send(1));
//!     s.spawn(|| tx.try_send(2));
//! });
//! ```

use super::{kind, typed};

/// The sending end: see [`channel::Sender`](super::Sender).
pub type Sender<T> = super::Sender<T, kind::Spsc>;

/// The receiving end: see [`channel::Receiver`](super::Receiver).
pub type Receiver<T> = super::Receiver<T, kind::Spsc>;

/// A channel between two threads for `capacity` messages.
///
/// # Panics
///
/// If `capacity` is 0, more than 2^31, or more than can be addressed.
#[track_caller]
pub fn channel<T: Send>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    typed::channel(capacity)
}
