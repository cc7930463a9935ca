//! Byte channel between many producers and one consumer, on any threads.
//!
//! The sender is `Clone` and `Send`; each clone has one claim at a time. Shape,
//! claims and limits are those of [`spsc_bytes`](super::spsc_bytes); what every
//! kind promises stands in [`channel`](super).
//!
//! # Ordering
//!
//! Messages arrive in the order of their claims. A slow claimer holds back the
//! messages claimed after it and loses none. A program that forgets
//! (`mem::forget`) a claim *and* its sender holds up the channel for good.
//!
//! # Cost
//!
//! As [`spsc_bytes`](super::spsc_bytes), and one compare-exchange a claim.
//!
//! # Example
//!
//! ```
//! use nexus_async_rt::channel::mpsc_bytes;
//!
//! let (tx, mut rx) = mpsc_bytes::channel(4096);
//! let writers: Vec<_> = ["one", "two", "three"]
//!     .map(|line| {
//!         let mut tx = tx.clone();
//!         std::thread::spawn(move || {
//!             let mut claim = tx.blocking_claim(line.len()).unwrap();
//!             claim.copy_from_slice(line.as_bytes());
//!             claim.commit();
//!         })
//!     })
//!     .into();
//! drop(tx); // so that the channel ends with its writers
//! let mut log = Vec::new();
//! while let Ok(line) = rx.blocking_recv() {
//!     log.push(String::from_utf8_lossy(&line).into_owned());
//! }
//! for writer in writers {
//!     writer.join().unwrap();
//! }
//! log.sort();
//! assert_eq!(log, ["one", "three", "two"]);
//! ```

use super::{bytes, kind};

/// The sending end: see [`channel::ByteSender`](super::ByteSender).
pub type Sender = super::ByteSender<kind::Mpsc>;

/// The receiving end: see [`channel::ByteReceiver`](super::ByteReceiver).
pub type Receiver = super::ByteReceiver<kind::Mpsc>;

/// Bytes to write a message into: see
/// [`channel::WriteClaim`](super::WriteClaim).
pub type WriteClaim<'a> = super::WriteClaim<'a, kind::Mpsc>;

/// A message that was received: see [`channel::ReadClaim`](super::ReadClaim).
pub type ReadClaim<'a> = super::ReadClaim<'a, kind::Mpsc>;

/// The future of a claim: see [`channel::ClaimFut`](super::ClaimFut).
pub type ClaimFut<'a> = super::ClaimFut<'a, kind::Mpsc>;

/// The future of a send: see [`channel::ByteSendFut`](super::ByteSendFut).
pub type SendFut<'a> = super::ByteSendFut<'a, kind::Mpsc>;

/// The future of a receive: see [`channel::ByteRecvFut`](super::ByteRecvFut).
pub type RecvFut<'a> = super::ByteRecvFut<'a, kind::Mpsc>;

/// A byte channel between threads with a ring of at least `capacity_bytes`.
///
/// # Panics
///
/// If `capacity_bytes` is 0 or more than can be addressed.
#[track_caller]
pub fn channel(capacity_bytes: usize) -> (Sender, Receiver) {
    bytes::channel(capacity_bytes)
}
