//! Where an end of a channel can live: under each executor, and on a plain
//! thread. Transfers between any two of them, with a watch on stalls.

use crate::channel_kinds::{Channel, Threaded};
use crate::seed::last_words;
use nexus_async_rt::channel::TryRecvError;
use nexus_async_rt::{Runtime, spawn_boxed};
use nexus_rt::WorldBuilder;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

/// Who drives an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Parked,
    Busy,
    TokioCurrentThread,
    TokioMultiThread,
    AsyncExecutor,
    /// A plain thread that sleeps in the blocking forms.
    Thread,
    /// A plain thread that tries again and again.
    Spinning,
}

pub const SIDES: [Side; 7] = [
    Side::Parked,
    Side::Busy,
    Side::TokioCurrentThread,
    Side::TokioMultiThread,
    Side::AsyncExecutor,
    Side::Thread,
    Side::Spinning,
];

fn with_runtime<R>(f: impl FnOnce(&mut Runtime<'_>) -> R) -> R {
    let mut world = WorldBuilder::new().build();
    f(&mut Runtime::new(&mut world))
}

impl Side {
    /// Under a sanitizer that cannot see into the standard library foreign
    /// executors report races of their own: ours take their place.
    fn instrumented(self) -> Self {
        static ONLY_OURS: LazyLock<bool> =
            LazyLock::new(|| std::env::var_os("NEXUS_OWN_RUNTIME_ONLY").is_some());
        match self {
            Side::TokioCurrentThread if *ONLY_OURS => Side::Busy,
            Side::TokioMultiThread | Side::AsyncExecutor if *ONLY_OURS => Side::Parked,
            side => side,
        }
    }

    /// Drives a task that may migrate. Not for the plain threads.
    pub fn run<R: Send + 'static>(self, task: impl Future<Output = R> + Send + 'static) -> R {
        match self.instrumented() {
            Side::Parked | Side::Busy | Side::TokioCurrentThread => self.run_local(task),
            Side::TokioMultiThread => tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .build()
                .unwrap()
                .block_on(async { tokio::spawn(task).await.unwrap() }),
            Side::AsyncExecutor => {
                let executor = Arc::new(async_executor::Executor::new());
                let task = executor.spawn(task);
                futures_lite::future::block_on(executor.run(task))
            }
            Side::Thread | Side::Spinning => panic!("{self:?} drives no future"),
        }
    }

    /// Drives a task that stays on its thread.
    pub fn run_local<R: 'static>(self, task: impl Future<Output = R> + 'static) -> R {
        match self.instrumented() {
            Side::Parked => with_runtime(|rt| rt.block_on(async { spawn_boxed(task).await })),
            Side::Busy => with_runtime(|rt| rt.block_on_busy(async { spawn_boxed(task).await })),
            Side::TokioCurrentThread => {
                let local = tokio::task::LocalSet::new();
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                local.block_on(&runtime, async {
                    tokio::task::spawn_local(task).await.unwrap()
                })
            }
            Side::AsyncExecutor => {
                let executor = async_executor::LocalExecutor::new();
                let task = executor.spawn(task);
                futures_lite::future::block_on(executor.run(task))
            }
            Side::TokioMultiThread | Side::Thread | Side::Spinning => {
                panic!("{self:?} drives no local future")
            }
        }
    }

    /// Sends `numbers` through `tx`.
    pub fn produce<C: Threaded>(self, mut tx: C::Sender, numbers: std::ops::Range<u64>) {
        match self {
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
            _ => self.run(async move {
                for n in numbers {
                    let sent = C::send_migrating(&mut tx, n).await;
                    sent.expect("the receiver is there");
                }
            }),
        }
    }

    /// Receives until the end, each number into `seen`.
    pub fn consume<C: Threaded>(
        self,
        mut rx: C::Receiver,
        mut seen: impl FnMut(u64) + Send + 'static,
    ) {
        match self {
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
            _ => self.run(async move {
                while let Ok(n) = C::recv_migrating(&mut rx).await {
                    seen(n);
                }
            }),
        }
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

/// The shift under which a number says who sent it.
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
        .map(|(who, tx)| {
            let first = who << PRODUCER;
            thread::spawn(move || from.produce::<C>(tx, first..first + count))
        })
        .collect();
    let next = Arc::new(std::sync::Mutex::new(vec![0; producers.len()]));
    let (seen, beat) = (next.clone(), pulse.clone());
    let consumer = thread::spawn(move || {
        to.consume::<C>(rx, move |n| {
            let (who, n) = ((n >> PRODUCER) as usize, n & ((1 << PRODUCER) - 1));
            let next = &mut seen.lock().unwrap()[who];
            assert_eq!(n, *next, "{from:?} to {to:?}, producer {who}");
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
