//! When a task is to be woken: a hierarchical timer wheel.
//!
//! Knows no future; its entries lie in them. Ten levels of 64 slots: a slot of
//! level 0 is one microsecond, a slot of level `n + 1` is all of level `n`. An
//! entry lies on the level of the highest group of six bits in which its tick
//! differs from the wheel's (the scheme of Varghese and Lauck, with the levels
//! told apart by exclusive or). So the first occupied slot of the lowest
//! occupied level is always the next one.
//!
//! A timer that begins to wait is only *staged*: put into a list, without a look
//! at its deadline. What is still there when somebody asks for what is due, once
//! a turn, is spread over the wheel. Most limits of time are gone by then,
//! because what they limit has come.
//!
//! Invariants:
//! - An entry keeps its exact deadline, in nanoseconds; the slot only finds it.
//! - The tick of an entry is at least the wheel's.
//! - Within what one [`Timers::fire`] finds due, wakes are in the order of
//!   deadlines, ties in the order in which the entries were made.
//! - Nothing is allocated; unlinking is one step whatever number is alive.

use super::clock::{Clock, NEVER};
use super::entry::{ABANDONED, Entry, FIRED, IDLE, Phase};
use std::cell::Cell;
use std::pin::Pin;
use std::ptr;
use std::task::Waker;
use std::time::{Duration, Instant};

const LEVELS: usize = 10;
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
/// The list of those that are due.
const DUE: u16 = (LEVELS * SLOTS) as u16;
/// The list of those that are staged.
const STAGED: u16 = DUE + 1;
/// The list of those that never fire, the last of all lists. Nobody looks for
/// it, so it has no bit; but a timer that is reset is found in it, and one that
/// waits longer than the wheel is abandoned.
const FAR: u16 = DUE + 2;
const _: () = assert!(FAR < IDLE);
/// Nanoseconds of a tick.
const TICK: u64 = 1000;
/// How long a list is searched for the exact deadline to park until.
const EXACT: usize = 32;

/// See the module. Not to be moved while entries wait in it.
pub(crate) struct Timers {
    /// Not `Sync` and not `Send`: neither are entries.
    lists: [Cell<*const Entry>; FAR as usize + 1],
    occupied: [Cell<u64>; LEVELS],
    /// A bit for each level whose `occupied` is not zero, and above them one
    /// for each other list, but `FAR`, that is not empty: see `bit_of`.
    busy: Cell<u16>,
    /// The wheel's tick.
    tick: Cell<u64>,
    /// When [`Timers::fire`] was called last, in nanoseconds.
    fired_at: Cell<u64>,
    pub(crate) clock: Clock,
}

/// What [`Timers::fire`] did.
pub(crate) struct Fired {
    /// How many timers fired.
    pub(crate) count: u64,
    /// One has fired just now, or may become due within about a turn.
    pub(crate) is_near: bool,
}

/// The bit of a list outside the wheel.
const fn bit_of(list: u16) -> u16 {
    1 << (LEVELS as u16 + list - DUE)
}

/// The wheel.
impl Timers {
    pub(crate) fn new() -> Self {
        Self {
            lists: [const { Cell::new(ptr::null()) }; FAR as usize + 1],
            occupied: [const { Cell::new(0) }; LEVELS],
            busy: Cell::new(0),
            tick: Cell::new(0),
            fired_at: Cell::new(0),
            clock: Clock::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.busy.get() == 0
    }

    /// Has `entry`, which is idle and has a waker, woken at its deadline.
    #[inline(always)]
    pub(crate) fn stage(&self, entry: Pin<&Entry>) {
        debug_assert_eq!(entry.phase(), Phase::Idle);
        entry.wheel.set(ptr::from_ref(self).cast());
        self.busy.set(self.busy.get() | bit_of(STAGED));
        // SAFETY: in no list, as it is idle. Pinned and unlinked by its
        // destructor: it stays where it is for as long as it is linked.
        unsafe { self.link(entry.get_ref(), STAGED) };
    }

    /// Spreads what is staged over the wheel.
    #[inline(always)]
    fn settle(&self) {
        if self.busy.get() & bit_of(STAGED) != 0 {
            self.settle_staged();
        }
    }

    fn settle_staged(&self) {
        self.busy.set(self.busy.get() & !bit_of(STAGED));
        let mut entry = self.lists[STAGED as usize].replace(ptr::null());
        while !entry.is_null() {
            // SAFETY: entries in a list are alive; this one has left it.
            unsafe {
                let next = (*entry).next.get();
                let deadline = (*entry).time.get();
                let deadline = deadline.map_or(NEVER, |time| self.clock.nanos(time));
                (*entry).deadline.set(deadline);
                if deadline < NEVER {
                    self.place(entry);
                } else {
                    self.link(entry, FAR);
                }
                entry = next;
            }
        }
    }

    /// Puts an entry into the slot that its deadline asks for.
    ///
    /// # Safety
    /// - `entry` is in no list, and stays where it is while it is in one.
    #[inline]
    unsafe fn place(&self, entry: *const Entry) {
        // SAFETY: alive, as the caller says.
        let deadline = unsafe { (*entry).deadline.get() };
        let now = self.tick.get();
        let tick = (deadline / TICK).max(now);
        let differs = (now ^ tick) | (SLOTS as u64 - 1);
        let level = (u64::BITS - 1 - differs.leading_zeros()) / BITS;
        let slot = (tick >> (level * BITS)) as usize % SLOTS;
        let occupied = &self.occupied[level as usize];
        occupied.set(occupied.get() | 1 << slot);
        self.busy.set(self.busy.get() | 1 << level);
        // SAFETY: as the caller says.
        unsafe { self.link(entry, (level as usize * SLOTS + slot) as u16) };
    }

    /// # Safety
    /// - As for `place`; `list` is an index.
    #[inline]
    unsafe fn link(&self, entry: *const Entry, list: u16) {
        let head = &self.lists[list as usize];
        let next = head.get();
        // SAFETY: the entry is alive, as the caller says; so is the first of
        // the list, because entries leave it before they go.
        unsafe {
            (*entry).place.set(list);
            (*entry).prev.set(ptr::null());
            (*entry).next.set(next);
            if !next.is_null() {
                (*next).prev.set(entry);
            }
        }
        head.set(entry);
    }

    /// # Safety
    /// - `entry` waits in this wheel.
    #[inline]
    unsafe fn unlink(&self, entry: &Entry) {
        let (next, prev) = (entry.next.get(), entry.prev.get());
        let list = entry.place.replace(IDLE);
        // SAFETY: neighbours in a list are alive, because entries leave it
        // before they go.
        unsafe {
            if !next.is_null() {
                (*next).prev.set(prev);
            }
            if prev.is_null() {
                self.lists[list as usize].set(next);
                if next.is_null() {
                    self.vacate(list);
                }
            } else {
                (*prev).next.set(next);
            }
        }
    }

    /// A list has become empty.
    #[inline(always)]
    fn vacate(&self, list: u16) {
        let busy = if list >= DUE {
            bit_of(list)
        } else {
            let (level, slot) = (list as usize / SLOTS, list as usize % SLOTS);
            let occupied = self.occupied[level].get() & !(1 << slot);
            self.occupied[level].set(occupied);
            u16::from(occupied == 0) << level
        };
        self.busy.set(self.busy.get() & !busy);
    }

    /// The next slot: its level, its list, and the tick at which it begins.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let levels = self.busy.get() & (bit_of(DUE) - 1);
        if levels == 0 {
            return None;
        }
        let level = levels.trailing_zeros();
        let slot = u64::from(self.occupied[level as usize].get().trailing_zeros());
        let above = !((1 << ((level + 1) * BITS)) - 1);
        let start = (self.tick.get() & above) | slot << (level * BITS);
        Some((
            level as usize,
            level as usize * SLOTS + slot as usize,
            start,
        ))
    }

    /// Until when the thread may sleep, as the system's time now and what is
    /// left from then on; `None`: until it is woken. On a paused clock no time
    /// passes: what is due is due, what is not due waits for a wake.
    pub(crate) fn sleep_time(&self) -> Option<(Instant, Duration)> {
        let until = self.next_deadline(EXACT)?;
        let now = self.clock.now();
        let left = until.saturating_sub(self.clock.nanos(now));
        if left > 0 && self.clock.is_paused() {
            return None;
        }
        Some((self.clock.system_time(now), Duration::from_nanos(left)))
    }

    /// Moves the paused clock to the next deadline. `false`: there is none.
    pub(crate) fn jump(&self) -> bool {
        let Some(next) = self.next_deadline(usize::MAX) else {
            return false;
        };
        self.clock.move_to(self.clock.at(next));
        self.clock.forget_time();
        true
    }

    /// The next deadline. With more than `exact` in one slot of a higher level:
    /// a time before it, at which they will have to be spread anyway.
    fn next_deadline(&self, exact: usize) -> Option<u64> {
        self.settle();
        if !self.lists[DUE as usize].get().is_null() {
            return Some(0);
        }
        let (level, list, start) = self.next_slot()?;
        let mut first = NEVER;
        let mut seen = 0;
        let mut entry = self.lists[list].get();
        while !entry.is_null() {
            if level > 0 && seen == exact {
                return Some(start * TICK);
            }
            // SAFETY: entries in a list are alive.
            unsafe {
                first = first.min((*entry).deadline.get());
                entry = (*entry).next.get();
            }
            seen += 1;
        }
        Some(first)
    }

    /// Wakes all that are due at `now`, in nanoseconds.
    ///
    /// If a wake panics the rest is woken by the next call.
    #[inline]
    pub(crate) fn fire(&self, now: u64) -> Fired {
        self.settle();
        let quiet = self.collect(now);
        let count = self.wake_due();
        // The last turn is the best guess of how long the next one takes. About two of
        // them, in ticks.
        let turn = now.wrapping_sub(self.fired_at.replace(now));
        Fired {
            count,
            is_near: count > 0 || quiet <= turn >> 9,
        }
    }

    /// Wakes those in the list of the due; how many.
    fn wake_due(&self) -> u64 {
        let mut fired = 0;
        loop {
            let entry = self.lists[DUE as usize].get();
            if entry.is_null() {
                return fired;
            }
            // SAFETY: entries in a list are alive; after the wake this one may
            // not be.
            let waker = unsafe {
                self.unlink(&*entry);
                (*entry).place.set(FIRED);
                (*entry).waker.take()
            };
            fired += 1;
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Moves all that are due into their list, in order. Returns for how many ticks no
    /// other can become due.
    fn collect(&self, now: u64) -> u64 {
        let now_tick = now / TICK;
        let mut quiet = NEVER;
        let mut due: *const Entry = ptr::null();
        while let Some((level, list, start)) = self.next_slot() {
            if start > now_tick {
                quiet = start - now_tick;
                break;
            }
            self.tick.set(start.max(self.tick.get()));
            let mut entry = self.lists[list].replace(ptr::null());
            self.vacate(list as u16);
            while !entry.is_null() {
                // SAFETY: entries in a list are alive; this one has left it.
                unsafe {
                    let next = (*entry).next.get();
                    if (*entry).deadline.get() <= now {
                        (*entry).next.set(due);
                        due = entry;
                    } else {
                        self.place(entry);
                    }
                    entry = next;
                }
            }
            // What is left of this very tick is not due yet.
            if level == 0 && start == now_tick {
                quiet = 0;
                break;
            }
        }
        self.tick.set(now_tick.max(self.tick.get()));
        if !due.is_null() {
            // What a panic left behind is sorted in.
            let mut left = self.lists[DUE as usize].get();
            while !left.is_null() {
                // SAFETY: as above.
                unsafe {
                    let next = (*left).next.get();
                    (*left).next.set(due);
                    due = left;
                    left = next;
                }
            }
            self.set_due(sort(due));
        }
        quiet
    }

    /// Makes a chain through `next` the list of those that are due.
    fn set_due(&self, chain: *const Entry) {
        self.lists[DUE as usize].set(chain);
        self.busy.set(self.busy.get() | bit_of(DUE));
        let mut prev: *const Entry = ptr::null();
        let mut entry = chain;
        while !entry.is_null() {
            // SAFETY: the caller's entries are alive.
            unsafe {
                (*entry).place.set(DUE);
                (*entry).prev.set(prev);
                prev = entry;
                entry = (*entry).next.get();
            }
        }
    }

    /// Takes out any one entry for good; its waker.
    pub(crate) fn abandon(&self) -> Option<Waker> {
        loop {
            self.settle();
            let list = match self.next_slot() {
                Some((_, list, _)) => list,
                None if self.busy.get() != 0 => DUE as usize,
                None => FAR as usize,
            };
            let entry = self.lists[list].get();
            if entry.is_null() {
                return None;
            }
            // SAFETY: entries in a list are alive.
            let waker = unsafe {
                self.unlink(&*entry);
                (*entry).place.set(ABANDONED);
                (*entry).waker.take()
            };
            if waker.is_some() {
                return waker;
            }
        }
    }
}

/// Sorts a chain through `next` by deadline and order: a merge sort from the
/// bottom up; its piles of `1 << n` entries lie on the stack.
fn sort(mut chain: *const Entry) -> *const Entry {
    let mut piles = [ptr::null::<Entry>(); usize::BITS as usize];
    while !chain.is_null() {
        let mut pile = chain;
        // SAFETY: the caller's entries are alive, and in this chain alone.
        chain = unsafe { (*pile).next.replace(ptr::null()) };
        for place in &mut piles {
            if place.is_null() {
                *place = pile;
                break;
            }
            pile = merge(std::mem::replace(place, ptr::null()), pile);
        }
    }
    piles.into_iter().fold(ptr::null(), merge)
}

/// Merges two sorted chains.
fn merge(mut a: *const Entry, mut b: *const Entry) -> *const Entry {
    let head = Cell::new(ptr::null());
    let mut tail: *const Cell<*const Entry> = &head;
    // SAFETY: the entries of both chains are alive; `tail` is `head` or the
    // link of the last entry moved.
    unsafe {
        while !a.is_null() && !b.is_null() {
            let least = if (*a).key() < (*b).key() {
                &mut a
            } else {
                &mut b
            };
            let entry = *least;
            *least = (*entry).next.get();
            (*tail).set(entry);
            tail = &raw const (*entry).next;
        }
        (*tail).set(if a.is_null() { b } else { a });
    }
    head.get()
}

/// What an entry does in the wheel that it waits in.
impl Entry {
    /// Not null while it waits.
    fn wheel(&self) -> *const Timers {
        self.wheel.get().cast()
    }

    /// Has it fire at `time` instead, `None` is never, whatever it has been doing:
    /// what waits goes on waiting in its wheel, everything else is idle again.
    pub(crate) fn reset(self: Pin<&Self>, time: Option<Instant>) {
        self.time.set(time);
        if self.is_waiting() {
            // SAFETY: the wheel is alive, because it abandons its entries before
            // it goes; the entry waits in it.
            unsafe {
                let timers = &*self.wheel();
                timers.unlink(&self);
                timers.stage(self);
            }
        } else {
            self.place.set(IDLE);
        }
    }

    /// Whether it waits in `timers`.
    pub(crate) fn is_in(&self, timers: &Timers) -> bool {
        ptr::eq(self.wheel(), timers)
    }
}

impl Drop for Entry {
    #[inline]
    fn drop(&mut self) {
        if self.is_waiting() {
            // SAFETY: the wheel is alive, because it abandons its entries
            // before it goes; this is its thread, because an entry is not
            // `Send`.
            unsafe { (*self.wheel()).unlink(self) };
        }
        // The waker is dropped with its cell, after the unlinking.
    }
}

#[cfg(test)]
mod tests;
