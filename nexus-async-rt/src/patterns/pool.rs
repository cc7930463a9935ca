//! Patterns: a pool of threads.
//!
//! Work that blocks or computes for long belongs on threads of its own. Give each
//! thread one [`channel::spsc`], and each job to the thread with the fewest unfinished
//! jobs. Each job carries the sender for its reply, as a
//! [request](super#request-and-reply) does.
//!
//! In the example each job holds a clone of its thread's `Arc`, so that the count of
//! clones is the number of unfinished jobs: those that wait for room, those in the
//! queue, and the one in work. [`len`](channel::Sender::len) would count the queue
//! alone. The queue of a busy thread is often empty, and a new job would wait behind
//! the job in work although another thread is idle.
//!
//! [`time::timeout_at`] gives all attempts of one job the same deadline, and
//! [`time::Backoff`] spaces them. When the deadline passes, the caller drops its
//! receiver, and a thread that finds nobody waiting skips the job.
//!
//! ```
//! use nexus_async_rt::RuntimeBuilder;
//! use nexus_async_rt::channel::spsc;
//! use nexus_async_rt::time::{Backoff, Exhausted, timeout_at};
//! use nexus_async_rt::{now, spawn_boxed};
//! use std::rc::Rc;
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use std::thread::{self, JoinHandle};
//! use std::time::{Duration, Instant};
//!
//! #[derive(Debug, PartialEq)]
//! enum Failure {
//!     /// The work failed; another attempt may succeed.
//!     Busy,
//!     /// The thread ended, or panicked, before it replied.
//!     Gone,
//!     /// The deadline passed.
//!     Late,
//! }
//!
//! type Reply = Result<u64, Failure>;
//!
//! struct Job {
//!     number: u64,
//!     reply: spsc::Sender<Reply>,
//!     /// Counts as long as the job exists.
//!     unfinished: Arc<()>,
//! }
//!
//! struct Worker {
//!     queue: spsc::Sender<Job>,
//!     unfinished: Arc<()>,
//! }
//!
//! struct Pool {
//!     workers: Vec<Worker>,
//! }
//!
//! impl Pool {
//!     /// Threads that call `work` for each job. They end when the pool is dropped.
//!     fn new<W>(threads: usize, work: W) -> (Self, Vec<JoinHandle<()>>)
//!     where
//!         W: Fn(u64) -> Reply + Clone + Send + 'static,
//!     {
//!         let worker = |_| {
//!             let (queue, jobs) = spsc::channel::<Job>(4);
//!             let work = work.clone();
//!             let run = move || {
//!                 while let Ok(job) = jobs.blocking_recv() {
//!                     if !job.reply.is_disconnected() {
//!                         // There is room. It fails if the caller has just given up.
//!                         let _ = job.reply.try_send(work(job.number));
//!                     }
//!                 }
//!             };
//!             let unfinished = Arc::new(());
//!             (Worker { queue, unfinished }, thread::spawn(run))
//!         };
//!         let (workers, threads) = (0..threads).map(worker).unzip();
//!         (Self { workers }, threads)
//!     }
//!
//!     /// One attempt, by the thread with the fewest unfinished jobs.
//!     async fn attempt(&self, number: u64) -> Reply {
//!         let alive = self.workers.iter().filter(|worker| !worker.queue.is_disconnected());
//!         let worker = alive
//!             .min_by_key(|worker| Arc::strong_count(&worker.unfinished))
//!             .ok_or(Failure::Gone)?;
//!         let (reply, answer) = spsc::channel(1);
//!         let unfinished = worker.unfinished.clone();
//!         let job = Job { number, reply, unfinished };
//!         worker.queue.send(job).await.map_err(|_| Failure::Gone)?;
//!         answer.recv().await.unwrap_or(Err(Failure::Gone))
//!     }
//!
//!     /// Attempts until one succeeds, up to `deadline`.
//!     async fn ask(&self, number: u64, deadline: Instant) -> Reply {
//!         let retry = async {
//!             let pause = Duration::from_millis(1);
//!             let mut backoff = Backoff::builder().initial(pause).deadline(deadline).build();
//!             loop {
//!                 match self.attempt(number).await {
//!                     Ok(square) => return Ok(square),
//!                     Err(failure) => backoff.wait(failure).await.map_err(Exhausted::into_inner)?,
//!                 }
//!             }
//!         };
//!         timeout_at(deadline, retry).await.unwrap_or(Err(Failure::Late))
//!     }
//! }
//!
//! let done = Arc::new(AtomicU64::new(0));
//! let work = {
//!     let done = done.clone();
//!     move |number: u64| {
//!         thread::sleep(Duration::from_millis(number));
//!         match done.fetch_add(1, Ordering::Relaxed) {
//!             0 | 1 => Err(Failure::Busy),
//!             _ => Ok(number * number),
//!         }
//!     }
//! };
//! let (pool, threads) = Pool::new(3, work);
//! RuntimeBuilder::new().build().block_on(async {
//!     let pool = Rc::new(pool);
//!     let begin = now();
//!     let asks: Vec<_> = (0..60)
//!         .map(|_| {
//!             let pool = pool.clone();
//!             spawn_boxed(async move { pool.ask(5, now() + Duration::from_secs(60)).await })
//!         })
//!         .collect();
//!     for ask in asks {
//!         assert_eq!(ask.await, Ok(25));
//!     }
//!     // One thread would take 300 ms at least, three take 105 ms.
//!     println!("60 jobs of 5 ms on three threads: {:?}", now() - begin);
//!
//!     // Three jobs occupy the threads. Their callers give up, and so does that of a
//!     // fourth job, which is therefore never done.
//!     let before = done.load(Ordering::Relaxed);
//!     let late = [(); 4].map(|()| {
//!         let pool = pool.clone();
//!         spawn_boxed(async move { pool.ask(600, now() + Duration::from_millis(200)).await })
//!     });
//!     for ask in late {
//!         assert_eq!(ask.await, Err(Failure::Late));
//!     }
//!     drop(pool);
//!     threads.into_iter().for_each(|thread| thread.join().unwrap());
//!     assert_eq!(done.load(Ordering::Relaxed) - before, 3);
//! });
//! ```
//!
//! - If a thread panics, the job in work and the jobs in its queue are dropped. Their
//!   callers see `Gone`, and the next attempt goes to another thread.
//! - Joining the threads blocks. Here nothing else is left to run; in a program, join
//!   them after `block_on` has returned.
//! - A queue that all threads share needs a channel with many consumers. That of the
//!   crate `async-channel` works here as it is.
//! - A stream of jobs without replies of their own needs two tasks: one that dispatches,
//!   and one that consumes the replies from a [`channel::mpsc`]. One task alone that waits
//!   for room in a queue would not take the replies that the threads wait to send.

use crate::*;
