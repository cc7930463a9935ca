//! What does not allocate: after a warm-up each path runs under a counting
//! allocator. A binary of its own, one test at a time.

#[path = "counting/alone.rs"]
mod alone;
mod counting;

use alone::alone;
use counting::{allocations, assert_free, count_this_thread};
use nexus_async_rt::time::{
    Backoff, Elapsed, MissedTickBehavior, advance, after_delay, event_time, hold_clock, pause,
    resume, sleep_until,
};
use nexus_async_rt::{
    BoundedByteSlab, ByteSlab, CancellationToken, JoinHandle, Runtime, claim_slab, interval, now,
    shutdown_handle, shutdown_signal, sleep, spawn_slab, timeout, try_claim_slab, with_world,
    yield_now,
};
use nexus_rt::WorldBuilder;
use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

/// Stores its waker and ends with the second poll.
fn twice(store: Rc<Cell<Option<Waker>>>) -> impl Future<Output = ()> {
    let mut polled = false;
    poll_fn(move |cx| {
        if polled {
            return Poll::Ready(());
        }
        polled = true;
        store.set(Some(cx.waker().clone()));
        Poll::Pending
    })
}

/// Ends a task when it is dropped, and its output or future ends the next.
struct EndsNext(Option<JoinHandle<EndsNext>>);

impl Drop for EndsNext {
    fn drop(&mut self) {
        if let Some(next) = self.0.take() {
            next.abort();
        }
    }
}

async fn chains() {
    assert_free("tasks that end each other, and outcomes", async || {
        for finished in [false, true] {
            let mut first = EndsNext(None);
            for _ in 0..100 {
                first = EndsNext(Some(spawn_slab(async move {
                    if !finished {
                        pending::<()>().await;
                    }
                    first
                })));
            }
            // A turn polls 64.
            yield_now().await;
            yield_now().await;
            let stop = first.0.as_ref().unwrap().abort_handle();
            assert_eq!(stop.clone().is_finished(), finished);
            drop(first);
            assert!(stop.is_finished());
        }
        let mut task = spawn_slab(pending::<()>());
        task.abort_handle().abort();
        assert!(task.outcome().await.is_err());
        // It was ready: the queue lets go of its slot.
        drop(task);
        yield_now().await;
    })
    .await;
}

async fn tasks() {
    assert_free("spawn and join in a slot", async || {
        for _ in 0..1000 {
            spawn_slab(yield_now()).await;
        }
    })
    .await;
    assert_free("claim a slot, spawn into it or not", async || {
        for round in 0..1000 {
            let claim = claim_slab();
            yield_now().await;
            if round % 4 == 0 {
                drop(claim);
            } else {
                claim.spawn(yield_now()).await;
            }
            drop(try_claim_slab().unwrap().spawn(yield_now()));
            yield_now().await;
        }
    })
    .await;
    assert_free("spawn many in slots, abort half", async || {
        for round in 0..100 {
            let a = spawn_slab(yield_now());
            let b = spawn_slab(yield_now());
            yield_now().await;
            if round % 2 == 0 {
                a.abort();
            } else {
                a.await;
            }
            drop(b);
        }
    })
    .await;
    assert_free(
        "clone, wake by reference and by value, at home",
        async || {
            let stored = STORED.with(Rc::clone);
            for _ in 0..1000 {
                let task = spawn_slab(twice(stored.clone()));
                yield_now().await;
                let waker = stored.take().unwrap();
                let other = waker.clone();
                waker.wake_by_ref();
                drop(waker);
                other.wake();
                task.await;
            }
        },
    )
    .await;
}

thread_local! {
    static STORED: Rc<Cell<Option<Waker>>> = Rc::default();
}

async fn foreign_wakes() {
    let slot: Arc<Mutex<Option<Waker>>> = Arc::default();
    let stop = Arc::new(AtomicUsize::new(0));
    let (taken, stopped) = (slot.clone(), stop.clone());
    let thread = std::thread::spawn(move || {
        count_this_thread();
        while stopped.load(Ordering::Relaxed) == 0 {
            let waker = taken.lock().unwrap().take();
            if let Some(waker) = waker {
                let other = waker.clone();
                waker.wake();
                drop(other);
            }
        }
    });
    let stored = STORED.with(Rc::clone);
    assert_free("wake from another thread, parked and not", async || {
        for _ in 0..1000 {
            let task = spawn_slab(twice(stored.clone()));
            yield_now().await;
            *slot.lock().unwrap() = stored.take();
            task.await;
        }
    })
    .await;
    stop.store(1, Ordering::Relaxed);
    thread.join().unwrap();
}

async fn timers() {
    assert_free("sleep, fired", async || {
        for _ in 0..100 {
            sleep(Duration::from_micros(20)).await;
        }
    })
    .await;
    assert_free("sleep, polled twice and dropped", async || {
        for step in 0..1000 {
            let mut timer = pin!(sleep_until(event_time() + Duration::from_secs(step)));
            for _ in 0..2 {
                let _ = poll_fn(|cx| Poll::Ready(timer.as_mut().poll(cx))).await;
            }
        }
    })
    .await;
    assert_free("sleep, reset while it waits and after", async || {
        let mut timer = pin!(sleep(Duration::from_secs(1)));
        for step in 0..100 {
            let _ = poll_fn(|cx| Poll::Ready(timer.as_mut().poll(cx))).await;
            timer
                .as_mut()
                .reset(now() + Duration::from_micros(step % 3));
            timer.as_mut().await;
            timer.as_mut().reset(now() + Duration::from_secs(step));
        }
    })
    .await;
    assert_free("a hundred sleeping tasks", async || {
        for step in 0..100 {
            spawn_slab(sleep(Duration::from_micros(step * 7)));
        }
        sleep(Duration::from_millis(2)).await;
    })
    .await;
}

const HOUR: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_micros(20);

async fn limits() {
    assert_free("timeout, never hung up", async || {
        for number in 0..1000 {
            assert_eq!(timeout(HOUR, ready(number)).await, Ok(number));
        }
    })
    .await;
    assert_free("timeout, hung up and dropped", async || {
        for _ in 0..1000 {
            assert_eq!(timeout(HOUR, yield_now()).await, Ok(()));
        }
    })
    .await;
    assert_free("timeout, elapsed", async || {
        for _ in 0..50 {
            assert_eq!(timeout(SHORT, pending::<()>()).await, Err(Elapsed));
        }
    })
    .await;
}

async fn rates() {
    for behavior in [
        MissedTickBehavior::Burst,
        MissedTickBehavior::Delay,
        MissedTickBehavior::Skip,
    ] {
        assert_free("interval, made, ticking, reset", async || {
            let mut beat = interval(SHORT);
            beat.set_missed_tick_behavior(behavior);
            for _ in 0..50 {
                beat.tick().await;
            }
            beat.reset();
            let _ = timeout(SHORT / 2, beat.tick()).await;
            beat.tick().await;
        })
        .await;
    }
    assert_free("after a delay", async || {
        for number in 0..50 {
            assert_eq!(after_delay(SHORT, ready(number)).await, number);
        }
    })
    .await;
    assert_free("backoff, made, waiting, given up", async || {
        let mut backoff = Backoff::builder()
            .initial(SHORT)
            .max_delay(2 * SHORT)
            .jitter(0.5)
            .max_retries(20)
            .build();
        while backoff.wait(()).await.is_ok() {}
    })
    .await;
    assert_free("the clock paused, held, moved", async || {
        pause();
        drop(hold_clock());
        for _ in 0..100 {
            sleep(HOUR).await;
            advance(HOUR).await;
        }
        resume();
    })
    .await;
}

async fn cancellation() {
    let root = CancellationToken::new();
    assert_free("cancelled(), polled and dropped", async || {
        for _ in 0..1000 {
            let mut waits = pin!(root.cancelled());
            let mut owned = pin!(root.clone().cancelled_owned());
            let mut shutdown = pin!(shutdown_signal());
            poll_fn(|cx| {
                let first = waits.as_mut().poll(cx).is_pending();
                let second = owned.as_mut().poll(cx).is_pending();
                assert!(first && second && shutdown.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
        }
    })
    .await;
    assert_free("run_until_cancelled, run to its end", async || {
        for _ in 0..1000 {
            assert!(root.run_until_cancelled(yield_now()).await.is_some());
        }
    })
    .await;
    // One for each wait: a token is cancelled once.
    let mut tokens: Vec<_> = (0..2000).map(|_| root.child()).collect();
    assert_free("cancelled(), cancelled", async || {
        for token in tokens.drain(..1000) {
            let waits = spawn_slab(token.clone().cancelled_owned());
            yield_now().await;
            token.cancel();
            token.cancelled().await;
            waits.await;
        }
    })
    .await;
    assert_free("shutdown", async || {
        let waits = spawn_slab(shutdown_signal());
        yield_now().await;
        shutdown_handle().trigger();
        waits.await;
    })
    .await;
}

#[test]
fn u70_the_root_is_not_boxed() {
    alone(|| {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        rt.block_on(yield_now());
        let before = allocations();
        for _ in 0..100 {
            rt.block_on(yield_now());
            rt.block_on_busy(yield_now());
        }
        assert_eq!(allocations(), before);
    });
}

#[test]
fn a_bounded_slab_allocates_nothing() {
    alone(|| {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::builder(&mut world)
            .slab_bounded(BoundedByteSlab::<512>::with_capacity(256))
            .build();
        rt.block_on(async {
            tasks().await;
            chains().await;
            assert_free("a full slab", async || {
                let all: [_; 256] = std::array::from_fn(|_| try_claim_slab());
                assert!(all.iter().all(Option::is_some) && try_claim_slab().is_none());
            })
            .await;
        });
    });
}

#[test]
fn nothing_is_allocated_after_the_warm_up() {
    alone(|| {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::builder(&mut world)
            .slab_unbounded(ByteSlab::<512>::with_chunk_capacity(256))
            .build();
        rt.block_on(async {
            tasks().await;
            chains().await;
            foreign_wakes().await;
            timers().await;
            limits().await;
            rates().await;
            cancellation().await;
            assert_free("the World", async || {
                for _ in 0..1000 {
                    with_world(|_| ());
                    yield_now().await;
                }
            })
            .await;
        });
    });
}
