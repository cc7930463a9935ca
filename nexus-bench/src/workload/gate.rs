//! A common start for a receiver and its producers.

use crate::cores;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// Set when the producers may begin.
const OPEN: u64 = 1 << 32;

/// Producers on threads of their own that begin at the same moment.
#[derive(Debug)]
pub struct Producers {
    gate: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Producers {
    /// Starts a thread for each, on the cores that are not the caller's, and
    /// returns when all of them wait for [`open`](Producers::open).
    #[must_use]
    pub fn start<P: FnOnce() + Send + 'static>(producers: Vec<P>) -> Self {
        cores::stay(0);
        let gate = Arc::new(AtomicU64::new(0));
        let mut threads = Vec::new();
        for (index, produce) in producers.into_iter().enumerate() {
            let gate = gate.clone();
            threads.push(thread::spawn(move || {
                cores::stay(1 + index);
                gate.fetch_add(1, Ordering::SeqCst);
                until(|| gate.load(Ordering::Acquire) >= OPEN);
                produce();
            }));
        }
        until(|| gate.load(Ordering::Acquire) == threads.len() as u64);
        Self { gate, threads }
    }

    /// Lets them begin.
    pub fn open(&self) {
        self.gate.fetch_add(OPEN, Ordering::SeqCst);
    }

    /// Waits for their ends.
    ///
    /// # Panics
    /// If one panicked.
    pub fn join(self) {
        for thread in self.threads {
            assert!(thread.join().is_ok(), "a producer panicked");
        }
    }
}

/// Looks until it is so; lets others run now and then, as there may be more
/// threads than cores.
pub fn until(mut so: impl FnMut() -> bool) {
    let mut looks = 0_u32;
    while !so() {
        looks += 1;
        if looks.is_multiple_of(512) {
            thread::yield_now();
        }
        spin_loop();
    }
}
