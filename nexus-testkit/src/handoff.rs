//! Values that go from thread to thread in tests.
//!
//! Plain atomics: ThreadSanitizer does not see the inside of std's own locks,
//! condition variables and channels, and would report what they protect.

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A lock that spins.
#[derive(Default)]
pub struct Guarded<T> {
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `with` lets one thread at a time at the value.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    /// A lock around `value`.
    pub fn new(value: T) -> Self {
        Self {
            locked: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Runs `f` on the value.
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        struct Unlock<'a>(&'a AtomicBool);
        impl Drop for Unlock<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Release);
            }
        }
        while self.locked.swap(true, Ordering::Acquire) {
            std::thread::yield_now();
        }
        let _unlock = Unlock(&self.locked);
        // SAFETY: the lock is ours until `_unlock` is dropped.
        f(unsafe { &mut *self.value.get() })
    }
}

struct Queue<T> {
    values: VecDeque<T>,
    closed: bool,
}

/// A queue between threads.
pub struct Handoff<T>(Arc<Guarded<Queue<T>>>);

impl<T> Clone for Handoff<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Handoff<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Handoff<T> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Guarded::new(Queue {
            values: VecDeque::new(),
            closed: false,
        })))
    }

    /// Puts a value in.
    pub fn give(&self, value: T) {
        self.0.with(|queue| queue.values.push_back(value));
    }

    /// Nothing more will be given.
    pub fn close(&self) {
        self.0.with(|queue| queue.closed = true);
    }

    /// The next value, or `None` when closed.
    ///
    /// # Errors
    /// `limit`, when it is over.
    pub fn take_within(&self, limit: Duration) -> Result<Option<T>, Duration> {
        let begin = Instant::now();
        loop {
            let (value, closed) = self
                .0
                .with(|queue| (queue.values.pop_front(), queue.closed));
            if value.is_some() || closed {
                return Ok(value);
            }
            if begin.elapsed() > limit {
                return Err(limit);
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// The next value, or `None` when closed.
    ///
    /// # Panics
    /// If nothing was given for a minute.
    pub fn take(&self) -> Option<T> {
        self.take_within(Duration::from_secs(60))
            .expect("nothing was given for a minute")
    }
}
