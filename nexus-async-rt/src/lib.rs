//! Single-threaded async runtime with pre-allocated task storage, and channels
//! for each pattern of producers and consumers.
//!
//! # The story in five steps
//!
//! 1. A [`Runtime`] borrows a [`World`][world] and belongs to the
//!    thread that built it. [`Runtime::block_on`] drives its tasks and sleeps
//!    in the OS when there is nothing to do; [`Runtime::block_on_busy`] never
//!    sleeps.
//! 2. Tasks are spawned onto the heap ([`spawn_boxed`]) or into a slot of a
//!    slab that was there before ([`spawn_slab`], [`claim_slab`]): a spawn that
//!    allocates nothing. A [`JoinHandle`] is the future of the task's output.
//! 3. Other threads hand work over by a [`channel`], of which there are five:
//!    take the narrowest that fits. They know nothing of the runtime and can be
//!    awaited on any executor.
//! 4. A waker may be cloned, woken and dropped on any thread at any time, so the
//!    futures of other crates work here as they are. On the runtime's own
//!    thread a wake is a few plain stores.
//! 5. A task that has received something dispatches a handler of the World
//!    inside [`with_world`]. The page [`patterns::world`] explains both.
//!
//! [world]: https://docs.rs/nexus-rt/2.5/nexus_rt/struct.World.html
//!
//! ```
//! # #[cfg(feature = "rt")] {
//! use nexus_async_rt::channel::spsc;
//! use nexus_async_rt::{Runtime, spawn_boxed, with_world};
//! use nexus_rt::{Handler, IntoHandler, ResMut, Resource, WorldBuilder};
//!
//! #[derive(Resource)]
//! struct Volume(u64);
//!
//! fn on_trade(mut volume: ResMut<Volume>, shares: u64) {
//!     volume.0 += shares;
//! }
//!
//! let mut builder = WorldBuilder::new();
//! builder.register(Volume(0));
//! let mut world = builder.build();
//! let mut handler = on_trade.into_handler(world.registry());
//!
//! let (tx, rx) = spsc::channel(16);
//! let feed = std::thread::spawn(move || (1..=4).try_for_each(|n| tx.blocking_send(n * 100)));
//!
//! let mut rt = Runtime::new(&mut world);
//! rt.block_on(async {
//!     let task = spawn_boxed(async move {
//!         while let Ok(shares) = rx.recv().await {
//!             with_world(|world| handler.run(world, shares));
//!         }
//!     });
//!     task.await;
//! });
//! feed.join().unwrap().unwrap();
//! assert_eq!(rt.world().resource::<Volume>().0, 1000);
//! # }
//! ```
//!
//! # Where to read on
//!
//! | question | answer |
//! |---|---|
//! | which channel, and what does it promise? | [`channel`] |
//! | how is a runtime set up? | [`RuntimeBuilder`] |
//! | what does a slab hold? | [`ByteSlab`], [`BoundedByteSlab`] |
//! | what happens when a task panics, or the runtime is dropped? | [`Runtime`] |
//! | what may be done with a task that runs? | [`JoinHandle`] |
//! | how is work told to end? | [`cancel`] |
//! | how does a program end? | [`shutdown_signal`], [`run_until_shutdown`], [`Runtime::shutdown_quiesce`] |
//! | which task runs next? | [`yield_now`], [`time::unconstrained`] |
//! | how does one wait for the clock, and test that? | [`time`] |
//! | how are sockets used? | [`net`] |
//! | what has the runtime done so far? | [`runtime::Metrics`] |
//! | what are a World, a resource, a handler and an event? | [`patterns::world`] |
//! | how are the pieces put together? | [`patterns`] |
//! | what is this or that of tokio's here? | [`coming_from_tokio`] |
//! | what is an item of the published 0.4 to 0.7 here? | [`coming_from_0_7`] |
//! | how does a tokio client run here? | the module `tokio_compat`, with that feature |
//!
//! The root of the crate has the names that most programs use. Every other name is in
//! its module: futures and errors lie beside the function that returns them.
//!
//! # Features
//!
//! Without features the crate is channels and cancellation, and depends on `libc`
//! alone. The first three are on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `rt` | the runtime: tasks, timers, and the World of `nexus-rt`, which is re-exported |
//! | `net` | sockets; with it `rt` |
//! | `futures` | the traits of `futures-io` on the sockets |
//! | `tokio-compat` | the bridge to tokio: `with_tokio`, `spawn_on_tokio` |
//! | `tokio-io` | tokio's I/O traits on the sockets |
//!
//! # Platforms
//!
//! Unix, with 64-bit pointers: Linux is tested, macOS builds. `panic = "abort"` is
//! supported. After `fork` a child may only `exec`.

#![warn(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::missing_safety_doc,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![deny(unsafe_code)]
#![cfg_attr(
    not(all(feature = "net", feature = "futures")),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the front page links to the whole crate"
    )
)]

#[cfg(not(unix))]
compile_error!("nexus-async-rt needs a Unix: Linux is tested, macOS builds");

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "nexus-async-rt needs 64-bit pointers: with smaller words the counts of wakers and the \
     positions of rings would wrap within the life of a program"
);

#[cfg(not(all(test, nexus_loom)))]
#[expect(
    unsafe_code,
    reason = "a tree's links are under its lock, futures are pinned"
)]
pub mod cancel;
#[cfg(not(all(test, nexus_loom)))]
#[expect(
    unsafe_code,
    reason = "handles vouch for the rings' contracts, futures pin their nodes"
)]
pub mod channel;
#[cfg(all(test, nexus_loom))]
#[expect(unsafe_code, reason = "as in the ordinary build")]
#[path = "channel/models.rs"]
mod channel;
#[cfg(all(doc, feature = "net", feature = "futures"))]
pub mod coming_from_0_7;
#[cfg(all(doc, feature = "net", feature = "futures"))]
pub mod coming_from_tokio;
#[cfg(all(doc, feature = "net", feature = "futures"))]
pub mod patterns;
#[expect(unsafe_code, reason = "slots are shared by position, not by borrow")]
mod ring;
mod sync;
mod thread;
mod unwind;
#[expect(
    unsafe_code,
    reason = "waiting futures are linked where they are pinned"
)]
mod wait;

#[cfg(all(feature = "net", not(all(test, nexus_loom))))]
#[expect(
    unsafe_code,
    reason = "waiting futures are linked where they are pinned"
)]
pub mod net;
#[cfg(all(feature = "rt", not(all(test, nexus_loom))))]
#[expect(unsafe_code, reason = "a timer of the kernel is a system call")]
mod reactor;
#[cfg(all(feature = "rt", not(all(test, nexus_loom))))]
#[expect(
    unsafe_code,
    reason = "tasks are shared by the loop, handles and wakers"
)]
pub mod runtime;
#[cfg(all(feature = "rt", test, nexus_loom))]
#[expect(unsafe_code, reason = "as in the ordinary build")]
#[path = "runtime/models.rs"]
mod runtime;
#[cfg(feature = "rt")]
#[expect(unsafe_code, reason = "a task's type is erased, its count is by hand")]
pub mod task;
#[cfg(all(feature = "rt", not(all(test, nexus_loom))))]
#[expect(
    unsafe_code,
    reason = "futures pin what lies inside them, an alarm's timer is its thread's"
)]
pub mod time;
#[cfg(all(feature = "rt", not(all(test, nexus_loom))))]
#[expect(unsafe_code, reason = "timers are linked where they are pinned")]
mod timer;
#[cfg(all(feature = "tokio-compat", not(all(test, nexus_loom))))]
#[expect(unsafe_code, reason = "a future pins what lies inside it")]
pub mod tokio_compat;

#[cfg(not(all(test, nexus_loom)))]
pub use cancel::CancellationToken;
#[cfg(all(feature = "rt", not(all(test, nexus_loom))))]
pub use runtime::{
    Runtime, RuntimeBuilder, ShutdownHandle, WorldCtx, claim_slab, run_until_shutdown,
    shutdown_handle, shutdown_signal, spawn_boxed, spawn_slab, try_claim_slab, with_world,
    with_world_ref,
};
#[cfg(feature = "rt")]
pub use task::{AbortHandle, BoundedByteSlab, ByteSlab, JoinError, JoinHandle};
#[cfg(all(feature = "rt", not(all(test, nexus_loom))))]
pub use time::{interval, now, sleep, timeout, yield_now};

#[cfg(feature = "rt")]
pub use nexus_rt;

/// The examples of the README run.
#[cfg(all(doctest, feature = "net", feature = "futures"))]
#[doc = include_str!("../README.md")]
#[expect(dead_code, reason = "exists for its documentation")]
struct Readme;
