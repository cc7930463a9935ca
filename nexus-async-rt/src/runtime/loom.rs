//! Models of the inbox and of what goes through it, with real headers: an owner
//! that receives, polls, parks and closes, against threads that hold wakers.
//!
//! loom watches the links and, when memory is freed, that every other use of it
//! came before. A lost wake is a thread that waits for ever, which loom reports.

use ::loom::thread;

use super::bell::Bell;
use super::inbox::{self, Inbox, Park};
use crate::sync::{Arc, AtomicUsize, Ordering, model};
use crate::task::{Ended, Header, State, TaskVtable};
use std::panic::Location;
use std::ptr;
use std::sync::{Arc as StdArc, Mutex};

/// What has been freed so far.
#[derive(Default)]
struct Freed {
    tasks: usize,
    block: bool,
}

/// What a runtime and its tasks share.
#[repr(C)]
struct Block {
    inbox: Inbox,
    freed: StdArc<Mutex<Freed>>,
}

unsafe fn destroy(inbox: *const Inbox) {
    // SAFETY: made by `Owner::new`, and nobody is left, says the inbox.
    let mut block = unsafe { Box::from_raw(inbox.cast_mut().cast::<Block>()) };
    block.inbox.end();
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

static VTABLE: TaskVtable = TaskVtable {
    poll: |_, _| unreachable!(),
    drop_future: |_| unreachable!(),
    drop_output: |_| unreachable!(),
    release: |_| unreachable!(),
    abort: |_| unreachable!(),
    discard: |_| unreachable!(),
    drop_waker: |_| unreachable!(),
    output_offset: 0,
    dealloc: Some(dealloc),
};

/// The owner's thread: `Shared` without loop and futures.
struct Owner {
    block: *const Block,
    live: usize,
    ready: Vec<*const Header>,
    freed: StdArc<Mutex<Freed>>,
}

impl Owner {
    fn new() -> Self {
        let freed: StdArc<Mutex<Freed>> = StdArc::default();
        let block = Box::into_raw(Box::new(Block {
            inbox: Inbox::new(Bell(::loom::sync::Notify::new()), destroy),
            freed: freed.clone(),
        }));
        Self {
            block,
            live: 0,
            ready: Vec::new(),
            freed,
        }
    }

    fn inbox(&self) -> &Inbox {
        // SAFETY: alive until `close`.
        unsafe { &(*self.block).inbox }
    }

    /// A task that has been polled once and has a waker for each of `wakers`.
    #[track_caller]
    fn spawn(&mut self, wakers: usize) -> Task {
        self.live += 1;
        let task = Box::into_raw(Box::new(Header::new(
            State::task(),
            &VTABLE,
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

    fn release(&mut self, task: *const Header) {
        // SAFETY: alive, because it has not been released yet.
        let state = unsafe { &raw const (*task).state };
        // SAFETY: as above; not touched afterwards.
        if unsafe { (*state).is_done() && State::settle(state) } {
            self.free(task);
        }
    }

    fn free(&mut self, task: *const Header) {
        self.live -= 1;
        // SAFETY: nobody else knows of it.
        unsafe { dealloc(task) };
    }

    /// The task's future ends, its handle is dropped.
    fn complete(&mut self, task: &Task) {
        // SAFETY: alive, not completed yet.
        let state = unsafe { &(*task.0).state };
        assert!(state.begin_end(Ended::Aborted));
        state.end_busy();
        state.drop_handle();
        self.ready.retain(|ready| {
            let queued = ptr::eq(*ready, task.0);
            if queued {
                assert!(!state.begin_poll());
            }
            !queued
        });
        self.release(task.0);
    }

    fn receive(&mut self, mut chain: *const Header) {
        while !chain.is_null() {
            let task = chain;
            // SAFETY: a chain from the inbox; alive, as the inbox says.
            unsafe {
                chain = Inbox::next(task);
                if (*task).state.take_call() {
                    if (*task).state.make_ready() {
                        self.ready.push(task);
                    }
                    if State::drop_local(&raw const (*task).state) {
                        self.free(task);
                    }
                } else {
                    self.free(task);
                }
            }
        }
    }

    /// One turn of the loop: takes what there is, or sleeps until there is.
    fn turn(&mut self) {
        let chain = if self.inbox().begin_park(Park::Poller) {
            self.inbox().bell().0.wait();
            self.inbox().end_park()
        } else {
            self.inbox().take()
        };
        self.receive(chain);
    }

    /// Polls what is ready: each has seen `data`.
    fn poll(&mut self, data: &AtomicUsize) -> usize {
        let mut seen = 0;
        for task in std::mem::take(&mut self.ready) {
            // SAFETY: alive while it is queued.
            let state = unsafe { &(*task).state };
            assert!(state.begin_poll());
            seen |= data.load(Ordering::Relaxed);
            assert!(!state.is_aborted());
        }
        seen
    }

    /// Runs until a poll has seen all of `wanted`.
    fn run_until(&mut self, data: &AtomicUsize, wanted: usize) {
        while self.poll(data) != wanted {
            self.turn();
        }
    }

    /// Ends the runtime; the tasks have ended before.
    fn close(mut self) -> StdArc<Mutex<Freed>> {
        self.inbox().keep(self.live);
        let chain = self.inbox().close();
        let mut chain = chain;
        while !chain.is_null() {
            let task = chain;
            // SAFETY: as in `receive`; each task is a keeper now.
            unsafe {
                chain = Inbox::next(task);
                if !(*task).state.take_call() || State::drop_local(&raw const (*task).state) {
                    inbox::free_orphan(task);
                }
            }
        }
        // SAFETY: the owner's own, once.
        unsafe { Inbox::let_go(self.block.cast()) };
        self.live = 0;
        self.freed
    }
}

/// A task, or one of its wakers on another thread.
#[derive(Clone, Copy)]
struct Task(*const Header);

// SAFETY: other threads use it as a waker does, see `inbox`.
unsafe impl Send for Task {}

impl Task {
    fn wake(self) {
        // SAFETY: the model gives each thread a waker of its own.
        unsafe { inbox::wake(self.0) }
    }

    fn wake_by_ref(self) {
        // SAFETY: as above.
        unsafe { inbox::wake_by_ref(self.0) }
    }

    fn clone_foreign(self) {
        // SAFETY: as above.
        unsafe { (*self.0).state.clone_foreign() }
    }

    fn drop_waker(self) {
        // SAFETY: as above.
        unsafe { inbox::drop_waker(self.0) }
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
    for by_ref in [false, true] {
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
            owner.run_until(&data, 1);
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
    model(2, || {
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
        owner.run_until(&data, 3);
        owner.complete(&task);
        for thread in waking {
            thread.join().unwrap();
        }
        assert_freed(&owner.close(), 1);
    });
}

#[test]
fn loom_wakers_of_two_tasks_while_the_owner_parks() {
    model(2, || {
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
        owner.run_until(&data, 3);
        for task in &tasks {
            owner.complete(task);
        }
        for thread in waking {
            thread.join().unwrap();
        }
        assert_freed(&owner.close(), 2);
    });
}

#[test]
fn loom_one_waker_wakes_twice_while_the_task_is_woken_at_home() {
    model(3, || {
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
        if unsafe { (*task.0).state.make_ready() } {
            owner.ready.push(task.0);
        }
        owner.run_until(&data, 3);
        owner.complete(&task);
        waking.join().unwrap();
        assert_freed(&owner.close(), 1);
    });
}

#[test]
fn loom_the_last_waker_takes_the_memory_with_it() {
    // The task ends while two threads drop and clone: whoever is last gives
    // the memory back, in the inbox or to a closed one.
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
        let chain = owner.inbox().take();
        owner.receive(chain);
        let freed = owner.close();
        dropping.join().unwrap();
        other.join().unwrap();
        assert_freed(&freed, 1);
    });
}

#[test]
fn loom_the_last_waker_is_dropped_while_the_owner_sleeps() {
    model(3, || {
        let mut owner = Owner::new();
        let task = owner.spawn(1);
        owner.complete(&task);
        let dropping = thread::spawn(move || task.drop_waker());
        while owner.freed.lock().unwrap().tasks == 0 {
            owner.turn();
        }
        let freed = owner.close();
        dropping.join().unwrap();
        assert_freed(&freed, 1);
    });
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
        let chain = owner.inbox().take();
        owner.receive(chain);
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
