//! Models of waiting: no wake-up is lost, none is swallowed by a future that
//! leaves, and nobody touches a node or a slot that is no longer theirs.
//!
//! What is waited for is a count of units, published and taken with `Relaxed`:
//! every ordering the proof needs is the waiting room's own.

use std::pin::Pin;
use std::sync::atomic::AtomicBool as StdBool;
use std::task::{Context, Poll, Wake, Waker};

use ::loom::thread;

mod latch;

use super::end::ConsumerEnd;
use super::fair::FairQueue;
use super::fence::{Adaptive, Fence};
use super::list::Node;
use super::mode::Threads;
use super::queue::WaitQueue;
use super::{ConsumerPoint, Policy, WaitPoint, Waiter};
use crate::sync::{Arc, AtomicUsize, Ordering, Site, full_fence, model};

#[derive(Default)]
pub(crate) struct Flag(StdBool);

impl Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A waker that remembers whether it was woken.
pub(crate) fn flag() -> (std::sync::Arc<Flag>, Waker) {
    let flag = std::sync::Arc::<Flag>::default();
    (flag.clone(), Waker::from(flag))
}

impl Flag {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A wait point, and units to wait for.
struct Place<W> {
    point: W,
    units: AtomicUsize,
}

impl<W: Policy> Place<W> {
    fn new(point: W) -> Arc<Self> {
        let units = AtomicUsize::new(0);
        Arc::new(Self { point, units })
    }

    fn publish(&self) {
        self.units.fetch_add(1, Ordering::Relaxed);
        self.point.notify_one();
    }

    fn poll(&self, waiter: &mut Pinned<W>, waker: &Waker) -> Poll<()> {
        let cx = Context::from_waker(waker);
        let ready = waiter.0.as_mut().poll(&self.point, &cx, || {
            self.units
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .ok()
        });
        if ready.is_ready() {
            self.leave(waiter);
        }
        ready.map(|_| ())
    }

    /// All was published: a future that is not ready was woken, and is ready
    /// now.
    fn settle(&self, ready: bool, woken: &Flag, waiter: &mut Pinned<W>, waker: &Waker) {
        if !ready {
            assert!(woken.is_set(), "pending and never woken");
            assert!(self.poll(waiter, waker).is_ready());
        }
    }

    /// As the futures of the channels do it.
    fn leave(&self, waiter: &mut Pinned<W>) {
        self.hand_on(waiter.leave(&self.point));
    }

    fn hand_on(&self, waited: bool) {
        if waited && self.units.load(Ordering::Relaxed) > 0 {
            self.point.notify_one();
        }
    }
}

/// Both sides fence each time: the protocol without [`Adaptive`].
#[derive(Debug)]
pub(crate) struct FullFence;

impl Fence for FullFence {
    #[inline(always)]
    fn new() -> Self {
        Self
    }

    #[inline(always)]
    fn before_look(&self) -> bool {
        full_fence(Site::WakerFence);
        true
    }
}

type Queue = FairQueue<Threads, FullFence>;

/// A future's waiter. It stays where it is; the proof of it may travel.
pub(crate) struct Pinned<W: WaitPoint>(pub(crate) Pin<Box<Waiter<W>>>);

// SAFETY: a waiter may be used by its future on any thread, one at a time, as
// the futures of `&mut` handles do; a join hands it over.
unsafe impl<W: WaitPoint> Send for Pinned<W> {}

impl<W: WaitPoint> Pinned<W> {
    pub(crate) fn new() -> Self {
        Self(Box::pin(Waiter::new()))
    }

    fn leave(&mut self, point: &W) -> bool {
        // SAFETY: pinned, and nothing is moved.
        unsafe { self.0.as_mut().get_unchecked_mut().leave(point) }
    }
}

/// Polls once against one publication: done, or woken.
fn no_lost_wake<W: Policy + Send + Sync + 'static>(point: fn() -> W) {
    model(3, move || {
        let place = Place::new(point());
        let publisher = {
            let place = place.clone();
            thread::spawn(move || place.publish())
        };
        let (woken, waker) = flag();
        let mut waiter = Pinned::new();
        let ready = place.poll(&mut waiter, &waker).is_ready();
        publisher.join().unwrap();
        place.settle(ready, &woken, &mut waiter, &waker);
    });
}

#[test]
fn loom_cell_loses_no_wake() {
    no_lost_wake(ConsumerEnd::new);
}

#[test]
fn loom_queue_loses_no_wake() {
    no_lost_wake(Queue::new);
}

/// A queue with notifiers that may do without a fence.
type StreamQueue = FairQueue<Threads, Adaptive>;

/// A place that counts successes.
trait Counts: Policy {
    fn count(&self);
}

impl Counts for ConsumerEnd {
    fn count(&self) {
        self.succeeded();
    }
}

impl Counts for StreamQueue {
    fn count(&self) {
        self.succeeded();
    }
}

/// A place where messages have been dense: its notifiers do without a fence.
fn dense<W: Counts>(point: W) -> W {
    // So many are a stream in the models.
    point.count();
    point
}

#[test]
fn loom_dense_cell_loses_no_wake() {
    no_lost_wake(|| dense(ConsumerEnd::new()));
}

#[test]
fn loom_dense_queue_loses_no_wake() {
    no_lost_wake(|| dense(StreamQueue::new()));
}

/// It becomes dense, and the next wait begins, while a notifier is at work: what
/// it saw may be out of date by both.
fn becomes_dense<W: Counts + Send + Sync + 'static>(point: fn() -> W) {
    model(3, move || {
        let place = Place::new(point());
        let publisher = {
            let place = place.clone();
            thread::spawn(move || {
                place.publish();
                place.publish();
            })
        };
        let (woken, waker) = flag();
        let mut waiter = Pinned::new();
        let mut ready = place.poll(&mut waiter, &waker).is_ready();
        if ready {
            place.point.count();
            waiter = Pinned::new();
            ready = place.poll(&mut waiter, &waker).is_ready();
        }
        publisher.join().unwrap();
        place.settle(ready, &woken, &mut waiter, &waker);
    });
}

#[test]
fn loom_cell_becomes_dense() {
    becomes_dense(ConsumerEnd::new);
}

#[test]
fn loom_queue_becomes_dense() {
    becomes_dense(StreamQueue::new);
}

/// One sender finds that messages have been dense while another begins to wait.
#[test]
fn loom_queue_becomes_dense_while_another_waits() {
    model(2, || {
        let place = Place::new(StreamQueue::new());
        let publisher = {
            let place = place.clone();
            thread::spawn(move || place.publish())
        };
        let other = {
            let place = place.clone();
            thread::spawn(move || place.point.succeeded())
        };
        let (woken, waker) = flag();
        let mut waiter = Pinned::new();
        let ready = place.poll(&mut waiter, &waker).is_ready();
        publisher.join().unwrap();
        other.join().unwrap();
        place.settle(ready, &woken, &mut waiter, &waker);
    });
}

/// The owner registers again while a notifier takes the waker.
#[test]
fn loom_cell_registers_again_during_a_notification() {
    model(3, || {
        let place = Place::new(ConsumerEnd::new());
        let (first, waker) = flag();
        let mut waiter = Pinned::new();
        assert!(place.poll(&mut waiter, &waker).is_pending());
        let publisher = {
            let place = place.clone();
            thread::spawn(move || place.publish())
        };
        let (second, waker) = flag();
        let ready = place.poll(&mut waiter, &waker).is_ready();
        publisher.join().unwrap();
        if !ready {
            assert!(first.is_set() || second.is_set(), "pending and never woken");
            let ready = place.poll(&mut waiter, &waker).is_ready();
            assert!(ready, "the unit is there");
        }
    });
}

/// Two notifiers and one waker: at most one takes it, and it is taken.
#[test]
fn loom_cell_between_two_notifiers() {
    model(3, || {
        let place = Place::new(ConsumerEnd::new());
        let (woken, waker) = flag();
        let mut waiter = Pinned::new();
        assert!(place.poll(&mut waiter, &waker).is_pending());
        let publishers = [(); 2].map(|()| {
            let place = place.clone();
            thread::spawn(move || place.publish())
        });
        for publisher in publishers {
            publisher.join().unwrap();
        }
        assert!(woken.is_set());
        place.leave(&mut waiter);
    });
}

/// Two futures of one end: neither keeps a notification from the other.
#[test]
fn loom_end_wakes_the_future_behind_the_cell() {
    end_wakes_the_future_behind_the_cell(ConsumerEnd::new);
}

#[test]
fn loom_dense_end_wakes_the_future_behind_the_cell() {
    end_wakes_the_future_behind_the_cell(|| dense(ConsumerEnd::new()));
}

fn end_wakes_the_future_behind_the_cell(end: fn() -> ConsumerEnd) {
    model(3, move || {
        let place = Place::new(end());
        let (first, first_waker) = flag();
        let (second, second_waker) = flag();
        let [mut a, mut b] = [Pinned::new(), Pinned::new()];
        assert!(place.poll(&mut a, &first_waker).is_pending());
        assert!(place.poll(&mut b, &second_waker).is_pending());
        let publisher = {
            let place = place.clone();
            thread::spawn(move || place.publish())
        };
        // The holder of the cell is cancelled; the unit is the other's.
        place.leave(&mut a);
        publisher.join().unwrap();
        assert!(second.is_set() || first.is_set());
        assert!(second.is_set(), "the notification was not handed on");
        assert!(place.poll(&mut b, &second_waker).is_ready());
    });
}

/// The first of two waiters is cancelled while it is notified. It leaves an
/// orderly queue under the lock, any other by the mark on its node alone.
#[test]
fn loom_queue_hands_a_cancelled_notification_on() {
    hands_on(Queue::new);
    hands_on(WaitQueue::<Threads>::new);
}

#[test]
fn loom_dense_queue_hands_a_cancelled_notification_on() {
    hands_on(|| dense(StreamQueue::new()));
}

fn hands_on<W>(queue: fn() -> W)
where
    W: Policy<Node = Node<Threads>> + Send + Sync + 'static,
{
    model(3, move || {
        let place = Place::new(queue());
        let wakers = [flag(), flag()];
        let [mut a, mut b] = [Pinned::new(), Pinned::new()];
        assert!(place.poll(&mut a, &wakers[0].1).is_pending());
        assert!(place.poll(&mut b, &wakers[1].1).is_pending());
        let publisher = {
            let place = place.clone();
            thread::spawn(move || place.publish())
        };
        let waited = a.leave(&place.point);
        // What freeing the future's memory would do.
        // SAFETY: written when it first waited.
        unsafe { a.0.node.assume_init_ref() }.assert_unused();
        place.hand_on(waited);
        publisher.join().unwrap();
        assert!(wakers[1].0.is_set(), "the notification was swallowed");
        assert!(place.poll(&mut b, &wakers[1].1).is_ready());
    });
}

/// The first of two waiters is leaked: it is notified, and never comes back. The
/// notifier's next operation reaches the second, which begins to wait meanwhile.
fn recalls_past_a_leaked_waiter<F>(queue: fn() -> FairQueue<Threads, F>)
where
    F: Fence + Send + Sync + 'static,
{
    model(3, move || {
        let place = Place::new(queue());
        let (_, leaked_waker) = flag();
        let mut leaked = Pinned::new();
        assert!(place.poll(&mut leaked, &leaked_waker).is_pending());
        std::mem::forget(leaked);
        let publisher = {
            let place = place.clone();
            thread::spawn(move || {
                place.publish();
                if place.point.has_waiters() {
                    place.point.recall();
                }
            })
        };
        let (woken, waker) = flag();
        let mut waiter = Pinned::new();
        let ready = place.poll(&mut waiter, &waker).is_ready();
        publisher.join().unwrap();
        if !ready {
            assert!(woken.is_set(), "there is a unit, and it sleeps");
            // It may give way once.
            let ready = (0..2).any(|_| place.poll(&mut waiter, &waker).is_ready());
            assert!(ready, "it waits for the leaked one");
        }
    });
}

#[test]
fn loom_queue_recalls_past_a_leaked_waiter() {
    recalls_past_a_leaked_waiter(Queue::new);
    recalls_past_a_leaked_waiter(|| dense(StreamQueue::new()));
}

/// The future that holds the cell is leaked; another begins to wait while a unit
/// is published.
#[test]
fn loom_end_wakes_past_a_leaked_waiter() {
    for end in [ConsumerEnd::new, || dense(ConsumerEnd::new())] {
        model(3, move || {
            let place = Place::new(end());
            let (_, leaked_waker) = flag();
            let mut leaked = Pinned::new();
            assert!(place.poll(&mut leaked, &leaked_waker).is_pending());
            std::mem::forget(leaked);
            let publisher = {
                let place = place.clone();
                thread::spawn(move || place.publish())
            };
            let (woken, waker) = flag();
            let mut waiter = Pinned::new();
            let ready = place.poll(&mut waiter, &waker).is_ready();
            publisher.join().unwrap();
            place.settle(ready, &woken, &mut waiter, &waker);
        });
    }
}

/// What another future of the end receives does not make it dense while one
/// waits, in the cell or behind it.
#[test]
fn loom_end_keeps_its_fences_while_a_future_waits() {
    for behind in [false, true] {
        model(3, move || {
            let place = Place::new(ConsumerEnd::new());
            let mut holder = Pinned::new();
            if behind {
                assert!(place.poll(&mut holder, Waker::noop()).is_pending());
            }
            let (woken, waker) = flag();
            let mut waiter = Pinned::new();
            assert!(place.poll(&mut waiter, &waker).is_pending());
            if behind {
                holder.leave(&place.point);
            }
            place.point.succeeded();
            let publisher = {
                let place = place.clone();
                thread::spawn(move || place.publish())
            };
            publisher.join().unwrap();
            place.settle(false, &woken, &mut waiter, &waker);
        });
    }
}

/// Two threads begin to wait while two units appear: nobody sleeps on one.
#[test]
fn loom_queue_with_two_waiters_and_two_units() {
    two_waiters_and_two_units(Queue::new);
}

/// The second to wait relies on the heavy fence of the first.
#[test]
fn loom_dense_queue_with_two_waiters_and_two_units() {
    two_waiters_and_two_units(|| dense(StreamQueue::new()));
}

fn two_waiters_and_two_units<W: Policy + Send + Sync + 'static>(point: fn() -> W) {
    model(2, move || {
        let place = Place::new(point());
        let publisher = {
            let place = place.clone();
            thread::spawn(move || {
                place.publish();
                place.publish();
            })
        };
        let wait = |place: &Place<W>| {
            let (woken, waker) = flag();
            let mut waiter = Pinned::new();
            let ready = place.poll(&mut waiter, &waker).is_ready();
            (ready, woken, waker, waiter)
        };
        let other = {
            let place = place.clone();
            thread::spawn(move || wait(&place))
        };
        let mine = wait(&place);
        let others = other.join().unwrap();
        publisher.join().unwrap();
        let mut pending: Vec<_> = [mine, others].into_iter().filter(|w| !w.0).collect();
        for (_, woken, ..) in &pending {
            assert!(woken.is_set(), "a unit and its waiter both sleep");
        }
        // Twice, because one may give way to the other.
        for _ in 0..2 {
            pending.retain_mut(|(_, _, waker, waiter)| place.poll(waiter, waker).is_pending());
        }
        assert!(pending.is_empty(), "two units for two waiters");
    });
}
