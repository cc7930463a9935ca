//! The message of a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of the panic that `f` ends with.
///
/// # Panics
/// If `f` returns.
#[track_caller]
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else {
        panic!("no panic");
    };
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic
            .downcast::<&str>()
            .map_or_else(|_| "not a message".into(), |text| text.to_string()),
    }
}
