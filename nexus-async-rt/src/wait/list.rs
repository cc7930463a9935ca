//! The intrusive list: nodes live in the futures that wait.
//!
//! Knows no atomics of its own: every function is called under the lock of the
//! list's owner. A node is linked only while its future is pinned, and its
//! future takes it out before it goes.

use std::marker::PhantomPinned;
use std::ops::RangeInclusive;
use std::ptr::NonNull;
use std::task::Waker;

use super::mode::{Mode, Word};
use crate::sync::{Ordering, Site, UnsafeCell, ordering};

/// Not in a list.
const IDLE: usize = 0;
/// In a list; holds a waker.
pub(super) const LINKED: usize = 1;
/// Was in a list; a notification took it out.
pub(super) const NOTIFIED: usize = 2;

/// What a waiting future keeps. `state` goes from `LINKED` to `NOTIFIED` under
/// the lock; every other change is the future's own.
#[derive(Debug)]
pub struct Node<M: Mode> {
    state: M::Word,
    links: UnsafeCell<Links<M>>,
    _pinned: PhantomPinned,
}

#[derive(Debug)]
struct Links<M: Mode> {
    waker: Option<Waker>,
    prev: Option<NonNull<Node<M>>>,
    next: Option<NonNull<Node<M>>>,
    /// The node's place: 0 until it is first linked, kept when it is relinked.
    ticket: u64,
}

impl<M: Mode> Default for Node<M> {
    #[inline(always)]
    fn default() -> Self {
        Self {
            state: M::Word::new(IDLE),
            links: UnsafeCell::new(Links {
                waker: None,
                prev: None,
                next: None,
                ticket: 0,
            }),
            _pinned: PhantomPinned,
        }
    }
}

impl<M: Mode> Node<M> {
    /// The state as its future sees it.
    #[inline(always)]
    pub(super) fn state(&self) -> usize {
        // Ordering: Acquire; pairs with the Release store in `pop_front`, so
        // that the notifier has left the node, and what it published is seen.
        self.state.load(ordering(Site::NodeSee, Ordering::Acquire))
    }

    /// Forgets a notification; the place is kept.
    pub(super) fn reset(&self) {
        // Ordering: Relaxed; out of the list the node is its future's alone.
        self.state.store(IDLE, Ordering::Relaxed);
    }
}

#[cfg(all(test, nexus_loom))]
impl<M: Mode> Node<M> {
    /// Fails the model if anyone may still be using the node.
    pub(super) fn assert_unused(&self) {
        self.links.with_mut(|_| ());
    }
}

/// Nodes in order of their tickets.
#[derive(Debug)]
pub(super) struct List<M: Mode> {
    head: Option<NonNull<Node<M>>>,
    tail: Option<NonNull<Node<M>>>,
    len: usize,
    last_ticket: u64,
}

// SAFETY: a node in the list may be touched by any thread that holds the lock,
// because its future is pinned and takes it out before it is dropped. The
// functions below guarantee that; a `Waker` is `Send`.
unsafe impl<M: Mode> Send for List<M> {}

impl<M: Mode> Default for List<M> {
    fn default() -> Self {
        Self {
            head: None,
            tail: None,
            len: 0,
            last_ticket: 0,
        }
    }
}

impl<M: Mode> List<M> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether the node is the first of the list.
    pub(super) fn is_first(&self, node: &Node<M>) -> bool {
        self.head == Some(NonNull::from(node))
    }

    /// Whether one that began to wait before the node is in the list. The node is
    /// not.
    pub(super) fn has_earlier(&self, node: &Node<M>) -> bool {
        let ticket = |node| links(node, |l| l.ticket);
        self.head
            .is_some_and(|head| ticket(head) < ticket(NonNull::from(node)))
    }

    /// Links a node at its place: at the end if it never had one.
    ///
    /// # Safety
    ///
    /// - The node is not linked, and is pinned until it has been taken out.
    /// - The list's lock is held.
    pub(super) unsafe fn link(&mut self, node: &Node<M>, waker: Waker) {
        let this = NonNull::from(node);
        let ticket = links(this, |own| {
            if own.ticket == 0 {
                self.last_ticket += 1;
                own.ticket = self.last_ticket;
            }
            own.waker = Some(waker);
            own.ticket
        });
        let mut prev = self.tail;
        while let Some(before) = prev
            && links(before, |l| l.ticket) > ticket
        {
            prev = links(before, |l| l.prev);
        }
        let next = match prev {
            Some(prev) => links(prev, |l| l.next.replace(this)),
            None => self.head.replace(this),
        };
        match next {
            Some(next) => links(next, |l| l.prev = Some(this)),
            None => self.tail = Some(this),
        }
        links(this, |own| (own.prev, own.next) = (prev, next));
        self.len += 1;
        // Ordering: Relaxed; the lock publishes it.
        node.state.store(LINKED, Ordering::Relaxed);
    }

    /// Takes a node out, with its waker, if it is linked.
    ///
    /// # Safety
    ///
    /// - The node is in this list or in none.
    /// - The list's lock is held.
    pub(super) unsafe fn unlink(&mut self, node: &Node<M>) -> Option<Waker> {
        // Ordering: Relaxed; under the lock.
        if node.state.load(Ordering::Relaxed) != LINKED {
            return None;
        }
        // Ordering: Relaxed; only the node's own future looks at it now.
        node.state.store(IDLE, Ordering::Relaxed);
        self.detach(NonNull::from(node))
    }

    /// Exchanges the waker of a linked node; gives `waker` back if it is not
    /// linked any more.
    ///
    /// # Safety
    ///
    /// - The node is in this list or in none.
    /// - The list's lock is held.
    pub(super) unsafe fn rearm(&mut self, node: &Node<M>, waker: Waker) -> Result<Waker, Waker> {
        // Ordering: Relaxed; under the lock.
        if node.state.load(Ordering::Relaxed) != LINKED {
            return Err(waker);
        }
        let old = links(NonNull::from(node), |own| own.waker.replace(waker));
        Ok(old.expect("a linked node holds a waker"))
    }

    /// Takes the first node out, marks it, and returns its waker.
    ///
    /// # Safety
    ///
    /// - The list's lock is held.
    pub(super) unsafe fn pop_front(&mut self) -> Option<Waker> {
        let first = self.head?;
        // SAFETY: as the caller says; the first is linked.
        unsafe { self.notify(first) }
    }

    /// As [`pop_front`](List::pop_front), of those with a ticket in `tickets`;
    /// with the ticket.
    ///
    /// # Safety
    ///
    /// - The list's lock is held.
    pub(super) unsafe fn pop_of(&mut self, tickets: RangeInclusive<u64>) -> Option<(u64, Waker)> {
        let mut next = self.head;
        while let Some(node) = next {
            let ticket = links(node, |own| own.ticket);
            if tickets.contains(&ticket) {
                // SAFETY: as the caller says; found in the list.
                return unsafe { self.notify(node) }.map(|waker| (ticket, waker));
            }
            next = links(node, |own| own.next);
        }
        None
    }

    /// The ticket of the last in the list; 0 if it is empty.
    pub(super) fn last_place(&self) -> u64 {
        self.tail.map_or(0, |last| links(last, |own| own.ticket))
    }

    /// The latest ticket that was given.
    pub(super) fn last_ticket(&self) -> u64 {
        self.last_ticket
    }

    /// Takes `first` out, marks it, and returns its waker.
    ///
    /// # Safety
    ///
    /// - The node is linked, and the list's lock is held.
    unsafe fn notify(&mut self, first: NonNull<Node<M>>) -> Option<Waker> {
        let waker = self.detach(first);
        // SAFETY: the node is alive, because it was linked and its future
        // takes the lock before it goes, guaranteed by `WaitQueue::leave`.
        let state = unsafe { &(*first.as_ptr()).state };
        // Ordering: Release; pairs with the Acquire load in `Node::state`.
        // After it the future may go without the lock: nothing touches the
        // node any more.
        state.store(NOTIFIED, ordering(Site::NodeNotify, Ordering::Release));
        waker
    }

    fn detach(&mut self, node: NonNull<Node<M>>) -> Option<Waker> {
        let (waker, prev, next) = links(node, |own| {
            (own.waker.take(), own.prev.take(), own.next.take())
        });
        match prev {
            Some(prev) => links(prev, |l| l.next = next),
            None => self.head = next,
        }
        match next {
            Some(next) => links(next, |l| l.prev = prev),
            None => self.tail = prev,
        }
        self.len -= 1;
        waker
    }
}

/// The links of a node that is in the list, or about to enter or leave it.
fn links<M: Mode, R>(node: NonNull<Node<M>>, f: impl FnOnce(&mut Links<M>) -> R) -> R {
    // SAFETY: the node is alive and its links are this thread's alone, because
    // linked nodes are pinned and every caller holds the list's lock. That is
    // guaranteed by the contracts of `List`'s functions.
    unsafe { (*node.as_ptr()).links.with_mut(|links| f(&mut *links)) }
}
