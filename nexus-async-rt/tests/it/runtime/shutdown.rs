//! A runtime that is told to shut down: by its handle and by its World. By
//! signals: see `signals`.

use crate::sides::Side;
use crate::support::with_runtime;
use nexus_async_rt::{
    Runtime, WorldCtx, run_until_shutdown, shutdown_handle, shutdown_signal, spawn_boxed,
    with_world, yield_now,
};
use nexus_rt::{Handler, IntoHandler, Shutdown, WorldBuilder, no_event};
use nexus_testkit::hand::{Hand, Hostile, hostile};
use nexus_testkit::handoff::Handoff;
use nexus_testkit::{panic_of, scaled, within};
use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

fn end_it(shutdown: Shutdown) {
    shutdown.trigger();
}

#[test]
fn any_number_of_tasks_wait_for_it() {
    with_runtime(|rt| {
        let handle = rt.shutdown_handle();
        let ended = Rc::new(Cell::new(0));
        rt.block_on(async {
            for _ in 0..100 {
                let ended = ended.clone();
                drop(spawn_boxed(async move {
                    shutdown_signal().await;
                    ended.set(ended.get() + 1);
                }));
            }
            yield_now().await;
            let mut here = std::pin::pin!(shutdown_signal());
            assert!(
                futures_lite::future::poll_once(here.as_mut())
                    .await
                    .is_none()
            );
            assert!(!shutdown_handle().is_shutdown());
            shutdown_handle().trigger();
            shutdown_handle().trigger();
            here.await;
            shutdown_signal().await;
        });
        assert!(handle.is_shutdown());
        assert_eq!(rt.shutdown_quiesce(Duration::from_secs(5)), Ok(()));
        assert_eq!(ended.get(), 100, "u69: none took the place of another");
    });
}

#[test]
fn a_future_runs_until_its_end_or_the_shutdown() {
    with_runtime(|rt| {
        assert_eq!(rt.block_on(run_until_shutdown(async { 7 })), Some(7));
        let owned = Rc::new(());
        let held = owned.clone();
        let task = rt.spawn_boxed(run_until_shutdown(async move {
            std::future::pending::<()>().await;
            drop(held);
        }));
        let handle = rt.shutdown_handle();
        let thread = rt.block_on(async move {
            yield_now().await;
            thread::spawn(move || handle.trigger())
        });
        assert_eq!(rt.block_on(task), None);
        assert_eq!(Rc::strong_count(&owned), 1, "the future is dropped");
        thread.join().unwrap();
        // Told before: not polled at all.
        let polled = Cell::new(false);
        let late = run_until_shutdown(async { polled.set(true) });
        assert_eq!(rt.block_on(late), None);
        assert!(!polled.get());
    });
}

#[test]
fn u04_a_trigger_on_another_thread_wakes_a_parked_runtime() {
    within(Duration::from_secs(30), || {
        // Until it was surely parked: the thread takes its time.
        let mut parked = false;
        while !parked {
            let mut world = WorldBuilder::new().build();
            let mut rt = Runtime::new(&mut world);
            let handle = rt.shutdown_handle();
            let thread = thread::spawn(move || {
                thread::sleep(Duration::from_millis(20));
                handle.trigger();
            });
            rt.block_on(async {
                let task = spawn_boxed(shutdown_signal());
                shutdown_signal().await;
                task.await;
            });
            parked = rt.metrics().parks > 0;
            thread.join().unwrap();
        }
    });
    within(Duration::from_secs(30), || {
        for _ in 0..scaled(50) {
            let mut world = WorldBuilder::new().build();
            let mut rt = Runtime::new(&mut world);
            let handle = rt.shutdown_handle();
            let thread = thread::spawn(move || handle.trigger());
            rt.block_on(async { spawn_boxed(shutdown_signal()).await });
            thread.join().unwrap();
        }
    });
}

#[test]
fn other_threads_and_executors_wait_for_it() {
    with_runtime(|rt| {
        let waiting = Handoff::<()>::new();
        let threads = [
            Side::Parked,
            Side::TokioCurrentThread,
            Side::TokioMultiThread,
            Side::AsyncExecutor,
        ]
        .map(|side| {
            let (signal, waiting) = (rt.shutdown_handle().signal(), waiting.clone());
            thread::spawn(move || {
                side.run(async move {
                    waiting.give(());
                    signal.await;
                });
            })
        });
        for _ in &threads {
            waiting.take();
        }
        rt.shutdown_handle().trigger();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn the_handle_outlives_the_runtime() {
    let handle = with_runtime(|rt| rt.shutdown_handle());
    let mut signal = Hand::new(handle.signal());
    signal.pending();
    handle.trigger();
    assert_eq!(signal.wakes(), 1);
    signal.ready();
    assert_eq!(signal.wakers_left(), 0);
}

#[test]
fn outside_a_runtime_the_message_names_the_function() {
    for (message, name) in [
        (
            panic_of(|| Hand::new(shutdown_signal()).poll()),
            "`shutdown_signal`",
        ),
        (panic_of(shutdown_handle), "`shutdown_handle`"),
    ] {
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn a_handler_of_the_world_tells_the_runtime() {
    for by_token in [false, true] {
        let mut world = WorldBuilder::new().build();
        let mut handler = no_event(end_it).into_handler(world.registry());
        within(Duration::from_secs(10), || {
            let mut rt = Runtime::new(&mut world);
            rt.block_on(async {
                let waits = spawn_boxed(shutdown_signal());
                with_world(|_| ());
                yield_now().await;
                assert!(!waits.is_finished());
                if by_token {
                    WorldCtx::current().with_world(|world| handler.run(world, ()));
                } else {
                    with_world(|world| handler.run(world, ()));
                }
                assert!(shutdown_handle().is_shutdown());
                waits.await;
                with_world(|_| ());
            });
        });
    }
}

#[test]
fn the_flag_of_the_world_is_seen_when_a_run_begins() {
    let mut world = WorldBuilder::new().build();
    let mut handler = no_event(end_it).into_handler(world.registry());
    within(Duration::from_secs(10), || {
        let mut rt = Runtime::new(&mut world);
        handler.run(rt.world_mut(), ());
        rt.block_on(shutdown_signal());
    });
}

struct Call<F>(F);

impl<F: Fn() + 'static> Hostile for Call<F> {
    fn on_wake(&self) {
        self.0();
    }
}

#[test]
fn a_waker_that_panics_costs_no_result_of_the_world() {
    let mut world = WorldBuilder::new().build();
    let mut handler = no_event(end_it).into_handler(world.registry());
    within(Duration::from_secs(10), || {
        let mut rt = Runtime::new(&mut world);
        rt.block_on(async {
            let mut bad = Hand::new(shutdown_signal());
            let borrows = hostile(&Rc::new(Call(|| {
                // No borrow of the World is open.
                with_world(|_| ());
                panic!("in a waker");
            })));
            assert!(bad.poll_with(&borrows).is_pending());
            let good = spawn_boxed(shutdown_signal());
            yield_now().await;
            let result = with_world(|world| {
                handler.run(world, ());
                Rc::new(5)
            });
            assert_eq!(*result, 5);
            good.await;
            bad.ready();
        });
        let mut other = Hand::new(rt.shutdown_handle().signal());
        other.ready();
    });
}
