//! What becomes of a panic of foreign code: of wakers, futures and destructors.
//!
//! Knows nothing of ours; every room above may use it. Where such a panic must
//! not cost anybody else anything it is caught, and then either ends here or
//! goes on when all is in order. What it carries is foreign, too: its
//! destructor may panic in turn.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a panic carries.
pub(crate) type Panic = Box<dyn Any + Send>;

/// Runs `f`; its panic, if it ended with one.
pub(crate) fn caught(f: impl FnOnce()) -> Option<Panic> {
    catch_unwind(AssertUnwindSafe(f)).err()
}

/// Runs `f`. A panic of it must not cost the caller anything: the panic hook
/// reports it, and there it ends.
pub(crate) fn contained(f: impl FnOnce()) {
    if let Some(panic) = caught(f) {
        swallow(panic);
    }
}

/// Ends a panic.
pub(crate) fn swallow(panic: Panic) {
    if let Some(second) = caught(|| drop(panic)) {
        // And so might the next, for ever: it is leaked.
        std::mem::forget(second);
    }
}

/// The first of several panics is kept, the others end here.
pub(crate) fn keep_first(first: &mut Option<Panic>, next: Option<Panic>) {
    if first.is_none() {
        *first = next;
    } else if let Some(next) = next {
        swallow(next);
    }
}

/// Hands a panic on; while the thread is already unwinding it ends here,
/// because out of a destructor it would end the process.
pub(crate) fn hand_on(first: Option<Panic>) {
    match first {
        Some(panic) if std::thread::panicking() => swallow(panic),
        Some(panic) => resume_unwind(panic),
        None => {}
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use super::*;
    use std::panic::panic_any;

    /// Whose destructor panics, with another of its kind.
    struct Relentless;

    impl Drop for Relentless {
        fn drop(&mut self) {
            panic_any(Relentless);
        }
    }

    #[test]
    fn a_payload_that_panics_when_it_is_dropped_ends_here() {
        contained(|| panic_any(Relentless));
        let mut first = caught(|| panic!("first"));
        keep_first(&mut first, caught(|| panic_any(Relentless)));
        let first = caught(|| hand_on(first)).expect("handed on");
        assert_eq!(first.downcast_ref(), Some(&"first"));
    }

    #[test]
    fn while_unwinding_a_panic_ends_here() {
        struct HandsOn;
        impl Drop for HandsOn {
            fn drop(&mut self) {
                hand_on(caught(|| panic!("second")));
            }
        }
        let first = caught(|| {
            let _hands_on = HandsOn;
            panic!("first");
        });
        assert_eq!(first.unwrap().downcast_ref(), Some(&"first"));
    }
}
