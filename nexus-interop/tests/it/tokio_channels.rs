//! `tokio::sync`'s channels, which need nothing of tokio's but wakers.

use nexus_async_rt::{sleep, spawn_boxed, yield_now};
use nexus_interop::{block_on, on_runtime};
use nexus_testkit::scaled;
use std::rc::Rc;
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

const MS: Duration = Duration::from_millis(1);

#[test]
fn oneshot_from_a_thread_wakes_a_runtime_that_sleeps() {
    on_runtime(|rt| {
        for n in 0..scaled(100) {
            let (tx, rx) = oneshot::channel();
            let thread = thread::spawn(move || {
                if n % 10 == 0 {
                    thread::sleep(MS);
                }
                tx.send(n).unwrap();
            });
            assert_eq!(rt.block_on(rx), Ok(n));
            thread.join().unwrap();
        }
        assert!(rt.metrics().parks > 0);
    });
}

#[test]
fn oneshot_between_tasks_and_its_ends() {
    block_on(async {
        let (asks, asked) = oneshot::channel::<oneshot::Sender<u32>>();
        let server = spawn_boxed(async move { asked.await.unwrap().send(7).is_ok() });
        let (answers, answer) = oneshot::channel();
        let (mut late, gone) = oneshot::channel::<u32>();
        drop(gone);
        late.closed().await;
        assert_eq!(late.send(1), Err(1));
        assert!(!asks.is_closed());
        let waits = spawn_boxed(answer);
        yield_now().await;
        asks.send(answers).unwrap();
        assert!(server.await);
        assert_eq!(waits.await, Ok(7));

        let (dropped, receiver) = oneshot::channel::<u32>();
        let waits = spawn_boxed(receiver);
        yield_now().await;
        drop(dropped);
        assert!(waits.await.is_err());
    });
}

#[test]
fn mpsc_between_threads_and_tasks_keeps_the_order_of_each() {
    block_on(async {
        let per_producer = scaled(1_000);
        let (tx, mut rx) = mpsc::channel::<(usize, usize)>(8);
        let threads: Vec<_> = (0..2)
            .map(|producer| {
                let tx = tx.clone();
                thread::spawn(move || {
                    (0..per_producer).for_each(|n| tx.blocking_send((producer, n)).unwrap());
                })
            })
            .collect();
        for producer in 2..4 {
            let tx = tx.clone();
            spawn_boxed(async move {
                for n in 0..per_producer {
                    tx.send((producer, n)).await.unwrap();
                }
            });
        }
        drop(tx);
        let mut next = [0; 4];
        while let Some((producer, n)) = rx.recv().await {
            assert_eq!(n, next[producer]);
            next[producer] += 1;
        }
        assert_eq!(next, [per_producer; 4]);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn mpsc_holds_back_reserves_and_closes() {
    block_on(async {
        let (tx, mut rx) = mpsc::channel(2);
        let permit = tx.reserve().await.unwrap();
        tx.send(1).await.unwrap();
        assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
        let sends = spawn_boxed({
            let tx = tx.clone();
            async move { tx.send(3).await }
        });
        yield_now().await;
        assert!(!sends.is_finished());
        permit.send(2);
        assert_eq!(rx.recv().await, Some(1));
        sends.await.unwrap();
        rx.close();
        assert!(tx.send(4).await.is_err());
        let mut rest = Vec::new();
        rx.recv_many(&mut rest, 10).await;
        assert_eq!(rest, [2, 3]);
        assert_eq!(rx.recv().await, None);
    });
}

#[test]
fn mpsc_without_a_limit_carries_what_does_not_leave_the_thread() {
    block_on(async {
        let (tx, mut rx) = mpsc::unbounded_channel();
        let shared = Rc::new(5);
        let held = shared.clone();
        spawn_boxed(async move {
            for _ in 0..100 {
                tx.send(held.clone()).unwrap();
                yield_now().await;
            }
        });
        let mut sum = 0;
        while let Some(value) = rx.recv().await {
            sum += *value;
        }
        assert_eq!(sum, 500);
        assert_eq!(Rc::strong_count(&shared), 1);
    });
}

#[test]
fn watch_shows_every_task_the_last_value() {
    block_on(async {
        let (tx, rx) = watch::channel(0);
        let watchers: Vec<_> = (0..8)
            .map(|_| {
                let mut rx = rx.clone();
                spawn_boxed(async move {
                    let mut last = 0;
                    while rx.changed().await.is_ok() {
                        let now = *rx.borrow_and_update();
                        assert!(now > last, "{now} after {last}");
                        last = now;
                    }
                    last
                })
            })
            .collect();
        drop(rx);
        let last = scaled(500);
        let thread = thread::spawn(move || {
            for n in 1..=last {
                tx.send(n).unwrap();
            }
        });
        for watcher in watchers {
            assert_eq!(watcher.await, last);
        }
        thread.join().unwrap();
    });
}

#[test]
fn watch_waits_for_a_condition() {
    block_on(async {
        let (tx, mut rx) = watch::channel(1);
        let waits = spawn_boxed(async move { rx.wait_for(|n| n % 10 == 0).await.map(|n| *n) });
        for n in 2..=10 {
            tx.send_replace(n);
            yield_now().await;
        }
        assert_eq!(waits.await.unwrap(), 10);
    });
}

#[test]
fn broadcast_reaches_everybody_and_tells_who_was_too_slow() {
    block_on(async {
        let (tx, rx) = broadcast::channel(4);
        let mut slow = tx.subscribe();
        let quick: Vec<_> = (0..3)
            .map(|_| {
                let mut rx = rx.resubscribe();
                spawn_boxed(async move {
                    let mut seen = Vec::new();
                    while let Ok(n) = rx.recv().await {
                        seen.push(n);
                    }
                    seen
                })
            })
            .collect();
        drop(rx);
        for n in 0..20 {
            tx.send(n).unwrap();
            yield_now().await;
        }
        drop(tx);
        for task in quick {
            assert_eq!(task.await, (0..20).collect::<Vec<_>>());
        }
        assert_eq!(
            slow.recv().await,
            Err(broadcast::error::RecvError::Lagged(16))
        );
        assert_eq!(slow.recv().await, Ok(16));
    });
}

#[test]
fn a_receive_that_lost_a_select_takes_no_message() {
    block_on(async {
        let (tx, mut rx) = mpsc::channel(1);
        let rounds = scaled(200);
        let thread = thread::spawn(move || (0..rounds).for_each(|n| tx.blocking_send(n).unwrap()));
        let mut seen = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = sleep(MS / 50) => {}
                next = rx.recv() => match next {
                    Some(n) => seen.push(n),
                    None => break,
                },
            }
        }
        assert_eq!(seen, (0..rounds).collect::<Vec<_>>());
        thread.join().unwrap();
    });
}
