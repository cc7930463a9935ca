//! Where other threads leave tasks for the runtime: wakes, and the memory of
//! tasks after they dropped the last waker.
//!
//! Knows no loop. A stack of tasks, linked through their headers. Its head also
//! says whether the owner is parked:
//!
//! | head | meaning | a push makes it |
//! |---|---|---|
//! | `null` | empty, the owner runs | the task |
//! | `PARKED` | empty, the owner sleeps in the poller or is about to | the task, and rings the bell |
//! | `PARKED_HERE` | empty, the owner sleeps on this word or is about to | the task, and wakes it (Linux) |
//! | `CLOSED` | there is no owner any more | refused |
//! | a task | the newest of a list | the task, linked to the former |
//!
//! That there is one word for both is the proof that no wake is lost. A push that
//! comes before the owner's step to `PARKED` makes it fail. A push that comes
//! after it sees it. The push that replaces `PARKED` rings: once a park. That
//! holds of `PARKED_HERE`, too: the kernel does not let the owner sleep once the
//! word has changed.
//!
//! After a push the task is its owner's and may be gone. A pusher that rings
//! needs the inbox itself for longer: it becomes one of its *keepers* before.
//! The owner is a keeper, and after its end so is each task that still has
//! memory; the last keeper destroys.

mod bell;
#[cfg(all(target_os = "linux", not(miri)))]
mod futex;
mod intake;
#[cfg(all(test, nexus_loom))]
mod loom;
mod ready;

pub(crate) use bell::Bell;
#[cfg(not(all(test, nexus_loom)))]
pub(crate) use intake::Intake;

use crate::sync::{AtomicPtr, AtomicUsize, Ordering, Site, ordering};
use crate::task::{Header, State};
use std::ptr;

const PARKED: *mut Header = ptr::without_provenance_mut(1);
const CLOSED: *mut Header = ptr::without_provenance_mut(2);
const PARKED_HERE: *mut Header = ptr::without_provenance_mut(3);

/// Where the owner sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Park {
    /// In the poller, which has descriptors and a deadline to wait for as well.
    Poller,
    /// On the inbox's own word, which is cheaper to wake from.
    #[cfg(all(target_os = "linux", not(miri)))]
    Here,
}

impl Park {
    fn mark(self) -> *mut Header {
        match self {
            Self::Poller => PARKED,
            #[cfg(all(target_os = "linux", not(miri)))]
            Self::Here => PARKED_HERE,
        }
    }
}

/// See the module. It is the first field of what it is part of, and the `home`
/// of each task's header points to it.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Inbox {
    head: AtomicPtr<Header>,
    keepers: AtomicUsize,
    bell: Bell,
    /// Frees the inbox and what it is part of, on whatever thread.
    destroy: unsafe fn(*const Inbox),
}

/// The owner's side.
impl Inbox {
    pub(crate) fn new(bell: Bell, destroy: unsafe fn(*const Inbox)) -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
            keepers: AtomicUsize::new(1),
            bell,
            destroy,
        }
    }

    /// Whether there is nothing; a hint, and enough for a loop that will look
    /// again.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        // Ordering: Relaxed, the list is taken by `take`.
        self.head.load(Ordering::Relaxed).is_null()
    }

    /// Takes all that is there: a chain through `inbox_next`, oldest first.
    pub(crate) fn take(&self) -> *const Header {
        if self.is_empty() {
            return ptr::null();
        }
        self.swap(ptr::null_mut())
    }

    /// Says that the owner is going to sleep, and where. `false`: it must not,
    /// there is something.
    pub(crate) fn begin_park(&self, park: Park) -> bool {
        // Ordering: Relaxed: nothing is published. That one word has one order
        // of changes is all that is needed.
        self.head
            .compare_exchange(
                ptr::null_mut(),
                park.mark(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Sleeps here until something is put in; may return early. `false`: something
    /// was, before it slept.
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(crate) fn sleep(&self) -> bool {
        futex::wait(&self.head, PARKED_HERE)
    }

    /// The owner is awake; takes all that is there.
    pub(crate) fn end_park(&self) -> *const Header {
        self.swap(ptr::null_mut())
    }

    /// Refuses whatever comes from now on; takes all that is there. Before
    /// this the owner has made the tasks [keepers](Inbox::keep).
    pub(crate) fn close(&self) -> *const Header {
        self.swap(CLOSED)
    }

    fn swap(&self, head: *mut Header) -> *const Header {
        // Ordering: Acquire; pairs with the Release in `push`, so that the
        // links are visible. What was done before a wake is visible through
        // the task's own word.
        let list = self
            .head
            .swap(head, ordering(Site::InboxTake, Ordering::Acquire));
        if [PARKED, PARKED_HERE, CLOSED].contains(&list) {
            return ptr::null();
        }
        let mut newer: *const Header = ptr::null();
        let mut task = list.cast_const();
        while !task.is_null() {
            // SAFETY: tasks in the list are alive and their links ours, because
            // each of them was pushed and is in no other list, guaranteed by
            // `State::call` and the last drop.
            let older = unsafe {
                (*task)
                    .inbox_next
                    .with_mut(|next| ptr::replace(next, newer))
            };
            newer = task;
            task = older;
        }
        newer
    }

    /// Takes the first task off a chain.
    ///
    /// # Safety
    /// - `chain` came from this inbox, and is not null.
    /// - Before the task is given up the chain goes on with what is returned.
    #[inline]
    pub(crate) unsafe fn next(chain: *const Header) -> *const Header {
        // SAFETY: as in `swap`.
        unsafe { (*chain).inbox_next.with(|next| *next) }
    }

    /// Wakes the owner out of the sleep that `mark` tells of. The caller is a
    /// keeper, and has replaced the mark; `mark` may be none.
    fn wake_owner(&self, mark: *mut Header) {
        if mark == PARKED {
            self.bell.ring();
        }
        #[cfg(all(target_os = "linux", not(miri)))]
        if mark == PARKED_HERE {
            futex::wake(&self.head);
        }
    }

    /// Adds keepers. The caller is one.
    pub(crate) fn keep(&self, keepers: usize) {
        // Ordering: Relaxed: the caller keeps the count from reaching zero.
        self.keepers.fetch_add(keepers, Ordering::Relaxed);
    }

    /// One keeper less; the last one destroys.
    ///
    /// # Safety
    /// - The caller is a keeper, and no longer uses the inbox as one.
    pub(crate) unsafe fn let_go(inbox: *const Inbox) {
        // SAFETY: alive, because the caller keeps it until the subtraction, after
        // which another keeper may destroy it: no reference to it lasts longer.
        //
        // Ordering: AcqRel; pairs with itself: the last keeper destroys after
        // what the others did.
        let (destroy, keepers) = unsafe {
            let destroy = (*inbox).destroy;
            let keepers = (*inbox)
                .keepers
                .fetch_sub(1, ordering(Site::InboxLetGo, Ordering::AcqRel));
            (destroy, keepers)
        };
        if keepers == 1 {
            // SAFETY: nobody else is left.
            unsafe { destroy(inbox) };
        }
    }
}

/// The inbox that a task belongs to.
#[inline(always)]
fn inbox_of(task: &Header) -> *const Inbox {
    task.home.cast()
}

/// Puts `task` in. `false`: closed, the caller still has it.
///
/// # Safety
/// - The caller has just set the task's `CALLED` bit, or dropped its last
///   waker: it is in no inbox.
#[inline(never)]
unsafe fn push(task: *const Header) -> bool {
    // SAFETY: the task is alive until it is in, because the caller holds a
    // reference or is the last to know of it. It keeps the inbox: before the
    // close because its owner does, after it as one of the keepers.
    let (inbox, link) = unsafe { (inbox_of(&*task), &raw const (*task).inbox_next) };
    let mut kept = false;
    // SAFETY: as above.
    //
    // Ordering: Relaxed, the exchange below decides.
    let mut head = unsafe { (*inbox).head.load(Ordering::Relaxed) };
    let done = loop {
        if head == CLOSED {
            break false;
        }
        let parked = head == PARKED || head == PARKED_HERE;
        if parked && !kept {
            // SAFETY: alive, because the task is not in yet.
            unsafe { (*inbox).keep(1) };
            kept = true;
        }
        let older = if parked { ptr::null_mut() } else { head };
        // SAFETY: the link is the caller's until the task is in.
        unsafe { (*link).with_mut(|next| *next = older) };
        // SAFETY: alive until the task is in; from then on only if `kept`, so no
        // reference lasts longer than this.
        //
        // Ordering: Release; pairs with the Acquire in `swap`, so that the
        // link is visible.
        let pushed = unsafe {
            (*inbox).head.compare_exchange_weak(
                head,
                task.cast_mut(),
                ordering(Site::InboxPush, Ordering::Release),
                Ordering::Relaxed,
            )
        };
        match pushed {
            Ok(_) => break true,
            Err(now) => head = now,
        }
    };
    if kept {
        // SAFETY: a keeper since `kept`, until the last line.
        unsafe {
            if done {
                (*inbox).wake_owner(head);
            }
            Inbox::let_go(inbox);
        }
    }
    done
}

/// Wakes by value.
///
/// # Safety
/// - The caller has a reference to the task, and gives it up.
#[inline(never)]
pub(crate) unsafe fn wake(task: *const Header) {
    // SAFETY: alive, because the caller has a reference.
    if unsafe { (*task).state.call() } {
        // SAFETY: the bit was set just now; the reference goes along.
        unsafe { call(task) };
    } else {
        // SAFETY: the caller's reference.
        unsafe { drop_waker(task) };
    }
}

/// Wakes by reference.
///
/// # Safety
/// - The caller has a reference to the task, and keeps it.
#[inline(never)]
pub(crate) unsafe fn wake_by_ref(task: *const Header) {
    // SAFETY: alive, because the caller has a reference.
    let state = unsafe { &(*task).state };
    if state.call() {
        state.clone_foreign();
        // SAFETY: the bit was set just now; the new reference goes along.
        unsafe { call(task) };
    }
}

/// # Safety
/// - The caller has just set the `CALLED` bit and gives a reference along.
unsafe fn call(task: *const Header) {
    // SAFETY: as the caller says.
    if !unsafe { push(task) } {
        // There is no runtime to be woken. The bit stays, which spares later
        // wakes the way.
        // SAFETY: the reference is ours again.
        unsafe { drop_waker(task) };
    }
}

/// Drops a waker on a thread that is not the owner.
///
/// # Safety
/// - The caller has a reference to the task, and gives it up.
#[inline(never)]
pub(crate) unsafe fn drop_waker(task: *const Header) {
    // SAFETY: alive, because the caller has a reference; if it is the last one
    // the memory is the caller's alone.
    unsafe {
        if State::drop_foreign(&raw const (*task).state) && !push(task) {
            free_orphan(task);
        }
    }
}

/// Frees the memory of a task after its runtime.
///
/// # Safety
/// - The inbox is closed and the task one of its keepers; nobody else knows of
///   the task.
pub(crate) unsafe fn free_orphan(task: *const Header) {
    // SAFETY: as the caller says. A task that cannot be freed lies in memory
    // that goes with the inbox.
    unsafe {
        let inbox = inbox_of(&*task);
        if let Some(dealloc) = (*task).vtable.dealloc {
            dealloc(task);
        }
        Inbox::let_go(inbox);
    }
}

#[cfg(all(test, nexus_loom))]
impl Inbox {
    /// The memory goes: the model checks that every other use came before.
    pub(crate) fn end(&mut self) {
        self.head.with_mut(|_| ());
        self.keepers.with_mut(|_| ());
        self.bell.end();
    }

    /// The bell, for the model's sleep.
    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }
}
