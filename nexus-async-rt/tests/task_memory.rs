//! What a runtime and its tasks leave behind: nothing. A binary of its own: its
//! allocator counts the bytes of each thread.

#[path = "counting/bytes.rs"]
mod bytes;

use bytes::alive;
use nexus_async_rt::{
    AbortHandle, ByteSlab, JoinHandle, Runtime, claim_slab, spawn_boxed, spawn_slab, yield_now,
};
use nexus_rt::WorldBuilder;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Runs `f` twice, the second time counted, with a new runtime that `f` drops.
#[track_caller]
fn leaves_nothing(f: impl Fn(Runtime<'_>)) {
    let run = || {
        let mut world = WorldBuilder::new().build();
        let builder = Runtime::builder(&mut world);
        f(builder
            .slab_unbounded(ByteSlab::<512>::with_chunk_capacity(4))
            .build());
    };
    run();
    let before = alive();
    run();
    assert_eq!(alive() - before, 0, "bytes are left");
}

/// A task that waits for ever, and its waker once it was polled.
fn waits(rt: &Runtime<'_>, slab: bool) -> (JoinHandle<()>, Rc<Cell<Option<Waker>>>) {
    let stored: Rc<Cell<Option<Waker>>> = Rc::default();
    let store = stored.clone();
    let future = poll_fn(move |cx| {
        store.set(Some(cx.waker().clone()));
        Poll::Pending
    });
    let task = if slab {
        rt.spawn_slab(future)
    } else {
        rt.spawn_boxed(future)
    };
    (task, stored)
}

#[test]
fn tasks_that_are_ready_when_the_runtime_is_dropped() {
    for slab in [false, true] {
        leaves_nothing(|rt| {
            // Never polled, with and without a handle, and aborted.
            let (unpolled, _) = waits(&rt, slab);
            drop(waits(&rt, slab));
            assert!(waits(&rt, slab).0.abort());
            drop(rt);
            drop(unpolled);
        });
        leaves_nothing(|mut rt| {
            let tasks = [(); 4].map(|()| waits(&rt, slab));
            rt.block_on(yield_now());
            let [kept, detached, aborted, dropped] = tasks.map(|(task, waker)| {
                let waker = waker.take().unwrap();
                waker.wake_by_ref();
                (task, waker)
            });
            drop(detached.0);
            assert!(aborted.0.abort());
            drop(dropped);
            drop(rt);
            for waker in [&kept.1, &detached.1, &aborted.1] {
                waker.wake_by_ref();
            }
            drop(kept);
        });
    }
}

#[test]
fn what_outlives_the_runtime_takes_its_memory_along() {
    leaves_nothing(|mut rt| {
        let (waiting, waker) = waits(&rt, true);
        let finished = rt.spawn_slab(async { String::from("output") });
        let handles: [AbortHandle; 2] = [waiting.abort_handle(), finished.abort_handle()];
        rt.block_on(yield_now());
        let claim = rt.block_on(async { claim_slab() });
        drop(rt);
        drop((waiting, finished));
        assert!(handles.iter().all(AbortHandle::is_finished));
        drop(handles);
        drop(waker);
        // The claim is the last that keeps the block.
        drop(claim);
    });
}

/// Ends a task when it is dropped, after which it still has something.
struct Link {
    next: Option<JoinHandle<Link>>,
    _text: String,
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(next) = self.next.take() {
            next.abort();
        }
    }
}

fn chain(rt: &Runtime<'_>) -> JoinHandle<Link> {
    let mut last = None;
    for index in 0..30 {
        let link = Link {
            next: last.take(),
            _text: String::from("a link"),
        };
        let future = async move {
            if index % 3 == 2 {
                pending::<()>().await;
            }
            link
        };
        last = Some(if index % 2 == 0 {
            rt.spawn_boxed(future)
        } else {
            rt.spawn_slab(future)
        });
    }
    last.unwrap()
}

#[test]
fn ends_that_were_queued() {
    leaves_nothing(|mut rt| {
        let first = chain(&rt);
        rt.block_on(yield_now());
        assert!(first.abort());
        assert_eq!(rt.metrics().slots_used, 0);
    });
    leaves_nothing(|mut rt| {
        let first = chain(&rt);
        rt.block_on(yield_now());
        drop(rt);
        drop(first);
    });
    leaves_nothing(|rt| {
        // Unpolled, and ended by the drop of the runtime.
        let first = chain(&rt);
        drop(rt);
        assert!(!first.abort());
    });
}

#[test]
fn tasks_that_run_and_end() {
    leaves_nothing(|mut rt| {
        rt.block_on(async {
            let log: Rc<RefCell<Vec<String>>> = Rc::default();
            for round in 0..10 {
                let shared = log.clone();
                let mut task = spawn_slab(async move {
                    yield_now().await;
                    shared.borrow_mut().push(format!("{round}"));
                    String::from("output")
                });
                match round % 3 {
                    0 => assert_eq!(task.outcome().await.unwrap(), "output"),
                    1 => drop(task),
                    _ => assert!(spawn_boxed(task).abort()),
                }
            }
        });
    });
}
