//! Models of the latch: a flag that is set once, and the futures that wait for
//! it.

use ::loom::thread;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::flag;
use crate::sync::{Arc, UnsafeCell, model};
use crate::wait::latch::{Holder, Latch, LatchFut};

/// A latch, and what is written before it is set.
struct Gate {
    latch: Latch,
    before: UnsafeCell<u32>,
}

// SAFETY: `before` is written before the latch is set and read after it was
// seen set; that this is no race is what the models check.
unsafe impl Send for Gate {}
// SAFETY: as above.
unsafe impl Sync for Gate {}

// SAFETY: the latch lies in the block of the `Arc`.
unsafe impl Holder for Arc<Gate> {
    fn latch(&self) -> &Latch {
        &self.latch
    }
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            latch: Latch::new(),
            before: UnsafeCell::new(0),
        })
    }

    fn open(&self) {
        // SAFETY: nobody looks before the latch is set.
        self.before.with_mut(|before| unsafe { *before = 7 });
        self.latch.set();
    }

    fn assert_open(&self) {
        assert!(self.latch.is_set());
        // SAFETY: the latch was seen set.
        assert_eq!(self.before.with(|before| unsafe { *before }), 7);
    }
}

fn poll_latch(future: &mut Pin<Box<LatchFut<Arc<Gate>>>>, waker: &Waker) -> Poll<()> {
    future.as_mut().poll(&mut Context::from_waker(waker))
}

/// A thread that sees the flag sees what came before it; a future that does not
/// see it is woken.
#[test]
fn loom_latch_wakes_and_shows_what_came_before() {
    model(3, || {
        let gate = Gate::new();
        let opener = {
            let gate = gate.clone();
            thread::spawn(move || gate.open())
        };
        let (woken, waker) = flag();
        let mut future = Box::pin(LatchFut::new(gate.clone()));
        let ready = poll_latch(&mut future, &waker).is_ready();
        if ready {
            gate.assert_open();
        }
        opener.join().unwrap();
        if !ready {
            assert!(woken.is_set(), "pending and never woken");
            assert!(poll_latch(&mut future, &waker).is_ready());
        }
        gate.assert_open();
    });
}

/// A flag that is only asked for shows what came before it, too.
#[test]
fn loom_latch_is_seen_without_waiting() {
    model(3, || {
        let gate = Gate::new();
        let opener = {
            let gate = gate.clone();
            thread::spawn(move || gate.open())
        };
        if gate.latch.is_set() {
            gate.assert_open();
        }
        opener.join().unwrap();
    });
}

/// One future is dropped while the latch is set; the other is woken, and none
/// is touched after it is gone.
#[test]
fn loom_latch_against_a_future_that_leaves() {
    model(2, || {
        let gate = Gate::new();
        let wakers = [flag(), flag()];
        let [mut a, mut b] = [(); 2].map(|()| Box::pin(LatchFut::new(gate.clone())));
        assert!(poll_latch(&mut a, &wakers[0].1).is_pending());
        assert!(poll_latch(&mut b, &wakers[1].1).is_pending());
        let opener = {
            let gate = gate.clone();
            thread::spawn(move || gate.open())
        };
        drop(a);
        opener.join().unwrap();
        assert!(wakers[1].0.is_set());
        assert!(poll_latch(&mut b, &wakers[1].1).is_ready());
    });
}

/// Two set it at once: a waiter is woken by one of them.
#[test]
fn loom_latch_set_twice() {
    model(2, || {
        let gate = Gate::new();
        let (woken, waker) = flag();
        let mut future = Box::pin(LatchFut::new(gate.clone()));
        assert!(poll_latch(&mut future, &waker).is_pending());
        let setters = [(); 2].map(|()| {
            let gate = gate.clone();
            thread::spawn(move || gate.latch.set())
        });
        for setter in setters {
            setter.join().unwrap();
        }
        assert!(woken.is_set());
        assert!(poll_latch(&mut future, &waker).is_ready());
    });
}
