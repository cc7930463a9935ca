//! Coming from tokio: what each idiom is here.
//!
//! One thing is different, and most of the rest follows: a [`Runtime`] is one
//! thread. Its tasks never move, so nothing need be `Send`, state needs no lock,
//! and other threads talk to it by channels.
//!
//! # At a glance
//!
//! | in tokio | here | more |
//! |---|---|---|
//! | `#[tokio::main]`, `Runtime::block_on` | [`Runtime::block_on`] | [the program](#the-program) |
//! | a loop that spins around a current-thread runtime | [`Runtime::block_on_busy`], `spin` of the builder | |
//! | `tokio::spawn` | [`spawn_boxed`], [`spawn_slab`] | [tasks](#tasks) |
//! | `spawn_local` and `LocalSet` | the same two: every task is local | |
//! | `JoinHandle`'s `Result` | the output itself, or a `Result` by [`JoinHandle::outcome`]; a panic leaves `block_on` | |
//! | `JoinHandle::abort` | [`JoinHandle::abort`], which has dropped the future when it returns, unless that is being polled | |
//! | `abort` and then `await` | `abort` of an [`AbortHandle`], then [`JoinHandle::outcome`] | |
//! | `JoinSet` | `FuturesUnordered` of handles, or a vector of them | |
//! | `Arc<Mutex<State>>` | the World, or `Rc<RefCell<State>>` | [state](#state) |
//! | `task_local!` | what the task's future owns | |
//! | `sync::mpsc` | [`channel::local`], [`channel::spsc`], [`channel::mpsc`] | [channels](#channels) |
//! | `BytesMut` in a channel | [`channel::spsc_bytes`], [`channel::mpsc_bytes`] | |
//! | `mpsc::unbounded_channel` | there is none: name a capacity | |
//! | `capacity()`, which is what is free; `max_capacity()` | `capacity()` is the whole; free is `capacity() - len()` | [channels](#channels) |
//! | `blocking_send`, `blocking_recv` | the same, of each kind but `local`; bytes also by `blocking_claim` | [blocking](#what-blocks) |
//! | `sync::{oneshot, watch, broadcast, Notify, Semaphore, Mutex}` | the same crate's, as they are | [what stays](#what-stays-as-it-is) |
//! | `select!`, `join!`, `try_join!` | the same macros, or those of `futures` | |
//! | `task::yield_now`, `task::unconstrained` | [`yield_now`], [`unconstrained`] | [fairness](#fairness) |
//! | `time::Instant` | `std::time::Instant`, and [`now`] where the clock may be paused | [time](#time) |
//! | `time::sleep`, `sleep_until`, `timeout`, `timeout_at` | [`sleep`], [`sleep_until`], [`timeout`], [`timeout_at`] | |
//! | `time::interval`: the first tick is at once | [`interval`]: the first tick is a period away | |
//! | `Interval::poll_tick`, `reset_after`, `reset_immediately`, `reset_at` | the same names | |
//! | a retry loop with a growing `sleep` | [`Backoff`] | |
//! | `time::{pause, advance, resume}`, `start_paused` | [`pause`], [`advance`], [`resume`], [`RuntimeBuilder::start_paused`] | |
//! | `net::TcpListener::bind(..).await` | [`TcpListener::bind`], which does not wait | [sockets](#sockets) |
//! | `net::TcpStream::connect(("host", port))` | [`resolve()`], then [`TcpStream::connect`] | |
//! | `UdpSocket`, `UnixStream`, `UnixListener`, `UnixDatagram`, `into_split` | the same names | |
//! | `from_std`, `into_std`, `TryFrom` of `std`'s sockets | the same; back again also by `From` | |
//! | `AsyncWriteExt::shutdown` | [`Stream::shutdown`](net::Stream::shutdown), which shadows it | [sockets](#sockets) |
//! | `read_exact`, `read_to_end`, `write_all` | the same names, as methods of [`Stream`](net::Stream) | [sockets](#sockets) |
//! | the rest of `AsyncReadExt`, `AsyncWriteExt` | those of `futures`; tokio's with the feature `tokio-io` | |
//! | `io::unix::AsyncFd` | [`AsyncFd`] | |
//! | `tokio_util`'s `CancellationToken`, `child_token` | [`CancellationToken`], [`child`](CancellationToken::child) | [the end](#the-end) |
//! | `run_until_cancelled_owned` | [the same name](CancellationToken::run_until_cancelled_owned) | |
//! | `signal::ctrl_c` | [`shutdown_signal`], with [`RuntimeBuilder::signal_handlers`] | |
//! | `select!` of work and `ctrl_c` | [`run_until_shutdown`] around the work | [a TCP server](crate::patterns::network#a-tcp-server) |
//! | `Runtime::shutdown_timeout`, `TaskTracker` | [`Runtime::shutdown_quiesce`] | |
//! | `Handle::spawn` from another thread | send to a task that spawns | [other threads](#other-threads) |
//! | `spawn_blocking` | a thread and a channel | |
//! | `Handle::metrics` | [`metrics`] | |
//! | a client that needs tokio | the feature `tokio-compat` | [the bridge](#the-bridge) |
//!
//! # The program
//!
//! There is no attribute and no global runtime. `main` makes a runtime. A program
//! that keeps its [state](#state) in a World makes that first, and the runtime
//! borrows it:
//!
//! ```
//! use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
//!
//! fn main() {
//!     let mut rt = RuntimeBuilder::new().build();
//!     let answer = rt.block_on(async {
//!         let task = spawn_boxed(async { 41 });
//!         task.await + 1
//!     });
//!     assert_eq!(answer, 42);
//! }
//! ```
//!
//! `block_on` takes any future, also one that borrows. When it returns, tasks
//! that are still alive stay, and go on with the next `block_on`; they end when
//! the runtime is dropped.
//!
//! # Tasks
//!
//! `spawn_boxed` allocates, as tokio does; `spawn_slab` takes a slot of memory
//! that was there before. Neither asks for `Send`:
//!
//! ```
//! use nexus_async_rt::{ByteSlab, RuntimeBuilder, spawn_slab};
//! use std::cell::Cell;
//! use std::rc::Rc;
//!
//! let mut rt = RuntimeBuilder::new()
//!     .slab_unbounded(ByteSlab::<256>::with_chunk_capacity(64))
//!     .build();
//! rt.block_on(async {
//!     let count = Rc::new(Cell::new(0));
//!     let tasks: Vec<_> = (0..10)
//!         .map(|n| {
//!             let count = count.clone();
//!             spawn_slab(async move { count.set(count.get() + n) })
//!         })
//!         .collect();
//!     for task in tasks {
//!         task.await;
//!     }
//!     assert_eq!(count.get(), 45);
//! });
//! ```
//!
//! A join gives the output, no `Result`. In tokio a task's panic waits in its
//! handle, unseen if nobody joins; here it comes out of `block_on`, and the
//! runtime can be driven again. A program that wants panics as values asks for
//! them where the task is spawned, by `catch_unwind` of `futures`.
//!
//! Dropping a handle detaches the task, as in tokio. `abort` differs. tokio's only
//! requests the end, and the task is dropped later. Here the task's future has been
//! dropped when `abort` returns. If a task aborts itself, its future is dropped at
//! the end of that poll.
//!
//! ```
//! use nexus_async_rt::{RuntimeBuilder, spawn_boxed, yield_now};
//! use std::rc::Rc;
//!
//! let mut rt = RuntimeBuilder::new().build();
//! rt.block_on(async {
//!     let shared = Rc::new(());
//!     let held = shared.clone();
//!     let task = spawn_boxed(async move {
//!         std::future::pending::<()>().await;
//!         drop(held);
//!     });
//!     yield_now().await;
//!     assert!(task.abort());
//!     assert_eq!(Rc::strong_count(&shared), 1);
//! });
//! ```
//!
//! # State
//!
//! What all tasks use lies in the World. A task borrows it between two awaits,
//! never over one, so there is no guard that could be held too long:
//!
//! ```
//! use nexus_async_rt::{Runtime, spawn_boxed, with_world};
//! use nexus_rt::{Resource, WorldBuilder};
//!
//! #[derive(Resource)]
//! struct Orders(u64);
//!
//! let mut builder = WorldBuilder::new();
//! builder.register(Orders(0));
//! let mut world = builder.build();
//! let mut rt = Runtime::new(&mut world);
//! rt.block_on(async {
//!     for _ in 0..3 {
//!         spawn_boxed(async {
//!             with_world(|world| world.resource_mut::<Orders>().0 += 1);
//!         })
//!         .await;
//!     }
//! });
//! assert_eq!(rt.world().resource::<Orders>().0, 3);
//! ```
//!
//! # Channels
//!
//! tokio's `mpsc` serves every topology. Here one takes the narrowest: between
//! tasks of one runtime `local`, which has no atomics at all; from one thread
//! `spsc`; from many `mpsc`. Where tokio's `recv` returns an `Option`, these
//! return a `Result`: `while let Some(n)` becomes `while let Ok(n)`.
//!
//! ```
//! use nexus_async_rt::channel::mpsc;
//! use nexus_async_rt::RuntimeBuilder;
//!
//! let (tx, rx) = mpsc::channel(16);
//! let feeds = [1, 2].map(|feed| {
//!     let tx = tx.clone();
//!     std::thread::spawn(move || (0..100).try_for_each(|_| tx.blocking_send(feed)))
//! });
//! drop(tx);
//!
//! let sum = RuntimeBuilder::new().build().block_on(async {
//!     let mut sum = 0;
//!     while let Ok(n) = rx.recv().await {
//!         sum += n;
//!     }
//!     sum
//! });
//! assert_eq!(sum, 300);
//! feeds.map(|feed| feed.join().unwrap().unwrap());
//! ```
//!
//! `recv` takes `&self`. A task that moves between threads, as tokio's do,
//! needs futures that are `Send`: `send_mut` and `recv_mut`.
//!
//! `capacity()` is how many messages the channel holds, and never changes. In
//! tokio that is `max_capacity()`, and `capacity()` is how many there is room
//! for.
//!
//! A future that is dropped leaves no waker behind. In tokio a hand-written
//! `poll` may make a `recv()`, poll it and drop it: the task is woken all the
//! same. Here that task is never woken. Keep the future until it completes:
//!
//! ```
//! use nexus_async_rt::channel::local;
//! use nexus_async_rt::{RuntimeBuilder, spawn_boxed, yield_now};
//! use std::future::{Future, poll_fn};
//! use std::pin::pin;
//!
//! let mut rt = RuntimeBuilder::new().build();
//! rt.block_on(async {
//!     let (tx, rx) = local::channel(1);
//!     spawn_boxed(async move {
//!         yield_now().await;
//!         tx.send(7).await
//!     });
//!     // Not `poll_fn(|cx| pin!(rx.recv()).poll(cx))`, which waits for ever.
//!     let mut received = pin!(rx.recv());
//!     assert_eq!(poll_fn(|cx| received.as_mut().poll(cx)).await, Ok(7));
//! });
//! ```
//!
//! # What blocks
//!
//! The `blocking_` forms of this crate panic while a `block_on` of this crate is
//! on the thread's stack. Those of tokio (`tokio::sync::mpsc`, `oneshot`,
//! `Mutex`) look for a runtime of tokio's: inside this crate's `block_on` they
//! find none, do not panic, and stop the loop. If what they wait for comes from a
//! task of that loop, it never comes. Await instead.
//!
//! # What stays as it is
//!
//! Whatever is written against `std::future` alone: all of `tokio::sync` and
//! its macros, `futures`, `futures-lite` (which the examples here use),
//! `async-channel`, `event-listener`. A program adds them to its dependencies. They
//! need no feature of this crate and no bridge.
//!
//! ```
//! use nexus_async_rt::{RuntimeBuilder, sleep, spawn_boxed};
//! use std::time::Duration;
//! use tokio::sync::{mpsc, oneshot};
//!
//! let mut rt = RuntimeBuilder::new().build();
//! rt.block_on(async {
//!     let (asks, mut asked) = mpsc::channel::<oneshot::Sender<u32>>(4);
//!     let server = spawn_boxed(async move {
//!         while let Some(answer) = asked.recv().await {
//!             answer.send(7).unwrap();
//!         }
//!     });
//!     let (answer, answered) = oneshot::channel();
//!     asks.send(answer).await.unwrap();
//!     tokio::select! {
//!         seven = answered => assert_eq!(seven, Ok(7)),
//!         () = sleep(Duration::from_secs(10)) => panic!("no answer"),
//!     }
//!     drop(asks);
//!     server.await;
//! });
//! ```
//!
//! # Fairness
//!
//! As in tokio a poll has a budget of 128 completions, after which this crate's
//! futures yield; [`unconstrained`] lifts it. tokio's own futures do not count
//! here: a loop over one of its channels that is never empty says
//! [`yield_now`] itself.
//!
//! A loop of `now_or_never()`, or `poll_once`, meets the budget too. After 128
//! completions in one poll the next attempt is `None`, though there is more, and
//! the task has been woken to continue. To take what is there use a `try_` form,
//! which does not count:
//!
//! ```
//! use futures_lite::future::poll_once;
//! use nexus_async_rt::channel::local;
//! use nexus_async_rt::RuntimeBuilder;
//!
//! let mut rt = RuntimeBuilder::new().build();
//! let (tx, rx) = local::channel(200);
//! (0..200).try_for_each(|n| tx.try_send(n)).unwrap();
//! rt.block_on(async {
//!     let mut taken = 0;
//!     while let Some(Ok(_)) = poll_once(rx.recv()).await {
//!         taken += 1;
//!     }
//!     assert_eq!(taken, 128);
//!     while rx.try_recv().is_ok() {
//!         taken += 1;
//!     }
//!     assert_eq!(taken, 200);
//! });
//! ```
//!
//! # Time
//!
//! Deadlines are `std`'s. [`sleep`] reads the clock; within a turn of the loop
//! [`event_time`] is the same for all that ask, and costs nothing:
//!
//! ```
//! use nexus_async_rt::RuntimeBuilder;
//! use nexus_async_rt::time::{event_time, sleep_until};
//! use std::time::Duration;
//!
//! let mut rt = RuntimeBuilder::new().build();
//! rt.block_on(async {
//!     let deadline = event_time() + Duration::from_millis(1);
//!     sleep_until(deadline).await;
//!     assert!(event_time() >= deadline);
//! });
//! ```
//!
//! tokio's timers count milliseconds and round up; these keep the deadline that
//! they were given. An interval's first tick comes after one period, where
//! tokio's is there at once:
//!
//! ```
//! use nexus_async_rt::{RuntimeBuilder, interval, now, sleep, timeout};
//! use std::time::Duration;
//!
//! let second = Duration::from_secs(1);
//! // A clock that jumps to the next deadline when all wait, as in tokio's tests.
//! let mut rt = RuntimeBuilder::new().start_paused(true).build();
//! rt.block_on(async {
//!     let begin = now();
//!     let mut ticks = interval(second);
//!     ticks.tick().await;
//!     assert_eq!(now() - begin, second);
//!     assert!(timeout(second, sleep(60 * second)).await.is_err());
//!     assert_eq!(now() - begin, 2 * second);
//! });
//! ```
//!
//! # Sockets
//!
//! They have the names that they have in tokio, and most of the methods. What
//! differs:
//!
//! - `bind` is a plain function.
//! - An address is a `SocketAddr`, not a string: `"127.0.0.1:9000".parse()?`. A name
//!   is resolved by asking for it, with [`resolve()`].
//! - A stream reads and writes by methods of its own, which take `&self`: `read`,
//!   `read_exact` (which returns `()`), `read_to_end`, `write` and `write_all`. It
//!   also implements the traits of `futures-io`, and with the feature `tokio-io`
//!   tokio's.
//! - A stream has a `shutdown(how)` of its own, as `std`'s has, which does not
//!   wait. It shadows `AsyncWriteExt::shutdown` of tokio: `stream.shutdown().await`
//!   does not compile. Write `stream.shutdown(Shutdown::Write)`, or
//!   `AsyncWriteExt::shutdown(&mut stream).await`; with `futures`,
//!   `stream.close().await`.
//! - None of them is `Send`.
//!
//! ```
//! use nexus_async_rt::net::{TcpListener, TcpStream};
//! use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
//! use std::net::Shutdown;
//!
//! let mut rt = RuntimeBuilder::new().build();
//! rt.block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
//!     let address = listener.local_addr()?;
//!     let server = spawn_boxed(async move {
//!         let (stream, _) = listener.accept().await?;
//!         let (mut from, mut to) = stream.into_split();
//!         futures_lite::io::copy(&mut from, &mut to).await
//!     });
//!     let stream = TcpStream::connect(address).await?;
//!     stream.write_all(b"hello").await?;
//!     stream.shutdown(Shutdown::Write)?;
//!     let mut echo = Vec::new();
//!     stream.read_to_end(&mut echo).await?;
//!     assert_eq!(echo, b"hello");
//!     assert_eq!(server.await?, 5);
//!     Ok::<(), Box<dyn std::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The end
//!
//! Tokens have the methods of those of `tokio_util`, but for `drop_guard_ref`,
//! and for the name of [`child`](CancellationToken::child). What in tokio is
//! put together from `ctrl_c`, a token and a tracker of tasks is part of the
//! runtime. It is told to end, by a signal or a handle. Any number of tasks
//! wait for that, and `shutdown_quiesce` runs until they are through:
//!
//! ```
//! use nexus_async_rt::{CancellationToken, RuntimeBuilder, shutdown_signal, sleep, spawn_boxed};
//! use std::time::Duration;
//!
//! // `signal_handlers(true)` would have Ctrl-C tell it, too.
//! let mut rt = RuntimeBuilder::new().build();
//! let handle = rt.shutdown_handle();
//! let operator = std::thread::spawn(move || handle.trigger());
//! rt.block_on(async {
//!     let session = CancellationToken::new();
//!     let request = session.child();
//!     spawn_boxed(async move {
//!         let answer = request.run_until_cancelled(sleep(Duration::MAX)).await;
//!         assert_eq!(answer, None);
//!     });
//!     shutdown_signal().await;
//!     session.cancel();
//! });
//! rt.shutdown_quiesce(Duration::from_secs(5)).unwrap();
//! operator.join().unwrap();
//! ```
//!
//! # Other threads
//!
//! A thread that wants something run here sends it. What blocks has a thread of
//! its own, and answers by a channel:
//!
//! ```
//! use nexus_async_rt::channel::spsc;
//! use nexus_async_rt::RuntimeBuilder;
//!
//! let mut rt = RuntimeBuilder::new().build();
//! let cores = rt.block_on(async {
//!     let (tx, rx) = spsc::channel(1);
//!     let blocking = std::thread::spawn(move || {
//!         let cores = std::thread::available_parallelism();
//!         tx.blocking_send(cores.map_or(1, usize::from))
//!     });
//!     let cores = rx.recv().await.unwrap();
//!     blocking.join().unwrap().unwrap();
//!     cores
//! });
//! assert!(cores >= 1);
//! ```
//!
//! # The bridge
//!
//! What asks for a tokio runtime while it runs (its own timers and sockets, and
//! the clients built on them) crosses the bridge, with the feature `tokio-compat`.
//! The module `tokio_compat` shows the lines of `Cargo.toml`.
//!
#![cfg_attr(feature = "tokio-compat", doc = "```")]
#![cfg_attr(not(feature = "tokio-compat"), doc = "```text")]
//! use nexus_async_rt::RuntimeBuilder;
//! use nexus_async_rt::tokio_compat::{spawn_on_tokio, with_tokio};
//! use std::time::Duration;
//!
//! let mut rt = RuntimeBuilder::new().build();
//! rt.block_on(async {
//!     // A request now and then: on this thread.
//!     with_tokio(|| tokio::time::sleep(Duration::from_millis(1))).await;
//!     // What would hold up this thread: on one of tokio's.
//!     let task = spawn_on_tokio(async {
//!         tokio::task::spawn_blocking(|| 6 * 7).await.unwrap()
//!     });
//!     assert_eq!(task.await.unwrap(), 42);
//! });
//! ```
//!
//! # What there is no counterpart of
//!
//! - Work that spreads over cores by itself. Two runtimes on two threads, and a
//!   channel between them, spread it on purpose.
//! - `block_in_place`, and `block_on` inside `block_on`: both panic here or do
//!   not exist.
//! - Files. `std::fs` on a thread is what tokio does, too.

use crate::net::*;
use crate::runtime::*;
use crate::task::*;
use crate::time::*;
use crate::*;
