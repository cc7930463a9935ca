//! Random operations on every kind, against a `VecDeque`; on the byte kinds with
//! claims that are open together.
//!
//! One thread, futures polled by hand. After each operation the channel and the
//! model agree on what came back, what is buffered and what is woken.

use crate::claims::{self as claims, Op as ByteOp, Take};
use crate::kinds::{ByteKind, TypedKind};
use crate::macros::on_typed_kinds;
use nexus_async_rt::channel::{
    ByteSender, Local, Mpsc, Receiver, RecvFut, SendError, SendFut, Sender, Spsc, TryRecvError,
    TrySendError,
};
use nexus_testkit::hand::Hand;
use nexus_testkit::property::property;
use nexus_testkit::scaled;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Poll;

on_typed_kinds! { typed:
    a_typed_kind_is_a_bounded_deque
}

/// A quick run is quick; ten to the fifth at a hundredfold.
fn check<S: Strategy>(strategy: S, test: impl Fn(S::Value)) {
    let cases = if scaled(1) == 1 { 150 } else { scaled(1000) };
    property(cases, strategy, test);
}

#[derive(Clone, Copy, Debug)]
enum Op {
    TrySend,
    TryRecv,
    StartSend,
    StartRecv,
    PollSend(usize),
    PollRecv(usize),
    DropSend(usize),
    DropRecv(usize),
    Close,
    DropSender,
    DropReceiver,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => Just(Op::TrySend),
        6 => Just(Op::TryRecv),
        6 => Just(Op::StartSend),
        6 => Just(Op::StartRecv),
        8 => (0..4usize).prop_map(Op::PollSend),
        8 => (0..4usize).prop_map(Op::PollRecv),
        3 => (0..4usize).prop_map(Op::DropSend),
        3 => (0..4usize).prop_map(Op::DropRecv),
        1 => Just(Op::Close),
        1 => Just(Op::DropSender),
        1 => Just(Op::DropReceiver),
    ]
}

/// A value that knows how many of its kind are alive.
struct Alive {
    number: u64,
    alive: Rc<Cell<i64>>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}

// SAFETY: the test is on one thread; the typed kinds ask for `Send` where they
// could cross.
unsafe impl Send for Alive {}

type Sending<K> = (u64, Hand<SendFut<'static, Alive, K>>);

/// A typed channel, its waiting futures, and what should be in it.
struct Subject<K: TypedKind> {
    // First, so that they go before what they borrow.
    sends: Vec<Sending<K>>,
    recvs: Vec<Hand<RecvFut<'static, Alive, K>>>,
    tx: Option<*mut Sender<Alive, K>>,
    rx: Option<*mut Receiver<Alive, K>>,
    buffered: VecDeque<u64>,
    capacity: usize,
    closed: bool,
    ended: bool,
    made: u64,
    alive: Rc<Cell<i64>>,
}

impl<K: TypedKind> Subject<K> {
    fn new(capacity: usize) -> Self {
        let (tx, rx) = K::channel(capacity);
        Self {
            sends: Vec::new(),
            recvs: Vec::new(),
            tx: Some(Box::into_raw(Box::new(tx))),
            rx: Some(Box::into_raw(Box::new(rx))),
            buffered: VecDeque::new(),
            capacity,
            closed: false,
            ended: false,
            made: 0,
            alive: Rc::default(),
        }
    }

    fn tx(&self) -> Option<&'static Sender<Alive, K>> {
        // SAFETY: alive until `drop_sender`, which drops its futures before.
        self.tx.map(|tx| unsafe { &*tx })
    }

    fn rx(&self) -> Option<&'static Receiver<Alive, K>> {
        // SAFETY: alive until `drop_receiver`, which drops its futures before.
        self.rx.map(|rx| unsafe { &*rx })
    }

    fn drop_sender(&mut self) {
        self.sends.clear();
        if let Some(tx) = self.tx.take() {
            // SAFETY: from `Box::into_raw`; nothing borrows it any more.
            drop(unsafe { Box::from_raw(tx) });
        }
    }

    fn drop_receiver(&mut self) {
        self.recvs.clear();
        if let Some(rx) = self.rx.take() {
            // SAFETY: from `Box::into_raw`; nothing borrows it any more.
            drop(unsafe { Box::from_raw(rx) });
            self.buffered.clear();
            self.closed = true;
        }
    }

    fn value(&mut self) -> Alive {
        self.made += 1;
        self.alive.set(self.alive.get() + 1);
        Alive {
            number: self.made,
            alive: self.alive.clone(),
        }
    }

    fn try_send(&mut self) {
        let Some(tx) = self.tx() else { return };
        let value = self.value();
        let number = value.number;
        match tx.try_send(value) {
            Ok(()) => {
                assert!(!self.closed && self.buffered.len() < self.capacity);
                self.buffered.push_back(number);
            }
            Err(TrySendError::Full(back)) => {
                assert!(!self.closed && self.buffered.len() == self.capacity);
                assert_eq!(back.number, number);
            }
            Err(TrySendError::Disconnected(back)) => {
                assert!(self.closed);
                assert_eq!(back.number, number);
            }
        }
    }

    /// What a receive gave, or that it gave nothing, is what the model says.
    fn received(&mut self, value: Result<Alive, TryRecvError>) {
        let over = self.closed || self.tx.is_none();
        match value {
            Ok(value) => {
                assert!(!self.ended, "a message after the end");
                assert_eq!(Some(value.number), self.buffered.pop_front());
            }
            Err(TryRecvError::Empty) => assert!(self.buffered.is_empty() && !over),
            Err(TryRecvError::Disconnected) => {
                assert!(self.buffered.is_empty() && over);
                self.ended = true;
            }
        }
    }

    fn poll_send(&mut self, at: usize) {
        if at >= self.sends.len() {
            return;
        }
        let (number, send) = &mut self.sends[at];
        let number = *number;
        let result = match send.poll() {
            Poll::Ready(result) => result,
            Poll::Pending => return assert!(!self.closed),
        };
        match result {
            Ok(()) => {
                assert!(!self.closed && self.buffered.len() < self.capacity);
                self.buffered.push_back(number);
            }
            Err(SendError(back)) => {
                assert!(self.closed);
                assert_eq!(back.number, number);
            }
        }
        let (_, send) = self.sends.remove(at);
        assert_eq!(send.wakers_left(), 0);
    }

    fn poll_recv(&mut self, at: usize) {
        if at >= self.recvs.len() {
            return;
        }
        match self.recvs[at].poll() {
            Poll::Pending => self.received(Err(TryRecvError::Empty)),
            Poll::Ready(value) => {
                self.received(value.map_err(|_| TryRecvError::Disconnected));
                assert_eq!(self.recvs.remove(at).wakers_left(), 0);
            }
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::TrySend => self.try_send(),
            Op::TryRecv => {
                if let Some(rx) = self.rx() {
                    self.received(rx.try_recv());
                }
            }
            Op::StartSend => {
                if let Some(tx) = self.tx() {
                    let value = self.value();
                    let number = value.number;
                    self.sends.push((number, Hand::new(tx.send(value))));
                    self.poll_send(self.sends.len() - 1);
                }
            }
            Op::StartRecv => {
                if let Some(rx) = self.rx() {
                    self.recvs.push(Hand::new(rx.recv()));
                    self.poll_recv(self.recvs.len() - 1);
                }
            }
            Op::PollSend(at) => self.poll_send(at),
            Op::PollRecv(at) => self.poll_recv(at),
            Op::DropSend(at) if at < self.sends.len() => drop(self.sends.remove(at)),
            Op::DropRecv(at) if at < self.recvs.len() => drop(self.recvs.remove(at)),
            Op::DropSend(_) | Op::DropRecv(_) => {}
            Op::Close => {
                if let Some(rx) = self.rx() {
                    rx.close();
                    self.closed = true;
                }
            }
            Op::DropSender => self.drop_sender(),
            Op::DropReceiver => self.drop_receiver(),
        }
        self.agree();
    }

    /// Snapshots, values alive, and: everything that could go on has been
    /// woken.
    fn agree(&self) {
        let waiting = self.sends.len();
        assert_eq!(self.alive.get(), (self.buffered.len() + waiting) as i64);
        if let Some(rx) = self.rx() {
            assert_eq!(rx.len(), self.buffered.len());
            assert_eq!(rx.is_full(), self.buffered.len() == self.capacity);
            assert_eq!(rx.is_disconnected(), self.closed || self.tx.is_none());
        }
        if let Some(tx) = self.tx() {
            assert_eq!(
                (tx.len(), tx.is_disconnected()),
                (self.buffered.len(), self.closed)
            );
        }
        // What was woken holds no waker of the channel's any more.
        let send_is_awake = self.sends.iter().any(|(_, send)| send.wakers_left() == 0);
        let recv_is_awake = self.recvs.iter().any(|recv| recv.wakers_left() == 0);
        if !self.sends.is_empty() && (self.closed || self.buffered.len() < self.capacity) {
            assert!(send_is_awake, "room, and every send sleeps");
        }
        let over = self.closed || self.tx.is_none();
        if !self.recvs.is_empty() && (over || !self.buffered.is_empty()) {
            assert!(recv_is_awake, "a message, and every receive sleeps");
        }
    }
}

fn a_typed_kind_is_a_bounded_deque<K: TypedKind>() {
    let input = (1..6usize, proptest::collection::vec(op(), 1..200));
    check(input, |(capacity, ops)| {
        let mut subject = Subject::<K>::new(capacity);
        for op in ops {
            subject.apply(op);
        }
        subject.drop_receiver();
        subject.drop_sender();
        assert_eq!(subject.alive.get(), 0, "each value is dropped once");
    });
}

/// Clones of senders come and go; the end comes with the last.
#[test]
fn clones_are_counted() {
    fn of<K: TypedKind + nexus_async_rt::channel::ManyProducers>() {
        let input = proptest::collection::vec((0..3u8, any::<usize>()), 1..100);
        check(input, |ops| {
            let (tx, rx) = K::channel(4);
            let mut senders = vec![tx];
            let mut buffered = VecDeque::new();
            for (op, at) in ops {
                let Some(sender) = senders.get(at % senders.len().max(1)) else {
                    break;
                };
                match op {
                    0 => senders.push(sender.clone()),
                    1 if sender.try_send(at).is_ok() => buffered.push_back(at),
                    1 => assert_eq!(buffered.len(), 4),
                    _ => drop(senders.swap_remove(at % senders.len())),
                }
                assert_eq!(rx.is_disconnected(), senders.is_empty());
                if at % 3 == 0 {
                    assert_eq!(rx.try_recv().ok(), buffered.pop_front());
                }
            }
            while let Some(n) = buffered.pop_front() {
                assert_eq!(rx.try_recv(), Ok(n));
            }
            let over = rx.try_recv() == Err(TryRecvError::Disconnected);
            assert_eq!(over, senders.is_empty());
        });
    }
    of::<Local>();
    of::<Mpsc>();
}

fn byte_op() -> impl Strategy<Value = ByteOp> {
    let (at, len) = (0..6usize, 0..140usize);
    let sized = (at.clone(), len);
    prop_oneof![
        24 => sized.clone().prop_map(|(at, len)| ByteOp::Claim(at, len)),
        8 => sized.clone().prop_map(|(at, len)| ByteOp::Wait(at, len)),
        16 => at.clone().prop_map(ByteOp::Commit),
        8 => sized.prop_map(|(at, kept)| ByteOp::CommitLen(at, kept)),
        8 => at.clone().prop_map(ByteOp::Abort),
        8 => at.clone().prop_map(ByteOp::Forget),
        12 => at.clone().prop_map(ByteOp::Clone),
        6 => at.prop_map(ByteOp::DropSender),
        24 => Just(ByteOp::Recv(Take::Drop)),
        8 => Just(ByteOp::Recv(Take::Hold)),
        8 => Just(ByteOp::Recv(Take::Forget)),
        1 => Just(ByteOp::Close),
        1 => Just(ByteOp::DropReceiver),
    ]
}

/// `another` is a second sender, of the kinds that have many.
fn open_claims<K: ByteKind>(another: fn(&ByteSender<K>) -> Option<ByteSender<K>>) {
    let capacity = prop_oneof![Just(64), Just(128), Just(256), Just(1024)];
    let input = (capacity, proptest::collection::vec(byte_op(), 1..200));
    check(input, |(capacity, ops)| {
        let mut subject = claims::Subject::new(K::channel(capacity), another);
        for op in ops {
            subject.apply(op);
        }
        subject.end();
    });
}

#[test]
fn claims_of_one_sender_come_in_order() {
    open_claims::<Spsc>(|_| None);
}

#[test]
fn claims_that_many_senders_hold_open_come_in_order() {
    open_claims::<Mpsc>(|tx| Some(tx.clone()));
}
