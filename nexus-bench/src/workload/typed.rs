//! Channels of `u64`.

use super::gate::{Producers, until};
use crate::figures::Figures;
use crate::peers::{AsyncSend, Channel, Executor, TryRecv};
use std::hint::{black_box, spin_loop};
use std::time::Instant;

/// What a receive brought.
#[inline(always)]
fn first(received: impl IntoIterator<Item = u64>) -> Option<u64> {
    received.into_iter().next()
}

/// One thread: send one without waiting, receive it without waiting.
#[must_use]
pub fn try_both<E: Executor, C: TryRecv>(ops: u64) -> Figures {
    E::block_on(async move {
        let (mut tx, mut rx) = C::channel(64);
        let begin = Instant::now();
        for number in 0..ops {
            assert!(C::try_send(black_box(&mut tx), number), "full");
            assert_eq!(C::try_recv(black_box(&mut rx)), Some(number), "order");
        }
        Figures::since(begin, ops)
    })
}

/// One thread: a task that awaits room and a task that awaits messages.
#[must_use]
pub fn between_tasks<E: Executor, C: AsyncSend>(ops: u64, capacity: usize) -> Figures {
    E::block_on(async move {
        let (mut tx, mut rx) = C::channel(capacity);
        let begin = Instant::now();
        let producer = E::spawn(async move {
            for number in 0..ops {
                let sent = C::send(&mut tx, number).await;
                assert!(sent.is_ok(), "the receiver is gone");
            }
        });
        let consumer = E::spawn(async move {
            for number in 0..ops {
                assert_eq!(first(C::recv(&mut rx).await), Some(number), "order");
            }
            first(C::recv(&mut rx).await)
        });
        producer.await;
        assert_eq!(consumer.await, None, "a message too many");
        Figures::since(begin, ops)
    })
}

/// Above the number in its sender's sequence, a message says which one sent it.
const SENDER_SHIFT: u32 = 48;

/// Sends `count` messages, trying again and again where there is no room.
fn produce<C: Channel>(mut tx: C::Sender, sender: u64, count: u64, alone: bool) {
    for number in 0..count {
        let message = sender << SENDER_SHIFT | number;
        if alone {
            while !C::try_send(&mut tx, message) {
                spin_loop();
            }
        } else {
            until(|| C::try_send(&mut tx, message));
        }
    }
}

fn start<C: Channel>(senders: Vec<C::Sender>, each: u64) -> Producers
where
    C::Sender: Send,
{
    let alone = senders.len() == 1;
    let producers = (0..).zip(senders);
    Producers::start(
        producers
            .map(|(sender, tx)| move || produce::<C>(tx, sender, each, alone))
            .collect(),
    )
}

/// The message is the next one of its sender.
#[inline]
fn check(next: &mut [u64], message: u64) {
    let sender = (message >> SENDER_SHIFT) as usize;
    let number = message & ((1 << SENDER_SHIFT) - 1);
    assert_eq!(number, next[sender], "order of sender {sender}");
    next[sender] += 1;
}

async fn receive<C: Channel>(rx: &mut C::Receiver, senders: usize, ops: u64) {
    let mut next = vec![0; senders];
    for _ in 0..ops {
        match first(C::recv(rx).await) {
            Some(message) => check(&mut next, message),
            None => panic!("the channel ended before its last message"),
        }
    }
    let each = ops / senders as u64;
    assert!(next.iter().all(|&n| n == each), "messages by sender");
}

fn awaited<E: Executor, C: Channel>(
    ops: u64,
    capacity: usize,
    senders: impl FnOnce(C::Sender) -> Vec<C::Sender> + 'static,
) -> Figures
where
    C::Sender: Send,
{
    E::block_on(async move {
        let (tx, mut rx) = C::channel(capacity);
        let senders = senders(tx);
        let (count, each) = (senders.len(), ops.div_ceil(senders.len() as u64));
        let ops = each * count as u64;
        let producers = start::<C>(senders, each);
        let task = E::spawn(async move {
            producers.open();
            let begin = Instant::now();
            receive::<C>(&mut rx, count, ops).await;
            let figures = Figures::since(begin, ops);
            producers.join();
            figures
        });
        task.await
    })
}

/// One thread that spins with `try_send`, and a task that awaits.
#[must_use]
pub fn one_producer<E: Executor, C: Channel>(ops: u64, capacity: usize) -> Figures
where
    C::Sender: Send,
{
    awaited::<E, C>(ops, capacity, |tx| vec![tx])
}

/// `count` threads that spin with `try_send`, and a task that awaits.
#[must_use]
pub fn producers<E: Executor, C: Channel>(ops: u64, capacity: usize, count: usize) -> Figures
where
    C::Sender: Clone + Send,
{
    awaited::<E, C>(ops, capacity, move |tx| vec![tx; count])
}

/// Two threads that spin with `try_send` and `try_recv`.
#[must_use]
pub fn spinning<E: Executor, C: TryRecv>(ops: u64, capacity: usize) -> Figures
where
    C::Sender: Send,
{
    E::block_on(async move {
        let (tx, mut rx) = C::channel(capacity);
        let producers = start::<C>(vec![tx], ops);
        producers.open();
        let begin = Instant::now();
        let mut next = [0];
        while next[0] < ops {
            match C::try_recv(&mut rx) {
                Some(message) => check(&mut next, message),
                None => spin_loop(),
            }
        }
        let figures = Figures::since(begin, ops);
        producers.join();
        figures
    })
}
