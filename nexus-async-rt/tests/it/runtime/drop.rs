//! The end of a runtime.

use nexus_async_rt::channel::{TryRecvError, TrySendError, mpsc};
use nexus_async_rt::time::Elapsed;
use nexus_async_rt::{
    BoundedByteSlab, ByteSlab, JoinHandle, Runtime, sleep, spawn_boxed, spawn_slab, timeout,
    try_claim_slab, yield_now,
};
use nexus_rt::WorldBuilder;
use nexus_testkit::hand::kept;
use nexus_testkit::handoff::Handoff;
use nexus_testkit::{panic_of, scaled, within};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs `root` in a runtime that is dropped right after.
fn run_and_drop<F: Future>(root: F) -> F::Output {
    within(Duration::from_secs(10), || {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::builder(&mut world)
            .slab_unbounded(ByteSlab::<512>::with_chunk_capacity(16))
            .build();
        rt.block_on(root)
    })
}

#[test]
fn u60_with_a_sleeping_task() {
    let owned = Rc::new(());
    let held = owned.clone();
    run_and_drop(async move {
        spawn_boxed(async move {
            sleep(Duration::from_secs(3600)).await;
            drop(held);
        });
        yield_now().await;
    });
    assert_eq!(Rc::strong_count(&owned), 1);
}

#[test]
fn u61_with_tasks_that_await_each_other() {
    let owned = Rc::new(());
    let held = owned.clone();
    run_and_drop(async move {
        // Earlier awaits later, later awaits earlier.
        let slot: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
        let later = slot.clone();
        let first = spawn_slab(async move {
            let _held = held;
            yield_now().await;
            let handle = later.borrow_mut().take().unwrap();
            handle.await;
        });
        let second = spawn_slab(first);
        *slot.borrow_mut() = Some(second);
        for _ in 0..3 {
            yield_now().await;
        }
    });
    assert_eq!(Rc::strong_count(&owned), 1);
}

#[test]
fn a_task_that_holds_its_own_handle_and_waker() {
    let owned = Rc::new(());
    let held = owned.clone();
    run_and_drop(async move {
        let slot: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
        let own = slot.clone();
        let task = spawn_boxed(async move {
            let _held = held;
            let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            let mut handle = own.borrow_mut().take().unwrap();
            poll_fn(|cx| Pin::new(&mut handle).poll(cx)).await;
            waker.wake();
        });
        *slot.borrow_mut() = Some(task);
        yield_now().await;
    });
    assert_eq!(Rc::strong_count(&owned), 1);
}

#[test]
fn destructors_may_use_the_runtime() {
    let log: Rc<RefCell<Vec<&str>>> = Rc::default();
    let outer = log.clone();
    run_and_drop(async move {
        let other = spawn_boxed(pending::<()>());
        let mut other = Some(other);
        let log = outer.clone();
        let guard = OnDrop(move || {
            let inner = log.clone();
            let late = spawn_boxed(async move {
                let _inner = inner;
                pending::<()>().await;
            });
            assert!(late.is_finished(), "dropped at once");
            assert_eq!(Rc::strong_count(&log), 2, "here and in the test");
            other.take().unwrap().abort();
            log.borrow_mut().push("dropped inside");
        });
        spawn_boxed(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        yield_now().await;
    });
    assert_eq!(*log.borrow(), ["dropped inside"]);
}

#[test]
fn a_chain_of_destructors_that_spawn_does_not_recurse() {
    fn chain(left: usize, count: Rc<Cell<usize>>) {
        let guard = OnDrop(move || {
            count.set(count.get() + 1);
            if left > 0 {
                chain(left - 1, count.clone());
            }
        });
        spawn_boxed(async move {
            let _guard = guard;
            pending::<()>().await;
        });
    }
    let count = Rc::new(Cell::new(0));
    let counted = count.clone();
    let length = 100_000;
    let thread = thread::Builder::new().stack_size(256 << 10);
    let reached = thread
        .spawn(move || {
            let count = Rc::new(Cell::new(0));
            let counted = count.clone();
            run_and_drop(async move {
                chain(length, counted);
                yield_now().await;
            });
            count.get()
        })
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(reached, length + 1);
    drop((count, counted));
}

#[test]
fn every_future_is_dropped_though_destructors_panic() {
    let owned = Rc::new(());
    let held = owned.clone();
    let message = panic_of(|| {
        run_and_drop(async move {
            for _ in 0..3 {
                let held = held.clone();
                spawn_boxed(async move {
                    let _held = held;
                    let _bomb = OnDrop(|| panic!("one of them"));
                    pending::<()>().await;
                });
            }
            drop(held);
            yield_now().await;
        });
    });
    assert_eq!(message, "one of them");
    assert_eq!(Rc::strong_count(&owned), 1);
}

#[test]
fn u20_a_claim_outlives_the_runtime() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::builder(&mut world)
        .slab_bounded(BoundedByteSlab::<256>::with_capacity(2))
        .build();
    let (kept, spawned) = rt.block_on(async { (try_claim_slab(), try_claim_slab()) });
    drop(rt);
    assert_eq!(kept.as_ref().unwrap().slot_size(), 256);
    let message = panic_of(|| spawned.unwrap().spawn(async {}));
    assert!(message.contains("`SlabClaim::spawn`"), "{message}");
    drop(kept);
}

#[test]
fn a_future_that_registered_with_a_runtime_that_is_gone() {
    let mut timer = Box::pin(sleep(Duration::from_secs(3600)));
    within(Duration::from_secs(10), || {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        rt.block_on(poll_fn(|cx| {
            assert!(timer.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        }));
    });
    let message = panic_of(|| timer.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    assert!(message.contains("dropped"), "{message}");
}

#[test]
fn wakers_of_every_state_are_inert_afterwards() {
    // From four threads, while runtimes come and go.
    within(Duration::from_secs(30), || {
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let give = Handoff::<Waker>::new();
                let take = give.clone();
                let thread = thread::spawn(move || {
                    while let Some(waker) = take.take() {
                        waker.wake_by_ref();
                        drop(waker.clone());
                        waker.wake();
                    }
                });
                (give, thread)
            })
            .collect();
        for round in 0..scaled(1000) {
            let mut world = WorldBuilder::new().build();
            let mut rt = Runtime::builder(&mut world)
                .slab_unbounded(ByteSlab::<256>::with_chunk_capacity(4))
                .build();
            let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
            rt.block_on(async {
                for task in 0..4 {
                    let wakers = wakers.clone();
                    let future = async move {
                        poll_fn(|cx| {
                            wakers.borrow_mut().push(cx.waker().clone());
                            Poll::Ready(())
                        })
                        .await;
                        if (round + task) % 2 == 0 {
                            pending::<()>().await;
                        }
                    };
                    if task % 2 == 0 {
                        spawn_slab(future);
                    } else {
                        spawn_boxed(future);
                    }
                }
                let root = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                wakers.borrow_mut().push(root);
                yield_now().await;
            });
            for (index, waker) in wakers.borrow_mut().drain(..).enumerate() {
                senders[index % 4].0.give(waker);
            }
        }
        for (give, thread) in senders {
            give.close();
            thread.join().unwrap();
        }
    });
}

/// Leaves tasks of every sort alive in a runtime that is leaked: two that gave
/// away their waker, one that waits at `rx` and has `tx`, one that sleeps.
fn leak_a_runtime(
    polls: &Rc<Cell<usize>>,
    rx: mpsc::Receiver<u8>,
    tx: mpsc::Sender<u8>,
) -> (Vec<Waker>, JoinHandle<()>) {
    let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
    let waits = || {
        let (wakers, polls) = (wakers.clone(), polls.clone());
        poll_fn(move |cx| {
            wakers.borrow_mut().push(cx.waker().clone());
            polls.set(polls.get() + 1);
            Poll::<()>::Pending
        })
    };
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::builder(&mut world)
        .slab_unbounded(ByteSlab::<512>::with_chunk_capacity(4))
        .build();
    let left = rt.block_on(async {
        spawn_slab(waits());
        spawn_boxed(waits());
        let (polls, held) = (polls.clone(), polls.clone());
        spawn_slab(async move {
            let _tx = tx;
            while rx.recv().await.is_ok() {
                polls.set(polls.get() + 1);
            }
        });
        let sleeps = spawn_boxed(async move {
            let _held = held;
            sleep(Duration::from_millis(1)).await;
        });
        yield_now().await;
        (wakers.take(), sleeps)
    });
    kept(Box::new(rt));
    left
}

#[test]
fn a_leaked_runtime_is_inert() {
    within(Duration::from_secs(10), || {
        let (tx, received) = mpsc::channel(1);
        let (sent, rx) = mpsc::channel(1);
        let polls = Rc::new(Cell::new(0));
        let (wakers, sleeps) = leak_a_runtime(&polls, received, sent);
        assert_eq!((polls.get(), wakers.len()), (2, 2));
        let here = wakers.clone();
        let tx = thread::spawn(move || {
            for waker in wakers {
                waker.wake_by_ref();
                drop(waker.clone());
                waker.wake();
            }
            tx.try_send(1).unwrap();
            tx
        })
        .join()
        .unwrap();
        let [outside, inside] = here.try_into().unwrap();
        outside.wake();
        // Their other ends are alive, and do nothing.
        assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        let both = rt.block_on(async {
            inside.wake();
            let other = spawn_boxed(async {
                sleep(Duration::from_millis(5)).await;
                5
            });
            let end = timeout(Duration::from_millis(5), rx.recv()).await;
            (other.await, end)
        });
        assert_eq!(both, (5, Err(Elapsed)));
        assert_eq!(rt.task_count(), 0);
        assert!(!sleeps.is_finished(), "its timer is the leaked runtime's");
        let held = Rc::strong_count(&polls);
        assert!(sleeps.abort());
        assert_eq!((Rc::strong_count(&polls), polls.get()), (held - 1, 2));
    });
}

#[test]
fn a_runtime_that_was_never_run() {
    let owned = Rc::new(());
    let held = owned.clone();
    let mut world = WorldBuilder::new().build();
    let rt = Runtime::new(&mut world);
    let task = rt.spawn_boxed(async move { drop(held) });
    drop(rt);
    assert_eq!(Rc::strong_count(&owned), 1);
    assert!(task.is_finished());
}

#[test]
fn a_destructor_drops_the_runtime_and_goes_on() {
    // The task owns its runtime, and is aborted from outside of a run.
    // SAFETY: leaked, hence valid for ever, and nobody else has it.
    let world = unsafe { &mut *kept(Box::new(WorldBuilder::new().build())) };
    let rt = Runtime::builder(world)
        .slab_unbounded(ByteSlab::<256>::with_chunk_capacity(4))
        .build();
    let owner: Rc<RefCell<Option<Runtime<'static>>>> = Rc::default();
    let (own, refused) = (owner.clone(), Rc::new(Cell::new(0)));
    let count = refused.clone();
    let guard = OnDrop(move || {
        drop(own.borrow_mut().take());
        let attempts: [fn(); 3] = [
            || drop(spawn_boxed(async {})),
            || drop(try_claim_slab()),
            || {
                let mut timer = Box::pin(sleep(Duration::from_secs(3600)));
                let mut cx = Context::from_waker(Waker::noop());
                assert!(timer.as_mut().poll(&mut cx).is_pending());
            },
        ];
        for attempt in attempts {
            let message = panic_of(attempt);
            assert!(message.contains("outside a runtime"), "{message}");
            count.set(count.get() + 1);
        }
    });
    let task = rt.spawn_boxed(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    *owner.borrow_mut() = Some(rt);
    assert!(task.abort());
    assert!(owner.borrow().is_none());
    assert_eq!(refused.get(), 3);
}
