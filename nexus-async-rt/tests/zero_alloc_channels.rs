//! The hot paths of the channels allocate nothing: a counting allocator, path
//! by path, after one warm-up. One test at a time.

#[path = "counting/alone.rs"]
mod alone;
#[expect(dead_code, reason = "some paths here need no runtime")]
mod counting;

use alone::alone;
use counting::{allocations, count_this_thread};
use nexus_async_rt::channel::{local, mpsc, mpsc_bytes, spsc, spsc_bytes};
use nexus_async_rt::{Runtime, spawn_boxed};
use nexus_rt::WorldBuilder;

/// Operations a path.
const COUNT: u64 = 100_000;

/// Asserts when it goes that nothing was allocated since.
struct Measured(&'static str, usize);

fn measure(path: &'static str) -> Measured {
    Measured(path, allocations())
}

impl Drop for Measured {
    fn drop(&mut self) {
        let made = allocations() - self.1;
        assert_eq!(
            made, 0,
            "{}: {made} allocations in {COUNT} operations",
            self.0
        );
    }
}

/// Runs `path` once to warm up and once measured.
fn free_of_allocations(name: &'static str, mut path: impl FnMut()) {
    path();
    let _measured = measure(name);
    path();
}

macro_rules! tried {
    ($name:literal, $channel:expr) => {{
        let (tx, rx) = $channel;
        free_of_allocations($name, || {
            for n in 0..COUNT {
                tx.try_send(n).unwrap();
                assert_eq!(rx.try_recv(), Ok(n));
            }
        });
    }};
}

macro_rules! tried_bytes {
    ($name:literal, $channel:expr) => {{
        let (mut tx, mut rx) = $channel;
        free_of_allocations($name, || {
            for n in 0..COUNT {
                let mut claim = tx.try_claim(8).unwrap();
                claim.copy_from_slice(&n.to_le_bytes());
                claim.commit();
                tx.try_send(&n.to_le_bytes()).unwrap();
                drop(tx.try_claim(8).unwrap());
                for _ in 0..2 {
                    assert_eq!(*rx.try_recv().unwrap(), n.to_le_bytes());
                }
            }
        });
    }};
}

macro_rules! awaited {
    ($name:literal, $channel:expr) => {{
        in_a_runtime(async {
            let (tx, rx) = $channel;
            let mut measured = None;
            spawn_boxed(async move {
                for n in 0..2 * COUNT {
                    tx.send(n).await.unwrap();
                }
            });
            for n in 0..2 * COUNT {
                if n == COUNT {
                    measured = Some(measure($name));
                }
                assert_eq!(rx.recv().await, Ok(n));
            }
            drop(measured);
        });
    }};
}

/// As `awaited`, through exclusive borrows.
macro_rules! awaited_mut {
    ($name:literal, $channel:expr) => {{
        in_a_runtime(async {
            let (mut tx, mut rx) = $channel;
            let mut measured = None;
            spawn_boxed(async move {
                for n in 0..2 * COUNT {
                    tx.send_mut(n).await.unwrap();
                }
            });
            for n in 0..2 * COUNT {
                if n == COUNT {
                    measured = Some(measure($name));
                }
                assert_eq!(rx.recv_mut().await, Ok(n));
            }
            drop(measured);
        });
    }};
}

macro_rules! awaited_bytes {
    ($name:literal, $channel:expr) => {{
        in_a_runtime(async {
            let (mut tx, mut rx) = $channel;
            let mut measured = None;
            spawn_boxed(async move {
                for n in 0..COUNT {
                    let mut claim = tx.claim(24).await.unwrap();
                    claim[..8].copy_from_slice(&n.to_le_bytes());
                    claim.commit_len(8);
                    tx.send(&n.to_le_bytes()).await.unwrap();
                    drop(tx.claim(16).await.unwrap());
                }
            });
            for n in 0..2 * COUNT {
                if n == COUNT {
                    measured = Some(measure($name));
                }
                let message = rx.recv().await.unwrap();
                assert_eq!(*message, (n / 2).to_le_bytes());
            }
            drop(measured);
        });
    }};
}

fn in_a_runtime(task: impl Future<Output = ()>) {
    let mut world = WorldBuilder::new().build();
    Runtime::new(&mut world).block_on(task);
}

/// Ping-pong between a runtime that parks and a thread that sleeps.
fn across_a_parked_runtime() {
    const ROUNDS: u64 = 2_000;
    let (ask, asked) = spsc::channel::<u64>(2);
    let (mut answer, mut answered) = spsc_bytes::channel(64);
    let server = std::thread::spawn(move || {
        count_this_thread();
        while let Ok(n) = asked.blocking_recv() {
            let mut claim = answer.blocking_claim(8).unwrap();
            claim.copy_from_slice(&n.to_le_bytes());
            claim.commit();
        }
    });
    in_a_runtime(async {
        let mut measured = None;
        for n in 0..2 * ROUNDS {
            if n == ROUNDS {
                measured = Some(measure("across a parked runtime"));
            }
            ask.send(n).await.unwrap();
            assert_eq!(*answered.recv().await.unwrap(), n.to_le_bytes());
        }
        drop(measured);
    });
    drop(ask);
    server.join().unwrap();
}

/// Ping-pong between two threads, each of which sleeps until the other has
/// answered. `serve` answers until its channel ends, `ask` asks once.
fn across_threads(name: &'static str, serve: impl FnOnce() + Send, mut ask: impl FnMut(u64)) {
    const ROUNDS: u64 = 2_000;
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            count_this_thread();
            serve();
        });
        let mut measured = None;
        for n in 0..2 * ROUNDS {
            if n == ROUNDS {
                measured = Some(measure(name));
            }
            ask(n);
        }
        drop(measured);
        // With its channel the server ends.
        drop(ask);
        server.join().unwrap();
    });
}

macro_rules! blocking {
    ($name:literal, $channel:path) => {{
        let (ask, asked) = $channel(1);
        let (answer, answered) = $channel(1);
        let serve = move || {
            while let Ok(n) = asked.blocking_recv() {
                answer.blocking_send(n).unwrap();
                // The second waits for room.
                answer.blocking_send(n + 1).unwrap();
            }
        };
        across_threads($name, serve, move |n| {
            ask.blocking_send(n).unwrap();
            assert_eq!(answered.blocking_recv(), Ok(n));
            assert_eq!(answered.blocking_recv(), Ok(n + 1));
        });
    }};
}

macro_rules! blocking_bytes {
    ($name:literal, $channel:path) => {{
        let (mut ask, mut asked) = $channel(64);
        let (mut answer, mut answered) = $channel(64);
        let serve = move || {
            while let Ok(message) = asked.blocking_recv() {
                // The last waits for room.
                for _ in 0..5 {
                    let mut claim = answer.blocking_claim(16).unwrap();
                    claim[..8].copy_from_slice(&message);
                    claim.commit();
                }
            }
        };
        across_threads($name, serve, move |n| {
            let mut claim = ask.blocking_claim(8).unwrap();
            claim.copy_from_slice(&n.to_le_bytes());
            claim.commit();
            for _ in 0..5 {
                assert_eq!(answered.blocking_recv().unwrap()[..8], n.to_le_bytes());
            }
        });
    }};
}

#[test]
fn u70_a_clone_of_a_sender_allocates_nothing() {
    alone(|| {
        let (locals, _rx) = local::channel::<u64>(2);
        let (threads, _rx) = mpsc::channel::<u64>(2);
        let (bytes, _rx) = mpsc_bytes::channel(64);
        free_of_allocations("clones of senders", || {
            for _ in 0..COUNT {
                drop((locals.clone(), threads.clone(), bytes.clone()));
            }
        });
    });
}

#[test]
fn hot_paths_allocate_nothing() {
    alone(|| {
        tried!("local, tried", local::channel(2));
        tried!("spsc, tried", spsc::channel(2));
        tried!("mpsc, tried", mpsc::channel(2));
        tried_bytes!("spsc_bytes, tried", spsc_bytes::channel(64));
        tried_bytes!("mpsc_bytes, tried", mpsc_bytes::channel(64));
        awaited!("local, awaited", local::channel(2));
        awaited!("spsc, awaited", spsc::channel(2));
        awaited!("mpsc, awaited", mpsc::channel(2));
        awaited_mut!("local, awaited exclusively", local::channel(2));
        awaited_mut!("spsc, awaited exclusively", spsc::channel(2));
        awaited_mut!("mpsc, awaited exclusively", mpsc::channel(2));
        awaited_bytes!("spsc_bytes, awaited", spsc_bytes::channel(64));
        awaited_bytes!("mpsc_bytes, awaited", mpsc_bytes::channel(64));
        blocking!("spsc, blocking", spsc::channel);
        blocking!("mpsc, blocking", mpsc::channel);
        blocking_bytes!("spsc_bytes, blocking", spsc_bytes::channel);
        blocking_bytes!("mpsc_bytes, blocking", mpsc_bytes::channel);
        across_a_parked_runtime();
    });
}
