//! The clock that stands still.

use crate::net::tcp::connected;
use crate::support::{with_built, with_runtime};
use futures_lite::AsyncReadExt;
use futures_lite::future::poll_once;
use nexus_async_rt::channel::{local, spsc};
use nexus_async_rt::net::{UdpSocket, resolve};
use nexus_async_rt::time::{
    ClockHold, advance, event_time, hold_clock, pause, resume, sleep_until,
};
use nexus_async_rt::{Runtime, now, sleep, spawn_boxed, timeout, yield_now};
use nexus_testkit::hand::held_in_wake;
use nexus_testkit::{panic_of, scaled};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// Runs `f` with a runtime with a clock that stands.
#[track_caller]
pub fn with_paused<R>(f: impl FnOnce(&mut Runtime<'_>) -> R) -> R {
    with_built(|builder| builder.start_paused(true), f)
}

#[test]
fn it_jumps_from_deadline_to_deadline() {
    for busy in [false, true] {
        with_paused(|rt| {
            let trace: Rc<RefCell<Vec<(u32, Duration)>>> = Rc::default();
            let real = Instant::now();
            let root = async {
                let begin = now();
                let tasks: Vec<_> = [7_200_000_000_000, 3, 1_000_000_007, 3, 0]
                    .into_iter()
                    .zip(0..)
                    .map(|(nanos, number)| {
                        let trace = trace.clone();
                        spawn_boxed(async move {
                            sleep(Duration::from_nanos(nanos)).await;
                            trace.borrow_mut().push((number, now() - begin));
                            assert_eq!(event_time(), now());
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await;
                }
            };
            if busy {
                rt.block_on_busy(root);
            } else {
                rt.block_on(root);
            }
            let nanos = Duration::from_nanos;
            let expected = [
                (4, nanos(0)),
                (1, nanos(3)),
                (3, nanos(3)),
                (2, nanos(1_000_000_007)),
                (0, 7200 * SECOND),
            ];
            assert_eq!(*trace.borrow(), expected);
            assert!(real.elapsed() < 60 * SECOND);
            assert_eq!(rt.metrics().parks, 0);
        });
    }
}

#[test]
fn it_stands_while_anything_is_runnable() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let timer = spawn_boxed(sleep(Duration::from_nanos(1)));
            for _ in 0..1000 {
                yield_now().await;
                assert_eq!((now(), event_time()), (begin, begin));
            }
            assert!(!timer.is_finished());
            timer.await;
            assert_eq!(now(), begin + Duration::from_nanos(1));
        });
    });
}

#[test]
fn a_timeout_of_what_never_comes_ends_on_time() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let (_tx, rx) = local::channel::<u8>(1);
            assert!(timeout(SECOND, rx.recv()).await.is_err());
            assert_eq!(now(), begin + SECOND);
        });
    });
}

#[test]
fn paused_and_resumed_it_never_goes_back() {
    with_runtime(|rt| {
        rt.block_on(async {
            let before = now();
            pause();
            pause();
            let stands = now();
            assert!(stands >= before);
            thread::sleep(Duration::from_millis(2));
            assert_eq!(now(), stands);
            sleep(3600 * SECOND).await;
            assert_eq!(now(), stands + 3600 * SECOND);
            resume();
            resume();
            let runs = now();
            assert!(runs >= stands + 3600 * SECOND && runs < stands + 3660 * SECOND);
            // Timers on a shifted clock take as long as ever.
            let real = Instant::now();
            sleep(Duration::from_millis(5)).await;
            assert!(now() >= runs + Duration::from_millis(5));
            assert!(real.elapsed() >= Duration::from_millis(4));
            pause();
            let stands = now();
            sleep(SECOND).await;
            assert_eq!(now(), stands + SECOND);
        });
    });
}

#[test]
fn a_timer_that_was_armed_before_the_clock_changed_keeps_its_deadline() {
    with_runtime(|rt| {
        rt.block_on(async {
            let begin = now();
            let early = spawn_boxed(sleep_until(begin + 50 * SECOND));
            let late = spawn_boxed(sleep_until(begin + 100 * SECOND + Duration::from_millis(5)));
            // Parks once, with the kernel's timer set for the early one.
            sleep(Duration::from_millis(1)).await;
            pause();
            early.await;
            assert_eq!(now(), begin + 50 * SECOND);
            advance(50 * SECOND).await;
            resume();
            late.await;
            assert!(now() >= begin + 100 * SECOND + Duration::from_millis(5));
            assert!(now() < begin + 160 * SECOND);
        });
    });
}

#[test]
fn an_advance_is_one_step() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let trace: Rc<RefCell<Vec<(u32, Duration)>>> = Rc::default();
            for seconds in [3, 1, 2, 10] {
                let trace = trace.clone();
                spawn_boxed(async move {
                    sleep_until(begin + seconds * SECOND).await;
                    trace.borrow_mut().push((seconds, now() - begin));
                });
            }
            yield_now().await;
            advance(3 * SECOND).await;
            // All of them late, in order, and before this goes on.
            let at = 3 * SECOND;
            assert_eq!(*trace.borrow(), [(1, at), (2, at), (3, at)]);
            assert_eq!(now() - begin, at);
            advance(Duration::ZERO).await;
            assert_eq!(now() - begin, at);
            advance(6 * SECOND).await;
            assert_eq!(trace.borrow().len(), 3);
            sleep(SECOND).await;
            assert_eq!(trace.borrow()[3], (10, 10 * SECOND));
        });
    });
}

#[test]
fn an_advance_in_a_task_waits_for_all_that_came_due() {
    with_paused(|rt| {
        rt.block_on(async {
            let count: Rc<RefCell<u32>> = Rc::default();
            for _ in 0..1000 {
                let count = count.clone();
                spawn_boxed(async move {
                    sleep(SECOND).await;
                    *count.borrow_mut() += 1;
                });
            }
            let task = spawn_boxed({
                let count = count.clone();
                async move {
                    advance(SECOND).await;
                    assert_eq!(*count.borrow(), 1000);
                }
            });
            task.await;
        });
    });
}

#[test]
fn an_advance_that_was_made_before_a_timer_waits_for_it_too() {
    with_paused(|rt| {
        rt.block_on(async {
            let step = advance(SECOND);
            let timer = spawn_boxed(sleep(SECOND));
            yield_now().await;
            let finished = spawn_boxed(async move {
                step.await;
                timer.is_finished()
            });
            assert!(finished.await);
        });
    });
}

#[test]
fn the_time_of_a_turn_does_not_see_an_advance() {
    with_paused(|rt| {
        rt.block_on(async {
            let first = event_time();
            let mut step = pin!(advance(SECOND));
            poll_fn(|cx| {
                assert!(step.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            assert_eq!((event_time(), now()), (first, first + SECOND));
            // Dropped or awaited, it has moved once.
            step.await;
            assert_eq!((event_time(), now()), (first + SECOND, first + SECOND));
        });
    });
}

#[test]
fn what_a_clock_cannot_show_is_refused() {
    with_runtime(|rt| {
        let message = panic_of(|| rt.block_on(async { advance(SECOND).await }));
        assert!(message.contains("call `pause` first"), "{message}");
        for far in [Duration::MAX, Duration::from_secs(600 * 365 * 86400)] {
            let message = panic_of(|| {
                rt.block_on(async {
                    pause();
                    advance(far).await;
                })
            });
            assert!(message.contains(&format!("{far:?}")), "{message}");
        }
        // What never fires moves no clock.
        rt.block_on(async {
            let begin = now();
            let never = sleep_until(begin + Duration::from_secs(1000 * 365 * 86400));
            assert!(timeout(SECOND, never).await.is_err());
            assert!(timeout(SECOND, sleep(Duration::MAX)).await.is_err());
            assert_eq!(now(), begin + 2 * SECOND);
        });
    });
    for name in ["pause", "resume", "hold_clock"] {
        let message = panic_of(|| match name {
            "pause" => pause(),
            "resume" => resume(),
            _ => drop(hold_clock()),
        });
        assert!(
            message.contains(name) && message.contains("outside"),
            "{message}"
        );
    }
}

#[test]
fn a_hold_keeps_the_clock_until_the_last_is_gone() {
    with_paused(|rt| {
        // Until it was surely parked: the thread takes its time.
        while rt.metrics().parks == 0 {
            rt.block_on(async {
                let begin = now();
                let first = hold_clock();
                let second = hold_clock();
                let timer = spawn_boxed(sleep(Duration::from_nanos(1)));
                let (tx, rx) = spsc::channel::<ClockHold>(2);
                let ending = thread::spawn(move || {
                    for hold in std::iter::from_fn(|| rx.blocking_recv().ok()) {
                        thread::sleep(Duration::from_millis(3));
                        drop(hold);
                    }
                });
                let real = Instant::now();
                tx.try_send(first).unwrap();
                // The runtime parks, and the last hold ends on the other thread.
                tx.try_send(second).unwrap();
                timer.await;
                assert!(real.elapsed() >= Duration::from_millis(6));
                assert_eq!(now(), begin + Duration::from_nanos(1));
                drop(tx);
                ending.join().unwrap();
            });
        }
    });
}

#[test]
fn a_hold_that_ends_wakes_whatever_the_runtime_does() {
    with_paused(|rt| {
        let (tx, rx) = spsc::channel::<ClockHold>(1);
        let ending = thread::spawn(move || {
            for (number, hold) in (0..).zip(std::iter::from_fn(|| rx.blocking_recv().ok())) {
                for _ in 0..number % 64 * 50 {
                    std::hint::spin_loop();
                }
                drop(hold);
            }
        });
        rt.block_on(async {
            for _ in 0..scaled(200) {
                let begin = now();
                tx.send(hold_clock()).await.unwrap();
                sleep(Duration::from_nanos(1)).await;
                assert_eq!(now(), begin + Duration::from_nanos(1));
            }
        });
        drop(tx);
        ending.join().unwrap();
    });
}

#[test]
fn what_is_handed_over_under_a_hold_comes_before_a_jump() {
    with_paused(|rt| {
        let (holds, held) = spsc::channel::<ClockHold>(1);
        let (tx, rx) = spsc::channel(1);
        let other = thread::spawn(move || {
            for hold in std::iter::from_fn(|| held.blocking_recv().ok()) {
                tx.try_send(()).unwrap();
                drop(hold);
            }
        });
        rt.block_on_busy(async {
            let begin = now();
            for _ in 0..scaled(5000) {
                holds.send(hold_clock()).await.unwrap();
                assert_eq!(timeout(SECOND, rx.recv()).await, Ok(Ok(())));
                assert_eq!(now(), begin);
            }
        });
        drop(holds);
        other.join().unwrap();
    });
}

#[test]
fn a_hold_outlives_its_runtime() {
    let hold = with_paused(|rt| rt.block_on(async { hold_clock() }));
    thread::spawn(move || drop(hold)).join().unwrap();
    let hold = with_paused(|rt| {
        let hold = rt.block_on(async { hold_clock() });
        // Held between runs too; ended on its own thread.
        let timer = rt.spawn_boxed(async { sleep(SECOND).await });
        drop(hold);
        rt.block_on(timer);
        rt.block_on(async { hold_clock() })
    });
    drop(hold);
}

#[test]
fn a_held_clock_parks_the_runtime_until_it_is_woken() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let hold = hold_clock();
            let (tx, rx) = spsc::channel(1);
            let sending = thread::spawn(move || {
                thread::sleep(Duration::from_millis(3));
                tx.blocking_send(hold).unwrap();
            });
            let hold = timeout(Duration::from_nanos(1), rx.recv()).await;
            assert_eq!(now(), begin);
            drop(hold.unwrap().unwrap());
            sleep(Duration::from_nanos(1)).await;
            assert_eq!(now(), begin + Duration::from_nanos(1));
            sending.join().unwrap();
        });
    });
}

#[test]
fn a_wait_for_a_socket_keeps_the_clock() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            let socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let addr = socket.local_addr().unwrap();
            let sending = thread::spawn(move || {
                thread::sleep(Duration::from_millis(3));
                let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.send_to(b"late", addr).unwrap();
            });
            let mut buf = [0; 8];
            let received = timeout(Duration::from_nanos(1), socket.recv(&mut buf)).await;
            assert_eq!(received.unwrap().unwrap(), 4);
            assert_eq!(now(), begin);
            sending.join().unwrap();
            // A socket that nobody waits for does not.
            sleep(3600 * SECOND).await;
            assert_eq!(now(), begin + 3600 * SECOND);
        });
    });
}

#[test]
fn an_idle_runtime_that_spins_jumps_too() {
    with_built(
        |builder| builder.start_paused(true).spin(3600 * SECOND),
        |rt| {
            rt.block_on(async {
                let begin = now();
                sleep(60 * SECOND).await;
                assert_eq!(now(), begin + 60 * SECOND);
            });
        },
    );
}

#[test]
fn a_wait_for_a_socket_holds_it_until_that_wait_is_over() {
    const HOUR: Duration = Duration::from_secs(3600);
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, mut there) = connected().await;
            pause();
            // Takes itself out when it is dropped.
            let read = poll_once(there.read(&mut [0; 1])).await;
            assert!(read.is_none());
            sleep(HOUR).await;
            // Nobody tells the socket that this one is gone: the byte does.
            let read = poll_once(AsyncReadExt::read(&mut there, &mut [0; 1])).await;
            assert!(read.is_none());
            let here = here.into_std();
            let real = Instant::now();
            let other = thread::spawn(move || {
                thread::sleep(Duration::from_millis(20));
                (&here).write_all(b"x").unwrap();
                here
            });
            sleep(HOUR).await;
            assert!(real.elapsed() >= Duration::from_millis(20));
            drop(other.join().unwrap());
            assert_eq!(there.read(&mut [0; 1]).await.unwrap(), 1);
        });
    });
}

/// How often a name is asked for: the answer may be faster than the loop.
const NAMES: usize = 20;

type Asked = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>>>>;

/// A name that was asked for, and was not answered at once.
async fn asked() -> Asked {
    loop {
        let mut asked: Asked = Box::pin(resolve("localhost", 80));
        if poll_once(asked.as_mut()).await.is_none() {
            return asked;
        }
    }
}

#[test]
fn a_name_that_is_asked_for_keeps_the_clock() {
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            for _ in 0..NAMES {
                let answer = timeout(SECOND, resolve("localhost", 80)).await;
                assert!(!answer.unwrap().unwrap().is_empty());
                assert_eq!(now(), begin);
            }
        });
    });
}

#[test]
fn a_name_that_nobody_waits_for_any_more_does_not_keep_the_clock() {
    with_paused(|rt| {
        rt.block_on(async {
            for _ in 0..NAMES {
                drop(asked().await);
                sleep(SECOND).await;
            }
        });
        // Not even until its thread has ended.
        assert_eq!(rt.metrics().parks, 0);
    });
}

#[test]
fn a_name_that_is_given_up_while_its_thread_wakes_does_not_keep_the_clock() {
    with_paused(|rt| {
        let (waker, held) = held_in_wake();
        rt.block_on(async {
            let asked = loop {
                let mut asked: Asked = Box::pin(resolve("localhost", 80));
                let first = asked.as_mut().poll(&mut Context::from_waker(&waker));
                if first.is_pending() {
                    break asked;
                }
            };
            held.wait();
            drop(asked);
            sleep(SECOND).await;
        });
        assert_eq!(rt.metrics().parks, 0);
    });
}

#[test]
fn a_name_keeps_the_clock_until_the_answer_is_there_and_no_longer() {
    with_paused(|rt| {
        rt.block_on(async {
            for _ in 0..NAMES {
                let begin = now();
                let asked = asked().await;
                sleep(SECOND).await;
                assert_eq!(now(), begin + SECOND);
                // The answer came before the clock moved on.
                assert!(poll_once(asked).await.expect("it is there").is_ok());
            }
        });
    });
}

#[test]
fn a_name_is_asked_for_in_one_runtime_after_another() {
    let mut asked_for = with_paused(|rt| rt.block_on(asked()));
    with_paused(|rt| {
        rt.block_on(async {
            let begin = now();
            assert!(timeout(SECOND, asked_for.as_mut()).await.unwrap().is_ok());
            assert_eq!(now(), begin);
        });
    });
    let asked_for = with_paused(|rt| rt.block_on(asked()));
    assert!(futures_lite::future::block_on(asked_for).is_ok());
}

#[test]
fn at_one_deadline_the_root_runs_after_the_tasks() {
    with_paused(|rt| {
        rt.block_on(async {
            let order = Rc::new(RefCell::new(Vec::new()));
            let deadline = now() + SECOND;
            // The root's timer is the oldest.
            let mut root = pin!(sleep_until(deadline));
            assert!(poll_once(root.as_mut()).await.is_none());
            for name in ["first", "second"] {
                let order = order.clone();
                spawn_boxed(async move {
                    sleep_until(deadline).await;
                    order.borrow_mut().push(name);
                });
            }
            root.await;
            order.borrow_mut().push("root");
            assert_eq!(*order.borrow(), ["first", "second", "root"]);
        })
    });
}
