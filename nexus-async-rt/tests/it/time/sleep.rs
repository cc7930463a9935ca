//! Timers on the real clock.

use crate::support::{with_built, with_runtime};
use nexus_async_rt::net::UdpSocket;
use nexus_async_rt::time::{event_time, sleep_until};
use nexus_async_rt::{Runtime, now, sleep, spawn_boxed, yield_now};
use nexus_rt::WorldBuilder;
use nexus_testkit::{panic_of, scaled, within};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::net::Ipv4Addr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn never_early_and_soon_after() {
    for busy in [false, true] {
        with_runtime(|rt| {
            let sleeps = async {
                for micros in [0, 1, 10, 63, 64, 65, 100, 999, 1000, 1001, 4095, 5000] {
                    for _ in 0..scaled(3) {
                        let deadline = Instant::now() + Duration::from_micros(micros);
                        sleep_until(deadline).await;
                        assert!(Instant::now() >= deadline, "{micros} µs: early");
                    }
                }
            };
            if busy {
                rt.block_on_busy(sleeps);
            } else {
                rt.block_on(sleeps);
            }
        });
    }
}

#[test]
fn u30_a_sleep_completes_while_the_loop_is_busy() {
    for busy in [false, true] {
        with_runtime(|rt| {
            let root = async {
                let spinning = spawn_boxed(async {
                    loop {
                        yield_now().await;
                    }
                });
                for _ in 0..scaled(20) {
                    sleep(Duration::from_micros(700)).await;
                }
                assert!(spinning.abort());
            };
            if busy {
                rt.block_on_busy(root);
            } else {
                rt.block_on(root);
            }
        });
    }
}

#[test]
fn u66_the_longest_duration_is_never() {
    with_runtime(|rt| {
        rt.block_on(async {
            let mut never = pin!(sleep(Duration::MAX));
            let far = Instant::now() + Duration::from_secs(1000 * 365 * 86400);
            let mut far = pin!(sleep_until(far));
            poll_fn(|cx| {
                assert!(never.as_mut().poll(cx).is_pending());
                assert!(far.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            sleep(Duration::from_millis(2)).await;
            poll_fn(|cx| {
                assert!(never.as_mut().poll(cx).is_pending());
                assert!(far.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
        });
    });
}

#[test]
fn in_order_of_deadlines_then_of_creation() {
    with_runtime(|rt| {
        let log: Rc<RefCell<Vec<usize>>> = Rc::default();
        rt.block_on(async {
            let base = event_time() + Duration::from_millis(3);
            // 3 to 20 ms, some in one microsecond, some equal.
            let offsets: Vec<_> = (0..200_u64)
                .map(|n| (n * 7919) % 170 / 10 * 100_001)
                .collect();
            let mut expected: Vec<_> = (0..offsets.len()).collect();
            expected.sort_by_key(|&index| (offsets[index], index));
            let tasks: Vec<_> = offsets
                .iter()
                .enumerate()
                .map(|(index, offset)| {
                    let log = log.clone();
                    let deadline = base + Duration::from_nanos(*offset);
                    spawn_boxed(async move {
                        sleep_until(deadline).await;
                        log.borrow_mut().push(index);
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
            assert_eq!(*log.borrow(), expected);
        });
    });
}

#[test]
fn a_spurious_poll_leaves_the_timer_armed() {
    with_runtime(|rt| {
        rt.block_on(async {
            let deadline = Instant::now() + Duration::from_millis(3);
            let mut timer = pin!(sleep_until(deadline));
            let mut polls = 0_u32;
            poll_fn(|cx| {
                polls += 1;
                if polls < 10 {
                    cx.waker().wake_by_ref();
                }
                timer.as_mut().poll(cx)
            })
            .await;
            assert!(polls >= 10 && Instant::now() >= deadline);
        });
    });
}

#[test]
fn u18_a_timer_survives_moves_of_the_runtime() {
    within(Duration::from_secs(10), || {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        let mut root_timer = Box::pin(sleep(Duration::from_millis(3)));
        let task = rt.spawn_boxed(sleep(Duration::from_millis(5)));
        rt.block_on(async {
            poll_fn(|cx| {
                assert!(root_timer.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            yield_now().await;
        });
        let mut boxed = Box::new(rt);
        boxed.block_on(root_timer);
        let mut moved = *boxed;
        moved.block_on(task);
        assert_eq!(moved.metrics().timers_fired, 2);
    });
}

#[test]
fn u18_a_timer_outlives_the_runtime() {
    within(Duration::from_secs(10), || {
        let mut timers: Vec<_> = (0..3)
            .map(|n| Box::pin(sleep(Duration::from_millis(1 + n * 3_600_000))))
            .collect();
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        rt.block_on(async {
            poll_fn(|cx| {
                for timer in &mut timers {
                    assert!(timer.as_mut().poll(cx).is_pending());
                }
                Poll::Ready(())
            })
            .await;
            sleep(Duration::from_millis(2)).await;
        });
        drop(rt);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(timers[0].as_mut().poll(&mut cx).is_ready(), "it had fired");
        let message = panic_of(|| timers[1].as_mut().poll(&mut cx));
        assert!(message.contains("was dropped"), "{message}");
        drop(timers);
    });
}

#[test]
fn polled_in_another_runtime_or_in_none() {
    let mut timer = Box::pin(sleep(Duration::from_secs(3600)));
    let mut cx = Context::from_waker(Waker::noop());
    let message = panic_of(|| timer.as_mut().poll(&mut cx));
    assert!(message.contains("outside a runtime"), "{message}");
    with_runtime(|rt| {
        rt.block_on(poll_fn(|cx| {
            assert!(timer.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        }));
        with_runtime(|other| {
            let message = panic_of(|| other.block_on(poll_fn(|cx| timer.as_mut().poll(cx))));
            assert!(message.contains("polled in another"), "{message}");
        });
        timer.as_mut().reset(Instant::now());
        rt.block_on(timer.as_mut());
    });
}

#[test]
fn dropped_timers_leave_nothing_behind() {
    with_runtime(|rt| {
        rt.block_on(async {
            for _ in 0..scaled(1000) {
                let mut timer = Box::pin(sleep(Duration::from_secs(3600)));
                poll_fn(|cx| {
                    assert!(timer.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
            }
        });
        let parks = rt.metrics().parks;
        rt.block_on(sleep(Duration::from_millis(5)));
        let metrics = rt.metrics();
        assert_eq!(metrics.timers_fired, 1);
        assert!(metrics.parks - parks <= 3, "{metrics:?}");
    });
}

#[test]
fn the_time_of_a_turn_stands_still() {
    with_runtime(|rt| {
        rt.block_on(async {
            let first = event_time();
            std::thread::sleep(Duration::from_millis(1));
            assert_eq!(event_time(), first);
            assert!(now() >= first + Duration::from_millis(1));
            // Known to be due: completes without the wheel.
            sleep_until(first).await;
            yield_now().await;
            assert!(event_time() > first);
            sleep(Duration::from_millis(1)).await;
            assert!(event_time() >= first + Duration::from_millis(2));
        });
    });
}

#[test]
fn an_idle_runtime_sleeps() {
    with_runtime(|rt| {
        rt.block_on(sleep(Duration::from_millis(50)));
        let metrics = rt.metrics();
        assert!(metrics.parks <= 3, "{metrics:?}");
    });
}

#[test]
fn the_time_of_a_turn_is_not_that_of_an_earlier_run() {
    with_runtime(|rt| {
        for timer in [false, true] {
            let mut waiting = Box::pin(sleep(Duration::from_secs(3600)));
            rt.block_on(async {
                if timer {
                    assert!(
                        poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx)))
                            .await
                            .is_pending()
                    );
                }
                yield_now().await;
                let _ = event_time();
            });
            let between = Instant::now();
            assert!(rt.block_on(async { event_time() }) >= between);
        }
    });
}

#[test]
fn the_time_of_a_turn_is_not_that_before_a_spin() {
    with_built(
        |builder| builder.spin(Duration::from_secs(10)),
        |rt| {
            rt.block_on(async {
                let timer = spawn_boxed(sleep(Duration::from_secs(3600)));
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
                let addr = socket.local_addr().unwrap();
                let sending = thread::spawn(move || {
                    thread::sleep(Duration::from_millis(20));
                    let sender = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                    let sent = Instant::now();
                    sender.send_to(&[1], addr).unwrap();
                    sent
                });
                socket.recv(&mut [0]).await.unwrap();
                assert!(event_time() >= sending.join().unwrap());
                timer.abort();
            });
        },
    );
}

#[test]
fn the_time_of_a_turn_is_not_seen_between_runs() {
    /// Asks for the time of the turn when it is dropped.
    struct Asks(Rc<Cell<Option<Instant>>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.set(Some(event_time()));
        }
    }
    with_runtime(|rt| {
        let seen: Rc<Cell<Option<Instant>>> = Rc::default();
        let tasks = [(); 2].map(|()| {
            let asks = Asks(seen.clone());
            rt.spawn_boxed(async move {
                let _asks = asks;
                pending::<()>().await;
            })
        });
        rt.block_on(async {
            let _ = event_time();
        });
        for task in tasks {
            thread::sleep(Duration::from_millis(2));
            let before = Instant::now();
            task.abort();
            assert!(seen.take().unwrap() >= before);
        }
    });
}

#[test]
fn ties_fire_in_the_order_in_which_they_were_made() {
    with_runtime(|rt| {
        rt.block_on(async {
            let deadline = Instant::now() + Duration::from_millis(3);
            let log: Rc<RefCell<Vec<usize>>> = Rc::default();
            let mut timers: Vec<_> = (0..4).map(|n| (n, sleep_until(deadline))).collect();
            // Polled for the first time in the opposite order.
            timers.reverse();
            let tasks: Vec<_> = timers
                .into_iter()
                .map(|(number, timer)| {
                    let log = log.clone();
                    spawn_boxed(async move {
                        timer.await;
                        log.borrow_mut().push(number);
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
            assert_eq!(*log.borrow(), [0, 1, 2, 3]);
        });
    });
}
