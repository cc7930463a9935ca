//! What is going on, on stderr, while it goes on.
//!
//! A thread of its own writes it: a terminal that is slow to take it holds up
//! nobody else.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Shows a counter until it is dropped.
#[derive(Debug)]
pub struct Progress {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    done: AtomicU64,
    ended: AtomicBool,
}

/// Says how far its owner is.
#[derive(Debug)]
pub struct Counter(Arc<Shared>);

impl Counter {
    /// So many are done by now.
    pub fn set(&self, done: u64) {
        // Ordering: Relaxed; nothing else is read because of it.
        self.0.done.store(done, Ordering::Relaxed);
    }
}

impl Progress {
    /// Shows how many messages `what` has done, of `total` if that is known.
    ///
    /// # Errors
    ///
    /// If the system has no thread to give.
    pub fn start(what: &'static str, total: Option<u64>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            done: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("progress".to_string())
            .spawn(move || show(what, total, &theirs))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// The counter that is shown.
    pub fn counter(&self) -> Counter {
        Counter(Arc::clone(&self.shared))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // Ordering: Relaxed; the unpark orders it before the next look.
        self.shared.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It can only have panicked on stderr, and is over either way.
            let _ = thread.join();
        }
    }
}

fn show(what: &str, total: Option<u64>, shared: &Shared) {
    let mut stderr = io::stderr();
    // In a terminal one line is written over and over; in a file each stays.
    let (begin, end, pause) = match stderr.is_terminal() {
        true => ("\r", "", Duration::from_millis(100)),
        false => ("", "\n", Duration::from_secs(1)),
    };
    loop {
        thread::park_timeout(pause);
        // Ordering: Relaxed; see `Progress::drop`.
        let ended = shared.ended.load(Ordering::Relaxed);
        let done = shared.done.load(Ordering::Relaxed);
        let line = match total {
            Some(total) => {
                let percent = done.saturating_mul(100) / total.max(1);
                format!("{begin}{what}: {done} of {total} messages, {percent} %{end}")
            }
            None => format!("{begin}{what}: {done} messages{end}"),
        };
        // Nobody may be reading; the run goes on.
        let _ = stderr.write_all(line.as_bytes());
        if ended {
            if end.is_empty() {
                let _ = stderr.write_all(b"\n");
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn dropping_it_ends_it_at_once() {
        let begun = Instant::now();
        let progress = Progress::start("testing", Some(3)).unwrap();
        progress.counter().set(2);
        drop(progress);
        assert!(begun.elapsed() < Duration::from_millis(900));
    }
}
