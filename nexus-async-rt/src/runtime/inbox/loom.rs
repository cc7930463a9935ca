//! Models of the inbox and of what goes through it, with real headers: an owner
//! that receives, polls, parks and closes, against threads that hold wakers.
//!
//! loom watches the links and, when memory is freed, that every other use of it
//! came before. A lost wake is a thread that waits for ever, which loom reports.

use ::loom::thread;

use super::bell::Bell;
use super::intake::Intake;
use super::{Inbox, Park};
use crate::sync::{Arc, AtomicUsize, Ordering, model};
use crate::task::{Ended, Header, Home, State, TaskVtable};
use crate::unwind::Panic;
use std::panic::Location;
use std::ptr;
use std::sync::{Arc as StdArc, Mutex};

/// What has been freed so far.
#[derive(Default)]
struct Freed {
    tasks: usize,
    block: bool,
}

/// What a runtime and its tasks share: `runtime::Block` without loop and futures.
#[repr(C)]
struct Block {
    intake: Intake,
    root: Header,
    freed: StdArc<Mutex<Freed>>,
}

unsafe fn destroy(inbox: *const Inbox) {
    // SAFETY: made by `Owner::new`, and nobody is left, says the inbox.
    let mut block = unsafe { Box::from_raw(inbox.cast_mut().cast::<Block>()) };
    block.intake.end();
    block.root.state.end();
    let was = std::mem::replace(&mut block.freed.lock().unwrap().block, true);
    assert!(!was);
}

unsafe fn dealloc(task: *const Header) {
    // SAFETY: made by `Owner::spawn`, and nobody else knows of it.
    let mut header = unsafe { Box::from_raw(task.cast_mut()) };
    header.state.end();
    // SAFETY: a task keeps the block.
    let block = unsafe { &*header.home.cast::<Block>() };
    block.freed.lock().unwrap().tasks += 1;
}

impl Home for Block {
    unsafe fn free(task: *const Header) {
        // SAFETY: as the caller says; the root lies in the block.
        unsafe {
            let block = (*task).home.cast::<Block>();
            if let Some(dealloc) = (*task).vtable.dealloc {
                dealloc(task);
            }
            Intake::let_go(block.cast());
        }
    }

    unsafe fn abort(_: *const Header) -> bool {
        unreachable!()
    }

    unsafe fn discard(_: *const Header) -> Option<Panic> {
        unreachable!()
    }
}

const fn table(dealloc: Option<unsafe fn(*const Header)>) -> TaskVtable {
    TaskVtable {
        poll: |_, _| unreachable!(),
        drop_future: |_| unreachable!(),
        drop_output: |_| unreachable!(),
        release: Block::release,
        abort: Block::abort,
        discard: Block::discard,
        drop_waker: Block::drop_waker,
        output_offset: 0,
        dealloc,
    }
}

static TASK: TaskVtable = table(Some(dealloc));
static ROOT: TaskVtable = table(None);

/// The owner's thread.
struct Owner {
    block: *const Block,
    freed: StdArc<Mutex<Freed>>,
}

impl Owner {
    #[track_caller]
    fn new() -> Self {
        let freed: StdArc<Mutex<Freed>> = StdArc::default();
        let place = Location::caller();
        let block = Box::into_raw(Box::new(Block {
            intake: Intake::new(Bell::new(), destroy),
            root: Header::new(State::root(), &ROOT, ptr::null(), 1, place),
            freed: freed.clone(),
        }));
        // SAFETY: made above, not shared yet.
        unsafe {
            (*block).root.home = block.cast_const().cast();
            (*block).intake.ready.set_up();
        }
        Self { block, freed }
    }

    fn intake(&self) -> &Intake {
        // SAFETY: alive until `close`.
        unsafe { &(*self.block).intake }
    }

    /// The root, with a waker for each of `wakers`.
    fn root(&self, wakers: usize) -> Task {
        // SAFETY: alive until `close`.
        let root = unsafe { &raw const (*self.block).root };
        for _ in 0..wakers {
            // SAFETY: as above.
            unsafe { (*root).state.clone_local() };
        }
        Task(root)
    }

    /// A task that has been polled once and has a waker for each of `wakers`.
    #[track_caller]
    fn spawn(&mut self, wakers: usize) -> Task {
        self.intake().keep();
        let task = Box::into_raw(Box::new(Header::new(
            State::task(),
            &TASK,
            self.block.cast(),
            1,
            Location::caller(),
        )));
        // SAFETY: made above.
        let state = unsafe { &(*task).state };
        assert!(state.begin_poll());
        for _ in 0..wakers {
            state.clone_local();
        }
        assert!(!state.is_aborted());
        Task(task)
    }

    /// The task's future ends, its handle is dropped.
    fn complete(&mut self, task: &Task) {
        // SAFETY: alive, not completed yet; not touched afterwards.
        unsafe {
            let state = &(*task.0).state;
            assert!(state.begin_end(Ended::Aborted));
            state.end_busy();
            state.drop_handle();
            Block::release(task.0);
        }
    }

    /// One turn of the loop: takes what there is, or sleeps until there is.
    fn turn(&mut self, park: Park) {
        if !self.intake().has_mail() && self.intake().begin_park(park) {
            match park {
                Park::Poller => self.intake().inbox().bell().sleep(),
                #[cfg(all(target_os = "linux", not(miri)))]
                Park::Here => {
                    self.intake().sleep();
                }
            }
            self.intake().end_park();
        }
        self.intake().drain::<Block>(2);
    }

    /// Polls what is ready: each has seen `data`.
    fn poll(&mut self, data: &AtomicUsize) -> usize {
        let mut seen = 0;
        while let Some(task) = self.intake().ready.pop() {
            // SAFETY: alive while it is queued.
            unsafe {
                if (*task).state.begin_poll() {
                    seen |= data.load(Ordering::Relaxed);
                    assert!(!(*task).state.is_aborted());
                } else {
                    Block::release(task);
                }
            }
        }
        // SAFETY: alive until `close`.
        if unsafe { (*self.block).root.state.take_ready() } {
            seen |= data.load(Ordering::Relaxed);
        }
        seen
    }

    /// Runs until a poll has seen all of `wanted`.
    fn run_until(&mut self, park: Park, data: &AtomicUsize, wanted: usize) {
        while self.poll(data) != wanted {
            self.turn(park);
        }
    }

    /// Ends the runtime; the tasks have ended before.
    fn close(mut self) -> StdArc<Mutex<Freed>> {
        self.poll(&AtomicUsize::new(0));
        // SAFETY: once, with no task alive or queued; the last use.
        unsafe { Intake::close::<Block>(self.block.cast(), &raw const (*self.block).root) };
        self.freed
    }
}

/// Where an owner sleeps.
const PARKS: &[Park] = &[
    Park::Poller,
    #[cfg(all(target_os = "linux", not(miri)))]
    Park::Here,
];

/// A task, or one of its wakers on another thread.
#[derive(Clone, Copy)]
struct Task(*const Header);

// SAFETY: other threads use it as a waker does, see `inbox`.
unsafe impl Send for Task {}

impl Task {
    fn wake(self) {
        // SAFETY: the model gives each thread a waker of its own.
        unsafe { super::wake(self.0) }
    }

    fn wake_by_ref(self) {
        // SAFETY: as above.
        unsafe { super::wake_by_ref(self.0) }
    }

    fn clone_foreign(self) {
        // SAFETY: as above.
        unsafe { (*self.0).state.clone_foreign() }
    }

    fn drop_waker(self) {
        // SAFETY: as above.
        unsafe { super::drop_waker(self.0) }
    }
}

/// Everything is gone, once.
#[track_caller]
fn assert_freed(freed: &Mutex<Freed>, tasks: usize) {
    let freed = freed.lock().unwrap();
    assert_eq!((freed.tasks, freed.block), (tasks, true));
}

#[test]
fn loom_a_wake_reaches_an_owner_that_parks() {
    for (&park, by_ref) in PARKS
        .iter()
        .zip([false, true])
        .chain(PARKS.iter().zip([true]))
    {
        model(3, move || {
            let mut owner = Owner::new();
            let task = owner.spawn(1);
            let data = Arc::new(AtomicUsize::new(0));
            let waking = {
                let data = data.clone();
                thread::spawn(move || {
                    data.store(1, Ordering::Relaxed);
                    if by_ref {
                        task.wake_by_ref();
                        task.drop_waker();
                    } else {
                        task.wake();
                    }
                })
            };
            owner.run_until(park, &data, 1);
            owner.complete(&task);
            waking.join().unwrap();
            assert_freed(&owner.close(), 1);
        });
    }
}

#[test]
fn loom_two_wakers_of_one_task_while_its_owner_parks() {
    // The second wake may find the task called already: what was written
    // before it must be seen all the same.
    for &park in PARKS {
        model(2, move || {
            let mut owner = Owner::new();
            let task = owner.spawn(2);
            let data = Arc::new(AtomicUsize::new(0));
            let waking: Vec<_> = [1, 2]
                .into_iter()
                .map(|bit| {
                    let data = data.clone();
                    thread::spawn(move || {
                        data.fetch_or(bit, Ordering::Relaxed);
                        task.wake();
                    })
                })
                .collect();
            owner.run_until(park, &data, 3);
            owner.complete(&task);
            for thread in waking {
                thread.join().unwrap();
            }
            assert_freed(&owner.close(), 1);
        });
    }
}

#[test]
fn loom_wakers_of_two_tasks_while_the_owner_parks() {
    for &park in PARKS {
        model(2, move || {
            let mut owner = Owner::new();
            let tasks = [owner.spawn(1), owner.spawn(1)];
            let data = Arc::new(AtomicUsize::new(0));
            let waking: Vec<_> = [1, 2]
                .into_iter()
                .zip(tasks)
                .map(|(bit, task)| {
                    let data = data.clone();
                    thread::spawn(move || {
                        data.fetch_or(bit, Ordering::Relaxed);
                        task.wake();
                    })
                })
                .collect();
            owner.run_until(park, &data, 3);
            for task in &tasks {
                owner.complete(task);
            }
            for thread in waking {
                thread.join().unwrap();
            }
            assert_freed(&owner.close(), 2);
        });
    }
}

#[test]
fn loom_one_waker_wakes_twice_while_the_task_is_woken_at_home() {
    for &park in PARKS {
        model(3, move || {
            let mut owner = Owner::new();
            let task = owner.spawn(1);
            let data = Arc::new(AtomicUsize::new(0));
            let waking = {
                let data = data.clone();
                thread::spawn(move || {
                    data.store(1, Ordering::Relaxed);
                    task.wake_by_ref();
                    data.store(3, Ordering::Relaxed);
                    task.wake();
                })
            };
            // SAFETY: alive, not completed.
            unsafe { owner.intake().wake(task.0) };
            owner.run_until(park, &data, 3);
            owner.complete(&task);
            waking.join().unwrap();
            assert_freed(&owner.close(), 1);
        });
    }
}

#[test]
fn loom_the_last_waker_takes_the_memory_with_it() {
    // The task ends while two threads drop and clone: the last one gives the
    // memory back, in the inbox or to a closed one.
    model(3, || {
        let mut owner = Owner::new();
        let task = owner.spawn(2);
        let dropping = thread::spawn(move || {
            task.clone_foreign();
            task.drop_waker();
            task.drop_waker();
        });
        let other = thread::spawn(move || task.drop_waker());
        owner.complete(&task);
        owner.intake().drain::<Block>(2);
        let freed = owner.close();
        dropping.join().unwrap();
        other.join().unwrap();
        assert_freed(&freed, 1);
    });
}

#[test]
fn loom_the_last_waker_is_dropped_while_the_owner_sleeps() {
    for &park in PARKS {
        model(3, move || {
            let mut owner = Owner::new();
            let task = owner.spawn(1);
            owner.complete(&task);
            let dropping = thread::spawn(move || task.drop_waker());
            while owner.freed.lock().unwrap().tasks == 0 {
                owner.turn(park);
            }
            let freed = owner.close();
            dropping.join().unwrap();
            assert_freed(&freed, 1);
        });
    }
}

#[test]
fn loom_a_waker_comes_home_before_the_task_ends() {
    // Cloned elsewhere, the original dropped at home: the halves of the count
    // are +1 and 0, and then nothing.
    model(3, || {
        let mut owner = Owner::new();
        let task = owner.spawn(1);
        let cloning = thread::spawn(move || {
            task.clone_foreign();
            thread::spawn(move || task.drop_waker())
        });
        let dropping = cloning.join().unwrap();
        // SAFETY: the waker has come back.
        unsafe { assert!(!State::drop_local(&raw const (*task.0).state)) };
        owner.complete(&task);
        owner.intake().drain::<Block>(2);
        let freed = owner.close();
        dropping.join().unwrap();
        assert_freed(&freed, 1);
    });
}

#[test]
fn loom_wakes_against_the_end_of_the_runtime() {
    model(3, || {
        let mut owner = Owner::new();
        let task = owner.spawn(2);
        let waking = thread::spawn(move || task.wake());
        let dropping = thread::spawn(move || {
            task.wake_by_ref();
            task.drop_waker();
        });
        owner.complete(&task);
        let freed = owner.close();
        waking.join().unwrap();
        dropping.join().unwrap();
        assert_freed(&freed, 1);
    });
}

#[test]
fn loom_a_waker_rings_while_the_runtime_ends() {
    // Between its push and the end of its ring the owner may have seen all, and
    // gone. Or it was woken by something else, and never sleeps.
    let sleeping = PARKS.iter().map(|&park| (park, true));
    for (park, sleeps) in sleeping.chain([(Park::Poller, false)]) {
        model(3, move || {
            let mut owner = Owner::new();
            let task = owner.spawn(1);
            let data = Arc::new(AtomicUsize::new(0));
            let waking = {
                let data = data.clone();
                thread::spawn(move || {
                    data.store(1, Ordering::Relaxed);
                    task.wake();
                })
            };
            if sleeps {
                owner.run_until(park, &data, 1);
            } else if owner.intake().begin_park(park) {
                owner.intake().end_park();
            }
            owner.complete(&task);
            let freed = owner.close();
            waking.join().unwrap();
            assert_freed(&freed, 1);
        });
    }
}

#[test]
fn loom_wakers_of_the_root_against_the_end_of_the_runtime() {
    for &park in PARKS {
        model(3, move || {
            let mut owner = Owner::new();
            let root = owner.root(2);
            let data = Arc::new(AtomicUsize::new(0));
            let waking = {
                let data = data.clone();
                thread::spawn(move || {
                    data.store(1, Ordering::Relaxed);
                    root.wake();
                })
            };
            let dropping = thread::spawn(move || root.drop_waker());
            owner.run_until(park, &data, 1);
            let freed = owner.close();
            waking.join().unwrap();
            dropping.join().unwrap();
            assert_freed(&freed, 0);
        });
    }
}
