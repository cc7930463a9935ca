//! Byte channel between one producer and one consumer, on any two threads.
//!
//! A message is claimed, written in place and committed; it is read where it
//! lies. Both ends are `Send`, neither is `Clone`. What every kind promises
//! stands in [`channel`](super).
//!
//! # Shape
//!
//! `channel(capacity_bytes)` rounds up to a power of two of at least 64. A
//! message takes its length rounded up to the next 64 bytes (in rings under
//! 4 KiB, to a 64th of the ring, at least 8). The longest message is half the
//! capacity less 8 bytes: an empty ring can always place it. Message starts
//! are 8-byte aligned.
//!
//! # Cost
//!
//! Three allocations when it is made: of the capacity, of an eighth of it (of
//! as much again in the smallest rings), and a block that both ends share. A
//! message that need not wait costs its bytes and a few plain loads and stores,
//! and on each side
//! [a fence](super#cost) unless messages are dense.
//!
//! # Example
//!
//! ```
//! use nexus_async_rt::channel::{ClaimError, spsc_bytes};
//!
//! let (mut tx, mut rx) = spsc_bytes::channel(4096);
//! let producer = std::thread::spawn(move || {
//!     for n in 0u32..100 {
//!         let mut claim = tx.blocking_claim(4)?;
//!         claim.copy_from_slice(&n.to_le_bytes());
//!         claim.commit();
//!     }
//!     Ok::<_, ClaimError>(())
//! });
//! let mut expected = 0u32;
//! while let Ok(message) = rx.blocking_recv() {
//!     assert_eq!(*message, expected.to_le_bytes());
//!     expected += 1;
//! }
//! producer.join().unwrap().unwrap();
//! assert_eq!(expected, 100);
//! ```

use super::{bytes, kind};

/// The sending end: see [`channel::ByteSender`](super::ByteSender).
pub type Sender = super::ByteSender<kind::Spsc>;

/// The receiving end: see [`channel::ByteReceiver`](super::ByteReceiver).
pub type Receiver = super::ByteReceiver<kind::Spsc>;

/// Bytes to write a message into: see
/// [`channel::WriteClaim`](super::WriteClaim).
pub type WriteClaim<'a> = super::WriteClaim<'a, kind::Spsc>;

/// A message that was received: see [`channel::ReadClaim`](super::ReadClaim).
pub type ReadClaim<'a> = super::ReadClaim<'a, kind::Spsc>;

/// The future of a claim: see [`channel::ClaimFut`](super::ClaimFut).
pub type ClaimFut<'a> = super::ClaimFut<'a, kind::Spsc>;

/// The future of a send: see [`channel::ByteSendFut`](super::ByteSendFut).
pub type SendFut<'a> = super::ByteSendFut<'a, kind::Spsc>;

/// The future of a receive: see [`channel::ByteRecvFut`](super::ByteRecvFut).
pub type RecvFut<'a> = super::ByteRecvFut<'a, kind::Spsc>;

/// A byte channel between two threads with a ring of at least `capacity_bytes`.
///
/// # Panics
///
/// If `capacity_bytes` is 0 or more than can be addressed.
#[track_caller]
pub fn channel(capacity_bytes: usize) -> (Sender, Receiver) {
    bytes::channel(capacity_bytes)
}
