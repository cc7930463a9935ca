//! Other crates on nexus-async-rt, as they are.
//!
//! The tests of this crate start the real thing on the runtime: futures,
//! channels and combinators that were written for any executor, protocols over
//! its sockets, clients that need tokio over the bridge. They are apart from
//! the library so that its own tests pull none of that. Here is what they
//! share.

use nexus_async_rt::Runtime;
use nexus_rt::WorldBuilder;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Longer than any test takes on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `test` with a runtime of its own; if that takes too long the process
/// ends with a message.
#[track_caller]
pub fn on_runtime<R>(test: impl FnOnce(&mut Runtime<'_>) -> R) -> R {
    let place = Location::caller();
    let (done, ended) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        if ended.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("watchdog: the test at {place} has not ended within {LIMIT:?}");
            std::process::abort();
        }
    });
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut world = WorldBuilder::new().build();
        test(&mut Runtime::new(&mut world))
    }));
    drop(done);
    watchdog.join().expect("the watchdog does not panic");
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Runs `future` as the root of a runtime of its own, watched.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    on_runtime(|rt| rt.block_on(future))
}

/// `quick` at the everyday scale, more with `NEXUS_PROOF`.
///
/// # Panics
/// If `NEXUS_PROOF` is not an integer.
#[must_use]
pub fn scaled(quick: usize) -> usize {
    let proof = std::env::var("NEXUS_PROOF")
        .ok()
        .map_or(1, |text| text.parse().expect("NEXUS_PROOF is an integer"));
    quick * proof
}
