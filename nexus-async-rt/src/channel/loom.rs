//! Models of the two ends: nothing that was accepted is lost at the end, and
//! nobody is left waiting.

use std::cell::Cell;
use std::task::{Context, Poll, Waker};

use ::loom::thread;

use super::core::{Core, Next, Offer};
use super::kind::{Mpsc, Spsc, Topology};
use super::phase::Phase;
use crate::ring::bytes::{ByteRing, Claim};
use crate::ring::{Bounded, Ring};
use crate::sync::{Arc, AtomicBool, Ordering, model};
use crate::wait::fair::FairQueue;
use crate::wait::loom::{FullFence, Pinned, flag};
use crate::wait::mode::Threads;
use crate::wait::{ConsumerPoint, WaitPoint, Waiter};

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
        match unsafe {
            channel
                .0
                .next::<false, _>(&Cell::new(Phase::Open), || channel.0.ring.pop())
        } {
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

/// A channel with messages that have been dense, or not: with the former the
/// sender does not fence.
fn channel<K: Topology>(capacity: usize, dense: bool) -> Arc<Crossing<K>> {
    let core = Core::<K, K::Typed<u32>>::new(Ring::with_capacity(capacity));
    if dense {
        // So many are a stream in the models.
        core.messages.succeeded();
    }
    Arc::new(Crossing(core))
}

impl<K: Topology> Crossing<K> {
    /// Whether `value` was accepted.
    fn offer(&self, value: u32) -> bool {
        // SAFETY: as many senders as the kind is made for; see `Crossing`.
        unsafe { self.0.send(value) == Offer::Accepted(()) }
    }

    fn close(&self) {
        // SAFETY: one receiver; see `Crossing`.
        unsafe { self.0.close() };
    }

    /// What is received after the close: to the end, or to something that is
    /// claimed and not yet published.
    fn drain(&self, received: &mut Vec<u32>) -> bool {
        loop {
            // SAFETY: one receiver; see `Crossing`. It is closed, and
            // `Core::next` asks only for what was accepted.
            match unsafe {
                self.0
                    .next::<false, _>(&Cell::new(Phase::Closed), || self.0.ring.pop())
            } {
                Next::Message(value) => received.push(value),
                Next::Nothing => return false,
                Next::End => return true,
            }
        }
    }
}

/// Each sender offers until it is refused, while the receiver closes and drains:
/// what was accepted is received before the end, and what was refused is not.
fn close_loses_nothing<K: Topology>(dense: bool, offers: &'static [&'static [u32]]) {
    model(3, move || {
        let channel = channel::<K>(4, dense);
        for _ in 1..offers.len() {
            channel.0.add_sender();
        }
        let senders: Vec<_> = offers
            .iter()
            .map(|values| {
                let channel = channel.clone();
                let accepted = |channel: &Crossing<K>| {
                    let taken = |value: &&u32| {
                        let accepted = channel.offer(**value);
                        // There is room for all.
                        assert!(accepted || channel.0.is_refused(), "refused as full");
                        accepted
                    };
                    values.iter().take_while(taken).copied().collect::<Vec<_>>()
                };
                thread::spawn(move || accepted(&channel))
            })
            .collect();
        let mut received = receive(&channel, 1).0;
        channel.close();
        let ended = channel.drain(&mut received);
        let accepted: Vec<_> = senders.into_iter().map(|s| s.join().unwrap()).collect();
        if !ended {
            let ended = channel.drain(&mut received);
            assert!(ended, "nothing is claimed any more");
        }
        assert!(!channel.offer(99), "accepted after the end");
        for accepted in &accepted {
            let own = received.iter().filter(|value| accepted.contains(value));
            assert!(
                own.eq(accepted),
                "{accepted:?} accepted, {received:?} received"
            );
        }
        let count: usize = accepted.iter().map(Vec::len).sum();
        assert_eq!(received.len(), count, "refused and received");
        assert_eq!(channel.0.ring.len(), 0);
    });
}

#[test]
fn loom_spsc_close_loses_nothing() {
    close_loses_nothing::<Spsc>(false, &[&[1, 2]]);
}

#[test]
fn loom_dense_spsc_close_loses_nothing() {
    close_loses_nothing::<Spsc>(true, &[&[1, 2]]);
}

#[test]
fn loom_mpsc_close_loses_nothing() {
    close_loses_nothing::<Mpsc>(false, &[&[1], &[2]]);
}

#[test]
fn loom_dense_mpsc_close_loses_nothing() {
    close_loses_nothing::<Mpsc>(true, &[&[1], &[2]]);
}

/// It becomes dense, and is closed, while a send is under way.
#[test]
fn loom_spsc_becomes_dense_and_is_closed() {
    model(3, || {
        let channel = channel::<Spsc>(4, false);
        let sender = {
            let channel = channel.clone();
            thread::spawn(move || [1, 2].map(|value| channel.offer(value)))
        };
        let mut received = receive(&channel, 1).0;
        channel.close();
        assert!(channel.drain(&mut received));
        let accepted = sender.join().unwrap().into_iter().filter(|sent| *sent);
        assert_eq!(received.len(), accepted.count());
    });
}

/// A receiver that has closed waits for what is claimed and not yet published:
/// the publication wakes it.
fn a_closed_receiver_is_woken<K: Topology>(dense: bool) {
    model(3, move || {
        let channel = channel::<K>(2, dense);
        let sender = {
            let channel = channel.clone();
            thread::spawn(move || channel.offer(1))
        };
        channel.close();
        let (woken, waker) = flag();
        let cx = Context::from_waker(&waker);
        let mut received = Vec::new();
        let mut waiter = Box::pin(Waiter::new());
        let mut poll = || {
            let attempt = || channel.drain(&mut received).then_some(());
            waiter.as_mut().poll(&channel.0.messages, &cx, attempt)
        };
        let ready = poll().is_ready();
        let accepted = sender.join().unwrap();
        if !ready {
            assert!(woken.is_set(), "it waits for ever");
            assert!(poll().is_ready());
        }
        // SAFETY: pinned, and nothing is moved.
        unsafe {
            waiter
                .as_mut()
                .get_unchecked_mut()
                .leave(&channel.0.messages)
        };
        assert_eq!(received.len(), usize::from(accepted));
    });
}

#[test]
fn loom_closed_receiver_is_woken_by_what_was_claimed() {
    a_closed_receiver_is_woken::<Spsc>(false);
    a_closed_receiver_is_woken::<Mpsc>(false);
    a_closed_receiver_is_woken::<Mpsc>(true);
}

/// A byte channel.
struct ByteCrossing<K: Topology>(Core<K, ByteRing<K::Claim>>);

// SAFETY: as for `Crossing`.
unsafe impl<K: Topology> Send for ByteCrossing<K> {}
// SAFETY: as above.
unsafe impl<K: Topology> Sync for ByteCrossing<K> {}

impl<K: Topology> ByteCrossing<K> {
    /// Claims and commits `len` bytes: whether they were sent.
    fn send(&self, len: usize) -> bool {
        let core = &self.0;
        if K::Claim::SETTLES && core.is_closed() {
            return false;
        }
        // SAFETY: as many senders as the kind is made for; the length is legal,
        // and the span committed once.
        unsafe {
            let Some(span) = core.ring.claim(len) else {
                return false;
            };
            core.ring.commit(span, len);
            let settle = || {
                if core.ring.settle(span) {
                    Ok(())
                } else {
                    Err(())
                }
            };
            core.published(settle).is_ok()
        }
    }

    /// As [`Crossing::drain`], the lengths.
    fn drain(&self, received: &mut Vec<usize>) -> bool {
        let take = || {
            // SAFETY: one receiver; each message is released before the next.
            unsafe {
                let span = self.0.ring.read().message?;
                self.0.ring.release(span);
                Some(span.len)
            }
        };
        loop {
            // SAFETY: one receiver.
            match unsafe { self.0.next::<false, _>(&Cell::new(Phase::Closed), take) } {
                Next::Message(len) => received.push(len),
                Next::Nothing => return false,
                Next::End => return true,
            }
        }
    }
}

/// As `close_loses_nothing`, for byte records, one of which comes after padding.
fn byte_close_loses_nothing<K: Topology>(dense: bool, sends: &'static [&'static [usize]]) {
    model(3, move || {
        let core = Core::<K, ByteRing<K::Claim>>::new(ByteRing::with_capacity(64));
        if dense {
            core.messages.succeeded();
        }
        let channel = Arc::new(ByteCrossing::<K>(core));
        for _ in 1..sends.len() {
            channel.0.add_sender();
        }
        let senders: Vec<_> = sends
            .iter()
            .map(|lens| {
                let channel = channel.clone();
                thread::spawn(move || {
                    let sent = |len: &&usize| channel.send(**len);
                    lens.iter().take_while(sent).count()
                })
            })
            .collect();
        // SAFETY: one receiver.
        unsafe { channel.0.close() };
        let mut received = Vec::new();
        let ended = channel.drain(&mut received);
        let accepted: usize = senders.into_iter().map(|s| s.join().unwrap()).sum();
        assert!(ended || channel.drain(&mut received));
        assert_eq!(received.len(), accepted, "{received:?}");
        assert!(!channel.send(1), "accepted after the end");
        assert_eq!(channel.0.ring.len(), 0);
    });
}

#[test]
fn loom_spsc_bytes_close_loses_nothing() {
    byte_close_loses_nothing::<Spsc>(false, &[&[24, 24]]);
}

#[test]
fn loom_dense_spsc_bytes_close_loses_nothing() {
    byte_close_loses_nothing::<Spsc>(true, &[&[24, 24]]);
}

#[test]
fn loom_mpsc_bytes_close_loses_nothing() {
    byte_close_loses_nothing::<Mpsc>(false, &[&[24], &[17]]);
}

type Sending = Pinned<FairQueue<<Mpsc as Topology>::Mode, <Mpsc as Topology>::Fence>>;

/// One poll of a send, as the futures do it: whether it is over.
fn poll_send(channel: &Crossing<Mpsc>, sending: &mut Sending, waker: &Waker) -> bool {
    let core = &channel.0;
    let attempt = || (core.is_closed() || channel.offer(9)).then_some(());
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
        let channel = channel::<Mpsc>(1, false);
        assert!(channel.offer(0), "there is room for one");
        let senders = [(); 2].map(|()| {
            let channel = channel.clone();
            thread::spawn(move || {
                let (woken, waker) = flag();
                let mut sending = Sending::new();
                let over = poll_send(&channel, &mut sending, &waker);
                (over, woken, waker, sending)
            })
        });
        channel.close();
        for (over, woken, waker, mut sending) in senders.map(|sender| sender.join().unwrap()) {
            if !over {
                assert!(woken.is_set(), "it waits for ever");
                assert!(poll_send(&channel, &mut sending, &waker));
            }
        }
    });
}

/// Nobody need wait any more, and no other operation follows. Of two that begin to
/// wait meanwhile the first is leaked: the second does not sleep behind it.
#[test]
fn loom_nobody_is_left_behind_a_leaked_send_at_the_close() {
    type Room = FairQueue<Threads, FullFence>;

    fn poll(shared: &(Room, AtomicBool), waiter: &mut Pinned<Room>, waker: &Waker) -> bool {
        let (room, closed) = shared;
        let cx = Context::from_waker(waker);
        // Ordering: Relaxed; as the announcement of a close is read.
        let attempt = || closed.load(Ordering::Relaxed).then_some(());
        let ready = waiter.0.as_mut().poll(room, &cx, attempt).is_ready();
        // SAFETY: the waiter is pinned.
        if ready && unsafe { waiter.0.as_mut().get_unchecked_mut().leave(room) } {
            room.notify_one();
        }
        ready
    }

    model(2, || {
        let shared = Arc::new((Room::new(), AtomicBool::new(false)));
        let (_, first_waker) = flag();
        let mut first = Pinned::new();
        assert!(!poll(&shared, &mut first, &first_waker));
        let closing = {
            let shared = shared.clone();
            thread::spawn(move || {
                // Ordering: Relaxed; as above.
                shared.1.store(true, Ordering::Relaxed);
                shared.0.notify_all();
            })
        };
        let (_, leaked_waker) = flag();
        let mut leaked = Pinned::new();
        let _ = poll(&shared, &mut leaked, &leaked_waker);
        std::mem::forget(leaked);
        let (woken, waker) = flag();
        let mut waiter = Pinned::new();
        let ready = poll(&shared, &mut waiter, &waker);
        closing.join().unwrap();
        assert!(ready || woken.is_set(), "it sleeps for good");
        assert!(poll(&shared, &mut first, &first_waker));
    });
}
