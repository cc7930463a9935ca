//! Which side pays for the order between publishing and looking for a waiter.
//!
//! The protocol of [`super`] wants a full fence on both sides. A notifier runs
//! it with every message, and at a line that the other core holds it costs more
//! than all the rest. A waiter comes seldom where messages are dense. So there
//! the whole price is the waiter's. With [`Adaptive`], notifiers do without
//! while its state is `LIGHT`, and a waiter that begins to wait then fences for
//! them too (`sync::heavy_fence`: asymmetric fences, as in P1202).
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
//! A consumer that closes is in the place of the waiter: it announces the close in
//! step 1, and in step 4 reads how far the producer has got. The producer looks
//! for the announcement where it looks for a waiter.
//!
//! Invariants:
//! - While anyone is registered the state is not `LIGHT`: it is changed before,
//!   and back only when nobody is registered, both by the same lock or owner.
//! - A waiter that finds another state than `LIGHT` by that lock or owner comes
//!   after the heavy fence.
//! - A heavy fence interrupts every core that runs a thread of the process. A
//!   state becomes `LIGHT` only after [`STREAK`] successes without a wait, and if
//!   a heavy fence is granted then.
//!
//! The OS may refuse the heavy fence when it is wanted: a filter of system calls
//! that was installed meanwhile. Then nothing says whether a notifier that saw
//! `LIGHT` is still between its steps 1 and 3. What it published is visible a
//! moment later, so this one case rests on time. The waiter registers, and is
//! woken once more after [`late::DELAY`](super::late); a close is complete after
//! the same delay. The place keeps its fences from then on.

use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::Instant;

#[cfg(not(all(test, nexus_loom)))]
use super::late::DELAY;
use crate::sync::{
    AtomicUsize, CachePadded, Ordering, Site, full_fence, give_back_heavy_fence, grant_heavy_fence,
    has_heavy_fence, heavy_fence, light_fence,
};

/// How notifiers and waiters of one place are kept from missing each other.
pub trait Fence: Debug {
    fn new() -> Self;

    /// Between publishing and looking for a waiter. `false`: nobody waits.
    fn before_look(&self) -> bool;

    /// Somebody is about to be registered, under the same lock or by the same
    /// owner, and with no user code between. `false`: a notifier that is at work
    /// may miss it, so it has to look again after a while. The full fence between
    /// registering and attempting again is not part of it.
    #[must_use]
    #[inline(always)]
    fn before_register(&self) -> bool {
        true
    }

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

/// Notifiers do not fence.
const LIGHT: usize = 0;
/// Notifiers fence.
const FULL: usize = 1;
/// Notifiers fence, for good: there is no heavy fence here, or the consumer has
/// closed.
const ALWAYS_FULL: usize = 2;
/// This plus the milliseconds of a [deadline](Deadline): notifiers fence, for
/// good, but until then one may be at work that has not.
const LATE: usize = 3;

#[cfg(all(test, nexus_loom))]
const DELAY: std::time::Duration = std::time::Duration::ZERO;

/// In whole milliseconds since some moment of this process.
struct Deadline;

impl Deadline {
    fn elapsed() -> usize {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGIN.elapsed().as_millis() as usize
    }

    fn begin() -> usize {
        // The current millisecond has begun already.
        Self::elapsed() + DELAY.as_millis() as usize + 1
    }
}

/// Successes without a wait that make a stream a dense one. What their fences
/// have cost is about what a heavy fence costs.
#[cfg(not(all(test, nexus_loom)))]
pub(super) const STREAK: usize = 1024;
#[cfg(all(test, nexus_loom))]
const STREAK: usize = 1;

/// See the module.
#[derive(Debug)]
pub struct Adaptive {
    state: AtomicUsize,
    /// Successes since somebody waited, while notifiers fence. Where several
    /// threads count at once some are lost, which is as good. On a line of its
    /// own, because notifiers read the state with each message.
    streak: CachePadded<AtomicUsize>,
}

impl Adaptive {
    /// Whether several have succeeded since somebody waited.
    pub(super) fn is_dense(&self) -> bool {
        // Ordering: Relaxed; hints.
        cfg!(not(all(test, nexus_loom)))
            && (self.state.load(Ordering::Relaxed) == LIGHT
                || self.streak.load(Ordering::Relaxed) >= 2)
    }

    /// See [`ConsumerPoint::close`](super::ConsumerPoint::close). By the only owner.
    ///
    /// Notifiers fence before they can find the announcement: one that has found
    /// it finds it again each time.
    pub(super) fn close(&self, announce: impl FnOnce()) -> bool {
        let late = self.is_late();
        // Ordering: Relaxed; changed by this owner. For notifiers published by
        // the announcement, and ordered by the fences.
        let before = self.state.load(Ordering::Relaxed);
        if !late {
            self.state.store(ALWAYS_FULL, Ordering::Relaxed);
        }
        announce();
        if before == LIGHT {
            return self.fence_for_notifiers(Site::CloseHeavyFence);
        }
        full_fence(Site::CloseFence);
        !late
    }

    /// See [`ConsumerPoint::abandon`](super::ConsumerPoint::abandon). By the only
    /// owner.
    pub(super) fn abandon(&self) {
        // Ordering: Relaxed; what comes after this is told so by the caller.
        if self.state.load(Ordering::Relaxed) == LIGHT {
            give_back_heavy_fence();
        }
        self.state.store(ALWAYS_FULL, Ordering::Relaxed);
    }

    /// See [`ConsumerPoint::is_late`](super::ConsumerPoint::is_late). By the only
    /// owner, or under the lock.
    pub(super) fn is_late(&self) -> bool {
        // Ordering: Relaxed; changed by this owner or under this lock.
        let state = self.state.load(Ordering::Relaxed);
        if state < LATE || state - LATE > Deadline::elapsed() {
            return state >= LATE;
        }
        self.state.store(ALWAYS_FULL, Ordering::Relaxed);
        false
    }

    /// Notifiers fence from now on: fences for those that have not. `false`:
    /// refused.
    #[cold]
    fn fence_for_notifiers(&self, site: Site) -> bool {
        let fenced = heavy_fence(site);
        if !fenced {
            // Ordering: Relaxed; for notifiers the same as before.
            self.state
                .store(LATE + Deadline::begin(), Ordering::Relaxed);
        }
        fenced
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
        self.state.load(Ordering::Relaxed) == FULL
    }
}

impl Fence for Adaptive {
    fn new() -> Self {
        let state = if has_heavy_fence() { FULL } else { ALWAYS_FULL };
        Self {
            state: AtomicUsize::new(state),
            streak: CachePadded(AtomicUsize::new(0)),
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

    fn before_register(&self) -> bool {
        // Ordering: Relaxed, all of them; changed under a lock or by one owner,
        // and for notifiers ordered by the heavy fence.
        self.streak.store(0, Ordering::Relaxed);
        match self.state.load(Ordering::Relaxed) {
            LIGHT => {
                self.state.store(FULL, Ordering::Relaxed);
                self.fence_for_notifiers(Site::HeavyFence)
            }
            FULL | ALWAYS_FULL => true,
            _ => !self.is_late(),
        }
    }

    #[inline(always)]
    fn succeeded(&self) -> bool {
        // Ordering: Relaxed; a hint.
        self.state.load(Ordering::Relaxed) != LIGHT && self.count()
    }

    #[cold]
    fn relax(&self) {
        if grant_heavy_fence() {
            // Ordering: Relaxed; nobody waits, so a notifier may go by either.
            self.state.store(LIGHT, Ordering::Relaxed);
        }
    }
}

impl Drop for Adaptive {
    fn drop(&mut self) {
        // Ordering: Relaxed; nobody else is left.
        if self.state.load(Ordering::Relaxed) == LIGHT {
            give_back_heavy_fence();
        }
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use super::*;
    use crate::sync::one_at_a_time;
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
        let _alone = one_at_a_time();
        let fence = Adaptive::new();
        if !has_heavy_fence() {
            assert!(!becomes_light(&fence));
            return;
        }
        assert!(fence.before_look(), "it begins with fences");
        for _ in 0..2 {
            assert!(becomes_light(&fence));
            assert!(fence.before_register());
            assert!(fence.before_look());
        }
    }

    #[test]
    fn a_stream_that_waits_often_keeps_its_fences() {
        let fence = Adaptive::new();
        for _ in 0..10 {
            assert!((1..STREAK).all(|_| !fence.succeeded()));
            assert!(fence.before_register());
        }
        assert!(fence.before_look());
    }

    /// A close is complete only after the delay, and the place keeps its fences.
    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    fn a_refused_close_is_late() {
        use crate::sync::with_refused_fences;

        let _alone = one_at_a_time();
        let refused = || {
            let fence = Adaptive::new();
            if !becomes_light(&fence) {
                return false;
            }
            let begin = Instant::now();
            let complete = with_refused_fences(|| fence.close(|| ()));
            assert!(!complete && fence.is_late());
            assert!(fence.before_look(), "notifiers look from now on");
            while fence.is_late() {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(begin.elapsed() >= DELAY);
            assert!(fence.close(|| ()) && !becomes_light(&fence));
            true
        };
        assert!(!has_heavy_fence() || (0..10).any(|_| refused()));
    }
}
