//! Channels and the tasks that wait for them: which runtime polls, and what is
//! left behind by a task that has ended.

use crate::kinds::{Channel, Threaded};
use crate::macros::{on_every_kind, on_threaded_kinds};
use crate::support::{with_built, with_runtime};
use nexus_async_rt::runtime::metrics;
use nexus_async_rt::{
    BoundedByteSlab, Runtime, spawn_boxed, spawn_slab, try_claim_slab, yield_now,
};
use nexus_testkit::hand::Hand;
use nexus_testkit::handoff::Handoff;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;

on_every_kind! { every:
    u23_a_waker_of_an_ended_task_stays_in_the_channel
}

on_threaded_kinds! { threaded:
    u03_a_receiver_that_went_to_another_runtime_is_polled_there
    u23_a_waker_of_an_ended_task_is_woken_from_another_thread
}

/// The waker of the task that awaits it.
async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

/// Awaits a receiver that it is given, in a task that must stay on its thread;
/// says each time that it waits.
fn other_runtime<C: Threaded>(take: Handoff<C::Receiver>, waits: Handoff<()>) {
    with_runtime(|rt| {
        rt.block_on(async move {
            let mut rx = take.take().unwrap();
            let polls: Rc<RefCell<Vec<_>>> = Rc::default();
            let seen = polls.clone();
            let task = spawn_boxed(async move {
                let mut recv = pin!(C::recv(&mut rx));
                poll_fn(|cx| {
                    seen.borrow_mut().push(thread::current().id());
                    let poll = recv.as_mut().poll(cx);
                    if poll.is_pending() {
                        waits.give(());
                    }
                    poll
                })
                .await
            });
            assert_eq!(task.await, Ok(7));
            let (polls, here) = (polls.borrow(), thread::current().id());
            assert!(polls.len() >= 2, "it did not wait");
            assert!(polls.iter().all(|place| *place == here), "{polls:?}");
        });
    });
}

fn u03_a_receiver_that_went_to_another_runtime_is_polled_there<C: Threaded>() {
    let (give, waits) = (Handoff::new(), Handoff::new());
    let (take, say) = (give.clone(), waits.clone());
    let other = thread::spawn(move || other_runtime::<C>(take, say));
    with_runtime(|rt| {
        rt.block_on(async move {
            // Made, and waited on, in this runtime.
            let (mut tx, rx) = spawn_boxed(async {
                let (tx, mut rx) = C::channel(1);
                let waker = own_waker().await;
                let mut recv = Hand::new(C::recv(&mut rx));
                assert!(recv.poll_with(&waker).is_pending());
                drop(recv);
                (tx, rx)
            })
            .await;
            give.give(rx);
            waits.take().unwrap();
            spawn_boxed(async move { C::try_send(&mut tx, 7).unwrap() }).await;
            for _ in 0..100 {
                yield_now().await;
            }
        });
    });
    other.join().unwrap();
}

/// Room for the task that has ended, and for one more.
fn with_two_slots(f: impl FnOnce(&mut Runtime<'_>)) {
    with_built(
        |builder| builder.slab_bounded(BoundedByteSlab::<512>::with_capacity(2)),
        f,
    );
}

/// A channel with a task's waker registered for its receiver, though the task
/// has ended: its receive was leaked.
async fn left_behind<C: Channel>() -> (C::Sender, C::Receiver) {
    let (tx, mut rx) = C::channel(1);
    let rx = spawn_slab(async move {
        let waker = own_waker().await;
        let mut recv = Hand::new(C::recv(&mut rx));
        assert!(recv.poll_with(&waker).is_pending());
        recv.leak();
        drop(recv);
        rx
    })
    .await;
    (tx, rx)
}

/// The slot is the waker's until `send` has woken it, which wakes nobody else;
/// then another task has it, and waits for the same channel.
async fn slot_goes_on<C: Channel>(
    mut tx: C::Sender,
    mut rx: C::Receiver,
    send: impl AsyncFnOnce(C::Sender) -> C::Sender,
) {
    assert_eq!(metrics().slots_used, 1, "the waker has the slot");
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    let beside = spawn_slab(poll_fn(move |_| {
        count.set(count.get() + 1);
        Poll::<()>::Pending
    }));
    yield_now().await;
    assert!(try_claim_slab().is_none());
    tx = send(tx).await;
    for _ in 0..10 {
        yield_now().await;
    }
    assert_eq!(polls.get(), 1, "woken instead of the one that has ended");
    assert_eq!(metrics().slots_used, 1, "the slot is free again");
    assert_eq!(C::recv(&mut rx).await, Ok(7));
    let next = spawn_slab(async move { (C::recv(&mut rx).await, C::try_recv(&mut rx).is_ok()) });
    yield_now().await;
    assert!(try_claim_slab().is_none());
    tx = send_one::<C>(tx, 8);
    assert_eq!(next.await, (Ok(8), false));
    assert_eq!(polls.get(), 1);
    drop((tx, beside));
}

fn send_one<C: Channel>(mut tx: C::Sender, n: u64) -> C::Sender {
    C::try_send(&mut tx, n).unwrap();
    tx
}

fn u23_a_waker_of_an_ended_task_stays_in_the_channel<C: Channel>() {
    with_two_slots(|rt| {
        rt.block_on(async {
            let (tx, rx) = left_behind::<C>().await;
            slot_goes_on::<C>(tx, rx, async |tx| send_one::<C>(tx, 7)).await;
        });
    });
}

fn u23_a_waker_of_an_ended_task_is_woken_from_another_thread<C: Threaded>() {
    with_two_slots(|rt| {
        rt.block_on(async {
            let (tx, rx) = left_behind::<C>().await;
            let send = async |tx| thread::spawn(move || send_one::<C>(tx, 7)).join().unwrap();
            slot_goes_on::<C>(tx, rx, send).await;
        });
    });
}

on_every_kind! { cooperation:
    a_receive_that_never_waits_lets_others_run
    a_send_that_never_waits_lets_others_run
}

/// More than one poll of a task may see.
const MANY: u64 = 200;

/// Room for as many in a channel of either sort: in a large byte channel each
/// message takes a line of the cache.
const ROOM: usize = 8 * MANY as usize;

/// How far `task` has come when a task that was spawned after it runs.
fn seen_beside(done: &Rc<Cell<u64>>, task: impl Future<Output = ()> + 'static) -> u64 {
    with_runtime(|rt| {
        let task = rt.spawn_boxed(task);
        let so_far = done.clone();
        let beside = rt.spawn_boxed(async move { so_far.get() });
        let seen = rt.block_on(beside);
        rt.block_on(task);
        assert_eq!(done.get(), MANY);
        seen
    })
}

fn a_receive_that_never_waits_lets_others_run<C: Channel>() {
    let (mut tx, mut rx) = C::channel(ROOM);
    for n in 0..MANY {
        C::try_send(&mut tx, n).unwrap();
    }
    let done = Rc::new(Cell::new(0));
    let count = done.clone();
    let task = async move {
        for n in 0..MANY {
            assert_eq!(C::recv(&mut rx).await, Ok(n));
            count.set(n + 1);
        }
    };
    assert_eq!(seen_beside(&done, task), 128);
}

fn a_send_that_never_waits_lets_others_run<C: Channel>() {
    let (mut tx, rx) = C::channel(ROOM);
    let done = Rc::new(Cell::new(0));
    let count = done.clone();
    let task = async move {
        for n in 0..MANY {
            C::send(&mut tx, n).await.unwrap();
            count.set(n + 1);
        }
    };
    assert_eq!(seen_beside(&done, task), 128);
    drop(rx);
}
