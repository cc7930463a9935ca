//! Wakers that leave their thread.

use crate::support::{with_built, with_runtime};
use nexus_async_rt::{BoundedByteSlab, Runtime, spawn_boxed, spawn_slab, yield_now};
use nexus_rt::WorldBuilder;
use nexus_testkit::handoff::{Guarded, Handoff};
use nexus_testkit::{panic_of, scaled, within};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// A flag that a thread sets and a task awaits; nothing of this crate.
#[derive(Default)]
struct Signal {
    set: AtomicBool,
    waker: Guarded<Option<Waker>>,
}

impl Signal {
    fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
        let waker = self.waker.with(Option::take);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn wait(&self) {
        poll_fn(|cx| {
            let old = self.waker.with(|waker| waker.replace(cx.waker().clone()));
            drop(old);
            if self.set.swap(false, Ordering::SeqCst) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// The waker of the task that awaits it.
async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

#[test]
fn u01_a_wake_from_a_thread_without_a_runtime_arrives() {
    for busy in [false, true] {
        with_runtime(|rt| {
            let signal = Arc::new(Signal::default());
            let task = async move {
                for _ in 0..scaled(100) {
                    let remote = signal.clone();
                    let thread = thread::spawn(move || remote.set());
                    signal.wait().await;
                    thread.join().unwrap();
                }
                1
            };
            let root = async { spawn_boxed(task).await };
            let result = if busy {
                rt.block_on_busy(root)
            } else {
                rt.block_on(root)
            };
            assert_eq!(result, 1);
        });
    }
}

#[test]
fn u02_a_wake_inside_another_runtime_polls_at_home() {
    within(Duration::from_secs(10), || {
        let polls: Arc<Guarded<Vec<ThreadId>>> = Arc::default();
        let give = Handoff::<Waker>::new();
        let take = give.clone();
        let other = thread::spawn(move || {
            let mut world = WorldBuilder::new().build();
            let mut rt = Runtime::new(&mut world);
            rt.block_on(async move {
                let waker = take.take().unwrap();
                spawn_boxed(async move { waker.wake() }).await;
                for _ in 0..100 {
                    yield_now().await;
                }
            });
        });
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        let seen = polls.clone();
        rt.block_on(async {
            // `Rc`: the task must stay on its thread.
            let count = Rc::new(Cell::new(0));
            spawn_boxed(poll_fn(move |cx| {
                seen.with(|seen| seen.push(thread::current().id()));
                count.set(count.get() + 1);
                if count.get() == 2 {
                    return Poll::Ready(());
                }
                give.give(cx.waker().clone());
                Poll::Pending
            }))
            .await;
        });
        other.join().unwrap();
        polls.with(|polls| assert_eq!(*polls, [thread::current().id(); 2]));
    });
}

#[test]
fn two_runtimes_of_one_thread_wake_each_other() {
    within(Duration::from_secs(10), || {
        let mut world = WorldBuilder::new().build();
        let mut first = Runtime::new(&mut world);
        let mut world = WorldBuilder::new().build();
        let mut second = Runtime::new(&mut world);
        let signal = Arc::new(Signal::default());
        let waiting = signal.clone();
        let task = first.spawn_boxed(async move { waiting.wait().await });
        first.block_on(yield_now());
        assert!(!task.is_finished());
        second.block_on(async { signal.set() });
        assert!(!task.is_finished(), "polled by its own runtime alone");
        first.block_on(task);
    });
}

#[test]
fn u06_u07_a_task_woken_from_both_sides_is_queued_once() {
    // The task is in the inbox and in the ready queue at once, then ends at
    // its first poll: the second entry must not touch freed memory.
    with_runtime(|rt| {
        rt.block_on(async {
            for _ in 0..scaled(2000) {
                let polls = Rc::new(Cell::new(0));
                let count = polls.clone();
                let stored: Rc<Cell<Option<Waker>>> = Rc::default();
                let store = stored.clone();
                let task = spawn_boxed(poll_fn(move |cx| {
                    count.set(count.get() + 1);
                    if count.get() == 1 {
                        store.set(Some(cx.waker().clone()));
                        return Poll::Pending;
                    }
                    Poll::Ready(())
                }));
                yield_now().await;
                let waker = stored.take().unwrap();
                let remote = waker.clone();
                waker.wake_by_ref();
                thread::scope(|scope| {
                    scope.spawn(|| remote.wake());
                });
                waker.wake();
                task.await;
                yield_now().await;
                assert_eq!(polls.get(), 2);
            }
        });
        assert_eq!(rt.task_count(), 0);
    });
}

#[test]
fn u06_double_queueing_by_a_drained_wake() {
    with_built(
        |builder| builder.slab_bounded(BoundedByteSlab::<256>::with_capacity(4)),
        |rt| {
            let wakers: Arc<Guarded<Vec<Waker>>> = Arc::default();
            let stop = Arc::new(AtomicBool::new(false));
            let (shared, stopped) = (wakers.clone(), stop.clone());
            let waking = thread::spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    shared.with(|wakers: &mut Vec<Waker>| {
                        wakers.iter().for_each(Waker::wake_by_ref);
                    });
                }
            });
            rt.block_on(async {
                for round in 0..scaled(3000) {
                    let shared = wakers.clone();
                    let task = spawn_slab(async move {
                        let waker = own_waker().await;
                        shared.with(|wakers| *wakers = vec![waker.clone()]);
                        for _ in 0..round % 4 {
                            waker.wake_by_ref();
                            yield_now().await;
                        }
                    });
                    task.await;
                }
            });
            stop.store(true, Ordering::Relaxed);
            waking.join().unwrap();
            wakers.with(Vec::clear);
            rt.block_on(yield_now());
            assert_eq!(rt.metrics().slots_used, 0, "{:?}", rt.metrics());
        },
    );
}

#[test]
fn u24_entries_of_ended_tasks_leave_the_inbox_in_order() {
    with_built(
        |builder| builder.slab_unbounded(nexus_async_rt::ByteSlab::<256>::with_chunk_capacity(8)),
        |rt| {
            let wakers: Vec<Waker> = rt.block_on(async {
                let mut wakers = Vec::new();
                for _ in 0..100 {
                    wakers.push(spawn_slab(own_waker()).await);
                }
                wakers
            });
            assert_eq!(rt.metrics().slots_used, 100);
            // Wakes of ended tasks, then last drops, all linked behind another.
            thread::spawn(move || {
                for waker in &wakers {
                    waker.wake_by_ref();
                }
                drop(wakers);
            })
            .join()
            .unwrap();
            rt.block_on(async {
                yield_now().await;
                spawn_slab(async {}).await;
                yield_now().await;
            });
            assert_eq!(rt.metrics().slots_used, 0);
        },
    );
}

/// A task that waits for ever: gives `wakers` two of its own, and counts in
/// `drops`.
async fn waits_for_ever(wakers: Rc<RefCell<Vec<Waker>>>, drops: Rc<Cell<u32>>) {
    struct Count(Rc<Cell<u32>>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let _count = Count(drops);
    for _ in 0..2 {
        let waker = own_waker().await;
        wakers.borrow_mut().push(waker);
    }
    std::future::pending().await
}

#[test]
fn u24_entries_stay_linked_when_the_runtime_is_dropped() {
    within(Duration::from_secs(10), || {
        let drops: Rc<[Rc<Cell<u32>>; 8]> = Rc::default();
        let counts = || drops.iter().map(|count| count.get()).collect::<Vec<_>>();
        let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::builder(&mut world)
            .slab_unbounded(nexus_async_rt::ByteSlab::<256>::with_chunk_capacity(2))
            .build();
        let ended = rt.block_on(async {
            for (task, count) in drops.iter().enumerate() {
                let waits = waits_for_ever(wakers.clone(), count.clone());
                if task % 2 == 0 {
                    spawn_slab(waits);
                } else {
                    spawn_boxed(waits);
                }
            }
            let mut ended = Vec::new();
            for _ in 0..2 {
                ended.push(spawn_slab(own_waker()).await);
                ended.push(spawn_boxed(own_waker()).await);
            }
            yield_now().await;
            ended
        });
        let wakers = wakers.take();
        assert_eq!(wakers.len(), 16);
        // Every second is woken by value: one waker a task is left.
        let (woken, left): (Vec<_>, Vec<_>) = wakers
            .into_iter()
            .enumerate()
            .partition(|(at, _)| at % 2 == 0);
        // Linked: tasks that live, and tasks that wait to be freed.
        thread::spawn(move || {
            woken.into_iter().for_each(|(_, waker)| waker.wake());
            drop(ended);
        })
        .join()
        .unwrap();
        assert_eq!(counts(), [0; 8]);
        drop(rt);
        assert_eq!(counts(), [1; 8]);
        thread::spawn(move || {
            for (_, waker) in left {
                waker.wake_by_ref();
                drop(waker.clone());
                waker.wake();
            }
        })
        .join()
        .unwrap();
        assert_eq!(counts(), [1; 8]);
    });
}

#[test]
fn u34_park_lost() {
    // Ping-pong across the park: each wake must get through, whatever the
    // moment at which it comes.
    for spin in [Duration::ZERO, Duration::from_micros(5)] {
        with_built(
            |builder| builder.spin(spin),
            |rt| {
                let rounds = scaled(20_000);
                let to_task = Arc::new(Signal::default());
                let turn = Arc::new(AtomicUsize::new(0));
                let (signal, counter) = (to_task.clone(), turn.clone());
                let thread = thread::spawn(move || {
                    for round in 0..rounds {
                        while counter.load(Ordering::Acquire) != round {
                            std::hint::spin_loop();
                        }
                        // A varying moment around the step to parked.
                        for _ in 0..(round * 7) % 401 {
                            std::hint::spin_loop();
                        }
                        signal.set();
                    }
                });
                rt.block_on(async move {
                    spawn_boxed(async move {
                        for round in 0..rounds {
                            to_task.wait().await;
                            turn.store(round + 1, Ordering::Release);
                        }
                    })
                    .await;
                });
                thread.join().unwrap();
            },
        );
    }
}

#[test]
fn u46_more_wakes_of_ended_tasks_than_the_drain_limit() {
    with_built(
        |builder| builder.cross_thread_drain_limit(2),
        |rt| {
            let signal = Arc::new(Signal::default());
            let waiting = signal.clone();
            rt.block_on(async move {
                let mut ended = Vec::new();
                for _ in 0..50 {
                    ended.push(spawn_boxed(own_waker()).await);
                }
                let live = spawn_boxed(async move { waiting.wait().await });
                yield_now().await;
                thread::spawn(move || {
                    for waker in ended {
                        waker.wake();
                    }
                    signal.set();
                })
                .join()
                .unwrap();
                // The one that counts is behind fifty that do not.
                live.await;
            });
        },
    );
}

#[test]
fn wakers_of_all_kinds_on_eight_threads() {
    with_built(
        |builder| builder.slab_unbounded(nexus_async_rt::ByteSlab::<256>::with_chunk_capacity(64)),
        |rt| {
            let rounds = scaled(2000);
            let give = Handoff::<Waker>::new();
            let threads: Vec<_> = (0..8)
                .map(|kind| {
                    let take = give.clone();
                    thread::spawn(move || {
                        while let Some(waker) = take.take() {
                            match kind % 4 {
                                0 => waker.wake(),
                                1 => waker.wake_by_ref(),
                                2 => {
                                    let other = waker.clone();
                                    drop(waker);
                                    other.wake();
                                }
                                _ => drop(waker.clone()),
                            }
                        }
                    })
                })
                .collect();
            rt.block_on(async {
                for round in 0..rounds {
                    let give = give.clone();
                    let mut left = round % 5;
                    let task = spawn_slab(poll_fn(move |cx| {
                        give.give(cx.waker().clone());
                        if left == 0 {
                            return Poll::Ready(round);
                        }
                        left -= 1;
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    }));
                    if round % 3 == 0 {
                        yield_now().await;
                        task.abort();
                    } else {
                        assert_eq!(task.await, round);
                    }
                }
            });
            give.close();
            for thread in threads {
                thread.join().unwrap();
            }
            // Some hundred last drops wait in the inbox; a turn takes 256.
            while rt.metrics().slots_used > 0 {
                rt.block_on(yield_now());
            }
        },
    );
}

#[test]
fn a_future_is_polled_and_dropped_on_its_thread() {
    struct AtHome(ThreadId);
    impl Drop for AtHome {
        fn drop(&mut self) {
            assert_eq!(self.0, thread::current().id());
        }
    }
    with_runtime(|rt| {
        let wakers = rt.block_on(async {
            let mut wakers = Vec::new();
            for round in 0..20 {
                let home = AtHome(thread::current().id());
                let give = Handoff::new();
                let take = give.clone();
                let task = spawn_boxed(async move {
                    let home = home;
                    give.give(own_waker().await);
                    if round % 2 == 0 {
                        std::future::pending::<()>().await;
                    }
                    assert_eq!(home.0, thread::current().id());
                });
                yield_now().await;
                wakers.push(take.take().unwrap());
                if round % 4 == 0 {
                    task.abort();
                }
            }
            wakers
        });
        thread::spawn(move || wakers.into_iter().for_each(Waker::wake))
            .join()
            .unwrap();
        rt.block_on(yield_now());
    });
}

#[test]
fn a_stale_waker_of_a_root_wakes_the_next_one() {
    with_runtime(|rt| {
        let waker = rt.block_on(own_waker());
        let mut polls = 0;
        let mut done = pin!(poll_fn(|_: &mut Context<'_>| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            let waker = waker.clone();
            thread::spawn(move || waker.wake());
            Poll::Pending
        }));
        rt.block_on(done.as_mut());
        assert_eq!(polls, 2);
    });
}

#[test]
fn outside_the_message_is_of_the_caller() {
    let message = panic_of(nexus_async_rt::claim_slab);
    assert!(message.contains("`claim_slab`"), "{message}");
}
