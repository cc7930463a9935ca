//! Channels: how tasks and threads hand messages over.
//!
//! Each kind is made for one pattern of producers and consumers. Take the narrowest that
//! fits:
//!
//! | module | shape | payload | use it for |
//! |---|---|---|---|
//! | [`local`] | one thread | `T` | pipeline stages of one runtime; no atomics |
//! | [`spsc`] | one producer, one consumer, any threads | `T: Send` | a feed thread and its task |
//! | [`mpsc`] | many producers, one consumer, any threads | `T: Send` | fan-in |
//! | [`spsc_bytes`] | as `spsc` | `&[u8]` | wire format from one connection |
//! | [`mpsc_bytes`] | as `mpsc` | `&[u8]` | many writers, one log |
//!
//! They know nothing of the runtime: a channel is made anywhere, and awaited on
//! any executor or from plain threads.
//!
//! # What every kind promises
//!
//! - **Bounded.** `channel(capacity)` allocates when it is made and nothing
//!   after, but for the waker of a thread that blocks. The capacity of a typed
//!   kind is exact, in messages; that of a byte kind is in bytes, rounded up to
//!   a power of two of at least 64. Room freed by a receive that returned is
//!   there for any send that happens after it.
//! - **Order.** First in, first out per producer. Each message is received
//!   once, or given back in an error, or dropped once with the channel.
//! - **The end.** When all senders are gone, the receiver first receives what is
//!   there, then [`RecvError`], and never a message again. When the receiver is
//!   dropped or calls `close`, every send that waits or begins afterwards fails at
//!   once with its value. **`Ok` means received, or dropped by the receiver's end;
//!   never kept.** After `close`, everything that a send accepted is received
//!   before the end is reported, however the two race. A send that comes too late
//!   gets its value back. A byte claim made before `close` is accepted, and the end
//!   waits for it; only a dropped receiver refuses it, which [`Commit`] says. A
//!   dropped receiver drops what is buffered at once, on its thread. If a send on
//!   another thread is about to publish what it claimed, the drop waits for it.
//! - **Turns.** `send` and `claim` are served in the order in which they began
//!   to wait. The `try_` forms may overtake, and so may `blocking_send`, which
//!   tries first. A woken sender that finds no room keeps its place.
//! - **Cancel safety.** Any future may be dropped at any time. It leaves no waker
//!   behind, takes no message along but the one that it was still to send, and
//!   passes a notification that it did not use to the next. A future that is
//!   leaked after it was polled (`mem::forget` of a boxed one) delays the others
//!   on its side until the other side's next operation, an empty one too. A
//!   sender that begins to wait behind a leaked one that has its turn yields a
//!   limited number of times.
//! - **Two futures on one handle**, in one task or in two, both complete.
//! - **Cooperation.** In one poll of a task of this crate's runtime, futures of
//!   channels complete at most 128 times; then they return `Pending`, and the task
//!   yields. The `try_` forms never count. A poll that goes on for 512 such `Pending`s
//!   in a row does not yield, because it runs an executor of its own inside the task. It
//!   gets 128 completions more each time.
//! - **User code** (wakers, destructors of values) runs with no lock held. The
//!   panic of a waker comes out of the call that woke it. But a receive has a
//!   message in its hands, and a future that goes hands on what it does not
//!   use. There the panic hook reports the panic, and it ends there.
//!
//! # Futures and threads
//!
//! The futures of `&self` methods are `Send` only where the handle is `Sync`.
//! For tasks that migrate between threads the typed kinds have
//! [`send_mut`](Sender::send_mut) and [`recv_mut`](Receiver::recv_mut); the
//! futures of the byte kinds borrow exclusively anyway. Every future is
//! `!Unpin`: pin it (`std::pin::pin!`) to poll it by hand.
//!
//! # Cost
//!
//! An operation that does not wait and wakes nobody makes no system call, takes no
//! lock and allocates nothing.
//!
//! Between threads each message takes a full fence on each side, so that no
//! wake-up is lost. A stream is *dense* if one side did not have to wait for about
//! a thousand messages in a row; one operation in a thousand checks that. On Linux the
//! other side of a dense stream stops fencing. When the first side does wait, it makes every thread of the process
//! pass a fence instead (`membarrier`). That interrupts the other cores that run
//! threads of the process for microseconds. It takes at most a hundredth of the
//! time on average, and at most sixteen ends of channels do so at once. The first
//! cross-thread channel of a process registers with the kernel, which takes some
//! milliseconds if the process already has other threads: create it during set-up.
//!
//! `close` costs a fence; in a dense `spsc` channel it takes the `membarrier` that
//! the channel had reserved for its next wait.
//!
//! A seccomp filter that is installed after a stream became dense may refuse
//! `membarrier`. The next wait on each such end is then woken once more after ten
//! milliseconds, and a `close` reports the end after the same delay. A receiver
//! that is dropped then blocks its thread for the delay, if its messages need
//! dropping. From then on both sides fence.
//!
//! A receive that is about to wait, though messages have just come, looks again
//! after a tenth of a microsecond. A try to send over `spsc` or bytes that finds no
//! room, as the try before it, looks again after up to some tenths of a microsecond: a
//! sender that spins would otherwise hold up the receiver that makes the room.
//!
//! # Panics
//!
//! `channel(0)` panics, and so does a capacity of more than 2^31 messages, or of
//! more bytes than can be addressed. Memory that the system refuses ends the
//! process, as everywhere in Rust. The
//! `blocking_` forms panic while a `block_on` of this crate is on the thread's
//! stack: they would stop the runtime. A future polled after it completed
//! panics.

mod bytes;
mod bytes_fut;
mod core;
mod error;
mod kind;
pub mod local;
pub mod mpsc;
pub mod mpsc_bytes;
mod phase;
mod refusals;
mod snapshots;
pub mod spsc;
pub mod spsc_bytes;
mod typed;
mod typed_fut;

pub use bytes::{ByteReceiver, ByteSender};
pub use bytes_fut::{ByteRecvFut, ByteSendFut, ClaimFut, Commit, ReadClaim, WriteClaim};
pub use error::{ClaimError, RecvError, SendError, TryClaimError, TryRecvError, TrySendError};
pub use kind::{CrossThread, Kind, Local, ManyProducers, Mpsc, Spsc};
pub use typed::{Receiver, Sender};
pub use typed_fut::{RecvFut, RecvMutFut, SendFut, SendMutFut};

/// Panics where blocking the thread would stop a runtime.
#[track_caller]
fn assert_may_block(function: &str, instead: &str) {
    assert!(
        !crate::thread::in_block_on(),
        "`{function}` would stop the runtime whose `block_on` is on this thread's stack: \
         await `{instead}` there"
    );
}
