//! A TCP server on the loopback that sends back what it gets. The client is the
//! same for all: a thread of its own with sockets that block.

use super::gate::until;
use crate::cores;
use crate::figures::Figures;
use crate::peers::Echo;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of a message.
const LEN: usize = 64;
/// Round trips before the clock is started.
const WARM_UP: u64 = 100;

/// A connected pair on the loopback; small messages go at once.
fn connect(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let connected = listener.local_addr().and_then(TcpStream::connect);
    let client = connected.unwrap_or_else(|error| panic!("no connection: {error}"));
    let (server, _) = listener
        .accept()
        .unwrap_or_else(|error| panic!("no connection: {error}"));
    for stream in [&client, &server] {
        let set = stream.set_nodelay(true);
        assert!(set.is_ok(), "the socket refused an option: {set:?}");
    }
    (client, server)
}

/// Sends message `number` on a connection.
fn send(mut stream: &TcpStream, number: u64) {
    let mut message = [0; LEN];
    message[..8].copy_from_slice(&number.to_le_bytes());
    message[LEN - 8..].copy_from_slice(&(!number).to_le_bytes());
    let sent = stream.write_all(&message);
    assert!(sent.is_ok(), "a send failed: {sent:?}");
}

/// Receives message `number`.
fn receive(mut stream: &TcpStream, number: u64) {
    let mut message = [0; LEN];
    let received = stream.read_exact(&mut message);
    assert!(received.is_ok(), "a receive failed: {received:?}");
    assert_eq!(message[..8], number.to_le_bytes(), "head of an echo");
    assert_eq!(
        message[LEN - 8..],
        (!number).to_le_bytes(),
        "end of an echo"
    );
}

/// Serves `count` connections on the calling thread while `client` uses them on
/// another; the client's figures, and how many messages it sent.
fn with_client<E: Echo>(
    count: usize,
    client: impl FnOnce(Vec<TcpStream>) -> (Figures, u64) + Send + 'static,
) -> Figures {
    cores::stay(0);
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .unwrap_or_else(|error| panic!("no port on the loopback: {error}"));
    let (ours, theirs) = (0..count).map(|_| connect(&listener)).unzip();
    let started = Arc::new(AtomicBool::new(false));
    let begun = started.clone();
    let client = thread::spawn(move || {
        cores::stay(1);
        begun.store(true, Ordering::Release);
        client(ours)
    });
    until(|| started.load(Ordering::Acquire));
    let bytes = E::serve(theirs);
    let Ok((figures, messages)) = client.join() else {
        panic!("the client panicked");
    };
    assert_eq!(bytes, messages * LEN as u64, "bytes that were sent back");
    figures
}

/// One connection, one message at a time: each is timed.
#[must_use]
pub fn latency<E: Echo>(ops: u64) -> Figures {
    with_client::<E>(1, move |streams| {
        let stream = &streams[0];
        let mut each: Vec<Duration> = Vec::with_capacity(ops as usize);
        for number in 0..WARM_UP + ops {
            let begin = Instant::now();
            send(stream, number);
            receive(stream, number);
            if number >= WARM_UP {
                each.push(begin.elapsed());
            }
        }
        (Figures::of(each), WARM_UP + ops)
    })
}

/// A message on each of `CONNECTIONS`, then the echoes of all, and so on.
#[must_use]
pub fn rate<E: Echo, const CONNECTIONS: usize>(ops: u64) -> Figures {
    with_client::<E>(CONNECTIONS, move |streams| {
        let rounds = ops.div_ceil(CONNECTIONS as u64);
        let mut begin = Instant::now();
        for round in 0..=rounds {
            for stream in &streams {
                send(stream, round);
            }
            for stream in &streams {
                receive(stream, round);
            }
            if round == 0 {
                begin = Instant::now();
            }
        }
        let count = CONNECTIONS as u64;
        (Figures::since(begin, rounds * count), (rounds + 1) * count)
    })
}
