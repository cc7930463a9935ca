//! One timer, which lies in the future that waits for it.

use super::timers::{FAR, Timers};
use std::cell::Cell;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::ptr;
use std::task::Waker;
use std::time::Instant;

/// In no wheel.
pub(super) const IDLE: u16 = FAR + 1;
/// Its deadline has come.
pub(super) const FIRED: u16 = FAR + 2;
/// Its wheel has gone.
pub(super) const ABANDONED: u16 = FAR + 3;

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

/// One timer. Unlinks itself when it is dropped.
pub(crate) struct Entry {
    pub(super) next: Cell<*const Entry>,
    pub(super) prev: Cell<*const Entry>,
    /// When it is to fire; `None` is never.
    pub(super) time: Cell<Option<Instant>>,
    /// The same in nanoseconds since the clock's origin, once it is in a slot.
    pub(super) deadline: Cell<u64>,
    /// Entries that this thread had made before: ties are told apart by it.
    pub(super) order: u64,
    /// The list it is in, or one of the constants above `FAR`.
    pub(super) place: Cell<u16>,
    /// Where it waits; not null while it does.
    pub(super) timers: Cell<*const Timers>,
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
            timers: Cell::new(ptr::null()),
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
    fn is_waiting(&self) -> bool {
        self.place.get() <= FAR
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

    /// Has it fire at `time` instead, `None` is never, whatever it has been doing:
    /// what waits goes on waiting in its wheel, everything else is idle again.
    pub(crate) fn reset(self: Pin<&Self>, time: Option<Instant>) {
        self.time.set(time);
        if self.is_waiting() {
            // SAFETY: the wheel is alive, because it abandons its entries before
            // it goes; the entry waits in it.
            unsafe {
                let timers = &*self.timers.get();
                timers.unlink(&self);
                timers.stage(self);
            }
        } else {
            self.place.set(IDLE);
        }
    }

    /// Whether it waits in `timers`.
    pub(crate) fn is_in(&self, timers: &Timers) -> bool {
        ptr::eq(self.timers.get(), timers)
    }

    /// The order in which those that are due fire. By the time itself, because
    /// nanoseconds end at the clock's origin.
    pub(super) fn key(&self) -> (Option<Instant>, u64) {
        (self.time.get(), self.order)
    }
}

impl Drop for Entry {
    #[inline]
    fn drop(&mut self) {
        if self.is_waiting() {
            // SAFETY: the wheel is alive, because it abandons its entries
            // before it goes; this is its thread, because an entry is not
            // `Send`.
            unsafe { (*self.timers.get()).unlink(self) };
        }
        // The waker is dropped with its cell, after the unlinking.
    }
}
