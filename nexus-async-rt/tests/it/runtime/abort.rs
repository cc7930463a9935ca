//! Tasks that are ended from outside.

use crate::support::{with_built, with_runtime};
use nexus_async_rt::{
    AbortHandle, ByteSlab, JoinError, JoinHandle, Runtime, sleep, spawn_boxed, spawn_slab,
    yield_now,
};
use nexus_rt::WorldBuilder;
use nexus_testkit::hand::kept;
use nexus_testkit::{panic_of, within};
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
            assert_eq!(nexus_async_rt::runtime::task_count(), 1);
            assert!(task.abort());
            assert_eq!(Rc::strong_count(&owned), 1, "dropped before it returns");
            assert_eq!(nexus_async_rt::runtime::task_count(), 0);
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
            assert_eq!(nexus_async_rt::runtime::task_count(), 0);
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
            assert_eq!(nexus_async_rt::runtime::task_count(), 0);
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
            assert_eq!(nexus_async_rt::runtime::task_count(), 0);
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
            assert_eq!(nexus_async_rt::runtime::task_count(), 1);
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

/// A task that aborts `other` when it is dropped, and what holds of that task
/// right then.
fn aborts(
    rt: &Runtime<'_>,
    other: AbortHandle,
    seen: Rc<RefCell<Vec<(bool, bool)>>>,
) -> JoinHandle<()> {
    let guard = OnDrop(move || {
        for _ in 0..2 {
            let running = other.abort();
            seen.borrow_mut().push((running, other.is_finished()));
        }
    });
    rt.spawn_boxed(async move {
        let _guard = guard;
        pending::<()>().await;
    })
}

#[test]
fn an_abort_inside_a_destructor_is_done_before_the_outermost_returns() {
    with_runtime(|rt| {
        let held = Rc::new(());
        let polls = Rc::new(Cell::new(0));
        let (inner, count) = (held.clone(), polls.clone());
        let mut last = rt.spawn_boxed(poll_fn(move |cx| {
            let _held = &inner;
            count.set(count.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let seen: Rc<RefCell<Vec<(bool, bool)>>> = Rc::default();
        let middle = aborts(rt, last.abort_handle(), seen.clone());
        let first = aborts(rt, middle.abort_handle(), seen.clone());
        drop(middle);
        rt.block_on(yield_now());
        // While it is queued to be polled.
        let before = polls.get();
        assert!(first.abort());
        assert_eq!(*seen.borrow(), [(true, false); 4], "queued, once");
        assert_eq!((Rc::strong_count(&held), rt.task_count()), (1, 0));
        let outcome = rt.block_on(last.outcome());
        assert!(matches!(outcome, Err(JoinError::Aborted { .. })));
        assert_eq!(polls.get(), before);
    });
}

#[test]
fn an_abort_while_the_runtime_is_dropped_is_done_before_that_returns() {
    within(Duration::from_secs(10), || {
        let mut world = WorldBuilder::new().build();
        let rt = Runtime::new(&mut world);
        let held = Rc::new(());
        let inner = held.clone();
        // Spawned first, hence dropped last unless it is aborted.
        let last = rt.spawn_boxed(async move {
            let _held = inner;
            pending::<()>().await;
        });
        let seen: Rc<RefCell<Vec<(bool, bool)>>> = Rc::default();
        let mut task = aborts(&rt, last.abort_handle(), seen.clone());
        drop(last);
        drop(rt);
        assert_eq!(*seen.borrow(), [(true, false); 2]);
        assert_eq!(Rc::strong_count(&held), 1);
        let mut world = WorldBuilder::new().build();
        let outcome = Runtime::new(&mut world).block_on(task.outcome());
        assert!(matches!(outcome, Err(JoinError::Shutdown { .. })));
    });
}

#[test]
fn a_destructor_aborts_the_task_that_is_being_polled() {
    with_runtime(|rt| {
        let own: Rc<RefCell<Option<AbortHandle>>> = Rc::default();
        let handle = own.clone();
        let guard = OnDrop(move || assert!(handle.borrow().as_ref().unwrap().abort()));
        let other = rt.spawn_boxed(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let held = Rc::new(());
        let inner = held.clone();
        let task = rt.spawn_boxed(async move {
            assert!(other.abort());
            assert_eq!(Rc::strong_count(&inner), 2, "not under its own feet");
            pending::<()>().await;
        });
        *own.borrow_mut() = Some(task.abort_handle());
        rt.block_on(yield_now());
        assert_eq!((Rc::strong_count(&held), rt.task_count()), (1, 0));
    });
}

#[test]
fn an_abort_handle_keeps_the_memory_and_not_the_output() {
    with_built(
        |builder| builder.slab_unbounded(ByteSlab::<256>::with_chunk_capacity(4)),
        |rt| {
            let output = Rc::new(());
            let given = output.clone();
            let (finished, waiting) = rt.block_on(async {
                let finished = spawn_slab(async move { given });
                let waiting = spawn_slab(pending::<()>());
                yield_now().await;
                (finished.abort_handle(), waiting.abort_handle())
            });
            assert_eq!(Rc::strong_count(&output), 1);
            assert!(!finished.abort(), "detached and finished");
            assert!(!waiting.is_finished(), "detached and alive");
            let clone = waiting.clone();
            assert!(clone.abort() && waiting.is_finished() && !waiting.abort());
            assert_eq!(rt.metrics().slots_used, 2);
            drop(finished);
            assert_eq!(rt.metrics().slots_used, 1);
            drop(clone);
            drop(waiting.clone());
            assert_eq!(rt.metrics().slots_used, 1);
            drop(waiting);
            assert_eq!(rt.metrics().slots_used, 0);
        },
    );
}

#[test]
fn an_abort_handle_outlives_the_runtime() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::builder(&mut world)
        .slab_unbounded(ByteSlab::<256>::with_chunk_capacity(4))
        .build();
    let tasks = [
        rt.spawn_boxed(pending::<()>()),
        rt.spawn_slab(pending::<()>()),
        rt.spawn_slab(async {}),
    ];
    let handles = tasks.each_ref().map(JoinHandle::abort_handle);
    rt.block_on(yield_now());
    drop(rt);
    for handle in &handles {
        assert!(handle.is_finished() && !handle.abort() && !handle.clone().abort());
    }
    drop(tasks);
    let text = format!("{:?}", handles[0]);
    assert!(text.contains("abort.rs") && text.contains("true"), "{text}");
}

thread_local! {
    static RUNTIME: RefCell<Option<Runtime<'static>>> = const { RefCell::new(None) };
}

#[test]
fn a_run_that_a_destructor_drives_does_first_what_is_queued() {
    within(Duration::from_secs(10), || {
        // SAFETY: leaked, hence valid for ever, and nobody else has it.
        let world = unsafe { &mut *kept(Box::new(WorldBuilder::new().build())) };
        let rt = Runtime::new(world);
        let mut queued = Some(rt.spawn_boxed(pending::<()>()));
        let guard = OnDrop(move || {
            let mut queued = queued.take().unwrap();
            assert!(queued.abort_handle().abort() && !queued.is_finished());
            RUNTIME.with_borrow_mut(|rt| {
                rt.as_mut().unwrap().block_on(async {
                    assert!(queued.outcome().await.is_err());
                    let inner = spawn_boxed(pending::<()>());
                    let state = inner.abort_handle();
                    assert!(inner.abort() && state.is_finished(), "at once");
                });
            });
            let counted =
                RUNTIME.with_borrow(|rt| rt.as_ref().unwrap().spawn_boxed(pending::<()>()));
            assert!(counted.abort());
            RUNTIME.with_borrow_mut(|rt| {
                let rt = rt.as_mut().unwrap();
                assert_eq!(rt.task_count(), 2, "the one that ends, and the queued one");
                let left = rt.shutdown_quiesce(Duration::ZERO).unwrap_err();
                assert_eq!(left.task_count(), 1, "the one that ends");
            });
            // Here it waits again.
            let late = RUNTIME.with_borrow(|rt| rt.as_ref().unwrap().spawn_boxed(pending::<()>()));
            let state = late.abort_handle();
            assert!(late.abort() && !state.is_finished());
        });
        let task = rt.spawn_boxed(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        RUNTIME.set(Some(rt));
        assert!(task.abort());
        let rt = RUNTIME.take().unwrap();
        assert_eq!(rt.task_count(), 0);
    });
}
