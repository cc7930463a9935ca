//! The bridge to tokio, for what cannot do without it: a client library, a
//! driver, a connection on the cold path.
//!
//! Most crates need no bridge. What is written against `std::future` alone
//! (`tokio::sync`, `futures`, `async-channel`) is awaited here as it is. The
//! bridge is for futures that ask for a tokio runtime while they run: tokio's
//! timers, its sockets, `tokio::spawn`, and what is built upon them.
//!
//! | | [`with_tokio`] | [`spawn_on_tokio`] |
//! |---|---|---|
//! | the future runs on | this thread, in this task | a thread of tokio's |
//! | it must be | anything | `Send + 'static` |
//! | its timers and sockets wait on | tokio's thread | tokio's thread |
//! | it may use the World, timers and tasks of this crate | yes | no |
//! | a wake costs | one from another thread | what it costs in tokio |
//! | use it for | a request now and then | what must not hold up this thread |
//!
//! # Cargo.toml
//!
//! The bridge is a feature. tokio is a dependency of the program too, with the features
//! that its futures need: `net` for sockets, `time` for timers, `io-util` for the methods of
//! readers and writers.
//!
//! ```toml
//! [dependencies]
//! nexus-async-rt = { path = "../nexus-async-rt/nexus-async-rt", features = ["tokio-compat"] }
//! tokio = { version = "1", features = ["io-util", "net", "time"] }
//! ```
//!
//! A panic that says `there is no reactor running, must be called from the context of a
//! Tokio 1.x runtime` names a future that has to cross the bridge: put it into
//! [`with_tokio`] or [`spawn_on_tokio`].
//!
//! # The tokio runtime behind it
//!
//! Both need a tokio runtime, one for the process:
//!
//! - **Started by itself** with the first `with_tokio` or `spawn_on_tokio`: a
//!   multi-thread runtime with one worker. Its thread is called `nexus-tokio`.
//!   It has whatever drivers the program's features of tokio contain: for
//!   sockets enable its `net`, for timers its `time`.
//! - **Installed** by the program before that, with [`install_tokio`]: more
//!   workers, hooks, or an end in order.
//!
//! It never changes afterwards. There is one for all runtimes of this crate in
//! the process, and a wake comes from its threads through the task's own waker.
//! So a runtime that sleeps in the OS is woken and one that does not needs no
//! system call.
//!
//! # How it ends
//!
//! - **The process ends.** The runtime that started by itself is never shut
//!   down: its thread ends with the process, and what still runs there is
//!   neither completed nor dropped. What must be finished is to be awaited. A
//!   program that wants tokio to end in order installs a runtime of its own.
//! - **The installed runtime is shut down.** Then `spawn_on_tokio` gives
//!   handles that say *cancelled*, as do those of the tasks that were dropped.
//!   In `with_tokio` it is for tokio to refuse: its timers panic, in the task
//!   that polls them, and its sockets return errors. Nobody waits for ever.
//!   The bridge does not start another.
//! - **A runtime of this crate is dropped.** Futures in `with_tokio` are
//!   dropped with their tasks, inside tokio's context. Tasks on tokio run on.
//! - **A future panics.** In `with_tokio` that is the panic of the task that
//!   polls it, and comes out of `block_on`. Under `spawn_on_tokio` tokio
//!   catches it, and the handle returns it as a [`TokioJoinError`].
//!
//! # The paused clock
//!
//! It is this crate's alone: tokio's timers go by the system's clock. While
//! something of the bridge is awaited the paused clock is held, so that a
//! `timeout` around it does not end because nothing else is to be done here.
//! A task on tokio that nobody awaits does not hold it.
//!
//! # What is not there
//!
//! - `tokio::task::spawn_local` needs a `LocalSet`, on which `with_tokio` may
//!   await `run_until`; [`spawn_boxed`](crate::spawn_boxed()) needs nothing.
//! - tokio's cooperation budget does not count outside its own tasks, and this
//!   crate's does not count tokio's futures. A loop inside `with_tokio` over a
//!   tokio channel that is never empty must yield now and then; a loop around
//!   it is counted.
//! - A blocking call inside `with_tokio` blocks this thread, whatever tokio's
//!   context says. `tokio::task::spawn_blocking` has threads for it.
//!
//! # Example
//! ```
//! use nexus_async_rt::RuntimeBuilder;
//! use nexus_async_rt::tokio_compat::{spawn_on_tokio, with_tokio};
//! use std::rc::Rc;
//! use std::time::Duration;
//!
//! let mut rt = RuntimeBuilder::new().build();
//! rt.block_on(async {
//!     // On this thread: what does not leave it may be used.
//!     let name = Rc::new("here");
//!     let slept = with_tokio(|| async {
//!         tokio::time::sleep(Duration::from_millis(1)).await;
//!         name.len()
//!     });
//!     assert_eq!(slept.await, 4);
//!
//!     // On a thread of tokio's.
//!     let task = spawn_on_tokio(async { 6 * 7 });
//!     assert_eq!(task.await.unwrap(), 42);
//! });
//! ```

mod background;
mod join;
mod within;

pub use background::{InstallTokioError, install_tokio};
pub use join::{TokioJoinError, TokioJoinHandle, spawn_on_tokio};
pub use within::{WithTokio, with_tokio};
