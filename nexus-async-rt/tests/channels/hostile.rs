//! Wakers that panic, or that call back into the channel that wakes them.

use crate::kinds::{Channel, FanIn, TypedKind, fill};
use crate::macros::{on_every_kind, on_fan_in_kinds, on_typed_kinds};
use nexus_async_rt::channel::{Receiver, RecvError, Sender, TryRecvError};
use nexus_testkit::hand::{Hand, Hostile, hostile, kept};
use nexus_testkit::panic_of;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Poll;

on_every_kind! { every:
    a_waker_that_panics_costs_no_message
    a_waker_that_panics_when_it_is_cloned_costs_nothing
    a_waker_that_panics_when_it_is_dropped_costs_no_message
    a_waker_that_panics_when_its_side_is_ended_does_not_stop_the_end
}

on_fan_in_kinds! { fan_in:
    u32_room_is_free_before_the_send_that_waits_is_woken
}

on_typed_kinds! { typed:
    a_waker_that_panics_keeps_nobody_else_asleep
    a_waker_that_panics_while_the_thread_unwinds_does_not_end_the_process
    a_waker_may_call_back
    a_waker_may_drop_another_future_of_the_channel
    a_dropped_waker_may_call_back
    a_cloned_waker_may_receive_a_dense_stream
}

/// Panics where it is told to.
#[derive(Default)]
struct Bomb {
    clone: Cell<bool>,
    wake: Cell<bool>,
    drop: Cell<bool>,
}

impl Hostile for Bomb {
    fn on_clone(&self) {
        assert!(!self.clone.get(), "clone exploded");
    }

    fn on_wake(&self) {
        assert!(!self.wake.get(), "wake exploded");
    }

    fn on_drop(&self) {
        assert!(!self.drop.get(), "drop exploded");
    }
}

/// What `f` returns, or `None` if it panicked.
fn survive<R>(f: impl FnOnce() -> R) -> Option<R> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).ok()
}

/// The messages in the channel.
fn rest<C: Channel>(rx: &mut C::Receiver) -> Vec<u64> {
    std::iter::from_fn(|| C::try_recv(rx).ok()).collect()
}

fn a_waker_that_panics_costs_no_message<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    let bomb = Rc::new(Bomb::default());
    bomb.wake.set(true);
    // A receive is woken by a send.
    let mut recv = Hand::new(C::recv(&mut rx));
    assert!(recv.poll_with(&hostile(&bomb)).is_pending());
    let sent = survive(|| C::try_send(&mut tx, 1));
    assert!(sent.is_none() || sent == Some(Ok(())));
    assert_eq!(recv.ready(), Ok(1));
    drop(recv);
    // A send is woken by a receive, which has the message in its hands.
    let count = fill::<C>(&mut tx);
    let mut send = Hand::new(C::send(&mut tx, 99));
    assert!(send.poll_with(&hostile(&bomb)).is_pending());
    let mut received: Vec<_> = survive(|| C::try_recv(&mut rx))
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(send.ready(), Ok(()));
    drop(send);
    received.extend(rest::<C>(&mut rx));
    assert!(
        received.iter().copied().eq((0..count).chain([99])),
        "{received:?}"
    );
    // The same with a receive that is awaited.
    fill::<C>(&mut tx);
    let mut send = Hand::new(C::send(&mut tx, 99));
    assert!(send.poll_with(&hostile(&bomb)).is_pending());
    let mut recv = Hand::new(C::recv(&mut rx));
    let mut received: Vec<_> = match survive(|| recv.poll()) {
        Some(Poll::Ready(n)) => vec![n.unwrap()],
        Some(Poll::Pending) => panic!("there are messages"),
        None => vec![],
    };
    drop(recv);
    assert_eq!(send.ready(), Ok(()));
    drop(send);
    received.extend(rest::<C>(&mut rx));
    assert!(
        received.iter().copied().eq((0..count).chain([99])),
        "{received:?}"
    );
    assert_eq!(Rc::strong_count(&bomb), 1, "a waker stayed behind");
}

fn a_waker_that_panics_when_it_is_cloned_costs_nothing<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    let bomb = Rc::new(Bomb::default());
    bomb.clone.set(true);
    let mut recv = Hand::new(C::recv(&mut rx));
    let waker = hostile(&bomb);
    assert!(panic_of(|| recv.poll_with(&waker)).contains("clone"));
    recv.pending();
    assert!(panic_of(|| recv.poll_with(&waker)).contains("clone"));
    assert_eq!(C::try_send(&mut tx, 1), Ok(()));
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), Ok(1));
    drop(recv);
    let count = fill::<C>(&mut tx);
    let mut send = Hand::new(C::send(&mut tx, 2));
    assert!(panic_of(|| send.poll_with(&waker)).contains("clone"));
    send.pending();
    assert!(panic_of(|| send.poll_with(&waker)).contains("clone"));
    C::try_recv(&mut rx).unwrap();
    assert_eq!(send.wakes(), 1);
    assert_eq!(send.ready(), Ok(()));
    drop((send, waker));
    assert_eq!(rest::<C>(&mut rx).len() as u64, count);
    assert_eq!(Rc::strong_count(&bomb), 1, "a waker stayed behind");
}

fn a_waker_that_panics_when_it_is_dropped_costs_no_message<C: Channel>() {
    let (mut tx, mut rx) = C::channel(1);
    let bomb = Rc::new(Bomb::default());
    let waker = hostile(&bomb);
    let set = |armed| bomb.drop.set(armed);
    // Dropped when another takes its place.
    let mut recv = Hand::new(C::recv(&mut rx));
    assert!(recv.poll_with(&waker).is_pending());
    set(true);
    survive(|| recv.poll());
    set(false);
    C::try_send(&mut tx, 1).unwrap();
    assert_eq!(recv.ready(), Ok(1));
    drop(recv);
    // Dropped with a future.
    let mut recv = Hand::new(C::recv(&mut rx));
    assert!(recv.poll_with(&waker).is_pending());
    set(true);
    survive(|| recv.cancel());
    set(false);
    drop(recv);
    // Dropped when its future completes without having been woken: what that
    // took is not lost.
    let count = fill::<C>(&mut tx);
    let mut send = Hand::new(C::send(&mut tx, 99));
    assert!(send.poll_with(&waker).is_pending());
    set(true);
    C::close(&rx);
    survive(|| send.poll());
    set(false);
    drop(send);
    assert_eq!(rest::<C>(&mut rx).len() as u64, count);
    drop(waker);
    assert_eq!(Rc::strong_count(&bomb), 1, "a waker stayed behind");
}

fn a_waker_that_panics_when_its_side_is_ended_does_not_stop_the_end<C: Channel>() {
    let bomb = Rc::new(Bomb::default());
    bomb.wake.set(true);
    let (tx, mut rx) = C::channel(1);
    let mut recv = Hand::new(C::recv(&mut rx));
    assert!(recv.poll_with(&hostile(&bomb)).is_pending());
    survive(|| drop(tx));
    assert_eq!(recv.ready(), Err(RecvError));
    drop(recv);
    let (mut tx, rx) = C::channel(1);
    fill::<C>(&mut tx);
    let mut send = Hand::new(C::send(&mut tx, 9));
    assert!(send.poll_with(&hostile(&bomb)).is_pending());
    survive(|| drop(rx));
    assert!(send.ready().is_err());
    drop(send);
    assert!(C::sender_says(&tx).disconnected);
    assert_eq!(Rc::strong_count(&bomb), 1, "a waker stayed behind");
}

fn a_waker_that_panics_keeps_nobody_else_asleep<K: TypedKind>() {
    let bomb = Rc::new(Bomb::default());
    bomb.wake.set(true);
    // At the end, all are woken, also those behind the one that panics.
    let (tx, rx) = K::channel::<u8>(1);
    let mut recvs = [(); 3].map(|()| Hand::new(rx.recv()));
    assert!(recvs[0].poll_with(&hostile(&bomb)).is_pending());
    recvs[1].pending();
    recvs[2].pending();
    assert!(panic_of(|| drop(tx)).contains("wake"));
    assert_eq!((recvs[1].wakes(), recvs[2].wakes()), (1, 1));
    // A send that completes wakes the receiver, whatever the waker of the next
    // send does.
    let (tx, rx) = K::channel(2);
    tx.try_send(0).unwrap();
    tx.try_send(1).unwrap();
    let (mut first, mut second) = (Hand::new(tx.send(2)), Hand::new(tx.send(3)));
    first.pending();
    assert!(second.poll_with(&hostile(&bomb)).is_pending());
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(0), Ok(1)));
    let mut recv = Hand::new(rx.recv());
    recv.pending();
    survive(|| first.poll());
    assert_eq!(recv.wakes(), 1, "the message and its receive both sleep");
    assert_eq!(recv.ready(), Ok(2));
}

fn a_waker_that_panics_while_the_thread_unwinds_does_not_end_the_process<K: TypedKind>() {
    let bomb = Rc::new(Bomb::default());
    bomb.wake.set(true);
    let (tx, rx) = K::channel(1);
    tx.try_send(0).unwrap();
    let mut next = Hand::new(tx.send(2));
    let message = panic_of(|| {
        let mut send = Hand::new(tx.send(1));
        send.pending();
        assert!(next.poll_with(&hostile(&bomb)).is_pending());
        rx.try_recv().unwrap();
        // Drops the notified send; its notification goes to the bomb.
        panic!("first");
    });
    assert_eq!(message, "first");
    assert_eq!(next.ready(), Ok(()));
}

/// Calls `0` when it is woken, and `1` when it is dropped.
struct Call<W, D>(W, D);

impl<W: Fn() + 'static, D: Fn() + 'static> Hostile for Call<W, D> {
    fn on_wake(&self) {
        self.0();
    }

    fn on_drop(&self) {
        self.1();
    }
}

type Ends<K> = (Rc<Sender<u32, K>>, Rc<Receiver<u32, K>>);

/// The ends, for ever: the futures that a waker owns borrow them.
fn leaked<K: TypedKind>(capacity: usize) -> (&'static Sender<u32, K>, &'static Receiver<u32, K>) {
    let (tx, rx) = K::channel(capacity);
    // SAFETY: leaked, hence valid for ever, and shared from here on.
    unsafe { (&*kept(Box::new(tx)), &*kept(Box::new(rx))) }
}

fn shared<K: TypedKind>(capacity: usize) -> Ends<K> {
    let (tx, rx) = K::channel(capacity);
    (Rc::new(tx), Rc::new(rx))
}

fn a_waker_may_call_back<K: TypedKind>() {
    // Woken by a send, it receives, sends, waits and closes.
    let (tx, rx) = shared::<K>(2);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let waker = {
        let (tx, rx, seen) = (tx.clone(), rx.clone(), seen.clone());
        let call = move || {
            seen.borrow_mut().push(rx.try_recv().unwrap());
            tx.try_send(2).unwrap();
            tx.try_send(3).unwrap();
            let mut send = Hand::new(tx.send(4));
            send.pending();
            assert_eq!(Hand::new(rx.recv()).ready(), Ok(2));
            assert_eq!(send.ready(), Ok(()));
            rx.close();
        };
        hostile(&Rc::new(Call(call, || ())))
    };
    let mut recv = Hand::new(rx.recv());
    assert!(recv.poll_with(&waker).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(*seen.borrow(), [1]);
    assert_eq!(recv.ready(), Ok(3));
    assert_eq!(rx.try_recv(), Ok(4));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));

    // Woken by a receive, it takes the room.
    let (tx, rx) = shared::<K>(1);
    let waker = {
        let tx = tx.clone();
        hostile(&Rc::new(Call(move || tx.try_send(7).unwrap(), || ())))
    };
    tx.try_send(1).unwrap();
    let mut send = Hand::new(tx.send(2));
    assert!(send.poll_with(&waker).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(
        send.poll_with(&hostile(&Rc::new(Bomb::default())))
            .is_pending()
    );
    assert_eq!(rx.try_recv(), Ok(7));
    assert_eq!(send.ready(), Ok(()));
    assert_eq!(rx.try_recv(), Ok(2));
}

/// The waker of a send that waits takes the room itself, through another handle.
fn u32_room_is_free_before_the_send_that_waits_is_woken<C: FanIn>() {
    let (mut tx, mut rx) = C::channel(1);
    let taken = Rc::new(RefCell::new(Vec::new()));
    let waker = {
        let (other, taken) = (RefCell::new(tx.clone()), taken.clone());
        let call = move || {
            let sent = C::try_send(&mut other.borrow_mut(), 99);
            taken.borrow_mut().push(sent);
        };
        hostile(&Rc::new(Call(call, || ())))
    };
    for awaited in [false, true] {
        let count = fill::<C>(&mut tx);
        let mut send = Hand::new(C::send(&mut tx, 100));
        assert!(send.poll_with(&waker).is_pending());
        let received = if awaited {
            Hand::new(C::recv(&mut rx)).ready().ok()
        } else {
            C::try_recv(&mut rx).ok()
        };
        assert_eq!(received, Some(0));
        assert_eq!(taken.take(), [Ok(())], "woken while there was no room");
        send.pending();
        drop(send);
        assert!(rest::<C>(&mut rx).into_iter().eq((1..count).chain([99])));
    }
}

fn a_waker_may_drop_another_future_of_the_channel<K: TypedKind>() {
    let (tx, rx) = leaked::<K>(2);
    tx.try_send(0).unwrap();
    tx.try_send(1).unwrap();
    let second = Rc::new(RefCell::new(Some(Hand::new(tx.send(3)))));
    let waker = {
        let second = second.clone();
        hostile(&Rc::new(Call(move || drop(second.take()), || ())))
    };
    let mut first = Hand::new(tx.send(2));
    assert!(first.poll_with(&waker).is_pending());
    second.borrow_mut().as_mut().unwrap().pending();
    let mut third = Hand::new(tx.send(4));
    third.pending();
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(second.borrow().is_none());
    assert_eq!(first.ready(), Ok(()));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(third.ready(), Ok(()));
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(2), Ok(4)));
}

/// A waker with a destructor that polls another receive of the same handle, at
/// each point where the channel lets a waker go.
fn a_dropped_waker_may_call_back<K: TypedKind>() {
    let (tx, rx) = leaked::<K>(4);
    let beside = Rc::new(RefCell::new(Vec::new()));
    let armed = Rc::new(Cell::new(false));
    let waker = {
        let (beside, armed) = (beside.clone(), armed.clone());
        let call = move || {
            if armed.replace(false) {
                let mut recv = Hand::new(rx.recv());
                recv.pending();
                beside.borrow_mut().push(recv);
            }
        };
        hostile(&Rc::new(Call(|| (), call)))
    };
    // It waits behind another, then that one goes and it moves up.
    let mut front = Hand::new(rx.recv());
    front.pending();
    let mut recv = Hand::new(rx.recv());
    assert!(recv.poll_with(&waker).is_pending());
    front.cancel();
    armed.set(true);
    recv.pending();
    assert_eq!(beside.borrow().len(), 1);
    // Replaced where it is.
    assert!(recv.poll_with(&waker).is_pending());
    armed.set(true);
    recv.pending();
    assert_eq!(beside.borrow().len(), 2);
    // All three are waiting, and three messages wake all three.
    for n in 0..3 {
        tx.try_send(n).unwrap();
    }
    assert!(recv.wakes() > 0, "a waker was lost");
    assert!(beside.borrow().iter().all(|recv| recv.wakes() > 0));
    assert_eq!(recv.ready(), Ok(0));
    for recv in beside.borrow_mut().iter_mut() {
        assert!(recv.ready().is_ok());
    }
    // Dropped with its future.
    beside.borrow_mut().clear();
    let mut recv = Hand::new(rx.recv());
    assert!(recv.poll_with(&waker).is_pending());
    armed.set(true);
    recv.cancel();
    tx.try_send(9).unwrap();
    assert_eq!(beside.borrow_mut()[0].ready(), Ok(9));
}

/// Runs `on_clone` once, when it is cloned; remembers whether it was woken.
struct Cloned<F> {
    on_clone: RefCell<Option<F>>,
    woken: Cell<bool>,
}

impl<F: FnOnce() + 'static> Hostile for Cloned<F> {
    fn on_clone(&self) {
        if let Some(on_clone) = self.on_clone.take() {
            on_clone();
        }
    }

    fn on_wake(&self) {
        self.woken.set(true);
    }
}

/// A receive is about to wait behind another. While its waker is cloned that one
/// goes, and so many messages come and go that senders need not fence any more.
fn a_cloned_waker_may_receive_a_dense_stream<K: TypedKind>() {
    let (tx, rx) = leaked::<K>(2);
    let mut front = Hand::new(rx.recv());
    front.pending();
    let stream = move || {
        front.cancel();
        for _ in 0..10 {
            for n in 0..2000 {
                tx.try_send(n).unwrap();
                assert_eq!(rx.try_recv(), Ok(n));
            }
            // So long it may take until a fence for all threads is granted.
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    };
    let cloned = Rc::new(Cloned {
        on_clone: RefCell::new(Some(stream)),
        woken: Cell::new(false),
    });
    let mut recv = Hand::new(rx.recv());
    assert!(recv.poll_with(&hostile(&cloned)).is_pending());
    tx.try_send(7).unwrap();
    assert!(cloned.woken.get(), "pending and never woken");
    assert_eq!(recv.ready(), Ok(7));
}
