//! The tree: which tokens are cancelled together.
//!
//! Knows no future: a node has a latch, which is set when it is cancelled.
//!
//! One lock for a tree, and four links in each node. A child keeps its parent
//! in memory, never the reverse:
//!
//! ```text
//!   parent <======= child ----> next child ----> ..
//!     |             ^  ^           |
//!     +-- first ----+  +-- prev ---+       == keeps, -- only points
//! ```
//!
//! Invariants, all of them while nobody holds the lock:
//! - A node that is cancelled has no links. So the latch of a parent is set
//!   after those of all below it: a thread that sees a node cancelled finds
//!   everything cancelled that was below.
//! - A node without handles is *abandoned*. It stays only where it is needed,
//!   between a parent and two or more children: without children it leaves, and
//!   a single child takes its place. So there are fewer abandoned nodes than
//!   others, whatever came and went.
//! - What is linked is in memory: a node with handles by these, an abandoned
//!   one by its children.
//!
//! No function here calls itself, and dropping a node drops no other: it has no
//! parent any more.

use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr;
use std::sync::Arc;

use crate::sync::{AtomicUsize, Mutex, Ordering};
use crate::unwind::{caught, hand_on, keep_first};
use crate::wait::latch::Latch;

/// The lock of a tree, and in its closure the proof that it is held.
type Tree = Mutex<Held>;

#[derive(Debug)]
struct Held(());

/// One token.
pub(super) struct Node {
    latch: Latch,
    /// Handles that exist.
    handles: AtomicUsize,
    tree: Arc<Tree>,
    links: Links,
    /// The next of those that one `cancel` has yet to wake: its caller's.
    next_to_wake: Cell<Option<Arc<Node>>>,
}

/// Under the tree's lock.
struct Links {
    parent: Cell<Option<Arc<Node>>>,
    first: Cell<*const Node>,
    prev: Cell<*const Node>,
    next: Cell<*const Node>,
    /// There are no handles, and the tree knows.
    abandoned: Cell<bool>,
}

// SAFETY: the fields that are not auto are the links, touched by one thread at
// a time, because `links` asks for the lock; and `next_to_wake`, touched by the
// thread alone that has set the latch.
unsafe impl Send for Node {}
// SAFETY: as above.
unsafe impl Sync for Node {}

// No foreign code runs while the links are being changed.
impl UnwindSafe for Node {}
impl RefUnwindSafe for Node {}

/// A counted reference to a node, which is abandoned when the last one goes.
pub(super) struct Handle(Arc<Node>);

impl Handle {
    /// A tree of one node.
    pub(super) fn new() -> Self {
        Self(Node::new(Arc::new(Tree::new(Held(())))))
    }

    /// Cancelled with this node; at once, if this node is cancelled.
    pub(super) fn child(&self) -> Self {
        let parent = &self.0;
        let child = Node::new(parent.tree.clone());
        parent.tree.with(|held| {
            if parent.latch.is_set() {
                // Nobody knows of it yet.
                let _ = child.latch.mark();
            } else {
                parent.adopt(held, &child);
            }
        });
        Self(child)
    }

    pub(super) fn latch(&self) -> &Latch {
        &self.0.latch
    }

    /// What tells this node from all others. An address, which is an identity
    /// here because the handle keeps the node in memory.
    pub(super) fn id(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    /// Cancels the node and all below it, then wakes everything that waits for
    /// any of them, with no lock held. If a waker panics the others are woken
    /// all the same, and the first panic goes on.
    pub(super) fn cancel(&self) {
        let node = &self.0;
        if node.latch.is_set() {
            return;
        }
        let mut waiting = node.tree.with(|held| node.cancel_all(held));
        let mut first = None;
        while let Some(node) = waiting {
            keep_first(&mut first, caught(|| node.latch.wake()));
            waiting = node.next_to_wake.take();
        }
        hand_on(first);
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        // Ordering: Relaxed; counts only, this handle keeps it above zero.
        self.0.handles.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let node = &self.0;
        // Ordering: Relaxed; counts only. What follows from it is done under
        // the lock, and the memory is the `Arc`'s.
        if node.handles.fetch_sub(1, Ordering::Relaxed) == 1 {
            node.tree.with(|held| node.abandon(held));
        }
    }
}

impl Node {
    /// A node with one handle and no links.
    fn new(tree: Arc<Tree>) -> Arc<Self> {
        Arc::new(Self {
            latch: Latch::new(),
            handles: AtomicUsize::new(1),
            tree,
            links: Links {
                parent: Cell::new(None),
                first: Cell::new(ptr::null()),
                prev: Cell::new(ptr::null()),
                next: Cell::new(ptr::null()),
                abandoned: Cell::new(false),
            },
            next_to_wake: Cell::new(None),
        })
    }

    /// `held` is of the node's tree: what is linked is in one tree.
    fn links(&self, _held: &Held) -> &Links {
        &self.links
    }

    /// What a link leads to.
    ///
    /// # Safety
    /// - `node` was read from a link, the lock has been held since, and it has
    ///   not been taken out meanwhile.
    unsafe fn linked<'a>(node: *const Node) -> &'a Node {
        // SAFETY: in memory, because what is linked is, guaranteed by the
        // invariants at the top.
        unsafe { &*node }
    }

    /// What a link leads to, kept from now on.
    ///
    /// # Safety
    /// - As for [`linked`](Node::linked).
    unsafe fn kept(node: *const Node) -> Arc<Node> {
        // SAFETY: links hold what `Arc::as_ptr` gave, guaranteed by `adopt`; in
        // memory as in `linked`.
        unsafe {
            Arc::increment_strong_count(node);
            Arc::from_raw(node)
        }
    }

    /// Links `child`, which has no parent, below `self`. The order of siblings
    /// does not matter.
    fn adopt(self: &Arc<Self>, held: &Held, child: &Arc<Node>) {
        let own = child.links(held);
        let next = self.links(held).first.replace(Arc::as_ptr(child));
        if !next.is_null() {
            // SAFETY: read from a link just now.
            let next = unsafe { Node::linked(next) };
            next.links(held).prev.set(Arc::as_ptr(child));
        }
        own.next.set(next);
        own.parent.set(Some(self.clone()));
    }

    /// Takes the node out from below its parent, which is returned.
    fn leave(&self, held: &Held) -> Option<Arc<Node>> {
        let own = self.links(held);
        let parent = own.parent.take()?;
        let next = own.next.replace(ptr::null());
        let prev = own.prev.replace(ptr::null());
        if !next.is_null() {
            // SAFETY: read from a link just now.
            unsafe { Node::linked(next) }.links(held).prev.set(prev);
        }
        if prev.is_null() {
            parent.links(held).first.set(next);
        } else {
            // SAFETY: as above.
            unsafe { Node::linked(prev) }.links(held).next.set(next);
        }
        Some(parent)
    }

    /// There are no handles any more: the node stays only if it is needed.
    fn abandon(&self, held: &Held) {
        self.links(held).abandoned.set(true);
        if !self.links(held).first.get().is_null() {
            self.give_place(held);
        } else if let Some(parent) = self.leave(held) {
            parent.give_place(held);
        }
    }

    /// Puts the only child of an abandoned node into its place. There is one
    /// child at least: an abandoned node that has just lost one had two.
    fn give_place(&self, held: &Held) {
        let own = self.links(held);
        if !own.abandoned.get() {
            return;
        }
        // SAFETY: read from a link just now; not null, see above.
        let child = unsafe { Node::kept(own.first.get()) };
        if child.links(held).next.get().is_null() {
            // The caller keeps `self`, if the child alone kept it.
            child.leave(held);
            if let Some(parent) = self.leave(held) {
                parent.adopt(held, &child);
            }
        }
    }

    /// Sets the latches of `self` and all below it, from the lowest up, and
    /// takes them all out. Returns those that somebody waits for, as a chain.
    fn cancel_all(self: &Arc<Self>, held: &Held) -> Option<Arc<Node>> {
        if self.latch.is_set() {
            return None;
        }
        if let Some(parent) = self.leave(held) {
            parent.give_place(held);
        }
        let mut waiting = None;
        let mut node = self.clone();
        loop {
            let first = node.links(held).first.get();
            if !first.is_null() {
                // SAFETY: read from a link just now.
                node = unsafe { Node::kept(first) };
                continue;
            }
            // Nothing is left below. `self` has left its parent already.
            let parent = node.leave(held);
            if node.latch.mark() {
                node.next_to_wake.set(waiting.take());
                waiting = Some(node);
            }
            match parent {
                Some(parent) => node = parent,
                None => return waiting,
            }
        }
    }
}
