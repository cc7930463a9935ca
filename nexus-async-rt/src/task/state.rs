//! The state of one task: flags of its owner, and the count of its wakers.
//!
//! The count is biased: wakers made and dropped on the owning thread are
//! counted in a plain integer, those of other threads in an atomic word. Each
//! half alone may be negative (made here, dropped there); the sum is the
//! number of wakers. It matters only when the task is done: see
//! [`State::settle`].
//!
//! ```text
//!   word    | foreign count, signed ........................ | MERGED | CALLED |
//! ```

use crate::sync::{AtomicUsize, Ordering, Site, ordering};
use std::cell::Cell;

/// A foreign wake has put the task into the inbox, or is about to.
const CALLED: usize = 1;
/// The word counts all wakers; the local half is no longer used.
const MERGED: usize = 1 << 1;
/// One waker in the word.
const ONE: usize = 1 << 2;

/// In the ready queue; for a root: woken.
const READY: u16 = 1;
/// The future is gone.
const COMPLETED: u16 = 1 << 1;
/// The future of a `block_on`, which is never queued.
const ROOT: u16 = 1 << 2;
/// The task has ended, and what follows from that is being done further up the
/// stack: its memory stays.
const BUSY: u16 = 1 << 3;
/// A `JoinHandle` exists.
const HANDLE: u16 = 1 << 4;
/// The output is in the cell.
const OUTPUT: u16 = 1 << 5;
/// Abort as soon as the poll that is running returns, or the end that is under
/// way is over.
const ABORT: u16 = 1 << 6;
/// Owner's plain copy of `MERGED`.
const COUNTED: u16 = 1 << 7;
/// Counted among the tasks alive; linked into the list of them, unless its end is
/// queued.
const LISTED: u16 = 1 << 8;
/// Why no output can come, as two bits: see [`Ended`].
const ENDED_SHIFT: u16 = 9;
const ENDED: u16 = 3 << ENDED_SHIFT;

/// The future has returned and is being dropped: the output is not in its place
/// yet. Never without `COMPLETED`.
const RETURNING: u16 = 1 << 11;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Ended {
    /// It returned.
    Returned = 0,
    /// Its future panicked, in a poll or in its destructor after it had returned.
    Panicked = 1,
    /// `JoinHandle::abort`.
    Aborted = 2,
    /// The runtime was dropped.
    Shutdown = 3,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct State {
    word: AtomicUsize,
    local: Cell<i32>,
    flags: Cell<u16>,
}

/// The foreign half of the count.
const fn count(word: usize) -> isize {
    word as isize >> ONE.trailing_zeros()
}

impl State {
    /// A task that is about to be queued and has a handle that is about to
    /// exist.
    pub(crate) fn task() -> Self {
        Self::new(READY | HANDLE | LISTED)
    }

    /// The root of a runtime.
    pub(crate) fn root() -> Self {
        Self::new(ROOT)
    }

    fn new(flags: u16) -> Self {
        Self {
            word: AtomicUsize::new(0),
            local: Cell::new(0),
            flags: Cell::new(flags),
        }
    }

    #[inline(always)]
    fn has(&self, flag: u16) -> bool {
        self.flags.get() & flag != 0
    }

    #[inline(always)]
    fn set(&self, flag: u16) {
        self.flags.set(self.flags.get() | flag);
    }

    #[inline(always)]
    fn clear(&self, flag: u16) {
        self.flags.set(self.flags.get() & !flag);
    }

    /// Clears `flag`; whether it was set.
    #[inline(always)]
    fn take(&self, flag: u16) -> bool {
        let was = self.has(flag);
        self.clear(flag);
        was
    }
}

/// The ready queue and the poll. Owner only.
impl State {
    /// A wake. `true`: the task has to be queued.
    #[inline(always)]
    pub(crate) fn make_ready(&self) -> bool {
        let flags = self.flags.get();
        if flags & (READY | COMPLETED | ROOT) != 0 {
            if flags & ROOT != 0 {
                self.flags.set(flags | READY);
            }
            return false;
        }
        self.flags.set(flags | READY);
        true
    }

    /// Taken out of the ready queue. `false`: there is no future any more.
    #[inline(always)]
    pub(crate) fn begin_poll(&self) -> bool {
        let flags = self.flags.get();
        self.flags.set(flags & !READY);
        flags & COMPLETED == 0
    }

    /// Whether an abort was asked for: by the poll that has just returned
    /// `Pending`, or of a task with an end that is queued.
    #[inline(always)]
    pub(crate) fn is_aborted(&self) -> bool {
        self.has(ABORT)
    }

    /// The root's wake flag.
    #[inline(always)]
    pub(crate) fn take_ready(&self) -> bool {
        let ready = self.has(READY);
        if ready {
            self.clear(READY);
        }
        ready
    }

    /// Whether the root has been woken.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        self.has(READY)
    }

    /// Makes the root due for its first poll.
    pub(crate) fn set_ready(&self) {
        self.set(READY);
    }
}

/// The end of the future, the output and the handle. Owner only.
impl State {
    /// The future has returned; its place is about to hold the output. The
    /// task is busy until [`State::end_busy`].
    #[inline(always)]
    pub(crate) fn complete(&self) {
        self.set(COMPLETED | BUSY | RETURNING);
    }

    /// The output is in its place, after [`State::complete`].
    #[inline(always)]
    pub(crate) fn put_output(&self) {
        debug_assert!(self.has(RETURNING) && !self.has(OUTPUT));
        // Clears the one and sets the other.
        self.flags.set(self.flags.get() ^ (RETURNING | OUTPUT));
    }

    /// Whether the output was there; from now on it is the caller's.
    #[inline(always)]
    pub(crate) fn take_output(&self) -> bool {
        self.take(OUTPUT)
    }

    /// `true`: the task was alive, and its future is the caller's to drop. The
    /// task is busy until [`State::end_busy`].
    pub(crate) fn begin_end(&self, how: Ended) -> bool {
        if self.has(COMPLETED) {
            self.set(BUSY);
            return false;
        }
        self.set(COMPLETED | BUSY);
        self.set_ended(how);
        true
    }

    /// Says why no output can come.
    pub(crate) fn set_ended(&self, how: Ended) {
        let flags = self.flags.get() & !(ENDED | RETURNING);
        self.flags.set(flags | ((how as u16) << ENDED_SHIFT));
    }

    /// Whether the output is in its place, or will never be.
    #[inline(always)]
    pub(crate) fn has_ended(&self) -> bool {
        self.flags.get() & (COMPLETED | RETURNING) == COMPLETED
    }

    /// How the task ended, if it did.
    pub(crate) fn ended(&self) -> Option<Ended> {
        self.has_ended()
            .then(|| match (self.flags.get() & ENDED) >> ENDED_SHIFT {
                0 => Ended::Returned,
                1 => Ended::Panicked,
                2 => Ended::Aborted,
                _ => Ended::Shutdown,
            })
    }

    /// Nothing of this task is on the stack any more.
    #[inline(always)]
    pub(crate) fn end_busy(&self) {
        self.clear(BUSY);
    }

    /// Whether the task was listed; it no longer is.
    #[inline(always)]
    pub(crate) fn unlist(&self) -> bool {
        self.take(LISTED)
    }

    /// The handle is gone.
    #[inline(always)]
    pub(crate) fn drop_handle(&self) {
        self.clear(HANDLE);
    }

    /// Whether the output is in its place.
    #[inline(always)]
    pub(crate) fn has_output(&self) -> bool {
        self.has(OUTPUT)
    }

    /// The handle is gone. `true`: the output is still there, and the caller's to
    /// drop; the task is busy until [`State::end_busy`]. A task that is busy
    /// already keeps its output: what makes it busy looks for it afterwards.
    pub(crate) fn begin_discard(&self) -> bool {
        let flags = self.flags.get();
        if flags & (OUTPUT | BUSY) != OUTPUT {
            return false;
        }
        self.set(BUSY);
        true
    }

    /// Whether a handle exists.
    #[inline(always)]
    pub(crate) fn has_handle(&self) -> bool {
        self.has(HANDLE)
    }

    /// Whether the future is gone.
    #[inline(always)]
    pub(crate) fn is_completed(&self) -> bool {
        self.has(COMPLETED)
    }

    /// The future is being polled, and is dropped right after; or its end is
    /// queued.
    pub(crate) fn abort_later(&self) {
        self.set(ABORT);
    }
}

/// The count of wakers.
impl State {
    /// A waker was cloned on the owning thread.
    #[inline(always)]
    pub(crate) fn clone_local(&self) {
        if self.has(COUNTED) {
            return self.clone_foreign();
        }
        match self.local.get().checked_add(1) {
            Some(local) => self.local.set(local),
            None => self.spill(1),
        }
    }

    /// A waker was dropped on the owning thread. `true`: it was the last one
    /// of a task that is done, the memory is the caller's to free.
    ///
    /// By pointer, because another thread may free the task before this returns.
    ///
    /// # Safety
    /// - The caller has a waker, and gives it up; this is the owning thread.
    #[inline(always)]
    pub(crate) unsafe fn drop_local(this: *const Self) -> bool {
        // SAFETY: alive, because the waker counts until `drop_foreign`, which
        // gets the pointer; a half that is not joined frees nothing.
        unsafe {
            if (*this).has(COUNTED) {
                return Self::drop_foreign(this);
            }
            match (*this).local.get().checked_sub(1) {
                Some(local) => (*this).local.set(local),
                None => (*this).spill(-1),
            }
        }
        false
    }

    /// The local half is full: moves it into the word.
    #[cold]
    fn spill(&self, step: isize) {
        let local = self.local.replace(0) as isize + step;
        let local = (local as usize).wrapping_mul(ONE);
        // Ordering: Relaxed, as in `clone_foreign`: the caller holds a waker.
        self.word.fetch_add(local, Ordering::Relaxed);
    }

    /// A waker was cloned on another thread, or after the halves were joined.
    #[inline]
    pub(crate) fn clone_foreign(&self) {
        // Ordering: Relaxed, because the waker that is cloned keeps the count
        // from reaching zero, and its drop is ordered after this.
        self.word.fetch_add(ONE, Ordering::Relaxed);
    }

    /// As [`State::drop_local`], on another thread.
    ///
    /// # Safety
    /// - The caller has a waker, and gives it up.
    #[inline]
    pub(crate) unsafe fn drop_foreign(this: *const Self) -> bool {
        // SAFETY: alive, because the waker counts until this access. Nothing is
        // touched after it: another thread may have freed the task.
        //
        // Ordering: AcqRel. Release: what this thread did with the task happens
        // before the memory goes; Acquire: the one that finds itself last frees
        // after all the others. Pairs with itself and `settle`.
        let old = unsafe {
            (*this)
                .word
                .fetch_sub(ONE, ordering(Site::TaskDrop, Ordering::AcqRel))
        };
        old & MERGED != 0 && count(old) == 1
    }

    /// A wake on another thread. `true`: the caller puts the task into the
    /// inbox, with a reference of its own.
    #[inline]
    pub(crate) fn call(&self) -> bool {
        // Ordering: AcqRel. Release: the caller's writes are visible to the
        // poll that follows, also if another wake has set the bit before. Every
        // wake is a link of the chain that `take_call` reads. Acquire: the
        // owner's last use of the inbox link comes before ours. A plain load
        // first would lose the former.
        let old = self
            .word
            .fetch_or(CALLED, ordering(Site::TaskCall, Ordering::AcqRel));
        old & CALLED == 0
    }

    /// The owner has taken the task out of the inbox, and is through with the
    /// link. `true`: it was a wake, and its reference is the caller's.
    /// `false`: the last waker of a task that is done was dropped elsewhere.
    #[inline]
    pub(crate) fn take_call(&self) -> bool {
        // Ordering: AcqRel; pairs with `call`.
        let old = self
            .word
            .fetch_and(!CALLED, ordering(Site::TaskTake, Ordering::AcqRel));
        old & CALLED != 0
    }

    /// Whether nothing but wakers keeps the memory, and no one has settled it.
    #[inline(always)]
    pub(crate) fn is_done(&self) -> bool {
        self.flags.get() & (COMPLETED | HANDLE | READY | BUSY | COUNTED) == COMPLETED
    }

    /// Owner, once, when the task [is done](State::is_done). `true`: there is
    /// no waker, the memory is the caller's to free. `false`: from now on the
    /// word counts all of them, and the task may be gone already.
    ///
    /// # Safety
    /// - The task is alive and done, and this is the owning thread.
    #[inline]
    pub(crate) unsafe fn settle(this: *const Self) -> bool {
        // SAFETY: alive until the halves are joined, because nothing else frees a
        // task that is not counted as a whole.
        let (word, local) = unsafe { (&raw const (*this).word, (*this).local.get() as isize) };
        // A sum of zero means that no waker is left, without any locked
        // instruction. Take the foreign operations up to the value read, and
        // all of ours, as one set: as many wakers were made in it as dropped. A
        // drop comes after what was done with that waker, in the word's order
        // if it was elsewhere, and visibly to us if it was here. So the set
        // also holds every clone made from a waker that died in it: none is
        // outside.
        //
        // SAFETY: as above.
        //
        // Ordering: Acquire; pairs with the Release in `drop_foreign`, so that
        // the memory goes after the last use elsewhere.
        let seen = unsafe { (*word).load(ordering(Site::TaskSettle, Ordering::Acquire)) };
        if count(seen) + local == 0 {
            return true;
        }
        // SAFETY: as above. Nothing is touched after the addition: another thread
        // may drop the last waker, and free the task.
        //
        // Ordering: AcqRel. Release: what the owner did with the task comes
        // before the last drop elsewhere frees it; Acquire as above.
        let old = unsafe {
            (*this).set(COUNTED);
            (*word).fetch_add(
                (local as usize).wrapping_mul(ONE).wrapping_add(MERGED),
                ordering(Site::TaskMerge, Ordering::AcqRel),
            )
        };
        count(old) + local == 0
    }
}

#[cfg(all(test, nexus_loom))]
impl State {
    /// The memory goes: the model checks that every other use came before.
    pub(crate) fn end(&mut self) {
        self.word.with_mut(|_| ());
    }
}

#[cfg(all(test, not(nexus_loom)))]
mod tests {
    use super::*;

    fn settle(state: &State) -> bool {
        // SAFETY: borrowed, hence alive, and of this thread.
        unsafe { State::settle(state) }
    }

    fn drop_local(state: &State) -> bool {
        // SAFETY: as above; each test counts its wakers.
        unsafe { State::drop_local(state) }
    }

    fn drop_foreign(state: &State) -> bool {
        // SAFETY: as above.
        unsafe { State::drop_foreign(state) }
    }

    fn done() -> State {
        let state = State::task();
        assert!(state.begin_poll());
        state.complete();
        state.end_busy();
        state.drop_handle();
        assert!(state.is_done());
        state
    }

    #[test]
    fn halves_may_be_negative() {
        let state = done();
        state.clone_local();
        assert!(!drop_foreign(&state), "not merged: nobody may free");
        assert!(settle(&state), "one made here, dropped there");

        let state = done();
        state.clone_foreign();
        assert!(!drop_local(&state));
        assert!(settle(&state));
    }

    #[test]
    fn last_waker_after_the_end_frees_once() {
        let state = done();
        state.clone_local();
        state.clone_foreign();
        assert!(!settle(&state));
        assert!(!state.is_done(), "settled once");
        assert!(!drop_local(&state));
        assert!(drop_foreign(&state));
    }

    #[test]
    fn local_half_spills_and_the_sum_stays() {
        let state = done();
        state.local.set(i32::MAX);
        state.clone_local();
        assert_eq!(count(state.word.load(Ordering::Relaxed)), 1 << 31);
        assert_eq!(state.local.get(), 0);
        state.local.set(i32::MIN);
        assert!(!drop_local(&state));
        assert_eq!(count(state.word.load(Ordering::Relaxed)), -1);
        state.clone_local();
        assert!(settle(&state));
    }

    #[test]
    fn ready_once_and_never_after_the_end() {
        let state = State::task();
        assert!(!state.make_ready(), "spawned ready");
        assert!(state.begin_poll());
        assert!(state.make_ready() && !state.make_ready());
        assert!(!state.is_aborted());
        assert!(state.begin_end(Ended::Aborted));
        assert!(!state.begin_end(Ended::Panicked));
        assert_eq!(state.ended(), Some(Ended::Aborted));
        assert!(!state.begin_poll() && !state.make_ready());

        let root = State::root();
        assert!(!root.make_ready() && root.take_ready() && !root.take_ready());
    }
}
