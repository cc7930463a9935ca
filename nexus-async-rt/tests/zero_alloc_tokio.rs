//! U70, the bridge's part: a poll inside tokio's context allocates nothing, and
//! neither does a wake from tokio's thread. A binary of its own, one test.

mod counting;

use counting::{assert_free, count_this_thread};
use nexus_async_rt::tokio_compat::{spawn_on_tokio, with_tokio};
use nexus_async_rt::{Runtime, spawn_boxed};
use nexus_rt::WorldBuilder;
use nexus_testkit::{scaled, within};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Notify;

/// Is polled `times` times before it is over.
fn polled(mut times: usize) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Runs `f` with a runtime; at the scale of a soak it takes longer than tests do.
fn watched(f: impl FnOnce(&mut Runtime<'_>)) {
    within(Duration::from_secs(300), || {
        let mut world = WorldBuilder::new().build();
        f(&mut Runtime::new(&mut world));
    });
}

#[test]
fn u70_a_poll_inside_tokio_allocates_nothing() {
    let (polls, rounds) = (scaled(10_000), scaled(1_000));
    watched(|rt| {
        let task = rt.spawn_boxed(async move {
            count_this_thread();
            assert_free("polls of one future", async || {
                with_tokio(|| polled(polls)).await;
            })
            .await;
            assert_free("futures, one after the other", async || {
                for _ in 0..rounds {
                    with_tokio(|| polled(1)).await;
                }
            })
            .await;
            assert_free("timers of tokio, reset and fired", async || {
                let timer = with_tokio(|| async {
                    let mut timer = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
                    for _ in 0..20 {
                        let next = tokio::time::Instant::now() + Duration::from_millis(1);
                        timer.as_mut().reset(next);
                        timer.as_mut().await;
                    }
                });
                timer.await;
            })
            .await;
        });
        rt.block_on(task);
    });
    watched(|rt| {
        rt.block_on(async {
            let (ask, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let (asked, answering) = (ask.clone(), answer.clone());
            count_this_thread();
            let there = spawn_on_tokio(async move {
                count_this_thread();
                loop {
                    asked.notified().await;
                    answering.notify_one();
                }
            });
            let here = spawn_boxed(async move {
                assert_free("wakes from tokio's thread", async || {
                    for _ in 0..rounds {
                        ask.notify_one();
                        with_tokio(|| answer.notified()).await;
                    }
                })
                .await;
            });
            here.await;
            there.abort();
        });
    });
}
