//! Coming from the published `nexus-async-rt`, versions 0.4 to 0.7.
//!
//! The registry has another crate of this name, in versions up to 0.7. This crate
//! does what that one does, and is written anew: the version numbers are not related.
//! Most names are the same, so that a program moves by the compiler's messages and
//! this page. The tables list the public items of 0.7, and those of earlier versions
//! that 0.5 to 0.7 changed. *The same* means that the call compiles unchanged.
//!
//! The root has the names that most programs use. Sockets are in [`net`], futures and
//! errors beside the function that returns them: in [`runtime`], [`task`],
//! [`time`], [`cancel`] and `tokio_compat`.
//!
//! These things change without a message from the compiler:
//!
//! | what | in 0.7 | here |
//! |---|---|---|
//! | a typed channel's capacity | rounded up to a power of two | exact |
//! | the longest byte message | about the size of the buffer | half the ring less its header: [`max_message_len`](channel::ByteSender::max_message_len) |
//! | [`timeout()`] with both sides ready | the deadline wins | the future wins |
//! | jitter of a [`time::Backoff`] | lengthens or shortens a wait | shortens it |
//! | [`JoinHandle::abort`] | the future is dropped in the next cycle | the future is dropped before the call returns, with the exceptions named there |
//! | a second SIGINT or SIGTERM | has no effect | ends the process |
//! | the closure of `with_tokio` | runs in the call | runs in the first poll |
//! | a dropped `TokioJoinHandle` | aborts the task | detaches the task |
//!
//! # The runtime
//!
//! | in 0.4 to 0.7 | here |
//! |---|---|
//! | `Runtime::new`, `builder` | the same. The runtime borrows the World: [`Runtime<'w>`](Runtime). |
//! | `Runtime` in a signature or a field | `Runtime<'_>`, or a lifetime of the struct's own |
//! | one runtime per thread at a time | any number; one of them runs at a time |
//! | `Runtime::block_on`, `block_on_busy`, with a `'static` future | the same; the future may borrow |
//! | `Runtime::task_count` | the same; inside the runtime also [`task_count`] |
//! | `Runtime::install_signal_handlers` | [`RuntimeBuilder::signal_handlers`] |
//! | `Runtime::shutdown_handle`, `shutdown_quiesce` | the same; see [the end](#the-end) |
//! | `Runtime::shutdown_stats` | none; see [the end](#the-end) |
//! | `Executor::new`, `spawn_boxed`, `task_count` | [`Runtime::new`], [`Runtime::spawn_boxed`], [`Runtime::task_count`] |
//! | `Executor::poll`, `has_ready` | none: [`Runtime::block_on`] drives the tasks, and returns with its future |
//! | `Executor::set_tasks_per_cycle` | [`RuntimeBuilder::tasks_per_cycle`] |
//! | `RuntimeBuilder::tasks_per_cycle`, `event_interval`, `event_capacity`, `signal_handlers`, `build` | the same |
//! | `RuntimeBuilder::cross_thread_drain_limit`, unlimited by default | the same; 256 by default |
//! | `RuntimeBuilder::queue_capacity` | none: the queues are linked through the tasks and have no capacity |
//! | `RuntimeBuilder::token_capacity` | none: the table of sockets grows and is reused |
//! | `RuntimeBuilder::slab_unbounded`, `slab_bounded` | the same, with the slabs below |
//!
//! [`RuntimeBuilder::spin`], [`start_paused`](RuntimeBuilder::start_paused) and
//! [`metrics`] are new.
//!
//! # Tasks
//!
//! | in 0.4 to 0.7 | here |
//! |---|---|
//! | `spawn_boxed`, `spawn_slab`, `claim_slab`, `try_claim_slab` | the same; outside `block_on` as methods of [`Runtime`] |
//! | `ByteSlab`, which is `nexus_slab::byte::unbounded::Slab` | [`ByteSlab`]; its constructor is safe |
//! | `nexus_slab::byte::bounded::Slab` | [`BoundedByteSlab`]; its constructor is safe |
//! | `SlabClaim::spawn`, `slot_size` | the same |
//! | `SlabClaim::as_ptr` | none: the slot is written by [`SlabClaim::spawn`] alone |
//! | `TASK_HEADER_SIZE`, 64 bytes in 0.4 and 72 from 0.5 | [`TASK_HEADER_SIZE`], 96 bytes now: check the size of the slots |
//! | `MIN_SLOT_SIZE`, a recommendation | [`MIN_SLOT_SIZE`], a limit: a smaller slot panics |
//! | `JoinHandle`, `is_finished`, `abort` | the same; dropping it gives no warning |
//! | a task that is awaited after `abort` | [`AbortHandle`] and [`JoinHandle::outcome`] |
//!
//! Before:
//!
//! ```text
//! use nexus_async_rt::{ByteSlab, Runtime, ShutdownSignal, spawn_slab};
//!
//! let mut world = WorldBuilder::new().build();
//! let slab = unsafe { ByteSlab::<256>::with_chunk_capacity(64) };
//! let mut rt = Runtime::builder(&mut world)
//!     .queue_capacity(1024)
//!     .slab_unbounded(slab)
//!     .build();
//! rt.install_signal_handlers();
//! rt.block_on(async {
//!     spawn_slab(async { /* .. */ });
//!     ShutdownSignal::current().await;
//! });
//! ```
//!
//! Here:
//!
//! ```
//! use nexus_async_rt::{ByteSlab, RuntimeBuilder, shutdown_handle, shutdown_signal, spawn_slab};
//!
//! let mut rt = RuntimeBuilder::new()
//!     .slab_unbounded(ByteSlab::<256>::with_chunk_capacity(64))
//!     .signal_handlers(true)
//!     .build();
//! rt.block_on(async {
//!     spawn_slab(async { shutdown_handle().trigger() });
//!     shutdown_signal().await;
//! });
//! assert_eq!(rt.task_count(), 0);
//! ```
//!
//! # The World
//!
//! | in 0.4 to 0.7 | here |
//! |---|---|
//! | `with_world`, `with_world_ref`, until 0.6 | [`with_world`], [`with_world_ref`] |
//! | `WorldCtx::current` | [`WorldCtx::current`] |
//! | `WorldCtx::new(&mut World)` | [`Runtime::world_ctx`] before the run, [`WorldCtx::current`] inside |
//! | `WorldCtx::with_world`, `with_world_ref` | the same. `with_world` inside itself panics; it made two mutable references. |
//!
//! `WorldCtx::new` is gone because it kept a pointer that safe code could outlive. The
//! token of today holds the runtime's number, and is checked at each use.
//!
//! # The end
//!
//! | in 0.4 to 0.7 | here |
//! |---|---|
//! | `shutdown_signal`, until 0.6 | [`shutdown_signal`] |
//! | `ShutdownSignal::current` | [`shutdown_signal`] |
//! | `ShutdownSignal`, one waiter | [`ShutdownSignal`], any number of waiters |
//! | `ShutdownHandle::trigger`, `is_shutdown`, `signal` | the same; inside the runtime [`shutdown_handle`] gives the handle |
//! | `Runtime::shutdown_quiesce` | the same. It returns when no task is alive; wakers that others keep do not hold it up. |
//! | `QuiesceTimeout::remaining_outstanding_refs` | [`QuiesceTimeout::task_count`], and where they were spawned: [`left`](QuiesceTimeout::left) |
//! | `QuiesceTimeout::elapsed` | [`QuiesceTimeout::timeout`] |
//! | `QuiesceTimeout::remaining_cross_queue` | none: queued wake-ups do not hold up the end |
//! | `Runtime::shutdown_stats`, `ShutdownStats`, `ShutdownStatsAtomics`, `snapshot` | none |
//!
//! The statistics counted four ways in which a shutdown went wrong because a thread
//! held a waker longer than the runtime lived. Here a waker may outlive the runtime.
//! It keeps the task's memory, and waking it does nothing. Nothing is left to count.
//! What the runtime did while it lived is in [`Metrics`].
//!
//! # Time
//!
//! | in 0.4 to 0.7 | here |
//! |---|---|
//! | `sleep`, `sleep_until`, `after`, `after_delay`, `timeout`, `timeout_at`, `interval`, `interval_at`, `yield_now`, `event_time` | the same |
//! | `TimerHandle::sleep`, `sleep_until` | [`sleep()`], [`sleep_until`]: no handle is needed |
//! | `Sleep`, which can be moved while it waits | [`time::Sleep`], which is `!Unpin`: pin it to poll it by hand |
//! | `Timeout`, `into_inner`, `Elapsed` | the same |
//! | `Interval::tick`, which returns `()` | [`tick`](time::Interval::tick), which returns when the tick was due |
//! | `Interval::reset`, `reset_at`, `period`, `missed_tick_behavior`, `set_missed_tick_behavior`, `MissedTickBehavior` | the same |
//! | `YieldNow` | [`time::YieldNow`] |
//! | `Backoff::builder`, `wait`, `retries`, `reset` | the same |
//! | `Backoff::current_delay` | [`next_delay`](time::Backoff::next_delay) |
//! | `Backoff::advance` | none: [`wait`](time::Backoff::wait) counts the retry and waits |
//! | `Backoff::is_exhausted` | none: [`wait`](time::Backoff::wait) returns [`time::Exhausted`] at once |
//! | `Backoff::remaining` | none: keep the deadline that the builder was given |
//! | `BackoffBuilder::initial`, `max_delay`, `max_retries`, `deadline`, `build` | the same; `initial` must not be zero |
//! | `BackoffBuilder::jitter` | the same name; it only shortens a wait |
//! | `BackoffBuilder::default` | [`Backoff::builder`](time::Backoff::builder) |
//! | `Exhausted(error)`, a tuple | [`into_inner`](time::Exhausted::into_inner), [`get_ref`](time::Exhausted::get_ref); its text ends with that of the error |
//!
//! # Cancellation
//!
//! | in 0.4 to 0.7 | here |
//! |---|---|
//! | `CancellationToken::new`, `default`, `child`, `cancel`, `is_cancelled`, `drop_guard` | the same |
//! | `CancellationToken::cancelled`, with a future that owns the token | the same name; the future borrows. [`cancelled_owned`](CancellationToken::cancelled_owned) gives one that owns. |
//! | `Cancelled`, `!Unpin` since 0.5 | [`cancel::CancelledFut`], [`cancel::CancelledOwnedFut`], both `!Unpin` |
//! | `DropGuard`, `disarm` | [`cancel::DropGuard`], the same |
//!
//! # Channels
//!
//! | in 0.4 to 0.7 | here |
//! |---|---|
//! | `local`, `spsc`, `mpsc`, `spsc_bytes`, `mpsc_bytes` | the same modules in [`channel`] |
//! | `channel(capacity)`, inside `block_on` only | the same, anywhere, and awaited on any executor |
//! | `Sender`, `Receiver` of each module | the same |
//! | `send`, `try_send`, `recv`, `try_recv` of typed kinds | the same; a thread has `blocking_send`, `blocking_recv` |
//! | `local::Send`, `local::Recv` | [`channel::SendFut`], [`channel::RecvFut`] |
//! | `SendFut`, `RecvFut` of `spsc` and `mpsc` | [`channel::SendFut`], [`channel::RecvFut`], with the kind as a parameter |
//! | `SendError(value)`, `RecvError` | the same |
//! | `TrySendError::Closed`, `is_closed` | [`TrySendError::Disconnected`](channel::TrySendError::Disconnected), [`is_disconnected`](channel::TrySendError::is_disconnected) |
//! | `TrySendError::Full`, `into_inner`, `is_full`, `TryRecvError::Empty` | the same |
//! | `TryRecvError::Closed` | [`TryRecvError::Disconnected`](channel::TryRecvError::Disconnected) |
//!
//! The byte kinds:
//!
//! | in 0.4 to 0.7 | here |
//! |---|---|
//! | `Sender::claim`, `ClaimFut` | the same; [`channel::ClaimFut`]. `send` copies a whole message. |
//! | `Sender::try_claim`, with an error of `nexus_logbuf` | the same, with [`channel::TryClaimError`] |
//! | `ClaimError` of each module | [`channel::ClaimError`] |
//! | `ClaimError::Closed` | [`ClaimError::Disconnected`](channel::ClaimError::Disconnected) |
//! | `ClaimError::TooLarge` | [`ClaimError::TooLong`](channel::ClaimError::TooLong), with the length and the limit |
//! | a length of zero: `ClaimError::ZeroLength` until 0.5, a panic since 0.6 | [`ClaimError::ZeroLength`](channel::ClaimError::ZeroLength) |
//! | `WriteClaim::commit` | the same; it returns a [`channel::Commit`], which may be ignored |
//! | `WriteClaim::len`, `is_empty`, `ReadClaim::len`, `is_empty` | the same, of the slice that the claim dereferences to |
//! | `Receiver::recv`, `RecvFut` | the same; [`channel::ByteRecvFut`] |
//! | `Receiver::try_recv`, which returns an `Option` | the same name; a `Result`, which tells empty from ended |
//! | `RecvError` of each module | [`channel::RecvError`] |
//!
//! Before:
//!
//! ```text
//! // Only inside `block_on`.
//! let (mut tx, mut rx) = spsc_bytes::channel(4096);
//! match tx.claim(message.len()).await {
//!     Ok(mut claim) => { claim.copy_from_slice(message); claim.commit(); }
//!     Err(ClaimError::TooLarge) => { /* .. */ }
//!     Err(_) => { /* closed */ }
//! }
//! while let Some(message) = rx.try_recv() { /* empty, or ended? */ }
//! ```
//!
//! Here:
//!
//! ```
//! use nexus_async_rt::RuntimeBuilder;
//! use nexus_async_rt::channel::{ClaimError, TryRecvError, spsc_bytes};
//!
//! let (mut tx, mut rx) = spsc_bytes::channel(4096);
//! RuntimeBuilder::new().build().block_on(async {
//!     let message = b"filled";
//!     let mut claim = tx.claim(message.len()).await.unwrap();
//!     claim.copy_from_slice(message);
//!     claim.commit();
//!     let error = tx.claim(4096).await.unwrap_err();
//!     assert!(matches!(error, ClaimError::TooLong { len: 4096, max } if max < 2048));
//!     drop(tx);
//!     while let Ok(received) = rx.try_recv() {
//!         assert_eq!(&received[..], message);
//!     }
//!     assert_eq!(rx.try_recv().unwrap_err(), TryRecvError::Disconnected);
//! });
//! ```
//!
//! # Sockets
//!
//! | in 0.4 to 0.7 | here |
//! |---|---|
//! | the argument `io: IoHandle`, until 0.6 | none, as in 0.7; `bind` and `from_std` need no runtime either |
//! | `io()`, `IoHandle::current` | none: a socket finds its runtime when it waits for the first time |
//! | `IoHandle::register`, `set_waker`, `readiness`, `clear_readable`, `clear_writable`, `deregister`, for a source of `mio` | [`net::AsyncFd`], for any descriptor |
//! | `AsyncRead`, `AsyncWrite`, traits of the crate's own | those of `futures-io`: [`net::AsyncRead`], [`net::AsyncWrite`] |
//! | `AsyncWrite::poll_shutdown` | `poll_close` of `futures-io` |
//! | `TcpStream::connect(addr)`, which returns at once | [`connect(addr).await`](net::Stream::connect), which returns a connected stream or the error |
//! | `from_std` of each socket | the same; it sets the socket to non-blocking |
//! | `into_std`, which returns a `Result` | the same name; the socket itself |
//! | `TcpStream::read`, `write` | the same, by `&self` |
//! | `TcpStream::write_all` | the same; takes `&self` |
//! | `TcpStream::peek`, which does not wait | [`peek`](net::Stream::peek), which waits |
//! | `TcpStream::try_read`, `try_write` | the same |
//! | `TcpStream::poll_read_ready`, `poll_write_ready` | none: keep the future of [`readable`](net::Stream::readable) or [`writable`](net::Stream::writable) |
//! | `TcpStream::readable`, `writable`, `local_addr`, `peer_addr`, `nodelay`, `ttl`, `linger`, buffer sizes, `take_error` and their setters | the same |
//! | `keepalive() -> bool`, `set_keepalive(bool)` | an `Option<Duration>`: the idle time, or off |
//! | `TcpStream::split`, `into_split`, `reunite` | the same; a refused `reunite` gives both halves back |
//! | `ReadHalf<'_>`, `WriteHalf<'_>` | [`net::ReadHalf<'_, Tcp>`](net::ReadHalf), [`net::WriteHalf<'_, Tcp>`](net::WriteHalf), with [`net::Tcp`] |
//! | `peer_addr`, `local_addr` of the owned halves | the same: a half dereferences to its stream |
//! | `OwnedReadHalf`, `OwnedWriteHalf`, `ReuniteError` | [`net::OwnedReadHalf<Tcp>`](net::OwnedReadHalf), [`net::OwnedWriteHalf<Tcp>`](net::OwnedWriteHalf), [`net::ReuniteError<Tcp>`](net::ReuniteError) |
//! | `TcpListener::bind`, `local_addr`, `ttl`, `set_ttl` | the same |
//! | `TcpListener::accept`, by `&mut self`; `Accept` | the same, by `&self`; the future has no name |
//! | `TcpSocket::new_v4`, `new_v6`, `bind`, `nodelay`, `linger`, buffer sizes and their setters | the same |
//! | `TcpSocket::reuseaddr`, `reuseport` and their setters | [`reuse_address`](net::TcpSocket::reuse_address), [`reuse_port`](net::TcpSocket::reuse_port) and their setters |
//! | `TcpSocket::ttl`, `set_ttl` | those of the stream or the listener that it becomes |
//! | `TcpSocket::connect`, which returns at once | [`connect(addr).await`](net::TcpSocket::connect) |
//! | `TcpSocket::listen(i32)` | [`listen(u32)`](net::TcpSocket::listen) |
//! | `UdpSocket::bind`, `connect`, `try_send`, `try_recv`, `try_send_to`, `try_recv_from`, `local_addr`, `peer_addr`, `take_error` | the same |
//! | `UdpSocket::ttl`, `broadcast`, `multicast_loop_v4`, `multicast_ttl_v4`, buffer sizes and their setters | the same |
//! | `UdpSocket::join_multicast_v4`, `leave_multicast_v4`, `join_multicast_v6`, `leave_multicast_v6` | the same names; addresses by value |
//! | `UdpSocket::send`, `recv`, `send_to`, `recv_from`, `peek`, `peek_from` | the same, by `&self` |
//! | `UdpSocket::poll_send`, `poll_recv`, `poll_send_to`, `poll_recv_from` | none: keep the future, which is cancel-safe |
//!
//! Before:
//!
//! ```text
//! let mut stream = TcpStream::connect(addr)?;   // not yet connected
//! stream.write_all(b"hello").await?;            // a refusal is reported here
//! ```
//!
//! Here:
//!
//! ```
//! use nexus_async_rt::RuntimeBuilder;
//! use nexus_async_rt::net::{TcpListener, TcpStream};
//! use std::net::Shutdown;
//!
//! RuntimeBuilder::new().build().block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
//!     let stream = TcpStream::connect(listener.local_addr()?).await?;
//!     stream.write_all(b"hello").await?;
//!     stream.shutdown(Shutdown::Write)?;
//!
//!     let (peer, _) = listener.accept().await?;
//!     let mut received = Vec::new();
//!     peer.read_to_end(&mut received).await?;
//!     assert_eq!(received, b"hello");
//!     Ok::<(), Box<dyn std::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # tokio
//!
//! With the feature `tokio-compat`, in both:
//!
//! | in 0.4 to 0.7 | here |
//! |---|---|
//! | `with_tokio`, which calls its closure at once | the same; it calls the closure when it is first polled |
//! | `TokioCompat` | `tokio_compat::WithTokio` |
//! | `spawn_on_tokio` | the same, on any thread |
//! | `TokioJoinHandle`, `is_finished`, `abort` | the same; it is `Send`, and dropping it detaches the task |
//! | `TokioJoinError`, `is_cancelled`, `is_panic` | the same, and `into_panic` |
//!
//! `install_tokio`, which gives the bridge a runtime of the program's own, is new.

use crate::net::*;
use crate::runtime::*;
use crate::task::*;
use crate::time::*;
use crate::*;
