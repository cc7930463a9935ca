//! Where a ring of one producer ends, once its consumer closes it.
//!
//! The producer stores its tail and never asks, so no order of changes says
//! whether a position was claimed before the close. Both sides agree on it here,
//! once:
//!
//! ```text
//!  producer                              consumer
//!  1  publish, tail: p -> p + 1          1  announce that it closes
//!  2  fence                              2  fence
//!  3  announced? no: accepted            3  end: OPEN -> the tail
//!     yes: end: OPEN -> p + 1
//!  4  accepted if p is below the end,
//!     else taken back
//! ```
//!
//! The fences order 1 before 3 on each side. So either the producer finds the
//! announcement, or the consumer finds the tail moved and puts the end behind it:
//! an accepted position is below the end. The producer may fix the end itself,
//! because it knows of every position there is. From then on it finds the
//! announcement each time: the next one it publishes is taken back.
//!
//! Knows no fence, no value and no byte.

use crate::sync::{AtomicU64, Ordering};

const OPEN: u64 = u64::MAX;

/// See the module.
#[derive(Debug)]
pub(super) struct End(AtomicU64);

impl End {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(OPEN))
    }

    /// The producer's step 3: where the ring ends, if not at `tail`, its own.
    #[cold]
    pub(super) fn settle(&self, tail: u64) -> Result<(), u64> {
        // Ordering: Relaxed, here and in `fix`; one word decides. The end
        // publishes nothing: a consumer that does not see yet what lies below it
        // waits, and the producer is about to notify.
        self.0
            .compare_exchange(OPEN, tail, Ordering::Relaxed, Ordering::Relaxed)
            .map(drop)
    }

    /// The consumer's step 3.
    pub(super) fn fix(&self, tail: u64) {
        // Ordering: Relaxed; see `settle`. Fixed already, it stays.
        let _ = self
            .0
            .compare_exchange(OPEN, tail, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether the end is fixed, at `position`; for the consumer.
    pub(super) fn is_at(&self, position: u64) -> bool {
        // Ordering: Relaxed; changed once, and `fix` has seen that.
        self.0.load(Ordering::Relaxed) == position
    }
}
