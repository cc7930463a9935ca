//! `tokio::sync`'s `Notify`, `Semaphore`, `Mutex` and `Barrier`.

use nexus_async_rt::{sleep, spawn_boxed, yield_now};
use nexus_interop::block_on;
use nexus_testkit::scaled;
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;
use tokio::sync::{Barrier, Mutex, Notify, RwLock, Semaphore};

const MS: Duration = Duration::from_millis(1);

#[test]
fn notify_goes_back_and_forth_with_a_thread() {
    block_on(async {
        let (ping, pong) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let rounds = scaled(1_000);
        let (pinged, ponging) = (ping.clone(), pong.clone());
        let thread = thread::spawn(move || {
            let tokio = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            tokio.block_on(async {
                for _ in 0..rounds {
                    pinged.notified().await;
                    ponging.notify_one();
                }
            });
        });
        for _ in 0..rounds {
            ping.notify_one();
            pong.notified().await;
        }
        thread.join().unwrap();
    });
}

#[test]
fn a_notification_passes_on_from_a_future_that_is_dropped() {
    block_on(async {
        let notify = Rc::new(Notify::new());
        let waits = spawn_boxed({
            let notify = notify.clone();
            async move { notify.notified().await }
        });
        {
            // In the queue before the task, notified, and dropped unpolled.
            let mut first = pin!(notify.notified());
            poll_fn(|cx| {
                assert!(first.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            yield_now().await;
            notify.notify_one();
            yield_now().await;
            assert!(!waits.is_finished());
        }
        waits.await;
    });
}

#[test]
fn notify_waiters_wakes_all_that_wait() {
    block_on(async {
        let notify = Arc::new(Notify::new());
        let tasks: Vec<_> = (0..100)
            .map(|_| spawn_boxed(notify.clone().notified_owned()))
            .collect();
        // Some wait already, some are not polled yet: they wait all the same.
        yield_now().await;
        let thread = thread::spawn(move || notify.notify_waiters());
        for task in tasks {
            task.await;
        }
        thread.join().unwrap();
    });
}

#[test]
fn a_semaphore_admits_as_many_as_it_has_permits() {
    block_on(async {
        let semaphore = Arc::new(Semaphore::new(3));
        let (inside, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let tasks: Vec<_> = (0..30)
            .map(|n| {
                let (semaphore, inside, most) = (semaphore.clone(), inside.clone(), most.clone());
                spawn_boxed(async move {
                    let _permit = semaphore.acquire_owned().await.unwrap();
                    inside.set(inside.get() + 1);
                    most.set(most.get().max(inside.get()));
                    if n % 2 == 0 {
                        sleep(MS / 4).await;
                    } else {
                        yield_now().await;
                    }
                    inside.set(inside.get() - 1);
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        assert_eq!((inside.get(), most.get()), (0, 3));
        assert_eq!(semaphore.available_permits(), 3);
    });
}

#[test]
fn a_permit_from_another_thread_and_a_closed_semaphore() {
    block_on(async {
        let semaphore = Arc::new(Semaphore::new(0));
        let giving = semaphore.clone();
        let thread = thread::spawn(move || {
            for _ in 0..100 {
                giving.add_permits(1);
                thread::yield_now();
            }
        });
        for _ in 0..100 {
            semaphore.acquire().await.unwrap().forget();
        }
        thread.join().unwrap();
        let waits = spawn_boxed({
            let semaphore = semaphore.clone();
            async move { semaphore.acquire().await.is_err() }
        });
        yield_now().await;
        semaphore.close();
        assert!(waits.await);
    });
}

#[test]
fn a_mutex_held_over_an_await_serves_in_order() {
    block_on(async {
        let log = Arc::new(Mutex::new(Vec::new()));
        let held = log.clone().lock_owned().await;
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                let log = log.clone();
                spawn_boxed(async move {
                    let mut log = log.lock().await;
                    yield_now().await;
                    log.push(n);
                })
            })
            .collect();
        yield_now().await;
        drop(held);
        for task in tasks {
            task.await;
        }
        assert_eq!(*log.lock().await, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn readers_share_and_a_writer_waits_for_them() {
    block_on(async {
        let value = Arc::new(RwLock::new(1));
        let (first, second) = (value.read().await, value.read().await);
        let writer = spawn_boxed({
            let value = value.clone();
            async move { *value.write().await += 1 }
        });
        yield_now().await;
        assert!(!writer.is_finished());
        assert_eq!(*first + *second, 2);
        drop((first, second));
        writer.await;
        assert_eq!(*value.read().await, 2);
    });
}

#[test]
fn a_barrier_of_tasks_here_and_on_tokio() {
    block_on(async {
        let barrier = Arc::new(Barrier::new(4));
        let there = barrier.clone();
        let on_tokio = nexus_async_rt::tokio_compat::spawn_on_tokio(async move {
            let led = there.wait().await.is_leader();
            usize::from(led)
        });
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let barrier = barrier.clone();
                spawn_boxed(async move { usize::from(barrier.wait().await.is_leader()) })
            })
            .collect();
        let mut leaders = on_tokio.await.unwrap();
        for task in tasks {
            leaders += task.await;
        }
        assert_eq!(leaders, 1);
    });
}
