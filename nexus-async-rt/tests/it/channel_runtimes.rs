//! Channels and the runtimes whose tasks wait for them.

use crate::channel_hand::Hand;
use crate::channel_kinds::Threaded;
use crate::channel_macros::on_threaded_kinds;
use crate::handoff::Handoff;
use crate::watchdog::with_runtime;
use nexus_async_rt::{spawn_boxed, yield_now};
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;

on_threaded_kinds! { threaded:
    u03_a_receiver_that_went_to_another_runtime_is_polled_there
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
