//! Tasks that are ended from outside.

use crate::watchdog::{panic_of, with_runtime};
use nexus_async_rt::{JoinHandle, sleep, spawn_boxed, yield_now};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn u47_abort_reaches_a_parked_task_at_once() {
    with_runtime(|rt| {
        rt.block_on(async {
            let owned = Rc::new(());
            let held = owned.clone();
            let task = spawn_boxed(async move {
                sleep(Duration::MAX).await;
                drop(held);
            });
            yield_now().await;
            assert_eq!(nexus_async_rt::task_count(), 1);
            assert!(task.abort());
            assert_eq!(Rc::strong_count(&owned), 1, "dropped before it returns");
            assert_eq!(nexus_async_rt::task_count(), 0);
        });
    });
}

#[test]
fn a_task_that_was_never_polled_is_aborted() {
    with_runtime(|rt| {
        let polled = Rc::new(Cell::new(false));
        let flag = polled.clone();
        let task = rt.spawn_boxed(async move { flag.set(true) });
        assert!(task.abort());
        assert_eq!(Rc::strong_count(&polled), 1);
        rt.block_on(yield_now());
        assert!(!polled.get());
    });
}

#[test]
fn a_finished_task_is_not_aborted_and_its_output_is_dropped() {
    with_runtime(|rt| {
        let output = Rc::new(());
        let given = output.clone();
        let task = rt.spawn_boxed(async move { given });
        rt.block_on(yield_now());
        assert!(task.is_finished());
        assert_eq!(Rc::strong_count(&output), 2);
        assert!(!task.abort());
        assert_eq!(Rc::strong_count(&output), 1);
    });
}

#[test]
fn a_task_that_aborts_itself_ends_with_that_poll() {
    with_runtime(|rt| {
        rt.block_on(async {
            let own: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
            let (handle, owned) = (own.clone(), Rc::new(()));
            let held = owned.clone();
            let task = spawn_boxed(async move {
                let held = held;
                let this = handle.borrow_mut().take().unwrap();
                assert!(this.abort(), "still running");
                assert_eq!(Rc::strong_count(&held), 2, "not under its own feet");
                pending::<()>().await;
            });
            *own.borrow_mut() = Some(task);
            yield_now().await;
            assert_eq!(Rc::strong_count(&owned), 1);
            assert_eq!(nexus_async_rt::task_count(), 0);
        });
    });
}

#[test]
fn a_task_that_aborts_itself_and_returns_has_ended_once() {
    with_runtime(|rt| {
        let own: Rc<RefCell<Option<JoinHandle<Rc<()>>>>> = Rc::default();
        let (handle, output) = (own.clone(), Rc::new(()));
        let given = output.clone();
        let task = rt.spawn_boxed(async move {
            assert!(handle.borrow_mut().take().unwrap().abort());
            given
        });
        *own.borrow_mut() = Some(task);
        rt.block_on(yield_now());
        assert_eq!(Rc::strong_count(&output), 1);
        assert_eq!(rt.task_count(), 0);
    });
}

#[test]
fn the_destructor_may_use_the_runtime() {
    with_runtime(|rt| {
        rt.block_on(async {
            let spawned = Rc::new(Cell::new(false));
            let other = spawn_boxed(pending::<()>());
            let flag = spawned.clone();
            let mut other = Some(other);
            let guard = OnDrop(move || {
                assert!(other.take().unwrap().abort());
                let flag = flag.clone();
                spawn_boxed(async move { flag.set(true) });
            });
            let task = spawn_boxed(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            yield_now().await;
            assert!(task.abort());
            yield_now().await;
            assert!(spawned.get());
            assert_eq!(nexus_async_rt::task_count(), 0);
        });
    });
}

#[test]
fn aborted_between_runs_the_destructor_is_inside_the_runtime() {
    with_runtime(|rt| {
        let spawned = Rc::new(Cell::new(false));
        let flag = spawned.clone();
        let guard = OnDrop(move || {
            let flag = flag.clone();
            spawn_boxed(async move { flag.set(true) });
        });
        let task = rt.spawn_boxed(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        rt.block_on(yield_now());
        assert!(task.abort());
        rt.block_on(yield_now());
        assert!(spawned.get());
    });
}

#[test]
fn a_destructor_that_panics_comes_out_of_abort() {
    with_runtime(|rt| {
        let other = rt.spawn_boxed(async { 7 });
        rt.block_on(async {
            let task = spawn_boxed(async {
                let _guard = OnDrop(|| panic!("in the destructor"));
                pending::<()>().await;
            });
            yield_now().await;
            assert_eq!(panic_of(|| task.abort()), "in the destructor");
            assert_eq!(nexus_async_rt::task_count(), 0);
        });
        assert_eq!(rt.block_on(other), 7);
    });
}

#[test]
fn the_one_that_waits_is_dropped_with_what_it_waits_for() {
    with_runtime(|rt| {
        rt.block_on(async {
            let inner = spawn_boxed(pending::<()>());
            let outer = spawn_boxed(inner);
            yield_now().await;
            assert!(outer.abort());
            // The inner one was detached by the drop of its handle.
            assert_eq!(nexus_async_rt::task_count(), 1);
        });
    });
}

#[test]
fn a_wake_of_an_aborted_task_does_nothing() {
    with_runtime(|rt| {
        rt.block_on(async {
            let waker = Rc::new(Cell::new(None));
            let store = waker.clone();
            let task = spawn_boxed(poll_fn(move |cx| {
                store.set(Some(cx.waker().clone()));
                Poll::<()>::Pending
            }));
            yield_now().await;
            let waker: std::task::Waker = waker.take().unwrap();
            waker.wake_by_ref();
            assert!(task.abort(), "aborted while it is queued");
            waker.wake_by_ref();
            yield_now().await;
            waker.wake();
        });
        let metrics = rt.metrics();
        assert_eq!((metrics.tasks_alive, metrics.polls), (0, 1));
    });
}
