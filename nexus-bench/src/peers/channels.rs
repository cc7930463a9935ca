//! Channels that belong to no executor.

use super::{AsyncSend, AwaitBytes, Bytes, Channel, TryRecv};
use std::fmt::Debug;

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
