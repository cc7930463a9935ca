//! The tasks that are alive: a ring through their headers, closed by the root.

use crate::task::Header;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::ptr;

/// See the module.
pub(crate) struct Alive {
    /// Stands for the future of `block_on`; head of the ring, the newest task first.
    pub(crate) root: Header,
    count: Cell<u64>,
    /// The root is to be polled when the last task has gone.
    root_waits: Cell<bool>,
}

impl Alive {
    /// [Set up](Alive::set_up) where it lies.
    pub(crate) fn new(root: Header) -> Self {
        Self {
            root,
            count: Cell::new(0),
            root_waits: Cell::new(false),
        }
    }

    /// Closes the ring, and tells the root its home.
    ///
    /// # Safety
    /// - `this` stays where it is, and nobody else knows of it yet.
    pub(crate) unsafe fn set_up(this: *mut Self, home: *const ()) {
        // SAFETY: as the caller says.
        unsafe {
            (*this).root.home = home;
            let root = &raw const (*this).root;
            (*root).list_next.set(root);
            (*root).list_prev.set(root);
        }
    }

    #[inline(always)]
    pub(crate) fn count(&self) -> u64 {
        self.count.get()
    }

    /// Adds the newest task.
    ///
    /// # Safety
    /// - `task` is alive and in no list, and leaves before its memory goes.
    #[inline(always)]
    pub(crate) unsafe fn add(&self, task: *const Header) {
        self.count.set(self.count.get() + 1);
        // SAFETY: alive, as the caller says; so is what is in the ring.
        unsafe {
            let next = self.root.list_next.get();
            (*task).list_next.set(next);
            (*task).list_prev.set(&self.root);
            (*next).list_prev.set(task);
            self.root.list_next.set(task);
        }
    }

    /// Takes a task out of the ring, and counts it no more.
    #[inline(always)]
    pub(crate) fn remove(&self, task: &Header) {
        Self::unlink(task);
        self.count.set(self.count.get() - 1);
        if self.count.get() == 0 {
            self.no_task_is_left();
        }
    }

    /// Takes a task out of the ring, which still counts.
    #[inline(always)]
    pub(crate) fn unlink(task: &Header) {
        let (prev, next) = (task.list_prev.get(), task.list_next.get());
        // SAFETY: neighbours in the ring are alive, guaranteed by `add`.
        unsafe {
            (*prev).list_next.set(next);
            (*next).list_prev.set(prev);
        }
    }

    #[cold]
    fn no_task_is_left(&self) {
        if self.root_waits.replace(false) {
            self.root.state.set_ready();
        }
    }

    /// Makes the root due for a poll once the last task has gone.
    pub(crate) fn wait_for_none(&self) {
        self.root_waits.set(true);
    }

    /// The task spawned last.
    pub(crate) fn newest(&self) -> Option<*const Header> {
        let task = self.root.list_next.get();
        (!ptr::eq(task, &self.root)).then_some(task)
    }

    /// How many there are, by where they were spawned.
    pub(crate) fn by_location(&self) -> Vec<(&'static Location<'static>, usize)> {
        let mut counts = BTreeMap::new();
        let mut task = self.root.list_next.get();
        while !ptr::eq(task, &self.root) {
            // SAFETY: what is in the ring is alive, guaranteed by `add`; no foreign
            // code runs here.
            let header = unsafe { &*task };
            *counts.entry(header.location).or_insert(0) += 1;
            task = header.list_next.get();
        }
        counts.into_iter().collect()
    }
}
