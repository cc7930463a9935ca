//! One watched descriptor: what is known of its two sides, and what waits
//! there.
//!
//! The OS tells of changes, once each (mio is edge-triggered). So a side is
//! *ready* from an event until an operation would have blocked; while it is
//! not, nobody need ask.
//!
//! Invariants:
//! - A side that the OS does not watch is not ready.
//! - What clears a side knows the tick at which it was found ready: an event
//!   that came later stays.
//! - Every event wakes all that wait on its side: the next one may be long in
//!   coming, and a future that is woken and goes away need not hand anything
//!   on.
//! - No waker is cloned, woken or dropped in an open borrow.

use crate::unwind::{Panic, caught, contained, hand_on, keep_first};
use crate::wait::mode::OneThread;
use crate::wait::queue::WaitQueue;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::task::{Context, Waker};

/// Where futures wait for a side.
pub(crate) type Waiters = WaitQueue<OneThread>;

/// One of the two directions of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Read,
    Write,
}

impl Side {
    /// The bit that stands for it in an interest.
    pub(crate) const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Both sides, as an interest.
pub(crate) const BOTH: u8 = Side::Read.bit() | Side::Write.bit();

/// What is known of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// An operation would block, as far as is known.
    Blocked,
    Ready,
    /// Ready, and there is more than bytes: the end, an error, urgent data. A
    /// short read does not mean that nothing is left.
    ReadyForMore,
}

struct SideState {
    readiness: Cell<Readiness>,
    /// Events so far.
    tick: Cell<u32>,
    waiters: Waiters,
    /// What called a `poll_` method last.
    poller: Cell<Option<Waker>>,
}

/// See the module. Lies in the table of watches, and is used for one
/// descriptor after another.
pub(crate) struct Watch {
    pub(super) index: usize,
    /// Descriptors that it was used for before.
    pub(super) generation: Cell<usize>,
    /// The sides that the OS watches.
    pub(super) interest: Cell<u8>,
    read: SideState,
    write: SideState,
}

impl SideState {
    fn new() -> Self {
        Self {
            readiness: Cell::new(Readiness::Blocked),
            tick: Cell::new(0),
            waiters: Waiters::new(),
            poller: Cell::new(None),
        }
    }

    fn take_waker(&self) -> Option<Waker> {
        self.poller.take().or_else(|| self.waiters.dismiss())
    }
}

impl Watch {
    pub(super) fn new(index: usize) -> Self {
        Self {
            index,
            generation: Cell::new(0),
            interest: Cell::new(0),
            read: SideState::new(),
            write: SideState::new(),
        }
    }

    fn state(&self, side: Side) -> &SideState {
        match side {
            Side::Read => &self.read,
            Side::Write => &self.write,
        }
    }

    /// Whether the OS watches `side`.
    #[inline]
    pub(crate) fn covers(&self, side: Side) -> bool {
        self.interest.get() & side.bit() != 0
    }

    /// Where futures wait for `side`.
    #[inline]
    pub(crate) fn waiters(&self, side: Side) -> &Waiters {
        &self.state(side).waiters
    }

    /// Runs `operation` if `side` is ready; `None`: it would block.
    #[inline]
    pub(crate) fn attempt<R>(
        &self,
        side: Side,
        operation: impl FnMut() -> io::Result<R>,
    ) -> Option<io::Result<R>> {
        if self.state(side).readiness.get() == Readiness::Blocked {
            return None;
        }
        let tick = self.tick(side);
        let result = attempt(operation);
        if result.is_none() {
            self.block(side, tick);
        }
        result
    }

    /// Which event made `side` what it is.
    pub(crate) fn tick(&self, side: Side) -> u32 {
        self.state(side).tick.get()
    }

    /// An operation would have blocked on `side`, which was found ready at
    /// `tick`.
    pub(crate) fn block(&self, side: Side, tick: u32) {
        if self.tick(side) == tick {
            self.state(side).readiness.set(Readiness::Blocked);
        }
    }

    /// Nothing is known of `side` yet: somebody is to try.
    pub(crate) fn assume_ready(&self, side: Side) {
        self.set_ready(side, Readiness::Ready);
    }

    /// The sides in `sides` were ended by a call on this descriptor, which the
    /// OS need not report: nothing blocks there any more. Wakes all that wait
    /// there. If wakers panic, all others are woken first, then the first panic
    /// continues.
    pub(crate) fn end(&self, sides: u8) {
        let ended = [Side::Read, Side::Write]
            .into_iter()
            .filter(|side| sides & side.bit() != 0 && self.covers(*side));
        for side in ended.clone() {
            self.set_ready(side, Readiness::ReadyForMore);
        }
        let mut first = None;
        for side in ended {
            self.wake(side, &mut first);
        }
        hand_on(first);
    }

    /// A read gave less than there was room for, just now: nothing is left,
    /// unless something else than bytes has come.
    #[inline]
    pub(crate) fn drained(&self) {
        if self.read.readiness.get() == Readiness::Ready {
            self.read.readiness.set(Readiness::Blocked);
        }
    }

    /// Has the caller of a `poll_` method woken by the next event. The latest
    /// caller takes the place of the one before.
    pub(crate) fn register_poller(&self, side: Side, cx: &Context<'_>) {
        let place = &self.state(side).poller;
        let old = place.take();
        if old.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
            place.set(old);
            return;
        }
        drop(old);
        drop(place.replace(Some(cx.waker().clone())));
    }

    /// Drops the waker of the latest caller of a `poll_` method.
    pub(crate) fn dismiss_poller(&self, side: Side) {
        drop(self.state(side).poller.take());
    }

    /// Whether anybody waits.
    pub(super) fn has_waiters(&self) -> bool {
        [&self.read, &self.write].iter().any(|state| {
            let poller = state.poller.take();
            let waits = poller.is_some() || !state.waiters.is_empty();
            state.poller.set(poller);
            waits
        })
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("index", &self.index)
            .field("interest", &self.interest)
            .field("read", &self.read.readiness)
            .field("write", &self.write.readiness)
            .finish_non_exhaustive()
    }
}

/// For the table.
impl Watch {
    /// An event came for `side`.
    pub(super) fn set_ready(&self, side: Side, readiness: Readiness) {
        let state = self.state(side);
        state.tick.set(state.tick.get().wrapping_add(1));
        if state.readiness.get() != Readiness::ReadyForMore {
            state.readiness.set(readiness);
        }
    }

    /// Wakes all that wait for `side`, also if some of their wakers panic.
    pub(super) fn wake(&self, side: Side, first: &mut Option<Panic>) {
        let state = self.state(side);
        // Taken out first, woken last: it may give the watch to another
        // descriptor, for which this event is none.
        let poller = state.poller.take();
        keep_first(first, caught(|| state.waiters.wake_present()));
        if let Some(waker) = poller {
            keep_first(first, caught(|| waker.wake()));
        }
    }

    /// Takes out any one waker.
    pub(super) fn take_waker(&self) -> Option<Waker> {
        self.read.take_waker().or_else(|| self.write.take_waker())
    }

    /// The descriptor is watched no longer. Nothing that waited for it is left
    /// but `poll_` callers and leaked futures.
    pub(super) fn retire(&self) {
        self.generation.set(self.generation.get().wrapping_add(1));
        self.interest.set(0);
        for state in [&self.read, &self.write] {
            state.readiness.set(Readiness::Blocked);
        }
        while let Some(waker) = self.take_waker() {
            contained(|| drop(waker));
        }
    }
}

/// Runs `operation`; `None`: it would block.
pub(crate) fn attempt<R>(mut operation: impl FnMut() -> io::Result<R>) -> Option<io::Result<R>> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return Some(result),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn would_block() -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    #[test]
    fn what_would_block_waits_for_the_next_event() {
        let watch = Watch::new(0);
        assert!(
            watch.attempt(Side::Read, || Ok(1)).is_none(),
            "no event yet"
        );
        watch.set_ready(Side::Read, Readiness::Ready);
        assert!(watch.attempt(Side::Write, || Ok(1)).is_none(), "other side");
        assert!(watch.attempt(Side::Read, || Ok(1)).is_some());
        assert!(watch.attempt(Side::Read, would_block).is_none());
        assert!(watch.attempt(Side::Read, || Ok(1)).is_none(), "blocked");
    }

    #[test]
    fn a_newer_event_is_not_cleared() {
        let watch = Watch::new(0);
        watch.set_ready(Side::Read, Readiness::Ready);
        let tick = watch.tick(Side::Read);
        watch.set_ready(Side::Read, Readiness::Ready);
        watch.block(Side::Read, tick);
        assert!(watch.attempt(Side::Read, || Ok(1)).is_some());
        watch.block(Side::Read, watch.tick(Side::Read));
        assert!(watch.attempt(Side::Read, || Ok(1)).is_none());
    }

    #[test]
    fn a_short_read_leaves_the_end_readable() {
        let watch = Watch::new(0);
        watch.set_ready(Side::Read, Readiness::Ready);
        watch.drained();
        assert!(watch.attempt(Side::Read, || Ok(1)).is_none());
        watch.set_ready(Side::Read, Readiness::ReadyForMore);
        watch.set_ready(Side::Read, Readiness::Ready);
        watch.drained();
        assert!(watch.attempt(Side::Read, || Ok(1)).is_some());
    }

    #[test]
    fn a_side_that_was_ended_stays_ready() {
        let watch = Watch::new(0);
        watch.end(BOTH);
        assert!(watch.attempt(Side::Read, || Ok(1)).is_none(), "not watched");
        watch.interest.set(BOTH);
        watch.end(Side::Read.bit());
        assert!(watch.attempt(Side::Write, || Ok(1)).is_none(), "other side");
        watch.drained();
        assert!(watch.attempt(Side::Read, || Ok(1)).is_some());
    }

    #[test]
    fn interrupted_operations_begin_again() {
        let mut calls = 0;
        let result = attempt(|| {
            calls += 1;
            if calls < 3 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Ok(calls)
        });
        assert_eq!(result.unwrap().unwrap(), 3);
    }
}
