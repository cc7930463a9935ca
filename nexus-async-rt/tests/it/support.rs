//! A runtime for each test, watched.

use nexus_async_rt::{Runtime, RuntimeBuilder};
use nexus_rt::WorldBuilder;
use nexus_testkit::{scaled, within};
use std::time::Duration;

/// Runs `f` with a runtime that `build` sets up, watched for a minute, or as much
/// longer as there is more to do. On a machine that others use, too, everything
/// takes ten times as long.
#[track_caller]
pub fn with_built<R>(
    build: impl for<'w> FnOnce(RuntimeBuilder<'w>) -> RuntimeBuilder<'w>,
    f: impl FnOnce(&mut Runtime<'_>) -> R,
) -> R {
    within(Duration::from_secs(scaled(60) as u64), || {
        let mut world = WorldBuilder::new().build();
        let mut rt = build(Runtime::builder(&mut world)).build();
        f(&mut rt)
    })
}

/// As [`with_built`], with the defaults.
#[track_caller]
pub fn with_runtime<R>(f: impl FnOnce(&mut Runtime<'_>) -> R) -> R {
    with_built(|builder| builder, f)
}
