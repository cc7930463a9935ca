//! What the machine takes when nothing is in the way.

use super::{Channel, ECHO_BUFFER, Echo, TryRecv};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::thread;

type Queue<T> = Rc<RefCell<VecDeque<T>>>;

/// A `VecDeque`, in place of a channel.
#[derive(Debug)]
pub struct Deque;

impl Channel for Deque {
    type Sender = Queue<u64>;
    type Receiver = Queue<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        let queue = Rc::new(RefCell::new(VecDeque::with_capacity(capacity)));
        (queue.clone(), queue)
    }

    fn try_send(tx: &mut Self::Sender, message: u64) -> bool {
        let mut queue = tx.borrow_mut();
        let room = queue.len() < queue.capacity();
        if room {
            queue.push_back(message);
        }
        room
    }

    fn recv(rx: &mut Self::Receiver) -> impl Future<Output = impl IntoIterator<Item = u64>> {
        std::future::ready(rx.borrow_mut().pop_front())
    }
}

impl TryRecv for Deque {
    fn try_recv(rx: &mut Self::Receiver) -> Option<u64> {
        rx.borrow_mut().pop_front()
    }
}

/// A thread a connection, which blocks, all on the core of the caller.
#[derive(Debug)]
pub struct Threads;

fn echo(mut stream: TcpStream) -> std::io::Result<u64> {
    let mut buf = [0; ECHO_BUFFER];
    let mut bytes = 0;
    loop {
        let len = stream.read(&mut buf)?;
        if len == 0 {
            return Ok(bytes);
        }
        stream.write_all(&buf[..len])?;
        bytes += len as u64;
    }
}

impl Echo for Threads {
    fn serve(connections: Vec<TcpStream>) -> u64 {
        // A new thread may run where the one that starts it may.
        let threads: Vec<_> = connections
            .into_iter()
            .map(|connection| thread::spawn(|| echo(connection)))
            .collect();
        threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(Ok(bytes)) => bytes,
                other => panic!("a connection broke: {other:?}"),
            })
            .sum()
    }
}
