//! Wakers of timers that panic, call back, drive the runtime or end it.

use crate::support::with_built;
use crate::time::paused::with_paused;
use nexus_async_rt::net::UdpSocket;
use nexus_async_rt::time::{Sleep, advance, sleep_until};
use nexus_async_rt::{Runtime, now, sleep, spawn_boxed, yield_now};
use nexus_rt::WorldBuilder;
use nexus_testkit::hand::{Hostile, hostile, kept};
use nexus_testkit::{panic_of, within};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::net::Ipv4Addr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

type Timer = Pin<Box<Sleep>>;

fn poll(timer: &mut Timer, waker: &Waker) -> Poll<()> {
    timer.as_mut().poll(&mut Context::from_waker(waker))
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

#[test]
fn a_waker_that_panics_does_not_keep_the_others_from_firing() {
    with_paused(|rt| {
        let bomb = Rc::new(Bomb::default());
        let begin = rt.block_on(async { now() });
        let mut before = Box::pin(sleep_until(begin + SECOND));
        let mut bad = Box::pin(sleep_until(begin + SECOND));
        let mut after = Box::pin(sleep_until(begin + SECOND));
        let message = panic_of(|| {
            rt.block_on(async {
                assert!(poll(&mut before, Waker::noop()).is_pending());
                assert!(poll(&mut bad, &hostile(&bomb)).is_pending());
                assert!(poll(&mut after, Waker::noop()).is_pending());
                bomb.wake.set(true);
                sleep_until(begin + 2 * SECOND).await;
            });
        });
        assert_eq!(message, "wake exploded");
        assert!(before.is_elapsed() && bad.is_elapsed() && !after.is_elapsed());
        rt.block_on(async {
            let other = spawn_boxed(async { now() });
            assert_eq!(other.await, begin + SECOND);
            // As the clock stands where it was, so the rest fires now.
            yield_now().await;
            assert!(after.is_elapsed());
            sleep(SECOND).await;
            assert_eq!(now(), begin + 2 * SECOND);
        });
    });
}

#[test]
fn a_waker_that_panics_when_it_is_cloned_or_dropped_leaves_the_timer_usable() {
    with_paused(|rt| {
        rt.block_on(async {
            let bomb = Rc::new(Bomb::default());
            let begin = now();
            let mut timer = Box::pin(sleep(SECOND));
            bomb.clone.set(true);
            {
                let waker = hostile(&bomb);
                assert_eq!(panic_of(|| poll(&mut timer, &waker)), "clone exploded");
                bomb.clone.set(false);
                assert!(poll(&mut timer, &waker).is_pending());
            }
            bomb.drop.set(true);
            let message = panic_of(|| poll(&mut timer, Waker::noop()));
            assert_eq!(message, "drop exploded");
            bomb.drop.set(false);
            timer.as_mut().await;
            assert_eq!(now(), begin + SECOND);
        });
    });
}

/// Does something to other timers when it is woken.
struct Meddles<F>(F);

impl<F: Fn() + 'static> Hostile for Meddles<F> {
    fn on_wake(&self) {
        self.0();
    }
}

#[test]
fn a_waker_may_drop_reset_and_make_timers() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let timers: Rc<RefCell<Vec<Option<Timer>>>> = Rc::default();
            let meddled = timers.clone();
            let meddles = Rc::new(Meddles(move || {
                let mut timers = meddled.borrow_mut();
                // One that is due with it, one that is due later.
                timers[1] = None;
                timers[4] = None;
                for (nth, deadline) in [(2, begin + 5 * SECOND), (5, begin)] {
                    timers[nth].as_mut().unwrap().as_mut().reset(deadline);
                }
                let mut new = Box::pin(sleep_until(begin + SECOND / 2));
                let _ = poll(&mut new, Waker::noop());
                timers.push(Some(new));
            }));
            for number in 0..6_u32 {
                let deadline = begin + SECOND * (1 + number / 4);
                let mut timer = Box::pin(sleep_until(deadline));
                let waker = hostile(&meddles);
                let waker = if number == 0 { &waker } else { Waker::noop() };
                assert!(poll(&mut timer, waker).is_pending());
                timers.borrow_mut().push(Some(timer));
            }
            advance(SECOND).await;
            let elapsed = || -> Vec<Option<bool>> {
                let timers = timers.borrow();
                let elapsed = |timer: &Timer| timer.is_elapsed();
                timers
                    .iter()
                    .map(|timer| timer.as_ref().map(elapsed))
                    .collect()
            };
            let (yes, no) = (Some(true), Some(false));
            yield_now().await;
            assert_eq!(elapsed(), [yes, None, no, yes, None, yes, yes]);
            sleep_until(begin + 5 * SECOND).await;
            assert_eq!(elapsed(), [yes, None, yes, yes, None, yes, yes]);
            timers.take();
        });
    });
}

#[test]
fn a_timer_that_a_waker_begins_during_a_spin_fires() {
    with_built(
        |builder| builder.spin(3600 * SECOND),
        |rt| {
            rt.block_on(async {
                let begun: Rc<RefCell<Option<Timer>>> = Rc::default();
                let store = begun.clone();
                let root = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                let begins = Rc::new(Meddles(move || {
                    let mut timer = Box::pin(sleep(Duration::from_millis(5)));
                    assert!(poll(&mut timer, &root).is_pending());
                    store.replace(Some(timer));
                }));
                let waker = hostile(&begins);
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
                let addr = socket.local_addr().unwrap();
                let mut byte = [0];
                let mut received = pin!(socket.recv(&mut byte));
                let mut cx = Context::from_waker(&waker);
                assert!(received.as_mut().poll(&mut cx).is_pending());
                let sending = thread::spawn(move || {
                    thread::sleep(Duration::from_millis(20));
                    let sender = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                    sender.send_to(&[1], addr).unwrap();
                });
                poll_fn(|_| match &*begun.borrow() {
                    Some(timer) if timer.is_elapsed() => Poll::Ready(()),
                    _ => Poll::Pending,
                })
                .await;
                sending.join().unwrap();
            });
        },
    );
}

thread_local! {
    static RUNTIME: RefCell<Option<Runtime<'static>>> = const { RefCell::new(None) };
}

/// Runs `f` inside a runtime that lies in `RUNTIME`, but not in a run of it: in
/// the destructor of a task that is aborted from outside.
fn between_runs(f: impl FnOnce() + 'static) {
    struct OnDrop<F: FnOnce()>(Option<F>);
    impl<F: FnOnce()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            self.0.take().unwrap()();
        }
    }
    within(Duration::from_secs(10), || {
        // SAFETY: leaked, hence valid for ever, and nobody else has it.
        let world = unsafe { &mut *kept(Box::new(WorldBuilder::new().build())) };
        let rt = Runtime::new(world);
        let guard = OnDrop(Some(f));
        let task = rt.spawn_boxed(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        RUNTIME.set(Some(rt));
        assert!(task.abort());
        RUNTIME.take();
    });
}

#[test]
fn a_timer_fires_while_its_former_waker_is_dropped() {
    /// Drives the runtime when it is dropped, once it is told to.
    #[derive(Default)]
    struct Drives(Cell<bool>);
    impl Hostile for Drives {
        fn on_drop(&self) {
            if !self.0.get() {
                return;
            }
            RUNTIME.with_borrow_mut(|rt| {
                let rt = rt.as_mut().unwrap();
                rt.block_on(sleep(Duration::from_millis(20)));
            });
        }
    }
    between_runs(|| {
        let mut timer = Box::pin(sleep(Duration::from_millis(10)));
        let drives = Rc::new(Drives::default());
        assert!(poll(&mut timer, &hostile(&drives)).is_pending());
        assert!(!timer.is_elapsed());
        drives.0.set(true);
        let polled = poll(&mut timer, Waker::noop());
        assert!(polled.is_ready(), "nobody would wake this one");
    });
}

#[test]
fn a_timer_does_not_join_a_runtime_that_its_waker_ends() {
    /// Ends the runtime when it is cloned.
    struct Ends;
    impl Hostile for Ends {
        fn on_clone(&self) {
            RUNTIME.take();
        }
    }
    let left: Rc<RefCell<Option<Timer>>> = Rc::default();
    let store = left.clone();
    between_runs(move || {
        let mut timer = Box::pin(sleep(SECOND));
        let waker = hostile(&Rc::new(Ends));
        let message = panic_of(|| poll(&mut timer, &waker));
        assert!(message.contains("outside a runtime"), "{message}");
        store.replace(Some(timer));
    });
    // The wheel is gone: this must not reach for it.
    drop(left.take());
}
