//! One thread or many: the words, the lock and the fence that waiting needs.
//!
//! Everything else in this room is written once, over [`Mode`].

use std::cell::{Cell, RefCell};
use std::fmt::Debug;

use crate::sync::{AtomicUsize, Mutex, Ordering, Site, full_fence};

/// What shares a wait point: one thread or many.
pub trait Mode: Debug + 'static {
    type Word: Word;
    type Lock<T: Debug>: Lock<T> + Debug;

    /// The full fence of the protocol, where another thread is involved.
    fn fence(site: Site);
}

/// A word that both sides read and write.
pub trait Word: Debug {
    fn new(value: usize) -> Self;
    fn load(&self, order: Ordering) -> usize;
    fn store(&self, value: usize, order: Ordering);
    /// Adds, wrapping, and returns what was there before.
    fn add(&self, value: usize, order: Ordering) -> usize;
}

/// Mutual exclusion for short sections that run no user code.
pub trait Lock<T> {
    fn new(value: T) -> Self;
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R;
}

/// Any number of threads.
#[derive(Debug)]
pub struct Threads;

impl Mode for Threads {
    type Word = AtomicUsize;
    type Lock<T: Debug> = Mutex<T>;

    #[inline(always)]
    fn fence(site: Site) {
        full_fence(site);
    }
}

impl Word for AtomicUsize {
    fn new(value: usize) -> Self {
        Self::new(value)
    }

    #[inline(always)]
    fn load(&self, order: Ordering) -> usize {
        self.load(order)
    }

    #[inline(always)]
    fn store(&self, value: usize, order: Ordering) {
        self.store(value, order);
    }

    #[inline(always)]
    fn add(&self, value: usize, order: Ordering) -> usize {
        self.fetch_add(value, order)
    }
}

impl<T> Lock<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(f)
    }
}

/// One thread: plain words, no lock, no fence.
#[derive(Debug)]
pub struct OneThread;

impl Mode for OneThread {
    type Word = Cell<usize>;
    type Lock<T: Debug> = RefCell<T>;

    #[inline(always)]
    fn fence(_: Site) {}
}

impl Word for Cell<usize> {
    fn new(value: usize) -> Self {
        Self::new(value)
    }

    #[inline(always)]
    fn load(&self, _: Ordering) -> usize {
        self.get()
    }

    #[inline(always)]
    fn store(&self, value: usize, _: Ordering) {
        self.set(value);
    }

    #[inline(always)]
    fn add(&self, value: usize, _: Ordering) -> usize {
        self.replace(self.get().wrapping_add(value))
    }
}

impl<T> Lock<T> for RefCell<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    #[inline(always)]
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.borrow_mut())
    }
}
