//! A hang becomes a failure.

use crate::handoff::Handoff;
use crate::seed::last_words;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

/// Runs `f`. If it takes longer than `limit`, the process ends with a message that
/// names the caller and the seed.
///
/// # Panics
/// With the panic of `f`.
#[track_caller]
pub fn within<R>(limit: Duration, f: impl FnOnce() -> R) -> R {
    let place = Location::caller();
    let done = Handoff::<()>::new();
    let watched = done.clone();
    let watchdog = thread::spawn(move || {
        if watched.take_within(limit).is_err() {
            last_words(&format!(
                "watchdog: the test at {place} has not ended within {limit:?}"
            ));
            std::process::abort();
        }
    });
    let result = catch_unwind(AssertUnwindSafe(f));
    done.close();
    watchdog.join().expect("the watchdog does not panic");
    result.unwrap_or_else(|panic| resume_unwind(panic))
}
