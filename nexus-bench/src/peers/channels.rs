//! Channels that belong to no executor.

use super::{AsyncSend, AwaitBytes, Bytes, Channel, TryRecv};
use std::fmt::Debug;
use std::future::poll_fn;
use std::task::Poll;

/// The traits of a channel with the ends `$tx` and `$rx`.
macro_rules! channel {
    (
        $(#[$doc:meta])* $name:ident, $tx:ty, $rx:ty, $make:path,
        sent: |$result:ident| $sent:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Channel for $name {
            type Sender = $tx;
            type Receiver = $rx;

            fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
                $make(capacity)
            }

            fn try_send(tx: &mut Self::Sender, message: u64) -> bool {
                let $result = tx.try_send(message);
                $sent
            }

            fn recv(rx: &mut Self::Receiver) -> impl Future<Output = impl IntoIterator<Item = u64>> {
                rx.recv()
            }
        }
    };
}

channel!(
    /// `tachyonix`.
    Tachyonix, tachyonix::Sender<u64>, tachyonix::Receiver<u64>, tachyonix::channel,
    sent: |result| result.is_ok()
);
channel!(
    /// `kanal`.
    Kanal, kanal::AsyncSender<u64>, kanal::AsyncReceiver<u64>, kanal::bounded_async,
    sent: |result| result == Ok(true)
);
channel!(
    /// `crossfire::spsc`.
    CrossfireSpsc, crossfire::Tx<crossfire::spsc::Array<u64>>,
    crossfire::AsyncRx<crossfire::spsc::Array<u64>>, crossfire::spsc::bounded_blocking_async,
    sent: |result| result.is_ok()
);
channel!(
    /// `crossfire::mpsc`.
    CrossfireMpsc, crossfire::MTx<crossfire::mpsc::Array<u64>>,
    crossfire::AsyncRx<crossfire::mpsc::Array<u64>>, crossfire::mpsc::bounded_blocking_async,
    sent: |result| result.is_ok()
);
channel!(
    /// `async-channel`.
    AsyncChannel, async_channel::Sender<u64>, async_channel::Receiver<u64>,
    async_channel::bounded,
    sent: |result| result.is_ok()
);

impl AsyncSend for Kanal {
    fn send(tx: &mut Self::Sender, message: u64) -> impl Future<Output = Result<(), impl Debug>> {
        tx.send(message)
    }
}

impl TryRecv for Kanal {
    fn try_recv(rx: &mut Self::Receiver) -> Option<u64> {
        rx.try_recv().ok().flatten()
    }
}

/// `flume`.
#[derive(Debug)]
pub struct Flume;

impl Channel for Flume {
    type Sender = flume::Sender<u64>;
    type Receiver = flume::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        flume::bounded(capacity)
    }

    fn try_send(tx: &mut Self::Sender, message: u64) -> bool {
        tx.try_send(message).is_ok()
    }

    fn recv(rx: &mut Self::Receiver) -> impl Future<Output = impl IntoIterator<Item = u64>> {
        rx.recv_async()
    }
}

/// `unsync::spsc`, for one thread.
#[derive(Debug)]
pub struct Unsync;

impl Channel for Unsync {
    type Sender = unsync::spsc::Sender<u64>;
    type Receiver = unsync::spsc::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        unsync::spsc::channel(capacity)
    }

    fn try_send(tx: &mut Self::Sender, message: u64) -> bool {
        tx.try_send(message).is_ok()
    }

    fn recv(rx: &mut Self::Receiver) -> impl Future<Output = impl IntoIterator<Item = u64>> {
        rx.recv()
    }
}

impl AsyncSend for Unsync {
    fn send(tx: &mut Self::Sender, message: u64) -> impl Future<Output = Result<(), impl Debug>> {
        tx.send(message)
    }
}

/// `rtrb`'s chunks, with the length in front of each message. It does not wait.
#[derive(Debug)]
pub struct RtrbBytes;

impl Bytes for RtrbBytes {
    type Sender = rtrb::Producer<u8>;
    type Receiver = rtrb::Consumer<u8>;

    fn channel(capacity: usize, _: usize) -> (Self::Sender, Self::Receiver) {
        rtrb::RingBuffer::new(capacity)
    }

    fn try_send(tx: &mut Self::Sender, message: &[u8]) -> bool {
        let header = (message.len() as u64).to_le_bytes();
        let Ok(mut chunk) = tx.write_chunk_uninit(message.len() + header.len()) else {
            return false;
        };
        let (first, second) = chunk.as_mut_slices();
        // Headers and messages are multiples of 4 bytes: a header may be cut.
        let mut rest = [header.as_slice(), message].into_iter().flatten();
        let fits = first.len() >= header.len();
        if fits {
            let (head, tail) = first.split_at_mut(header.len());
            let split = tail.len().min(message.len());
            head.write_copy_of_slice(&header);
            tail.write_copy_of_slice(&message[..split]);
            second.write_copy_of_slice(&message[split..]);
        } else {
            for (to, from) in first.iter_mut().chain(second).zip(&mut rest) {
                to.write(*from);
            }
        }
        // SAFETY: all of the chunk was written above.
        unsafe { chunk.commit_all() };
        true
    }

    fn try_recv(rx: &mut Self::Receiver, read: impl FnOnce(&[u8])) -> bool {
        let mut header = [0; 8];
        let Ok(chunk) = rx.read_chunk(header.len()) else {
            return false;
        };
        let (first, second) = chunk.as_slices();
        header[..first.len()].copy_from_slice(first);
        header[first.len()..].copy_from_slice(second);
        chunk.commit_all();
        let len = u64::from_le_bytes(header) as usize;
        let Ok(chunk) = rx.read_chunk(len) else {
            panic!("a header without its message");
        };
        match chunk.as_slices() {
            (whole, []) => read(whole),
            (first, second) => read(&[first, second].concat()),
        }
        chunk.commit_all();
        true
    }
}

/// `rtrb`, as the limit of a ring that does not wait.
#[derive(Debug)]
pub struct Rtrb;

impl Channel for Rtrb {
    type Sender = rtrb::Producer<u64>;
    type Receiver = rtrb::Consumer<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        rtrb::RingBuffer::new(capacity)
    }

    fn try_send(tx: &mut Self::Sender, message: u64) -> bool {
        tx.push(message).is_ok()
    }

    fn recv(rx: &mut Self::Receiver) -> impl Future<Output = impl IntoIterator<Item = u64>> {
        poll_fn(|_| {
            loop {
                if let Ok(message) = rx.pop() {
                    return Poll::Ready(Some(message));
                }
                std::hint::spin_loop();
            }
        })
    }
}

impl TryRecv for Rtrb {
    fn try_recv(rx: &mut Self::Receiver) -> Option<u64> {
        rx.pop().ok()
    }
}

/// `thingbuf`, whose slots are `Vec`s that are used again.
#[derive(Debug)]
pub struct Thingbuf;

impl Bytes for Thingbuf {
    type Sender = thingbuf::mpsc::Sender<Vec<u8>>;
    type Receiver = thingbuf::mpsc::Receiver<Vec<u8>>;

    fn channel(capacity: usize, len: usize) -> (Self::Sender, Self::Receiver) {
        thingbuf::mpsc::channel((capacity / len).max(1))
    }

    fn try_send(tx: &mut Self::Sender, message: &[u8]) -> bool {
        let Ok(mut slot) = tx.try_send_ref() else {
            return false;
        };
        slot.clear();
        slot.extend_from_slice(message);
        true
    }

    fn try_recv(rx: &mut Self::Receiver, read: impl FnOnce(&[u8])) -> bool {
        rx.try_recv_ref().map(|slot| read(&slot)).is_ok()
    }
}

impl AwaitBytes for Thingbuf {
    async fn recv(rx: &mut Self::Receiver, read: impl FnOnce(&[u8])) -> bool {
        rx.recv_ref().await.map(|slot| read(&slot)).is_some()
    }
}
