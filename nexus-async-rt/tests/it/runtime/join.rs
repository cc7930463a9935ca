//! Handles, and what awaiting them gives.

use crate::support::with_runtime;
use nexus_async_rt::{JoinError, JoinHandle, Runtime, spawn_boxed, yield_now};
use nexus_rt::WorldBuilder;
use nexus_testkit::hand::kept;
use nexus_testkit::panic_of;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

fn poll_once<T>(handle: &mut JoinHandle<T>) -> Poll<T> {
    Pin::new(handle).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn u10_a_second_await_after_the_output_panics() {
    with_runtime(|rt| {
        let output = Rc::new(());
        let given = output.clone();
        let mut task = rt.spawn_boxed(async move { given });
        let taken = rt.block_on(&mut task);
        assert_eq!(Rc::strong_count(&output), 2);
        let message = panic_of(|| rt.block_on(&mut task));
        assert!(message.contains("has been taken already"), "{message}");
        assert!(message.contains("join.rs"), "{message}");
        drop((task, taken));
        assert_eq!(Rc::strong_count(&output), 1, "read once, dropped once");
    });
}

#[test]
fn the_output_waits_for_its_handle() {
    with_runtime(|rt| {
        let task = rt.spawn_boxed(async { String::from("kept") });
        for _ in 0..3 {
            rt.block_on(yield_now());
        }
        assert!(task.is_finished());
        assert_eq!(rt.block_on(task), "kept");
    });
}

#[test]
fn a_detached_output_is_dropped() {
    with_runtime(|rt| {
        let output = Rc::new(());
        for early in [true, false] {
            let given = output.clone();
            let task = rt.spawn_boxed(async move { given });
            if early {
                drop(task);
                rt.block_on(yield_now());
            } else {
                rt.block_on(yield_now());
                assert_eq!(Rc::strong_count(&output), 2);
                drop(task);
            }
            assert_eq!(Rc::strong_count(&output), 1);
        }
    });
}

#[test]
fn the_last_waker_registered_is_woken() {
    with_runtime(|rt| {
        rt.block_on(async {
            let mut task = spawn_boxed(async {
                yield_now().await;
                1
            });
            assert!(poll_once(&mut task).is_pending(), "a foreign waker first");
            let result = spawn_boxed(task).await;
            assert_eq!(result, 1);
        });
    });
}

#[test]
fn a_chain_of_handles() {
    with_runtime(|rt| {
        let sum = rt.block_on(async {
            let mut last = spawn_boxed(async { 0_u64 });
            for step in 1..=1000 {
                let before = last;
                last = spawn_boxed(async move { before.await + step });
            }
            last.await
        });
        assert_eq!(sum, 500_500);
        assert_eq!(rt.task_count(), 0);
    });
}

#[test]
fn awaited_after_the_task_panicked_or_its_runtime_went() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    let mut panicked = rt.spawn_boxed(async { panic!("in the task") });
    let mut unfinished = rt.spawn_boxed(pending::<()>());
    let mut finished = rt.spawn_boxed(async { 3 });
    assert_eq!(panic_of(|| rt.block_on(yield_now())), "in the task");
    rt.block_on(yield_now());
    let message = panic_of(|| poll_once::<()>(&mut panicked));
    assert!(
        message.contains("it panicked") && message.contains("join.rs"),
        "{message}"
    );
    drop(rt);
    let message = panic_of(|| poll_once(&mut unfinished));
    assert!(
        message.contains("its runtime was dropped") && message.contains("join.rs"),
        "{message}"
    );
    assert_eq!(poll_once(&mut finished), Poll::Ready(3), "it had ended");
}

#[test]
fn u19_handles_and_wakers_outlive_the_runtime() {
    for slab in [false, true] {
        let mut world = WorldBuilder::new().build();
        let mut builder = Runtime::builder(&mut world);
        if slab {
            builder =
                builder.slab_unbounded(nexus_async_rt::ByteSlab::<256>::with_chunk_capacity(4));
        }
        let mut rt = builder.build();
        let stored: Rc<Cell<Option<Waker>>> = Rc::default();
        let store = stored.clone();
        let future = poll_fn(move |cx| {
            store.set(Some(cx.waker().clone()));
            Poll::<String>::Pending
        });
        let done = async { String::from("output") };
        let (waiting, ended) = if slab {
            (rt.spawn_slab(future), rt.spawn_slab(done))
        } else {
            (rt.spawn_boxed(future), rt.spawn_boxed(done))
        };
        rt.block_on(yield_now());
        drop(rt);
        let waker = stored.take().unwrap();
        assert!(waiting.is_finished() && ended.is_finished());
        waker.wake_by_ref();
        drop(waiting);
        let remote = waker.clone();
        std::thread::spawn(move || remote.wake()).join().unwrap();
        waker.wake();
        drop(ended);
    }
}

#[test]
fn debug_shows_where() {
    with_runtime(|rt| {
        let task = rt.spawn_boxed(async {});
        let text = format!("{task:?}");
        assert!(
            text.contains("join.rs") && text.contains("is_finished: false"),
            "{text}"
        );
    });
}

thread_local! {
    static RUNTIME: RefCell<Option<Runtime<'static>>> = const { RefCell::new(None) };
}

#[test]
fn the_task_ends_while_a_former_waker_is_dropped() {
    /// Drives the runtime when it is dropped.
    struct Drives;
    impl Wake for Drives {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Drives {
        fn drop(&mut self) {
            RUNTIME.with_borrow_mut(|rt| rt.as_mut().unwrap().block_on(yield_now()));
        }
    }
    // SAFETY: leaked, hence valid for ever, and nobody else has it.
    let world = unsafe { &mut *kept(Box::new(WorldBuilder::new().build())) };
    let rt = Runtime::new(world);
    let mut task = rt.spawn_boxed(async { 8 });
    RUNTIME.set(Some(rt));
    let first = Waker::from(Arc::new(Drives));
    let mut cx = Context::from_waker(&first);
    assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
    drop(first);
    let mut cx = Context::from_waker(Waker::noop());
    let poll = Pin::new(&mut task).poll(&mut cx);
    assert_eq!(poll, Poll::Ready(8), "nobody would wake this one");
    RUNTIME.take();
}

#[test]
fn every_end_has_its_outcome() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    let mut panicked = rt.spawn_boxed(async { panic!("on purpose") });
    let place = line!() + 1;
    let mut aborted = rt.spawn_boxed(pending::<()>());
    let mut shut_down = rt.spawn_boxed(pending::<()>());
    let mut returned = rt.spawn_boxed(async { String::from("output") });
    assert_eq!(panic_of(|| rt.block_on(yield_now())), "on purpose");
    assert!(aborted.abort_handle().abort());
    rt.block_on(async {
        let outcome: Result<(), JoinError> = panicked.outcome().await;
        let error = outcome.unwrap_err();
        assert!(
            matches!(error, JoinError::Panicked { .. }) && error.to_string().ends_with("panicked")
        );
        for _ in 0..2 {
            let error = aborted.outcome().await.unwrap_err();
            assert!(
                matches!(error, JoinError::Aborted { .. }),
                "asked for again"
            );
            assert_eq!(
                (error.location().file(), error.location().line()),
                (file!(), place)
            );
            let place = format!("the task spawned at {}:{place}:", file!());
            let text = error.to_string();
            assert!(
                text.starts_with(&place) && text.ends_with(" was aborted"),
                "{text}"
            );
        }
        assert_eq!(returned.outcome().await.unwrap(), "output");
    });
    let message = panic_of(|| poll_outcome(&mut returned));
    assert!(message.contains("has been taken already"), "{message}");
    drop(rt);
    let Poll::Ready(Err(error)) = poll_outcome(&mut shut_down) else {
        panic!("it has ended")
    };
    assert!(matches!(error, JoinError::Shutdown { .. }));
    assert!(error.to_string().ends_with("was dropped with its runtime"));
}

fn poll_outcome<T>(handle: &mut JoinHandle<T>) -> Poll<Result<T, JoinError>> {
    Pin::new(&mut handle.outcome()).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn an_outcome_that_is_dropped_is_asked_for_again() {
    with_runtime(|rt| {
        let outcome = rt.block_on(async {
            let stored: Rc<Cell<Option<Waker>>> = Rc::default();
            let store = stored.clone();
            let mut task = spawn_boxed(poll_fn(move |cx| {
                if store.take().is_some() {
                    return Poll::Ready(9);
                }
                store.set(Some(cx.waker().clone()));
                Poll::Pending
            }));
            for _ in 0..3 {
                assert!(poll_outcome(&mut task).is_pending());
                yield_now().await;
            }
            let waker = stored.take().unwrap();
            stored.set(Some(waker.clone()));
            waker.wake();
            task.outcome().await
        });
        assert_eq!(outcome, Ok(9));
    });
}

#[test]
fn who_waits_for_an_outcome_is_woken_by_every_end() {
    with_runtime(|rt| {
        let mut panics = rt.spawn_boxed(async {
            yield_now().await;
            panic!("on purpose")
        });
        let mut waits = rt.spawn_boxed(pending::<()>());
        let stop = waits.abort_handle();
        let both = rt.spawn_boxed(async move {
            let first: Result<(), _> = panics.outcome().await;
            (first.is_err(), waits.outcome().await.is_err())
        });
        assert_eq!(panic_of(|| rt.block_on(pending::<()>())), "on purpose");
        rt.block_on(yield_now());
        assert!(!both.is_finished() && stop.abort());
        assert_eq!(rt.block_on(both), (true, true));
    });
}

#[test]
fn a_dropped_handle_leaves_no_waker() {
    struct Counted;
    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            panic!("nobody waits");
        }
    }
    with_runtime(|rt| {
        let counted = Arc::new(Counted);
        let waker = Waker::from(counted.clone());
        let cx = &mut Context::from_waker(&waker);
        let mut tasks: Vec<_> = (0..3).map(|_| rt.spawn_boxed(yield_now())).collect();
        for task in &mut tasks {
            assert!(Pin::new(&mut *task).poll(cx).is_pending());
            assert!(Pin::new(&mut task.outcome()).poll(cx).is_pending());
        }
        assert_eq!(Arc::strong_count(&counted), 5);
        drop(tasks.pop());
        assert_eq!(Arc::strong_count(&counted), 4);
        drop(tasks);
        assert_eq!(Arc::strong_count(&counted), 2);
        assert_eq!(rt.task_count(), 3, "detached");
        while rt.task_count() > 0 {
            rt.block_on(yield_now());
        }
    });
}

/// Returns at once; its destructor waits for its own output.
struct WaitsForItself {
    own: Rc<Cell<Option<JoinHandle<String>>>>,
    waker: Waker,
}

impl Future for WaitsForItself {
    type Output = String;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<String> {
        Poll::Ready("output".into())
    }
}

impl Drop for WaitsForItself {
    fn drop(&mut self) {
        let mut own = self.own.take().unwrap();
        assert!(!own.is_finished(), "its output is not there yet");
        let state = own.abort_handle();
        assert!(!state.is_finished() && !state.abort(), "it has returned");
        let mut cx = Context::from_waker(&self.waker);
        assert!(Pin::new(&mut own.outcome()).poll(&mut cx).is_pending());
        assert!(Pin::new(&mut own).poll(&mut cx).is_pending());
        self.own.set(Some(own));
    }
}

#[test]
fn a_future_that_returned_waits_for_its_output_while_it_is_dropped() {
    struct Woken(Mutex<usize>);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() += 1;
        }
    }
    with_runtime(|rt| {
        let woken = Arc::new(Woken(Mutex::new(0)));
        let own: Rc<Cell<Option<JoinHandle<String>>>> = Rc::default();
        let handle = rt.spawn_boxed(WaitsForItself {
            own: own.clone(),
            waker: woken.clone().into(),
        });
        own.set(Some(handle));
        rt.block_on(yield_now());
        assert_eq!(*woken.0.lock().unwrap(), 1);
        let handle = own.take().unwrap();
        assert!(handle.is_finished());
        assert_eq!(rt.block_on(handle), "output");
    });
}

#[test]
fn an_abort_is_an_abort_though_a_destructor_panics() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    with_runtime(|rt| {
        let mut task = rt.spawn_boxed(async {
            let _bomb = Bomb;
            pending::<()>().await;
        });
        rt.block_on(yield_now());
        let stop = task.abort_handle();
        assert_eq!(panic_of(|| stop.abort()), "on purpose");
        let error = rt.block_on(task.outcome()).unwrap_err();
        assert!(matches!(error, JoinError::Aborted { .. }));
    });
}
