//! How far a run is, as a bar on stderr where that is a terminal.
//!
//! A thread of its own draws it: a terminal that is slow to take it holds up
//! nobody else.

use crate::service;
use indicatif::{
    HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};
use std::fmt::Write;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often it is drawn.
const PAUSE: Duration = Duration::from_millis(100);

/// How often a service manager is told.
const STATUS_PAUSE: Duration = Duration::from_secs(1);

/// The bars of the process, which log lines go around.
pub(crate) fn bars() -> &'static MultiProgress {
    static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
    &BARS
}

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
        let template = match total {
            Some(_) => MESSAGES_OF_ALL,
            None => MESSAGES,
        };
        Self::shown(what, total, template)
    }

    fn shown(what: &'static str, total: Option<u64>, template: &'static str) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            done: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("progress".to_string())
            .spawn(move || show(bar(what, total, template), &theirs))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Shows how many bytes of `what` are done.
    ///
    /// # Errors
    ///
    /// If the system has no thread to give.
    pub fn bytes(what: &'static str) -> io::Result<Self> {
        Self::shown(what, None, BYTES)
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

const MESSAGES_OF_ALL: &str =
    "{prefix} {elapsed_precise} [{wide_bar}] {percent:>3}% {rate} ETA {eta}";
const MESSAGES: &str = "{prefix} {elapsed_precise} {human_pos} messages {rate}";
const BYTES: &str = "{prefix} {elapsed_precise} {binary_bytes} {binary_bytes_per_sec}";

fn bar(what: &'static str, total: Option<u64>, template: &str) -> ProgressBar {
    // Hidden until it is among the others: alone it would draw below them.
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
    let style = ProgressStyle::with_template(template).expect("the template is one");
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        let rate = state.per_sec() as u64;
        // A line that cannot be formatted is drawn without it.
        let _ = write!(out, "{}/s", HumanCount(rate));
    };
    bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
    bar.set_prefix(what);
    bars().add(bar)
}

fn show(bar: ProgressBar, shared: &Shared) {
    let mut next_status = Instant::now() + STATUS_PAUSE;
    loop {
        thread::park_timeout(PAUSE);
        // Ordering: Relaxed; see `Progress::drop`.
        let ended = shared.ended.load(Ordering::Relaxed);
        let done = shared.done.load(Ordering::Relaxed);
        bar.set_position(done);
        if service::is_managed() && Instant::now() >= next_status {
            next_status = Instant::now() + STATUS_PAUSE;
            service::status(&format!("{}: {}", bar.prefix(), HumanCount(done)));
        }
        if ended {
            bar.finish_and_clear();
            bars().remove(&bar);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_it_ends_it_at_once() {
        let begun = Instant::now();
        let progress = Progress::start("testing", Some(3)).unwrap();
        progress.counter().set(2);
        drop(progress);
        assert!(begun.elapsed() < Duration::from_millis(900));
    }
}
