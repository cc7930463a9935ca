//! One timer, which lies in the future that waits for it.

use std::cell::Cell;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr;
use std::task::Waker;
use std::time::Instant;

/// In no wheel. The lists of a wheel have smaller numbers.
pub(super) const IDLE: u16 = u16::MAX - 2;
/// Its deadline has come.
pub(super) const FIRED: u16 = u16::MAX - 1;
/// Its wheel has gone.
pub(super) const ABANDONED: u16 = u16::MAX;

thread_local! {
    static MADE: Cell<u64> = const { Cell::new(0) };
}

/// What an [`Entry`] is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not registered.
    Idle,
    /// In a wheel.
    Waiting,
    /// Its deadline has come.
    Fired,
    /// The wheel is gone.
    Abandoned,
}

/// One timer. It unlinks itself when it is dropped: see the wheel.
pub(crate) struct Entry {
    pub(super) next: Cell<*const Entry>,
    pub(super) prev: Cell<*const Entry>,
    /// When it is to fire; `None` is never.
    pub(super) time: Cell<Option<Instant>>,
    /// The same in nanoseconds since the clock's origin, once it is in a slot.
    pub(super) deadline: Cell<u64>,
    /// Entries that this thread had made before: ties are told apart by it.
    pub(super) order: u64,
    /// The list it is in, or one of the constants above.
    pub(super) place: Cell<u16>,
    /// The wheel where it waits; not null while it does.
    pub(super) wheel: Cell<*const ()>,
    pub(super) waker: Cell<Option<Waker>>,
    _pinned: PhantomPinned,
}

// The wheel and its entries are in order wherever foreign code runs.
impl UnwindSafe for Entry {}
impl RefUnwindSafe for Entry {}

impl Entry {
    #[inline(always)]
    pub(crate) fn new(time: Option<Instant>) -> Self {
        Self {
            next: Cell::new(ptr::null()),
            prev: Cell::new(ptr::null()),
            time: Cell::new(time),
            deadline: Cell::new(0),
            order: MADE.replace(MADE.get() + 1),
            place: Cell::new(IDLE),
            wheel: Cell::new(ptr::null()),
            waker: Cell::new(None),
            _pinned: PhantomPinned,
        }
    }

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        match self.place.get() {
            IDLE => Phase::Idle,
            FIRED => Phase::Fired,
            ABANDONED => Phase::Abandoned,
            _ => Phase::Waiting,
        }
    }

    /// When it is to fire; `None` is never.
    #[inline(always)]
    pub(crate) fn time(&self) -> Option<Instant> {
        self.time.get()
    }

    #[inline(always)]
    pub(crate) fn is_idle(&self) -> bool {
        self.place.get() == IDLE
    }

    /// In a list: what is not has a number above them all.
    #[inline(always)]
    pub(super) fn is_waiting(&self) -> bool {
        self.place.get() < IDLE
    }

    /// Says that the deadline has come without the wheel's help.
    pub(crate) fn set_fired(&self) {
        debug_assert_eq!(self.phase(), Phase::Idle);
        self.place.set(FIRED);
    }

    /// Leaves the caller's waker in an entry that is about to wait. Foreign code
    /// (clone, drop) runs while the cell is empty or has the new one.
    #[inline(always)]
    pub(crate) fn arm(&self, waker: &Waker) {
        let waker = waker.clone();
        drop(self.waker.replace(Some(waker)));
    }

    /// As [`Entry::arm`], for an entry that waits and may have this waker. As
    /// foreign code may drive the wheel, it may not wait any more afterwards.
    #[inline]
    pub(crate) fn rearm(&self, waker: &Waker) {
        let old = self.waker.take();
        if old.as_ref().is_some_and(|old| old.will_wake(waker)) {
            self.waker.set(old);
        } else {
            drop(old);
            self.arm(waker);
        }
    }

    /// The order in which those that are due fire. By the time itself, because
    /// nanoseconds end at the clock's origin.
    pub(super) fn key(&self) -> (Option<Instant>, u64) {
        (self.time.get(), self.order)
    }
}
