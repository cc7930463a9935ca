//! One waiter: a slot for a waker that one owner fills and any thread takes.
//!
//! The register-or-wake race is resolved as in `futures`' `AtomicWaker`: if
//! the owner finds the slot in use, it wakes itself instead of waiting.
//!
//! | state | the slot | may be touched by |
//! |---|---|---|
//! | `EMPTY` | no waker | the owner |
//! | `ARMED` | a waker | the thread that moves the state to `TAKING` |
//! | `TAKING` | being read | the thread that moved it there, and then stores `EMPTY` |
//!
//! Knows no list. The owner is one future at a time, which the caller sees to.

use std::task::Waker;

use crate::sync::{AtomicUsize, Ordering, Site, UnsafeCell, ordering};

const EMPTY: usize = 0;
const ARMED: usize = 1;
const TAKING: usize = 2;

/// The cell.
#[derive(Debug)]
pub(crate) struct WaitCell {
    state: AtomicUsize,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: `waker` is touched by one thread at a time. The state says which
// thread that is, and changes hands by compare-exchange or release store,
// guaranteed by the table above; `Waker` is `Send` and `Sync`.
unsafe impl Send for WaitCell {}
// SAFETY: as above.
unsafe impl Sync for WaitCell {}

impl WaitCell {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicUsize::new(EMPTY),
            waker: UnsafeCell::new(None),
        }
    }

    /// Registers `waker` for the next notification. If a notification is just
    /// being delivered, `waker` is woken at once: the owner polls again.
    ///
    /// # Safety
    ///
    /// - One owner at a time registers.
    pub(crate) unsafe fn register(&self, waker: Waker) {
        // Ordering: Acquire; pairs with the Release store in `take`, so that
        // the taker has left the slot.
        match self
            .state
            .load(ordering(Site::CellEmpty, Ordering::Acquire))
        {
            EMPTY => {}
            // Ours from an earlier poll. Taken back; or just notified.
            _ => {
                let old = self.take();
                drop(old);
                // Ordering: Acquire; as above.
                if self
                    .state
                    .load(ordering(Site::CellEmpty, Ordering::Acquire))
                    != EMPTY
                {
                    return waker.wake();
                }
            }
        }
        // SAFETY: the slot is the owner's, because the state is `EMPTY` and
        // only the owner leaves that state, guaranteed by the contract.
        self.waker.with_mut(|slot| unsafe { *slot = Some(waker) });
        // Ordering: Release; pairs with the Acquire exchange in `take`, so
        // that the waker is visible.
        self.state
            .store(ARMED, ordering(Site::CellArm, Ordering::Release));
    }

    /// Whether a waker is there. To be asked after the protocol's fence.
    #[inline(always)]
    pub(crate) fn is_armed(&self) -> bool {
        // Ordering: Relaxed; ordered by the fence before it.
        self.state.load(Ordering::Relaxed) == ARMED
    }

    /// Takes the waker out, if one is there and nobody else is taking it.
    pub(crate) fn take(&self) -> Option<Waker> {
        // Ordering: Acquire; pairs with the Release store in `register`, so
        // that the waker is visible. On failure Relaxed: an owner that leaves and
        // finds itself notified has nothing to do about it.
        self.state
            .compare_exchange(
                ARMED,
                TAKING,
                ordering(Site::CellTake, Ordering::Acquire),
                Ordering::Relaxed,
            )
            .ok()?;
        // SAFETY: the slot is this thread's, because it moved the state to
        // `TAKING`, guaranteed by the exchange.
        let waker = self.waker.with_mut(|slot| unsafe { (*slot).take() });
        // Ordering: Release; pairs with the Acquire load in `register`, so
        // that this thread has left the slot.
        self.state
            .store(EMPTY, ordering(Site::CellEmpty, Ordering::Release));
        waker
    }
}
