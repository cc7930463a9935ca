//! The bridge to tokio: what is dropped where, and what is woken too late.

use crate::support::{with_built, with_runtime};
use nexus_async_rt::tokio_compat::{spawn_on_tokio, with_tokio};
use nexus_async_rt::{JoinHandle, Runtime, now, sleep, spawn_boxed, timeout, yield_now};
use nexus_rt::WorldBuilder;
use nexus_testkit::hand::{held_in_wake, kept};
use nexus_testkit::handoff::Handoff;
use nexus_testkit::{panic_of, scaled, within};
use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;
use tokio::runtime::Handle;

const MS: Duration = Duration::from_millis(1);

/// Where something was dropped: the thread, and whether inside tokio's context.
type Dropped = Rc<RefCell<Vec<(ThreadId, bool)>>>;

struct Tells(Dropped);

impl Drop for Tells {
    fn drop(&mut self) {
        let place = (thread::current().id(), Handle::try_current().is_ok());
        self.0.borrow_mut().push(place);
    }
}

/// A future that is not over when it returns: it still holds what it holds.
struct Keeps {
    _tells: Tells,
    polled: bool,
}

impl Future for Keeps {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[track_caller]
fn assert_dropped_inside(dropped: &Dropped, times: usize) {
    let here = (thread::current().id(), true);
    assert_eq!(*dropped.borrow(), vec![here; times]);
}

#[test]
fn the_future_is_dropped_inside_the_context_when_it_returns() {
    with_runtime(|rt| {
        let dropped = Dropped::default();
        let tells = Tells(dropped.clone());
        rt.block_on(async {
            let mut bridged = Box::pin(with_tokio(|| Keeps {
                _tells: tells,
                polled: false,
            }));
            bridged.as_mut().await;
            assert_dropped_inside(&dropped, 1);
        });
        assert_dropped_inside(&dropped, 1);
    });
}

#[test]
fn dropped_mid_wait_it_is_dropped_here_and_inside() {
    with_runtime(|rt| {
        // The runtime of tokio is there, also for what is never polled.
        rt.block_on(with_tokio(|| async {}));
        let dropped = Dropped::default();
        rt.block_on(async {
            let waits = |tells: Tells| {
                with_tokio(move || async move {
                    let _tells = tells;
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                })
            };
            drop(waits(Tells(dropped.clone())));
            assert_dropped_inside(&dropped, 1);

            let mut polled = Box::pin(waits(Tells(dropped.clone())));
            poll_fn(|cx| {
                assert!(polled.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            drop(polled);
            assert_dropped_inside(&dropped, 2);

            let task = spawn_boxed(waits(Tells(dropped.clone())));
            sleep(MS).await;
            assert!(task.abort());
            assert_dropped_inside(&dropped, 3);

            spawn_boxed(waits(Tells(dropped.clone())));
            sleep(MS).await;
        });
        assert_dropped_inside(&dropped, 3);
    });
}

#[test]
fn the_runtime_drops_what_is_bridged_inside_the_context() {
    within(Duration::from_secs(10), || {
        let dropped = Dropped::default();
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        let tells = Tells(dropped.clone());
        rt.spawn_boxed(with_tokio(move || async move {
            let _tells = tells;
            // Due when the runtime is gone: its wake is late.
            tokio::time::sleep(20 * MS).await;
        }));
        rt.block_on(sleep(MS));
        drop(rt);
        assert_dropped_inside(&dropped, 1);
        thread::sleep(40 * MS);
    });
}

#[test]
fn a_destructor_that_panics_inside_leaves_the_context_in_order() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the destructor");
        }
    }
    with_runtime(|rt| {
        let task: JoinHandle<()> = rt.spawn_boxed(with_tokio(|| async {
            let _bomb = Bomb;
            pending().await
        }));
        rt.block_on(yield_now());
        let message = panic_of(|| task.abort());
        assert_eq!(message, "in the destructor");
        assert!(Handle::try_current().is_err());
        rt.block_on(with_tokio(|| tokio::time::sleep(MS)));
    });
}

/// Gives its waker away, and waits to be woken once.
async fn gives_its_waker(to: Handoff<Waker>) {
    let mut given = false;
    poll_fn(|cx| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        to.give(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

#[test]
fn tokio_wakes_too_late_and_nothing_happens() {
    within(Duration::from_secs(60), || {
        let wakers = Handoff::<Waker>::new();
        let taken = wakers.clone();
        let tokio = thread::spawn(move || {
            let mut late = Vec::new();
            while let Some(waker) = taken.take() {
                waker.wake_by_ref();
                late.push(waker);
                if late.len() == 8 {
                    let batch = std::mem::take(&mut late);
                    drop(spawn_on_tokio(async move {
                        tokio::task::yield_now().await;
                        batch.into_iter().for_each(Waker::wake);
                    }));
                }
            }
        });
        for round in 0..scaled(100) {
            let mut world = WorldBuilder::new().build();
            let mut rt = Runtime::new(&mut world);
            rt.block_on(async {
                for n in 0..8 {
                    let wakers = wakers.clone();
                    let task = spawn_boxed(with_tokio(move || gives_its_waker(wakers)));
                    spawn_boxed(with_tokio(move || tokio::time::sleep(MS * n / 4)));
                    yield_now().await;
                    // Ended by us, by the runtime, by the wake: late are all
                    // wakes that come after it.
                    match n % 3 {
                        0 => _ = task.abort(),
                        1 => drop(task),
                        _ => task.await,
                    }
                }
            });
            if round % 2 == 0 {
                rt.block_on(sleep(MS / 10));
            }
        }
        wakers.close();
        tokio.join().unwrap();
    });
}

#[test]
fn the_join_of_a_task_on_tokio_outlives_its_waiter() {
    within(Duration::from_secs(10), || {
        let mut task = spawn_on_tokio(async {
            tokio::time::sleep(30 * MS).await;
            9
        });
        for _ in 0..2 {
            let mut world = WorldBuilder::new().build();
            let mut rt = Runtime::new(&mut world);
            rt.block_on(async {
                // Leaves a waker of this runtime with tokio's task.
                poll_fn(|cx| {
                    let _ = Pin::new(&mut task).poll(cx);
                    Poll::Ready(())
                })
                .await;
            });
        }
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        assert_eq!(rt.block_on(&mut task).unwrap(), 9);
    });
}

/// A runtime that its thread drops at its end, when tokio has no place left for
/// a context.
struct Last {
    rt: ManuallyDrop<Runtime<'static>>,
    dropped: Dropped,
    done: Handoff<usize>,
}

impl Drop for Last {
    fn drop(&mut self) {
        // SAFETY: once, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.rt) };
        self.done.give(self.dropped.borrow().len());
    }
}

#[test]
fn a_thread_that_ends_drops_what_is_bridged() {
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let done = Handoff::new();
    let given = done.clone();
    thread::spawn(move || {
        // First known to the thread, last dropped: after tokio's own.
        LAST.with(|_| ());
        // SAFETY: leaked, hence valid for ever, and nobody else has it.
        let world = unsafe { &mut *kept(Box::new(WorldBuilder::new().build())) };
        let mut rt = Runtime::new(world);
        let dropped = Dropped::default();
        let tells = Tells(dropped.clone());
        rt.spawn_boxed(with_tokio(move || async move {
            let _tells = tells;
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }));
        rt.block_on(sleep(MS));
        LAST.set(Some(Last {
            rt: ManuallyDrop::new(rt),
            dropped,
            done: given,
        }));
    })
    .join()
    .unwrap();
    assert_eq!(done.take_within(Duration::from_secs(10)), Ok(Some(1)));
}

/// Runs `root` in a runtime with a clock that stands still.
fn paused<F: Future>(root: F) -> F::Output {
    with_built(|builder| builder.start_paused(true), |rt| rt.block_on(root))
}

#[test]
fn the_paused_clock_is_held_while_the_bridge_is_awaited() {
    paused(async {
        let begin = now();
        let bridged = with_tokio(|| tokio::time::sleep(20 * MS));
        assert_eq!(timeout(MS, bridged).await, Ok(()));
        let task = spawn_on_tokio(async { tokio::time::sleep(20 * MS).await });
        assert!(timeout(MS, task).await.unwrap().is_ok());
        assert_eq!(now(), begin);
        // And not longer than that.
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(now(), begin + Duration::from_secs(3600));
    });
}

#[test]
fn the_paused_clock_goes_on_when_the_bridge_is_dropped() {
    let hour = Duration::from_secs(3600);
    paused(async {
        let begin = now();
        let bridged = spawn_boxed(with_tokio(pending::<()>));
        let mut task = spawn_on_tokio(pending::<()>());
        poll_fn(|cx| {
            assert!(Pin::new(&mut task).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let sleeps = spawn_boxed(sleep(hour));
        yield_now().await;
        bridged.abort();
        task.abort();
        // Dropped elsewhere, it wakes the runtime.
        let other = thread::spawn(move || {
            thread::sleep(5 * MS);
            drop(task);
        });
        sleeps.await;
        assert_eq!(now(), begin + hour);
        other.join().unwrap();
    });
}

#[test]
fn the_paused_clock_goes_on_when_the_result_is_there_though_nobody_takes_it() {
    let hour = Duration::from_secs(3600);
    paused(async {
        for aborted in [false, true] {
            let begin = now();
            let mut task = spawn_on_tokio(async move {
                tokio::time::sleep(5 * MS).await;
                if aborted {
                    pending::<()>().await;
                }
            });
            poll_fn(|cx| {
                assert!(Pin::new(&mut task).poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            if aborted {
                task.abort();
            }
            sleep(hour).await;
            assert_eq!(now(), begin + hour);
            assert!(task.is_finished(), "it held the clock until then");
            assert_eq!(task.await.is_err(), aborted);
        }
    });
}

#[test]
fn the_paused_clock_goes_on_when_the_handle_is_dropped_while_tokio_wakes() {
    with_built(
        |builder| builder.start_paused(true),
        |rt| {
            let (waker, held) = held_in_wake();
            rt.block_on(async {
                let (end, ended) = tokio::sync::oneshot::channel::<()>();
                let mut task = spawn_on_tokio(ended);
                let polled = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
                end.send(()).unwrap();
                held.wait();
                drop(task);
                sleep(Duration::from_secs(3600)).await;
            });
            assert_eq!(rt.metrics().parks, 0);
        },
    );
}

#[test]
fn the_clock_of_the_runtime_that_awaits_last_is_held() {
    let (mut task, mut bridged) = paused(async {
        let mut task = spawn_on_tokio(async { tokio::time::sleep(50 * MS).await });
        let mut bridged = Box::pin(with_tokio(|| tokio::time::sleep(100 * MS)));
        poll_fn(|cx| {
            assert!(Pin::new(&mut task).poll(cx).is_pending());
            assert!(bridged.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        (task, bridged)
    });
    paused(async {
        let begin = now();
        assert!(timeout(MS, &mut task).await.unwrap().is_ok());
        assert_eq!(timeout(MS, bridged.as_mut()).await, Ok(()));
        assert_eq!(now(), begin);
    });
}
