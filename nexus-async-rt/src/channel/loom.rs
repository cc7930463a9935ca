//! Models of the two ends: nothing that was accepted is lost at the end, and
//! nobody is left waiting.

use std::task::{Context, Poll, Waker};

use ::loom::thread;

use super::core::{Core, Next};
use super::kind::{Mpsc, Spsc, Topology};
use crate::ring::Ring;
use crate::sync::{Arc, model};
use crate::wait::loom::{Pinned, flag};
use crate::wait::queue::WaitQueue;

struct Crossing<K: Topology>(Core<K, K::Typed<u32>>);

// SAFETY: the models below have one receiver, and as many senders as the kind
// is made for.
unsafe impl<K: Topology> Send for Crossing<K> {}
// SAFETY: as above.
unsafe impl<K: Topology> Sync for Crossing<K> {}

/// What the receiver gets in `tries` looks, and whether it saw the end.
fn receive<K: Topology>(channel: &Crossing<K>, tries: usize) -> (Vec<u32>, bool) {
    let mut received = Vec::new();
    for _ in 0..tries {
        // SAFETY: one receiver; see `Crossing`.
        match channel.0.next(|| unsafe { channel.0.ring.pop() }) {
            Next::Message(value) => received.push(value),
            Next::Nothing => {}
            Next::End => return (received, true),
        }
    }
    (received, false)
}

/// Each sender sends one value and goes: the end comes after all of them.
fn end_comes_last<K: Topology>(senders: u32) {
    model(3, move || {
        let channel = Arc::new(Crossing::<K>(Core::new(Ring::with_capacity(2))));
        for _ in 1..senders {
            channel.0.add_sender();
        }
        let senders = (0..senders)
            .map(|value| {
                let channel = channel.clone();
                thread::spawn(move || {
                    // SAFETY: as many as the kind is made for; see `Crossing`.
                    unsafe { channel.0.ring.push(value) }.expect("there is room for all");
                    channel.0.remove_sender();
                })
            })
            .collect::<Vec<_>>();
        let (mut received, ended) = receive(&channel, 2);
        let count = senders.len();
        if ended {
            assert_eq!(received.len(), count, "the end came before a message");
        }
        for sender in senders {
            sender.join().unwrap();
        }
        if !ended {
            let (rest, ended) = receive(&channel, count + 1);
            received.extend(rest);
            assert!(ended && received.len() == count);
        }
    });
}

#[test]
fn loom_spsc_ends_after_the_last_message() {
    end_comes_last::<Spsc>(1);
}

#[test]
fn loom_mpsc_ends_after_the_last_message_of_each_sender() {
    end_comes_last::<Mpsc>(2);
}

/// Closed while one send is under way: what another sender had sent before is
/// received, whatever the first one is about.
#[test]
fn loom_mpsc_close_loses_nothing_that_was_accepted() {
    model(3, || {
        let channel = Arc::new(Crossing::<Mpsc>(Core::new(Ring::with_capacity(2))));
        channel.0.add_sender();
        let other = {
            let channel = channel.clone();
            // SAFETY: the ring is made for many; see `Crossing`.
            thread::spawn(move || unsafe { channel.0.ring.push(0) })
        };
        // SAFETY: as above.
        unsafe { channel.0.ring.push(1) }.expect("there is room for both");
        channel.0.close();
        let (mut received, ended) = receive(&channel, 2);
        let accepted = other.join().unwrap();
        if !ended {
            assert!(accepted.is_ok());
            let (rest, ended) = receive(&channel, 3);
            assert!(ended, "nothing is claimed any more");
            received.extend(rest);
        }
        assert!(received.contains(&1), "the end came before a message");
    });
}

type Sending = Pinned<WaitQueue<<Mpsc as Topology>::Mode, true>>;

/// One poll of a send, as the futures do it: whether it is over.
fn poll_send(channel: &Crossing<Mpsc>, sending: &mut Sending, waker: &Waker) -> bool {
    let core = &channel.0;
    let attempt = || {
        // SAFETY: the ring is made for many; see `Crossing`.
        let sent = || unsafe { core.ring.push(9) }.is_ok();
        (core.is_closed() || sent()).then_some(())
    };
    let cx = Context::from_waker(waker);
    if sending.0.as_mut().poll(&core.room, &cx, attempt) == Poll::Pending {
        return false;
    }
    // SAFETY: pinned, and nothing is moved.
    unsafe { core.leave_room(sending.0.as_mut().get_unchecked_mut()) };
    true
}

/// Closed while it is full and two sends begin to wait, one behind the other:
/// the one in front, which finds it closed, may not leave the other behind.
#[test]
fn loom_slow_mpsc_close_reaches_a_send_behind_another() {
    model(2, || {
        let channel = Arc::new(Crossing::<Mpsc>(Core::new(Ring::with_capacity(1))));
        // SAFETY: the ring is made for many; see `Crossing`.
        unsafe { channel.0.ring.push(0) }.expect("there is room for one");
        let senders = [(); 2].map(|()| {
            let channel = channel.clone();
            thread::spawn(move || {
                let (woken, waker) = flag();
                let mut sending = Sending::new();
                let over = poll_send(&channel, &mut sending, &waker);
                (over, woken, waker, sending)
            })
        });
        channel.0.close();
        for (over, woken, waker, mut sending) in senders.map(|sender| sender.join().unwrap()) {
            if !over {
                assert!(woken.is_set(), "it waits for ever");
                assert!(poll_send(&channel, &mut sending, &waker));
            }
        }
    });
}
