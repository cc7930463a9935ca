//! Senders that try again and again while there is no room.

use crate::ring::Bounded;
use crate::sync::Ordering;
use crate::wait::mode::{Mode, Word};

/// The most spins of a moment: some tenths of a microsecond.
const MOST_SPINS: usize = 16;

/// In how many parts a moment divides the time in which the receiver empties the ring,
/// or more.
const PARTS: usize = 64;

/// What was refused last.
#[derive(Debug)]
pub(super) struct Refusals<M: Mode> {
    /// Where the tail was.
    at: M::Word,
}

impl<M: Mode> Refusals<M> {
    pub(super) fn new() -> Self {
        Self {
            at: Word::new(usize::MAX),
        }
    }

    /// A try found no room in `ring`. Whether to try once more, after a moment.
    ///
    /// A sender that spins looks at the head each time, and takes its line away from the
    /// receiver, which writes it with each message. The receiver then waits for the line
    /// longer than it works. So where nothing was sent since the last refusal, the
    /// receiver is left alone for a moment, in which it does not empty the ring.
    #[cold]
    pub(super) fn gives_way<R: Bounded>(&self, ring: &R) -> bool {
        if !R::YIELDS {
            return false;
        }
        let at = ring.claimed() as usize;
        // Ordering: Relaxed, both; a hint.
        if self.at.load(Ordering::Relaxed) != at {
            self.at.store(at, Ordering::Relaxed);
            return false;
        }
        let spins = (ring.capacity() / PARTS).min(MOST_SPINS);
        (0..spins).for_each(|_| std::hint::spin_loop());
        spins > 0
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use super::*;
    use crate::ring::Ring;
    use crate::ring::spsc::SpscRing;
    use crate::wait::mode::Threads;

    #[test]
    fn only_a_second_refusal_in_a_row_waits_and_only_in_a_ring_that_is_not_short() {
        for (capacity, waits) in [(1, false), (PARTS - 1, false), (PARTS, true), (4096, true)] {
            let ring = SpscRing::<u8>::with_capacity(capacity);
            let refusals = Refusals::<Threads>::new();
            for _ in 0..3 {
                // SAFETY: one thread.
                while unsafe { ring.push(0) }.is_ok() {}
                assert!(!refusals.gives_way(&ring), "the first");
                assert_eq!(refusals.gives_way(&ring), waits);
                assert_eq!(refusals.gives_way(&ring), waits);
                // SAFETY: one thread.
                unsafe { ring.pop() };
            }
        }
    }
}
