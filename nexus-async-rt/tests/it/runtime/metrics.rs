//! What a runtime says about itself.

use crate::support::{with_built, with_runtime};
use nexus_async_rt::runtime::metrics;
use nexus_async_rt::{ByteSlab, sleep, spawn_boxed, spawn_slab, yield_now};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

#[test]
fn every_counter_counts_what_it_says() {
    with_built(
        |builder| builder.slab_unbounded(ByteSlab::<256>::with_chunk_capacity(4)),
        |rt| {
            let sleeps = rt.block_on(async {
                let task = spawn_slab(async {
                    yield_now().await;
                    yield_now().await;
                });
                let inside = metrics();
                assert_eq!((inside.tasks_alive, inside.slots_used), (1, 1));
                task.await;
                let mut thread = None;
                spawn_boxed(poll_fn(move |cx| {
                    if thread.is_some() {
                        return Poll::Ready(());
                    }
                    let waker = cx.waker().clone();
                    thread = Some(std::thread::spawn(move || waker.wake()));
                    Poll::Pending
                }))
                .await;
                // Once, unless other programs had the core until it was over.
                let mut sleeps = 0;
                while sleeps == 0 || metrics().parks == 0 {
                    sleep(Duration::from_millis(2)).await;
                    sleeps += 1;
                }
                sleeps
            });
            let metrics = rt.metrics();
            assert_eq!((metrics.tasks_alive, metrics.tasks_spawned), (0, 2));
            assert_eq!(metrics.polls, 5);
            // Two yields, two joins, the timers.
            assert_eq!(metrics.local_wakes, 4 + sleeps);
            assert_eq!((metrics.foreign_wakes, metrics.timers_fired), (1, sleeps));
            assert!(metrics.parks >= 1);
            assert_eq!((metrics.spins, metrics.socket_polls), (0, 0));
            assert_eq!((metrics.slots_used, metrics.slots_most_used), (0, 1));
        },
    );
}

#[test]
fn a_runtime_that_spins_parks_less() {
    const LONG: Duration = Duration::from_secs(3600);
    with_built(
        |builder| builder.spin(LONG),
        |rt| {
            rt.block_on(sleep(Duration::from_millis(5)));
            // Once, unless the time was over before the loop was idle.
            while rt.metrics().spins == 0 {
                rt.block_on(sleep(Duration::from_millis(5)));
            }
            assert_eq!(rt.metrics().parks, 0);
        },
    );
    with_runtime(|rt| {
        rt.block_on_busy(sleep(Duration::from_millis(5)));
        assert_eq!(rt.metrics().parks, 0);
    });
}

/// Before the park and after it: unless other programs have the cores for so long
/// that there is nothing left of the sleep, or of the time that is to be spun away.
#[test]
fn a_runtime_that_spins_is_awake_before_a_deadline() {
    with_built(
        |builder| builder.spin(Duration::from_millis(5)),
        |rt| loop {
            let before = rt.metrics();
            rt.block_on(sleep(Duration::from_millis(30)));
            let after = rt.metrics();
            let (parks, spins) = (after.parks - before.parks, after.spins - before.spins);
            if parks > 0 && spins > parks {
                break;
            }
        },
    );
}
