//! What the machine takes when nothing is in the way.

use super::{Channel, TryRecv};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

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
