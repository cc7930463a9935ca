//! The bridge to tokio: what runs where, which side wakes which, what comes
//! back.

use crate::support::with_runtime;
use nexus_async_rt::channel::{mpsc, spsc};
use nexus_async_rt::tokio_compat::{install_tokio, spawn_on_tokio, with_tokio};
use nexus_async_rt::{Runtime, sleep, spawn_boxed, with_world, yield_now};
use nexus_rt::WorldBuilder;
use nexus_testkit::{panic_of, scaled, within};
use std::cell::Cell;
use std::error::Error;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;

const MS: Duration = Duration::from_millis(1);

/// Whether this thread is in a tokio context.
fn in_tokio() -> bool {
    Handle::try_current().is_ok()
}

#[test]
fn a_tokio_sleep_is_awaited_and_not_early() {
    for busy in [false, true] {
        with_runtime(|rt| {
            let begin = Instant::now();
            let slept = with_tokio(|| tokio::time::sleep(20 * MS));
            if busy {
                rt.block_on_busy(slept);
            } else {
                rt.block_on(slept);
            }
            assert!(begin.elapsed() >= 20 * MS);
        });
    }
}

#[test]
fn u04_tokios_timers_wake_a_runtime_that_sleeps_in_the_os() {
    within(Duration::from_secs(60), || {
        // Until it has slept both times: other programs may have the core meanwhile.
        while !slept_both_times() {}
    });
}

fn slept_both_times() -> bool {
    with_runtime(|rt| {
        rt.block_on(async {
            let task = spawn_boxed(with_tokio(|| tokio::time::sleep(60 * MS)));
            task.await;
            let value = spawn_on_tokio(async {
                tokio::time::sleep(60 * MS).await;
                7
            });
            assert_eq!(value.await.unwrap(), 7);
        });
        let metrics = rt.metrics();
        // Nobody polled in a loop until the time was over.
        assert!(metrics.polls < 20, "{metrics:?}");
        metrics.parks >= 2 && metrics.foreign_wakes >= 2
    })
}

/// An echo on this thread, over tokio's sockets.
async fn echo(bytes: usize) -> io::Result<Vec<u8>> {
    let here = thread::current().id();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = spawn_boxed(with_tokio(async move || {
        let (mut peer, _) = listener.accept().await?;
        assert_eq!(thread::current().id(), here);
        let (mut from, mut to) = peer.split();
        tokio::io::copy(&mut from, &mut to).await
    }));
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let sent: Vec<u8> = (0..bytes).map(|n| n as u8).collect();
    let mut received = vec![0; bytes];
    let (mut from, mut to) = stream.split();
    let (written, read) = futures_lite::future::zip(
        async {
            to.write_all(&sent).await?;
            to.shutdown().await
        },
        from.read_exact(&mut received),
    )
    .await;
    written?;
    read?;
    assert_eq!(thread::current().id(), here);
    assert_eq!(server.await?, bytes as u64);
    Ok(received)
}

#[test]
fn tokio_sockets_work_on_this_thread() {
    with_runtime(|rt| {
        let bytes = 1 << 20;
        let received = rt.block_on(with_tokio(|| echo(bytes))).unwrap();
        assert_eq!(received.len(), bytes);
        assert!(received.iter().enumerate().all(|(n, b)| *b == n as u8));
    });
}

#[test]
fn what_belongs_to_this_thread_may_be_used_inside() {
    with_runtime(|rt| {
        let borrowed = Rc::new(Cell::new(0));
        rt.block_on(async {
            let own = spawn_boxed(async {
                sleep(MS).await;
                5
            });
            let counted = &borrowed;
            with_tokio(|| async move {
                tokio::time::sleep(MS).await;
                with_world(|_| counted.set(counted.get() + 1));
                sleep(MS).await;
                counted.set(counted.get() + own.await);
            })
            .await;
        });
        assert_eq!(borrowed.get(), 6);
    });
}

#[test]
fn the_context_is_there_in_each_poll_and_gone_after_it() {
    with_runtime(|rt| {
        assert!(!in_tokio());
        rt.block_on(async {
            let mut polls = 0;
            let mut bridged = pin!(with_tokio(|| {
                assert!(in_tokio());
                poll_fn(|cx| {
                    assert!(in_tokio());
                    cx.waker().wake_by_ref();
                    polls += 1;
                    if polls < 3 {
                        Poll::Pending
                    } else {
                        Poll::Ready(())
                    }
                })
            }));
            poll_fn(|cx| {
                let poll = bridged.as_mut().poll(cx);
                assert!(!in_tokio());
                poll
            })
            .await;
        });
    });
}

#[test]
fn nested_and_within_another_runtime_of_tokio() {
    with_runtime(|rt| {
        let other = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // Nobody drives it: what waited there would wait for ever.
        let _other = other.enter();
        let outside = Handle::current().id();
        rt.block_on(async {
            assert_eq!(Handle::current().id(), outside);
            let (first, second) = with_tokio(|| async {
                let first = Handle::current().id();
                tokio::time::sleep(MS).await;
                let second = with_tokio(|| async {
                    tokio::time::sleep(MS).await;
                    Handle::current().id()
                })
                .await;
                tokio::time::sleep(MS).await;
                assert_eq!(Handle::current().id(), first);
                (first, second)
            })
            .await;
            assert_eq!(first, second);
            assert_ne!(first, outside);
            assert_eq!(Handle::current().id(), outside);
        });
    });
}

#[test]
fn a_panic_inside_is_the_tasks_and_leaves_the_context_in_order() {
    with_runtime(|rt| {
        let stays = rt.spawn_boxed(with_tokio(|| async {
            tokio::time::sleep(30 * MS).await;
            11
        }));
        let makers: [fn(); 2] = [|| panic!("in the maker"), || ()];
        for maker in makers {
            rt.spawn_boxed(with_tokio(move || {
                maker();
                async {
                    tokio::time::sleep(MS).await;
                    panic!("in the future");
                }
            }));
            let message = panic_of(|| rt.block_on(pending::<()>()));
            assert!(message.starts_with("in the "), "{message}");
            assert!(!in_tokio());
        }
        assert_eq!(rt.block_on(stays), 11);
    });
}

#[test]
fn a_guard_of_tokios_that_is_held_over_an_await_is_refused() {
    with_runtime(|rt| {
        rt.spawn_boxed(with_tokio(|| async {
            let _guard = Handle::current().enter();
            tokio::time::sleep(MS).await;
        }));
        let message = panic_of(|| rt.block_on(pending::<()>()));
        assert!(message.contains("reverse order"), "{message}");
        // The thread stays in some context, which harms nobody.
        rt.block_on(with_tokio(|| tokio::time::sleep(MS)));
    });
}

#[test]
fn outside_a_runtime_and_after_the_end_it_panics() {
    let mut cx = Context::from_waker(Waker::noop());
    let mut bridged = Box::pin(with_tokio(|| async {}));
    let message = panic_of(|| bridged.as_mut().poll(&mut cx));
    assert!(
        message.contains("`with_tokio` was called outside a runtime"),
        "{message}"
    );
    with_runtime(|rt| {
        rt.block_on(bridged.as_mut());
        let message = panic_of(|| rt.block_on(bridged.as_mut()));
        assert!(message.contains("polled after it was over"), "{message}");
    });
}

/// How often `future` is polled until it is over.
fn polls_of(rt: &mut Runtime<'_>, future: impl Future<Output = ()>) -> u32 {
    let mut future = pin!(future);
    let mut polls = 0;
    rt.block_on(poll_fn(|cx| {
        polls += 1;
        future.as_mut().poll(cx)
    }));
    polls
}

#[test]
fn completions_of_the_bridge_count_in_a_poll() {
    with_runtime(|rt| {
        let polls = polls_of(rt, async {
            for _ in 0..200 {
                with_tokio(|| async {}).await;
            }
        });
        assert_eq!(polls, 2);

        let tasks: Vec<_> = (0..200).map(|_| spawn_on_tokio(async {})).collect();
        rt.block_on(async {
            while tasks.iter().any(|task| !task.is_finished()) {
                sleep(MS).await;
            }
        });
        let polls = polls_of(rt, async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(polls, 2);
    });
}

#[test]
fn a_task_on_tokio_returns_its_output() {
    with_runtime(|rt| {
        let here = thread::current().id();
        let (go, gone) = tokio::sync::oneshot::channel();
        let mut task = spawn_on_tokio(async {
            gone.await.unwrap();
            (thread::current().id(), String::from("done"))
        });
        assert!(!task.is_finished());
        go.send(()).unwrap();
        let (thread, text) = rt.block_on(&mut task).unwrap();
        assert!(task.is_finished());
        assert_ne!(thread, here);
        assert_eq!(text, "done");
    });
}

#[test]
fn a_panic_on_tokio_comes_back_with_the_handle() {
    with_runtime(|rt| {
        let error = rt
            .block_on(spawn_on_tokio(async {
                tokio::task::yield_now().await;
                panic!("cold path");
            }))
            .unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert!(error.to_string().contains("panicked"), "{error}");
        assert!(error.source().is_none());
        let panic = error.into_panic();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"cold path"));
    });
}

#[test]
fn an_aborted_task_on_tokio_is_dropped_there() {
    struct TellsItsThread(std::sync::mpsc::Sender<thread::ThreadId>);
    impl Drop for TellsItsThread {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }
    with_runtime(|rt| {
        let (tx, dropped_on) = std::sync::mpsc::channel();
        let guard = TellsItsThread(tx);
        let mut task = spawn_on_tokio(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        rt.block_on(sleep(5 * MS));
        assert!(!task.is_finished());
        task.abort();
        let error = rt.block_on(&mut task).unwrap_err();
        assert!(error.is_cancelled() && !error.is_panic());
        assert!(task.is_finished());
        task.abort();
        let thread = dropped_on.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_ne!(thread, thread::current().id());
        let message = panic_of(|| error.into_panic());
        assert!(message.contains("did not panic"), "{message}");
    });
}

#[test]
fn a_dropped_handle_detaches() {
    with_runtime(|rt| {
        let (tx, rx) = spsc::channel(1);
        drop(spawn_on_tokio(async move {
            tokio::time::sleep(5 * MS).await;
            tx.try_send(3).unwrap();
        }));
        assert_eq!(rt.block_on(rx.recv()), Ok(3));
    });
}

#[test]
fn once_in_use_the_runtime_of_tokio_stays() {
    with_runtime(|rt| {
        let id = rt.block_on(with_tokio(|| async { Handle::current().id() }));
        let other = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let error = install_tokio(other.handle().clone()).unwrap_err();
        assert!(error.to_string().contains("already"), "{error}");
        let after = rt.block_on(spawn_on_tokio(async { Handle::current().id() }));
        assert_eq!(after.unwrap(), id);
    });
}

#[test]
fn producers_on_tokio_send_and_await_their_turn() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (tx, rx) = mpsc::channel::<(u32, u32)>(4);
            for producer in 0..4 {
                let tx = tx.clone();
                spawn_on_tokio(async move {
                    for n in 0..250 {
                        tx.send((producer, n)).await.unwrap();
                    }
                });
            }
            drop(tx);
            let mut next = [0; 4];
            while let Ok((producer, n)) = rx.recv().await {
                assert_eq!(n, next[producer as usize]);
                next[producer as usize] += 1;
            }
            assert_eq!(next, [250; 4]);
        });
    });
}

/// A task that answers each value with itself, on tokio.
fn answering() -> (spsc::Sender<u64>, spsc::Receiver<u64>) {
    let (asks, mut asked) = spsc::channel(2);
    let (mut answer, answers) = spsc::channel(2);
    spawn_on_tokio(async move {
        while let Ok(value) = asked.recv_mut().await {
            if answer.send_mut(value).await.is_err() {
                break;
            }
        }
    });
    (asks, answers)
}

/// `rounds` questions, each with its own answer, now and then inside tokio.
async fn asks_and_checks(task: u64, rounds: u64) {
    let (asks, answers) = answering();
    for n in 0..rounds {
        let question = task << 32 | n;
        asks.send(question).await.unwrap();
        let answer = if n % 8 == task {
            with_tokio(|| answers.recv()).await
        } else {
            answers.recv().await
        };
        // One too many or too few would be the next one's answer.
        assert_eq!(answer, Ok(question));
    }
    assert!(answers.try_recv().is_err());
}

#[test]
fn each_value_makes_its_round_trip_once() {
    within(Duration::from_secs(300), || {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        let rounds = scaled(2_500) as u64;
        rt.block_on(async {
            let tasks: Vec<_> = (0..4)
                .map(|task| spawn_boxed(asks_and_checks(task, rounds)))
                .collect();
            for task in tasks {
                task.await;
            }
        });
    });
}

#[test]
fn tokio_channels_between_tasks_here_and_there() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (tx, mut rx) = tokio::sync::mpsc::channel::<u32>(4);
            let there = tx.clone();
            let task = spawn_on_tokio(async move {
                for n in 0..500 {
                    there.send(n).await.unwrap();
                }
            });
            spawn_boxed(async move {
                for n in 500..1000 {
                    tx.send(n).await.unwrap();
                    yield_now().await;
                }
            });
            let mut sum = 0;
            while let Some(n) = rx.recv().await {
                sum += n;
            }
            assert_eq!(sum, 499_500);
            task.await.unwrap();
        });
    });
}
