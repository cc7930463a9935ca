//! Rings and queues that do not wait: both ends spin.

use super::{Bytes, Channel, TryRecv};
use disruptor::Producer as _;
use ringbuf::traits::{Consumer as _, Producer as _, Split as _};
use std::future::poll_fn;
use std::task::Poll;

/// The traits of a ring, with a receive that spins.
macro_rules! ring {
    (
        $(#[$doc:meta])* $name:ident, $tx:ty, $rx:ty, $make:expr,
        push: |$to:ident, $message:ident| $push:expr,
        pop: |$from:ident| $pop:expr
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

            fn try_send($to: &mut Self::Sender, $message: u64) -> bool {
                $push
            }

            fn recv(rx: &mut Self::Receiver) -> impl Future<Output = impl IntoIterator<Item = u64>> {
                poll_fn(|_| loop {
                    if let Some(message) = Self::try_recv(rx) {
                        return Poll::Ready(Some(message));
                    }
                    std::hint::spin_loop();
                })
            }
        }

        impl TryRecv for $name {
            fn try_recv($from: &mut Self::Receiver) -> Option<u64> {
                $pop
            }
        }
    };
}

ring!(
    /// `rtrb`, as the limit of a ring that does not wait.
    Rtrb, rtrb::Producer<u64>, rtrb::Consumer<u64>, rtrb::RingBuffer::new,
    push: |tx, message| tx.push(message).is_ok(),
    pop: |rx| rx.pop().ok()
);
ring!(
    /// `ringbuf`, with the cached indices that it hands out by default.
    Ringbuf, ringbuf::HeapProd<u64>, ringbuf::HeapCons<u64>,
    |capacity| ringbuf::HeapRb::new(capacity).split(),
    push: |tx, message| tx.try_push(message).is_ok(),
    pop: |rx| rx.try_pop()
);
ring!(
    /// `crossbeam-channel`, bounded.
    Crossbeam, crossbeam_channel::Sender<u64>, crossbeam_channel::Receiver<u64>,
    crossbeam_channel::bounded,
    push: |tx, message| tx.try_send(message).is_ok(),
    pop: |rx| rx.try_recv().ok()
);

type DisruptorBarrier = disruptor::SingleProducerBarrier;

ring!(
    /// `disruptor`, polled for one event at a time.
    Disruptor, disruptor::SingleProducer<u64, disruptor::SingleConsumerBarrier>,
    disruptor::EventPoller<u64, DisruptorBarrier>,
    |capacity| {
        let builder = disruptor::build_single_producer(capacity, || 0, disruptor::BusySpin);
        let (poller, builder) = builder.new_event_poller();
        (builder.build(), poller)
    },
    push: |tx, message| tx.try_publish(|event| *event = message).is_ok(),
    pop: |rx| (&mut rx.take(1).ok()?).next().copied()
);

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

type BbqueueHandle = std::sync::Arc<bbqueue::nicknames::YakiNiku>;

/// `bbqueue`, framed.
#[derive(Debug)]
pub struct Bbqueue;

impl Bytes for Bbqueue {
    type Sender = bbqueue::prod_cons::framed::FramedProducer<BbqueueHandle>;
    type Receiver = bbqueue::prod_cons::framed::FramedConsumer<BbqueueHandle>;

    fn channel(capacity: usize, _: usize) -> (Self::Sender, Self::Receiver) {
        let storage = bbqueue::traits::storage::BoxedSlice::new(capacity);
        let queue = bbqueue::nicknames::GogiGui::new_with_storage(storage);
        (queue.framed_producer(), queue.framed_consumer())
    }

    fn try_send(tx: &mut Self::Sender, message: &[u8]) -> bool {
        let len = message.len() as u16;
        let Ok(mut grant) = tx.grant(len) else {
            return false;
        };
        grant.copy_from_slice(message);
        grant.commit(len);
        true
    }

    fn try_recv(rx: &mut Self::Receiver, read: impl FnOnce(&[u8])) -> bool {
        let Ok(grant) = rx.read() else {
            return false;
        };
        read(&grant);
        grant.release();
        true
    }
}
