//! Patterns: how channels, tasks, timers and tokens are put together.
//!
//! | the task | the pattern |
//! |---|---|
//! | many sources, one consumer | [fan-in](#fan-in) |
//! | a producer is faster than its consumer | [backpressure](#backpressure) |
//! | a task hangs or panics and must run again | [supervisor and workers](#supervisor-and-workers) |
//! | a task asks another task a question | [request and reply](#request-and-reply) |
//! | work that blocks or computes for long | [a pool of threads](pool) |
//! | many clients, a limit, an orderly end | [a TCP server](network#a-tcp-server) |
//! | what a socket receives goes to another thread | [records for another thread](network#records-for-another-thread) |
//! | steps that follow each other | [pipelines](#pipelines) |
//! | a program ends without losing work | [graceful shutdown](#graceful-shutdown) |
//! | a peer is slow, or fails now and then | [timeouts and retries](#timeouts-and-retries) |
//! | tasks share state | [the World](world) |
//! | one core is not enough | [one runtime per core](#one-runtime-per-core) |
//! | a test of all this | [testing with paused time](#testing-with-paused-time) |
//!
//! Each example runs as it stands here. Two of them use the crate `futures-lite`, which
//! a program adds to its dependencies; `futures` has the same functions.
//!
//! # Fan-in
//!
//! Give each source a clone of the sender. Between threads this is
//! [`channel::mpsc`]; between tasks of one runtime it is [`channel::local`], which
//! has a sender that can be cloned too. Each source keeps its own order. The order
//! between two sources is the order in which they sent.
//!
//! ```
//! use nexus_async_rt::RuntimeBuilder;
//! use nexus_async_rt::channel::mpsc;
//! use std::thread;
//!
//! let (tx, rx) = mpsc::channel(64);
//! let feeds = [0, 1, 2].map(|feed| {
//!     let tx = tx.clone();
//!     thread::spawn(move || (0..100).try_for_each(|n| tx.blocking_send((feed, n))))
//! });
//! // The receiver reports the end when the last sender is dropped, this one too.
//! drop(tx);
//!
//! let received = RuntimeBuilder::new().build().block_on(async {
//!     let mut received = [0; 3];
//!     while let Ok((feed, n)) = rx.recv().await {
//!         assert_eq!(n, received[feed], "a feed keeps its order");
//!         received[feed] += 1;
//!     }
//!     received
//! });
//! assert_eq!(received, [100; 3]);
//! feeds.map(|feed| feed.join().unwrap().unwrap());
//! ```
//!
//! # Backpressure
//!
//! The capacity of a channel is the number of messages that a producer may run
//! ahead. When the channel is full, the producer chooses:
//!
//! - `send` waits. The consumer sets the pace. This is the default to take.
//! - `try_send` does not wait and gives the message back. The producer drops it,
//!   counts it, or merges it into the next one.
//! - [`timeout()`] around `send` waits for a limited time. A `send` that is dropped
//!   drops its message: if the message must survive, clone it, or loop over
//!   `try_send` with a pause.
//!
//! ```
//! use nexus_async_rt::channel::{TrySendError, local};
//! use nexus_async_rt::{RuntimeBuilder, spawn_boxed, timeout};
//! use std::time::Duration;
//!
//! RuntimeBuilder::new().build().block_on(async {
//!     let (tx, rx) = local::channel(2);
//!     let full = |n: &i32| matches!(tx.try_send(*n), Err(TrySendError::Full(_)));
//!     assert_eq!((0..5).filter(full).count(), 3);
//!     assert!(timeout(Duration::from_millis(1), tx.send(5)).await.is_err());
//!
//!     let consumer = spawn_boxed(async move {
//!         let mut received = Vec::new();
//!         while let Ok(n) = rx.recv().await {
//!             received.push(n);
//!         }
//!         received
//!     });
//!     for n in 6..10 {
//!         tx.send(n).await.unwrap();
//!     }
//!     drop(tx);
//!     assert_eq!(consumer.await, [0, 1, 6, 7, 8, 9]);
//! });
//! ```
//!
//! # Supervisor and workers
//!
//! A [`JoinHandle`] that is awaited returns the output alone. A supervisor asks for
//! [`outcome`](JoinHandle::outcome) instead: a `Result` that also says that the
//! worker was aborted. An [`AbortHandle`] ends the worker while `outcome` is still
//! to be awaited.
//!
//! A panic in a task leaves [`Runtime::block_on`]. To keep the panic of a worker in
//! the program, catch it where the worker is spawned, as here. Without
//! `catch_unwind` the supervisor sees [`JoinError::Panicked`] only if the runtime is
//! driven again.
//!
//! ```
//! use futures_lite::FutureExt;
//! use nexus_async_rt::{JoinError, RuntimeBuilder, spawn_boxed, timeout};
//! use std::panic::AssertUnwindSafe;
//! use std::time::Duration;
//!
//! /// Hangs at first, then panics, then works.
//! async fn work(attempt: u32) -> u32 {
//!     match attempt {
//!         0 => std::future::pending().await,
//!         1 => panic!("the worker panics"),
//!         _ => attempt,
//!     }
//! }
//!
//! let mut rt = RuntimeBuilder::new().start_paused(true).build();
//! let supervisor = rt.spawn_boxed(async {
//!     let (mut hung, mut panicked) = (0, 0);
//!     loop {
//!         let worker = AssertUnwindSafe(work(hung + panicked)).catch_unwind();
//!         let mut worker = spawn_boxed(worker);
//!         let stop = worker.abort_handle();
//!         match timeout(Duration::from_secs(5), worker.outcome()).await {
//!             Ok(Ok(Ok(output))) => return (hung, panicked, output),
//!             Ok(Ok(Err(_panic))) => panicked += 1,
//!             Ok(Err(error)) => unreachable!("nobody else aborts: {error}"),
//!             Err(_elapsed) => {
//!                 stop.abort();
//!                 let ended = worker.outcome().await;
//!                 assert!(matches!(ended, Err(JoinError::Aborted { .. })));
//!                 hung += 1;
//!             }
//!         }
//!     }
//! });
//! assert_eq!(rt.block_on(supervisor), (1, 1, 2));
//! ```
//!
//! Dropping a `JoinHandle` detaches the task. If the supervisor is aborted, its
//! workers run on. To end them with it, run each worker in
//! [`run_until_cancelled_owned`](CancellationToken::run_until_cancelled_owned) of a
//! token, and keep the [`drop_guard`](CancellationToken::drop_guard) of that token
//! in the supervisor.
//!
//! # Request and reply
//!
//! A request carries the sender of a channel with room for one message. Between
//! threads take [`channel::spsc`] for the reply.
//!
//! The asker gets an error in every case in which no reply can come. If the server
//! has gone, `send` fails. If it goes while the request is queued, its receiver drops
//! the request, and the reply sender with it. If it goes while it works on the
//! request, the reply sender is dropped there.
//!
//! ```
//! use futures_lite::future::zip;
//! use nexus_async_rt::channel::local;
//! use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
//!
//! struct Request {
//!     number: u64,
//!     reply: local::Sender<u64>,
//! }
//!
//! async fn ask(server: &local::Sender<Request>, number: u64) -> Option<u64> {
//!     let (reply, answer) = local::channel(1);
//!     server.send(Request { number, reply }).await.ok()?;
//!     answer.recv().await.ok()
//! }
//!
//! RuntimeBuilder::new().build().block_on(async {
//!     let (server, requests) = local::channel::<Request>(8);
//!     spawn_boxed(async move {
//!         while let Ok(Request { number, reply }) = requests.recv().await {
//!             if number == 0 {
//!                 return;
//!             }
//!             // There is room. It fails if the asker has given up.
//!             let _ = reply.try_send(number * number);
//!         }
//!     });
//!     assert_eq!(ask(&server, 7).await, Some(49));
//!     // The server ends with one request in its hands and one in its queue.
//!     assert_eq!(zip(ask(&server, 0), ask(&server, 8)).await, (None, None));
//!     assert_eq!(ask(&server, 9).await, None);
//! });
//! ```
//!
//! A [`timeout()`] around `ask` limits the wait. Each reply channel is one
//! allocation. Where that matters, keep one reply channel per asker and number the
//! requests.
//!
//! # Pipelines
//!
//! Each step is a task that owns the receiver before it and the sender behind it.
//! The end travels both ways: a step that has received everything returns and drops
//! its sender, and a step that wants no more returns and drops its receiver. The
//! first and last steps may be threads, with [`channel::spsc`] in between.
//!
//! ```
//! use nexus_async_rt::channel::local;
//! use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
//!
//! RuntimeBuilder::new().build().block_on(async {
//!     let (lines, read) = local::channel(2);
//!     let (numbers, parsed) = local::channel(2);
//!     let reader = spawn_boxed(async move {
//!         for n in 1.. {
//!             if lines.send(n.to_string()).await.is_err() {
//!                 return n;
//!             }
//!         }
//!         unreachable!("there is always one more line")
//!     });
//!     spawn_boxed(async move {
//!         while let Ok(line) = read.recv().await {
//!             if numbers.send(line.parse::<u32>().unwrap()).await.is_err() {
//!                 break;
//!             }
//!         }
//!     });
//!     for n in 1..=10 {
//!         assert_eq!(parsed.recv().await, Ok(n));
//!     }
//!     drop(parsed);
//!     // The reader was ahead by no more than the channels and the two steps hold.
//!     assert!(reader.await <= 10 + 2 + 1 + 2 + 1);
//! });
//! ```
//!
//! # Graceful shutdown
//!
//! A program ends in three steps: stop the intake, finish what was accepted, give up
//! what takes too long. [`shutdown_signal`] completes when the runtime is told to
//! end, by a [`ShutdownHandle`] or by Ctrl-C
//! ([`RuntimeBuilder::signal_handlers`]); [`run_until_shutdown`] runs a future until then.
//! A [`CancellationToken`] stops the intake. The end of its channel stops the tasks behind
//! it. [`Runtime::shutdown_quiesce`]
//! runs until no task is left. If some are left when its time is over, the error
//! names the places where they were spawned.
//!
//! ```
//! use nexus_async_rt::channel::local;
//! use nexus_async_rt::{CancellationToken, RuntimeBuilder, shutdown_signal, sleep, spawn_boxed};
//! use std::time::Duration;
//!
//! // A program adds `.signal_handlers(true)`.
//! let mut rt = RuntimeBuilder::new().build();
//! let stop = CancellationToken::new();
//! let (orders, accepted) = local::channel(16);
//! let intake = stop.clone();
//! let taken = rt.spawn_boxed(async move {
//!     let mut taken = 0;
//!     while intake.run_until_cancelled(sleep(Duration::from_millis(1))).await.is_some() {
//!         orders.send(taken).await.unwrap();
//!         taken += 1;
//!     }
//!     taken
//! });
//! let filled = rt.spawn_boxed(async move {
//!     let mut filled = 0;
//!     while accepted.recv().await.is_ok() {
//!         filled += 1;
//!     }
//!     filled
//! });
//! let operator = rt.shutdown_handle();
//! rt.block_on(async {
//!     spawn_boxed(async move {
//!         sleep(Duration::from_millis(10)).await;
//!         operator.trigger();
//!     });
//!     shutdown_signal().await;
//!     stop.cancel();
//! });
//! rt.shutdown_quiesce(Duration::from_secs(5)).unwrap();
//! let taken = rt.block_on(taken);
//! assert!(taken > 0);
//! assert_eq!(rt.block_on(filled), taken);
//! ```
//!
//! The intake above awaits its source under the token and sends outside it. The other
//! way round would lose an order: a `send` that is cancelled drops its message.
//!
//! The third step gives up. A second token cancels the work itself. It is cancelled when
//! the grace time is over, and `shutdown_quiesce` then lets the cancelled tasks end:
//!
//! ```
//! use nexus_async_rt::{CancellationToken, RuntimeBuilder, sleep};
//! use std::time::Duration;
//!
//! const GRACE: Duration = Duration::from_secs(5);
//! const SECOND: Duration = Duration::from_secs(1);
//!
//! let mut rt = RuntimeBuilder::new().start_paused(true).build();
//! let give_up = CancellationToken::new();
//! // One session ends within the grace time, the other does not.
//! let sessions = [1, 3600].map(|seconds| {
//!     let work = sleep(seconds * SECOND);
//!     rt.spawn_boxed(give_up.clone().run_until_cancelled_owned(work))
//! });
//! if let Err(error) = rt.shutdown_quiesce(GRACE) {
//!     eprintln!("{error}");
//!     assert_eq!(error.task_count(), 1);
//!     give_up.cancel();
//!     // A task that does not listen to the token is dropped with the runtime.
//!     rt.shutdown_quiesce(SECOND).unwrap();
//! }
//! let ends = sessions.map(|session| rt.block_on(session));
//! assert_eq!(ends, [Some(()), None]);
//! ```
//!
//! # Timeouts and retries
//!
//! [`timeout()`] limits one attempt. [`time::Backoff`] spaces the attempts
//! and says when to give up, by their number or by a deadline. A
//! [`jitter`](time::BackoffBuilder::jitter) keeps many clients from trying again at
//! the same moment.
//!
//! ```
//! use nexus_async_rt::time::{Backoff, Exhausted};
//! use nexus_async_rt::{RuntimeBuilder, now, timeout};
//! use std::io;
//! use std::time::Duration;
//!
//! /// Hangs at first, then is refused, then works.
//! async fn connect(attempt: u32) -> io::Result<u32> {
//!     match attempt {
//!         0 => std::future::pending().await,
//!         1 => Err(io::ErrorKind::ConnectionRefused.into()),
//!         _ => Ok(attempt),
//!     }
//! }
//!
//! async fn connect_patiently(retries: u32) -> Result<u32, Exhausted<io::Error>> {
//!     let second = Duration::from_secs(1);
//!     let mut backoff = Backoff::builder().initial(second).max_retries(retries).build();
//!     loop {
//!         let error = match timeout(5 * second, connect(backoff.retries())).await {
//!             Ok(Ok(connection)) => return Ok(connection),
//!             Ok(Err(error)) => error,
//!             Err(elapsed) => elapsed.into(),
//!         };
//!         backoff.wait(error).await?;
//!     }
//! }
//!
//! let mut rt = RuntimeBuilder::new().start_paused(true).build();
//! rt.block_on(async {
//!     let begin = now();
//!     assert_eq!(connect_patiently(3).await.unwrap(), 2);
//!     // An attempt of five seconds, a pause of one, a refusal, a pause of two.
//!     assert_eq!(now() - begin, Duration::from_secs(5 + 1 + 2));
//!     let error = connect_patiently(1).await.unwrap_err();
//!     assert_eq!(error.get_ref().kind(), io::ErrorKind::ConnectionRefused);
//! });
//! ```
//!
//! # One runtime per core
//!
//! A runtime is one thread. To use more cores, start one thread per core, each with a
//! World and a runtime of its own. Divide the work by a key, such as the instrument,
//! so that no state is shared. A router sends each message to its shard through one
//! [`channel::spsc`] per shard. Here it is a thread; it may be a task.
//!
//! ```
//! use nexus_async_rt::channel::spsc;
//! use nexus_async_rt::{Runtime, with_world};
//! use nexus_rt::{Resource, WorldBuilder};
//! use std::thread;
//!
//! #[derive(Resource)]
//! struct Volume(u64);
//!
//! let shards = [(); 2].map(|()| {
//!     let (tx, rx) = spsc::channel::<u64>(64);
//!     let run = move || {
//!         let mut builder = WorldBuilder::new();
//!         builder.register(Volume(0));
//!         let mut world = builder.build();
//!         let mut rt = Runtime::new(&mut world);
//!         rt.block_on(async move {
//!             while let Ok(lots) = rx.recv().await {
//!                 with_world(|world| world.resource_mut::<Volume>().0 += lots);
//!             }
//!         });
//!         rt.world().resource::<Volume>().0
//!     };
//!     (tx, thread::spawn(run))
//! });
//! for (instrument, lots) in (0..100).zip(1..) {
//!     shards[instrument % 2].0.blocking_send(lots).unwrap();
//! }
//! let volumes = shards.map(|(tx, shard)| {
//!     drop(tx);
//!     shard.join().unwrap()
//! });
//! assert_eq!(volumes, [2500, 2550]);
//! ```
//!
//! Pin each thread to its core first, with [`runtime::pin_thread`]: memory that the
//! thread touches afterwards is near it. A shard that owns its core can run
//! [`Runtime::block_on_busy`], which never sleeps.
//!
//! # Testing with paused time
//!
//! With [`RuntimeBuilder::start_paused`] the clock stands still while a task can run,
//! and jumps to the next deadline when none can. A day passes in no time, to the
//! nanosecond the same in each run. The program asks [`now`], not `Instant::now`.
//!
//! [`time::advance`] moves the clock in one step, to test timers that are
//! late. Let the tasks run first, by [`yield_now`]: an interval that a task makes in
//! its first poll does not exist before.
//!
//! ```
//! use nexus_async_rt::channel::local;
//! use nexus_async_rt::time::advance;
//! use nexus_async_rt::{RuntimeBuilder, interval, now, spawn_boxed, timeout, yield_now};
//! use std::time::Duration;
//!
//! const HOUR: Duration = Duration::from_secs(3600);
//!
//! async fn report_hourly(reports: local::Sender<u32>) {
//!     let mut hours = interval(HOUR);
//!     for report in 1.. {
//!         hours.tick().await;
//!         if reports.send(report).await.is_err() {
//!             return;
//!         }
//!     }
//! }
//!
//! let mut rt = RuntimeBuilder::new().start_paused(true).build();
//! rt.block_on(async {
//!     let begin = now();
//!     let (tx, reports) = local::channel(8);
//!     spawn_boxed(report_hourly(tx));
//!     for hour in 1..=24 {
//!         assert_eq!(reports.recv().await, Ok(hour));
//!         assert_eq!(now() - begin, hour * HOUR);
//!     }
//!     assert!(timeout(HOUR / 2, reports.recv()).await.is_err(), "it is too early");
//!     // The machine stands still for three hours: three reports are due at once.
//!     yield_now().await;
//!     advance(3 * HOUR).await;
//!     assert_eq!(reports.len(), 3);
//! });
//! ```
//!
//! The clock does not see other threads. A test that waits for one keeps a
//! [`time::ClockHold`] meanwhile, made by
//! [`time::hold_clock`], so that the clock does not jump past it.

pub mod network;
pub mod pool;
pub mod world;

use crate::*;
