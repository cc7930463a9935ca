//! Transfers between any two sides, with a watch on stalls.

use crate::kinds::{Channel, Threaded};
use crate::sides::Side;
use nexus_async_rt::channel::TryRecvError;
use nexus_testkit::seed::last_words;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Sends `numbers` through `tx`.
pub fn produce<C: Threaded>(side: Side, mut tx: C::Sender, numbers: std::ops::Range<u64>) {
    match side {
        Side::Thread => {
            for n in numbers {
                C::blocking_send(&mut tx, n).expect("the receiver is there");
            }
        }
        Side::Spinning => {
            for n in numbers {
                while C::try_send(&mut tx, n).is_err() {
                    thread::yield_now();
                }
            }
        }
        _ => side.run(async move {
            for n in numbers {
                let sent = C::send_migrating(&mut tx, n).await;
                sent.expect("the receiver is there");
            }
        }),
    }
}

/// Receives until the end, each number into `seen`.
pub fn consume<C: Threaded>(
    side: Side,
    mut rx: C::Receiver,
    mut seen: impl FnMut(u64) + Send + 'static,
) {
    match side {
        Side::Thread => {
            while let Ok(n) = C::blocking_recv(&mut rx) {
                seen(n);
            }
        }
        Side::Spinning => loop {
            match C::try_recv(&mut rx) {
                Ok(n) => seen(n),
                Err(TryRecvError::Empty) => thread::yield_now(),
                Err(TryRecvError::Disconnected) => break,
            }
        },
        _ => side.run(async move {
            while let Ok(n) = C::recv_migrating(&mut rx).await {
                seen(n);
            }
        }),
    }
}

/// Ends the process when nothing has moved for too long.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<(AtomicU64, AtomicBool)>);

impl Pulse {
    pub fn beat(&self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn beats(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }
}

/// Runs `f`, which has to beat at least once in `limit`.
pub fn without_stall<R>(what: &str, limit: Duration, f: impl FnOnce(&Pulse) -> R) -> R {
    let pulse = Pulse::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut last, mut since) = (pulse.beats(), Instant::now());
            while !pulse.0.1.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(5));
                let now = pulse.beats();
                if now != last {
                    (last, since) = (now, Instant::now());
                } else if since.elapsed() > limit {
                    last_words(&format!(
                        "stall: {what} has not moved for {limit:?} after {now} messages"
                    ));
                    std::process::abort();
                }
            }
        });
        struct Stop<'a>(&'a Pulse);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.0.1.store(true, Ordering::Relaxed);
            }
        }
        let _stop = Stop(&pulse);
        f(&pulse)
    })
}

/// The shift under which a number names its producer.
const PRODUCER: u32 = 40;

/// Each producer sends `count` numbers; all arrive, once, in its order, and
/// then the end comes.
pub fn transfer<C: Threaded>(
    pulse: &Pulse,
    senders: Vec<C::Sender>,
    rx: C::Receiver,
    (from, to): (Side, Side),
    count: u64,
) {
    let producers: Vec<_> = (0u64..)
        .zip(senders)
        .map(|(producer, tx)| {
            let first = producer << PRODUCER;
            thread::spawn(move || produce::<C>(from, tx, first..first + count))
        })
        .collect();
    let next = Arc::new(std::sync::Mutex::new(vec![0; producers.len()]));
    let (seen, beat) = (next.clone(), pulse.clone());
    let consumer = thread::spawn(move || {
        consume::<C>(to, rx, move |n| {
            let (producer, n) = ((n >> PRODUCER) as usize, n & ((1 << PRODUCER) - 1));
            let next = &mut seen.lock().unwrap()[producer];
            assert_eq!(n, *next, "{from:?} to {to:?}, producer {producer}");
            *next += 1;
            beat.beat();
        });
    });
    for producer in producers {
        producer.join().expect("the producer did not panic");
    }
    consumer.join().expect("the consumer did not panic");
    let next = next.lock().unwrap();
    assert!(
        next.iter().all(|n| *n == count),
        "{from:?} to {to:?}: {next:?}"
    );
}

/// A channel, and as many senders as there shall be producers.
pub fn with_senders<C: Channel<Sender: Clone>>(
    messages: usize,
    producers: usize,
) -> (Vec<C::Sender>, C::Receiver) {
    let (tx, rx) = C::channel(messages);
    (vec![tx; producers], rx)
}
