//! Turns a hang into a failure, and holds what every module needs to set up.

use crate::handoff::Handoff;
use crate::seed::last_words;
use nexus_async_rt::{Runtime, RuntimeBuilder};
use nexus_rt::WorldBuilder;
use std::panic::Location;
use std::time::Duration;

/// Runs `f`; if it takes longer than `limit` the process ends with a message.
#[track_caller]
pub fn within<R>(limit: Duration, f: impl FnOnce() -> R) -> R {
    let place = Location::caller();
    let done = Handoff::<()>::new();
    let watched = done.clone();
    let watchdog = std::thread::spawn(move || {
        if watched.take_within(limit).is_err() {
            last_words(&format!(
                "watchdog: the test at {place} has not ended within {limit:?}"
            ));
            std::process::abort();
        }
    });
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    done.close();
    watchdog.join().unwrap();
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Runs `f` with a runtime that `build` sets up, watched for a minute, or as much
/// longer as there is more to do: on a machine that others use, too, everything
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

/// `quick` at the everyday scale, more with `NEXUS_PROOF`.
pub fn scaled(quick: usize) -> usize {
    let proof = std::env::var("NEXUS_PROOF")
        .ok()
        .map_or(1, |text| text.parse().expect("NEXUS_PROOF is an integer"));
    quick * proof
}

/// The message of a panic that `f` ends with.
#[track_caller]
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) else {
        panic!("no panic");
    };
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic
            .downcast::<&str>()
            .map_or_else(|_| "not a message".into(), |text| text.to_string()),
    }
}
