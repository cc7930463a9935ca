//! Other crates on nexus-async-rt, as they are.
//!
//! The tests of this crate start the real thing on the runtime. That is
//! futures, channels and combinators that were written for any executor,
//! protocols over its sockets, clients that need tokio over the bridge. They
//! are apart from the library so that its own tests pull none of that. Here is
//! what they share.

use nexus_async_rt::Runtime;
use nexus_rt::WorldBuilder;
use nexus_testkit::within;
use std::time::Duration;

/// Longer than any test takes on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `test` with a runtime of its own; if that takes too long the process
/// ends with a message.
#[track_caller]
pub fn on_runtime<R>(test: impl FnOnce(&mut Runtime<'_>) -> R) -> R {
    within(LIMIT, || {
        let mut world = WorldBuilder::new().build();
        test(&mut Runtime::new(&mut world))
    })
}

/// Runs `future` as the root of a runtime of its own, watched.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    on_runtime(|rt| rt.block_on(future))
}
