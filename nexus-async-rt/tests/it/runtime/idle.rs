//! What a waker does while the loop looks for work, last thing before it parks.
//!
//! The waker waits for a datagram that is there before the loop is idle, so that
//! it runs in the spin, if there is one, and in the park otherwise.

use crate::support::with_built;
use nexus_async_rt::net::UdpSocket;
use nexus_async_rt::time::{
    Advance, ClockHold, Sleep, advance, event_time, hold_clock, pause, resume, sleep_until,
};
use nexus_async_rt::{
    Runtime, now, shutdown_handle, shutdown_signal, sleep, spawn_boxed, yield_now,
};
use nexus_testkit::hand::{Hostile, hostile};
use nexus_testkit::panic_of;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

/// None, so short that it may be over before the datagram is seen, and so long
/// that it is not.
const SPINS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_micros(1),
    Duration::from_millis(50),
];

/// Runs a closure, once, where it is woken or where it is dropped.
struct Once<F: FnOnce()> {
    on_drop: bool,
    f: Cell<Option<F>>,
}

impl<F: FnOnce() + 'static> Hostile for Once<F> {
    fn on_wake(&self) {
        if !self.on_drop
            && let Some(f) = self.f.take()
        {
            f();
        }
    }
}

impl<F: FnOnce()> Drop for Once<F> {
    fn drop(&mut self) {
        if self.on_drop
            && let Some(f) = self.f.take()
        {
            f();
        }
    }
}

/// A wait for a datagram, under way.
struct Receiving {
    socket: Rc<UdpSocket>,
    _wait: Pin<Box<dyn Future<Output = ()>>>,
}

impl Receiving {
    fn begin(waker: &Waker) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let socket = Rc::new(socket);
        let receiving = socket.clone();
        let mut wait: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
            receiving.recv(&mut [0; 8]).await.unwrap();
        });
        let mut cx = Context::from_waker(waker);
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        Self {
            socket,
            _wait: wait,
        }
    }

    /// Has `f` run by a waker, soon.
    fn of(on_drop: bool, f: impl FnOnce() + 'static) -> Self {
        let once = Rc::new(Once {
            on_drop,
            f: Cell::new(Some(f)),
        });
        let this = Self::begin(&hostile(&once));
        let addr = this.socket.local_addr().unwrap();
        let sender = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        sender.send_to(&[1], addr).unwrap();
        this
    }
}

/// Runs `case` idling in each way; its argument has a closure run by a waker
/// while the loop idles.
#[track_caller]
fn idling<Fut: Future<Output = ()>>(paused: bool, case: impl Fn(bool) -> Fut) {
    for spin in SPINS {
        for on_drop in [false, true] {
            with_built(
                |builder| builder.start_paused(paused).spin(spin),
                |rt: &mut Runtime<'_>| rt.block_on(case(on_drop)),
            );
        }
    }
}

/// Polls it once, with the waker of the future that is being polled.
async fn begun<F: Future + ?Sized>(future: &mut Pin<Box<F>>) {
    poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

fn begun_by<F: Future + ?Sized>(future: &mut Pin<Box<F>>, waker: &Waker) {
    let polled = future.as_mut().poll(&mut Context::from_waker(waker));
    assert!(polled.is_pending());
}

async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

#[test]
fn it_ends_the_last_hold_on_the_clock() {
    idling(true, async |on_drop| {
        let begin = now();
        let hold: ClockHold = hold_clock();
        let _receiving = Receiving::of(on_drop, move || drop(hold));
        sleep(HOUR).await;
        assert_eq!(now(), begin + HOUR);
    });
}

#[test]
fn it_pauses_the_clock() {
    idling(false, async |on_drop| {
        let begin = now();
        let _receiving = Receiving::of(on_drop, pause);
        sleep(HOUR).await;
        assert!(now() >= begin + HOUR);
    });
}

#[test]
fn it_resumes_the_clock() {
    idling(true, async |on_drop| {
        let _held = hold_clock();
        let _receiving = Receiving::of(on_drop, resume);
        sleep(Duration::from_millis(2)).await;
    });
}

#[test]
fn it_ends_the_last_wait_for_a_socket() {
    idling(true, async |on_drop| {
        let begin = now();
        let other = Receiving::begin(Waker::noop());
        let _receiving = Receiving::of(on_drop, move || drop(other));
        sleep(HOUR).await;
        assert_eq!(now(), begin + HOUR);
    });
}

#[test]
fn it_begins_a_timer() {
    for paused in [false, true] {
        idling(paused, async |on_drop| {
            let root = own_waker().await;
            let begun: Rc<RefCell<Option<Pin<Box<Sleep>>>>> = Rc::default();
            let store = begun.clone();
            let _receiving = Receiving::of(on_drop, move || {
                let mut timer = Box::pin(sleep(Duration::from_millis(3)));
                begun_by(&mut timer, &root);
                store.replace(Some(timer));
            });
            poll_fn(|_| match &*begun.borrow() {
                Some(timer) if timer.is_elapsed() => Poll::Ready(()),
                _ => Poll::Pending,
            })
            .await;
        });
    }
}

/// What is due is fired, also while the clock that stands may not jump.
#[test]
fn it_begins_a_timer_that_is_due_while_the_clock_is_held() {
    idling(true, async |on_drop| {
        let _held = hold_clock();
        let root = own_waker().await;
        let begun: Rc<RefCell<Option<Pin<Box<Advance>>>>> = Rc::default();
        let store = begun.clone();
        let _receiving = Receiving::of(on_drop, move || {
            let mut step = Box::pin(advance(Duration::ZERO));
            begun_by(&mut step, &root);
            store.replace(Some(step));
        });
        poll_fn(|cx| match &mut *begun.borrow_mut() {
            Some(step) => step.as_mut().poll(cx),
            None => Poll::Pending,
        })
        .await;
    });
}

#[test]
fn it_advances_a_clock_that_is_held() {
    idling(true, async |on_drop| {
        let (begin, _held) = (now(), hold_clock());
        let mut step = Box::pin(advance(HOUR));
        let _receiving = Receiving::of(on_drop, move || begun_by(&mut step, Waker::noop()));
        sleep(HOUR).await;
        assert_eq!(now(), begin + HOUR);
    });
}

#[test]
fn it_puts_a_timer_forward() {
    idling(false, async |on_drop| {
        let begin = now();
        let mut timer = Box::pin(sleep(HOUR));
        begun(&mut timer).await;
        let timer = Rc::new(RefCell::new(timer));
        let shared = timer.clone();
        let _receiving = Receiving::of(on_drop, move || {
            shared.borrow_mut().as_mut().reset(begin);
        });
        poll_fn(|_| match timer.borrow().is_elapsed() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    });
}

#[test]
fn it_spawns_a_task() {
    for paused in [false, true] {
        idling(paused, async |on_drop| {
            let root = own_waker().await;
            let ran = Rc::new(Cell::new(false));
            let runs = ran.clone();
            let _receiving = Receiving::of(on_drop, move || {
                spawn_boxed(async move {
                    runs.set(true);
                    root.wake();
                });
            });
            poll_fn(|_| match ran.get() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
        });
    }
}

#[test]
fn it_triggers_shutdown() {
    for paused in [false, true] {
        idling(paused, async |on_drop| {
            let handle = shutdown_handle();
            let _receiving = Receiving::of(on_drop, move || handle.trigger());
            shutdown_signal().await;
        });
    }
}

#[test]
fn it_asks_for_the_time_of_the_turn() {
    with_built(
        |builder| builder.spin(HOUR),
        |rt| {
            rt.block_on(async {
                // While timers wait each turn reads the clock, long before the
                // datagram comes.
                let mut timer = Box::pin(sleep(HOUR));
                begun(&mut timer).await;
                let root = own_waker().await;
                let seen = Rc::new(Cell::new(None));
                let sees = seen.clone();
                let once = Rc::new(Once {
                    on_drop: false,
                    f: Cell::new(Some(move || {
                        sees.set(Some(event_time()));
                        root.wake();
                    })),
                });
                let receiving = Receiving::begin(&hostile(&once));
                let addr = receiving.socket.local_addr().unwrap();
                let sending = thread::spawn(move || {
                    thread::sleep(Duration::from_millis(20));
                    let sent = Instant::now();
                    let sender = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                    sender.send_to(&[1], addr).unwrap();
                    sent
                });
                let seen = poll_fn(|_| seen.get().map_or(Poll::Pending, Poll::Ready)).await;
                assert!(seen >= sending.join().unwrap());
            });
        },
    );
}

/// In a turn that is not idle, too, something foreign runs after the look at the
/// timers: the waker of a timer that is due, and of a socket.
#[test]
fn a_timers_waker_begins_one_that_is_due_while_the_clock_is_held() {
    for spin in SPINS {
        with_built(
            |builder| builder.start_paused(true).spin(spin),
            |rt| {
                rt.block_on(async {
                    let (begin, _held) = (now(), hold_clock());
                    let root = own_waker().await;
                    let next = Rc::new(RefCell::new(Box::pin(sleep_until(begin + HOUR))));
                    let begins = next.clone();
                    let mut step = Box::pin(advance(HOUR));
                    let once = Rc::new(Once {
                        on_drop: false,
                        f: Cell::new(Some(move || {
                            begun_by(&mut step, &root);
                            begun_by(&mut begins.borrow_mut(), &root);
                        })),
                    });
                    let mut first = Box::pin(advance(Duration::ZERO));
                    begun_by(&mut first, &hostile(&once));
                    drop(once);
                    poll_fn(|_| match next.borrow().is_elapsed() {
                        true => Poll::Ready(()),
                        false => Poll::Pending,
                    })
                    .await;
                    assert_eq!(now(), begin + HOUR);
                });
            },
        );
    }
}

#[test]
fn it_panics_and_the_next_run_goes_on() {
    for spin in SPINS {
        with_built(
            |builder| builder.start_paused(true).spin(spin),
            |rt| {
                let begin = rt.block_on(async { now() });
                let message = panic_of(|| {
                    rt.block_on(async {
                        let hold = hold_clock();
                        let _receiving = Receiving::of(false, move || {
                            drop(hold);
                            panic!("in a waker");
                        });
                        sleep(HOUR).await;
                    });
                });
                assert_eq!(message, "in a waker");
                rt.block_on(async { sleep(HOUR).await });
                assert_eq!(rt.block_on(async { now() }), begin + HOUR);
            },
        );
    }
}

/// Nothing is due on a clock that is held, however close the slots of the wheel
/// begin: the loop parks, and does not turn until the hold ends.
#[test]
fn a_held_clock_parks_though_many_timers_are_near() {
    const TIMERS: u32 = 100;
    with_built(
        |builder| builder.start_paused(true),
        |rt| {
            // Until it was surely parked: the thread takes its time.
            while rt.metrics().parks == 0 {
                let before = rt.metrics();
                rt.block_on(async {
                    let begin = now();
                    let timers: Vec<_> = (1..=TIMERS)
                        .map(|n| spawn_boxed(sleep(3 * HOUR + n * Duration::from_nanos(7))))
                        .collect();
                    yield_now().await;
                    // Into the slot in which they lie together.
                    advance(3 * HOUR).await;
                    let hold = hold_clock();
                    let ending = thread::spawn(move || {
                        thread::sleep(Duration::from_millis(20));
                        drop(hold);
                    });
                    for timer in timers {
                        timer.await;
                    }
                    assert_eq!(now(), begin + 3 * HOUR + TIMERS * Duration::from_nanos(7));
                    ending.join().unwrap();
                });
                let fired = rt.metrics().timers_fired - before.timers_fired;
                assert_eq!(fired, u64::from(TIMERS) + 1);
            }
        },
    );
}
