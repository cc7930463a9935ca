//! Who pays for the order between publishing and looking for a waiter.
//!
//! The protocol of [`super`] wants a full fence on both sides. A notifier runs
//! it with every message, and at a line that the other core holds it costs more
//! than all the rest. A waiter comes seldom where messages are dense. So there
//! the whole price is the waiter's: [`Adaptive`] has notifiers do without while
//! its state is `LIGHT`, and whoever begins to wait then fences for them too
//! (`sync::heavy_fence`: asymmetric fences, as in P1202).
//!
//! ```text
//!  who waits, state LIGHT                who makes the predicate true
//!  1  state: LIGHT -> FULL               1  publish
//!  2  heavy fence                        2  light fence
//!  3  register, full fence               3  state LIGHT: nobody waits
//!  4  attempt again                         FULL: full fence, is anyone there?
//! ```
//!
//! A heavy fence lies before or after the light fence of each notifier, whatever
//! it is doing. Before: the notifier sees `FULL` in its step 3, and the rest is
//! the protocol with two full fences. After: the waiter sees what was published
//! in its step 4.
//!
//! Invariants:
//! - While anyone is registered the state is `FULL`: it becomes so before, and
//!   `LIGHT` again only when nobody is, both by the same lock or owner.
//! - Whoever finds `FULL` by that lock or owner comes after the heavy fence.
//! - A heavy fence interrupts every core that runs a thread of the process. A
//!   state becomes `LIGHT` only after [`STREAK`] successes without a wait, and if
//!   a heavy fence is granted then.

use std::fmt::Debug;

use crate::sync::{
    AtomicUsize, Ordering, Site, full_fence, grant_heavy_fence, has_heavy_fence, heavy_fence,
    light_fence,
};

/// How notifiers and waiters of one place are kept from missing each other.
pub trait Fence: Debug {
    fn new() -> Self;

    /// Between publishing and looking for a waiter. `false`: nobody waits.
    fn before_look(&self) -> bool;

    /// Somebody is about to be registered; under the lock of the list, or by
    /// its only owner. The full fence between registering and attempting again
    /// is not part of it.
    #[inline(always)]
    fn before_register(&self) {}

    /// What is waited for was had without waiting. `true`: if nobody waits,
    /// [`relax`](Fence::relax) is due.
    #[inline(always)]
    fn succeeded(&self) -> bool {
        false
    }

    /// Nobody waits; under the lock of the list, or by its only owner.
    #[inline(always)]
    fn relax(&self) {}
}

/// One thread: there is nothing to order.
#[derive(Debug)]
pub struct NoFence;

impl Fence for NoFence {
    #[inline(always)]
    fn new() -> Self {
        Self
    }

    #[inline(always)]
    fn before_look(&self) -> bool {
        true
    }
}

/// Both sides fence each time.
#[derive(Debug)]
pub(crate) struct FullFence;

impl Fence for FullFence {
    #[inline(always)]
    fn new() -> Self {
        Self
    }

    #[inline(always)]
    fn before_look(&self) -> bool {
        full_fence(Site::WakerFence);
        true
    }
}

/// Notifiers do not fence.
const LIGHT: usize = 0;
/// Notifiers fence.
const FULL: usize = 1;
/// Notifiers fence, for good: there is no heavy fence here.
const ALWAYS_FULL: usize = 2;

/// Successes without a wait that make a stream a dense one. What their fences
/// have cost is about what a heavy fence costs.
#[cfg(not(all(test, nexus_loom)))]
const STREAK: usize = 1024;
#[cfg(all(test, nexus_loom))]
const STREAK: usize = 1;

/// See the module.
#[derive(Debug)]
pub struct Adaptive {
    state: AtomicUsize,
    /// Successes since somebody waited, while notifiers fence. Where several
    /// threads count at once some are lost, which is as good.
    streak: AtomicUsize,
}

impl Adaptive {
    /// Whether several have succeeded since somebody waited.
    pub(super) fn is_dense(&self) -> bool {
        // Ordering: Relaxed; hints.
        cfg!(not(all(test, nexus_loom)))
            && (self.state.load(Ordering::Relaxed) == LIGHT
                || self.streak.load(Ordering::Relaxed) >= 2)
    }

    #[cold]
    fn count(&self) -> bool {
        // Ordering: Relaxed, all of them; a hint.
        let streak = self.streak.load(Ordering::Relaxed) + 1;
        if streak < STREAK {
            self.streak.store(streak, Ordering::Relaxed);
            return false;
        }
        self.streak.store(0, Ordering::Relaxed);
        true
    }
}

impl Fence for Adaptive {
    fn new() -> Self {
        let state = if has_heavy_fence() { FULL } else { ALWAYS_FULL };
        Self {
            state: AtomicUsize::new(state),
            streak: AtomicUsize::new(0),
        }
    }

    #[inline(always)]
    fn before_look(&self) -> bool {
        light_fence(Site::LightFence);
        // Ordering: Relaxed; ordered by the light fence before it, which pairs
        // with the heavy one in `before_register`.
        if self.state.load(Ordering::Relaxed) == LIGHT {
            return false;
        }
        full_fence(Site::WakerFence);
        true
    }

    fn before_register(&self) {
        // Ordering: Relaxed, all of them; changed under a lock or by one owner,
        // and for notifiers ordered by the heavy fence.
        self.streak.store(0, Ordering::Relaxed);
        if self.state.load(Ordering::Relaxed) != LIGHT {
            return;
        }
        self.state.store(FULL, Ordering::Relaxed);
        if let Err(refusal) = heavy_fence(Site::HeavyFence) {
            // The next to register tries again.
            self.state.store(LIGHT, Ordering::Relaxed);
            panic!("the OS granted a fence on all threads once, and now refuses it: {refusal}");
        }
    }

    #[inline(always)]
    fn succeeded(&self) -> bool {
        // Ordering: Relaxed; a hint.
        self.state.load(Ordering::Relaxed) == FULL && self.count()
    }

    #[cold]
    fn relax(&self) {
        if grant_heavy_fence() {
            // Ordering: Relaxed; nobody waits, so a notifier may go by either.
            self.state.store(LIGHT, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Until it is so, or it is clear that it never will be.
    fn becomes_light(fence: &Adaptive) -> bool {
        (0..1000).any(|_| {
            for _ in 0..STREAK {
                if fence.succeeded() {
                    fence.relax();
                }
            }
            let light = !fence.before_look();
            if !light {
                std::thread::sleep(Duration::from_millis(1));
            }
            light
        })
    }

    #[test]
    fn notifiers_stop_to_fence_in_a_dense_stream_until_somebody_waits() {
        let fence = Adaptive::new();
        if !has_heavy_fence() {
            assert!(!becomes_light(&fence));
            return;
        }
        assert!(fence.before_look(), "it begins with fences");
        for _ in 0..2 {
            assert!(becomes_light(&fence));
            fence.before_register();
            assert!(fence.before_look());
        }
    }

    #[test]
    fn a_stream_that_waits_often_keeps_its_fences() {
        let fence = Adaptive::new();
        for _ in 0..10 {
            assert!((1..STREAK).all(|_| !fence.succeeded()));
            fence.before_register();
        }
        assert!(fence.before_look());
    }
}
