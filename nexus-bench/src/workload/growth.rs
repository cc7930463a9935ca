//! What an operation costs beside many others of its kind.

use crate::figures::Figures;
use nexus_async_rt::channel::local;
use nexus_async_rt::net::UdpSocket;
use nexus_async_rt::{RuntimeBuilder, spawn_boxed, yield_now};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Instant;

/// Rounds at least, so that the operations outweigh their set-up.
const ROUNDS: u64 = 4;

/// `alive` tasks that run in turn.
#[must_use]
pub fn tasks(ops: u64, alive: u64) -> Figures {
    let rounds = ops.div_ceil(alive).max(ROUNDS);
    RuntimeBuilder::new().build().block_on(async move {
        let polls = Rc::new(Cell::new(0));
        let begin = Rc::new(Cell::new(Instant::now()));
        let mut last = None;
        for number in 0..alive {
            let (polls, begin) = (polls.clone(), begin.clone());
            last = Some(spawn_boxed(async move {
                yield_now().await;
                if number == 0 {
                    // Every task has had its first poll.
                    begin.set(Instant::now());
                }
                for _ in 0..rounds {
                    polls.set(polls.get() + 1);
                    yield_now().await;
                }
            }));
        }
        last.expect("there is a task").await;
        let figures = Figures::since(begin.get(), alive * rounds);
        assert_eq!(polls.get(), alive * rounds, "polls of all tasks");
        figures
    })
}

/// A message to each of `alive` channels in turn, each with a task that waits for it.
#[must_use]
pub fn channels(ops: u64, alive: u64) -> Figures {
    let rounds = ops.div_ceil(alive).max(ROUNDS);
    RuntimeBuilder::new().build().block_on(async move {
        let received = Rc::new(Cell::new(0));
        let senders: Vec<_> = (0..alive)
            .map(|_| {
                let (tx, rx) = local::channel(1);
                let received = received.clone();
                spawn_boxed(async move {
                    while let Ok(number) = rx.recv().await {
                        received.set(received.get() + number);
                    }
                });
                tx
            })
            .collect();
        yield_now().await;
        let begin = Instant::now();
        for _ in 0..rounds {
            for tx in &senders {
                let sent = tx.send(1_u64).await;
                assert!(sent.is_ok(), "a receiver is gone");
            }
        }
        while received.get() < alive * rounds {
            yield_now().await;
        }
        Figures::since(begin, alive * rounds)
    })
}

fn bound() -> UdpSocket {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    UdpSocket::bind(address).unwrap_or_else(|error| panic!("no socket: {error}"))
}

/// A datagram's round trip between two tasks, beside `idle` sockets that wait.
#[must_use]
pub fn sockets(ops: u64, idle: u64) -> Figures {
    RuntimeBuilder::new().build().block_on(async move {
        for _ in 0..idle {
            let socket = bound();
            spawn_boxed(async move { socket.recv(&mut [0; 8]).await });
        }
        let (here, there) = (bound(), bound());
        for (one, other) in [(&here, &there), (&there, &here)] {
            let connected = other.local_addr().and_then(|address| one.connect(address));
            assert!(connected.is_ok(), "not connected: {connected:?}");
        }
        let server = spawn_boxed(async move {
            let mut word = [0; 8];
            for _ in 0..ops {
                there.recv(&mut word).await?;
                there.send(&word).await?;
            }
            std::io::Result::Ok(())
        });
        yield_now().await;
        let begin = Instant::now();
        for number in 0..ops {
            let mut word = number.to_le_bytes();
            let sent = here.send(&word).await;
            let received = here.recv(&mut word).await;
            assert!(sent.is_ok() && received.is_ok(), "{sent:?}, {received:?}");
            assert_eq!(word, number.to_le_bytes(), "order");
        }
        let figures = Figures::since(begin, ops);
        let served = server.await;
        assert!(served.is_ok(), "the server failed: {served:?}");
        figures
    })
}
