//! What is behind a queue of either sort: the list of those that wait, under its
//! lock, and one word that tells a notifier whether anybody is in it.

use std::fmt::Debug;
use std::pin::Pin;
use std::task::Waker;

use super::list::{LINKED, List, Node};
use super::mode::{Lock, Mode, Word};
use crate::sync::Ordering;
use crate::unwind::contained;

/// The list, and what else is under its lock.
#[derive(Debug)]
pub(super) struct Line<M: Mode, S: Debug> {
    /// The length of the list, written under its lock.
    waiting: M::Word,
    inside: M::Lock<(List<M>, S)>,
}

impl<M: Mode, S: Debug> Line<M, S> {
    pub(super) fn new(beside: S) -> Self {
        Self {
            waiting: M::Word::new(0),
            inside: M::Lock::new((List::default(), beside)),
        }
    }

    /// How many wait. To be asked after the protocol's fence.
    #[inline(always)]
    pub(super) fn waiting(&self) -> usize {
        // Ordering: Relaxed; ordered by the fence before it.
        self.waiting.load(Ordering::Relaxed)
    }

    /// Runs `f` under the lock and renews the word.
    pub(super) fn locked<R>(&self, f: impl FnOnce(&mut List<M>, &mut S) -> R) -> R {
        self.inside.with(|(list, beside)| {
            let result = f(list, beside);
            // Ordering: Relaxed; for notifiers ordered by the fences.
            self.waiting.store(list.len(), Ordering::Relaxed);
            result
        })
    }

    /// Runs `f` under the lock, to look only.
    pub(super) fn look<R>(&self, f: impl FnOnce(&List<M>, &S) -> R) -> R {
        self.inside.with(|(list, beside)| f(list, beside))
    }

    /// Gives a linked node another waker. Otherwise the waker comes back: the node was
    /// never linked, or was notified since its future's attempt, which may have been
    /// in vain.
    pub(super) fn rearm(&self, node: Pin<&Node<M>>, waker: Waker) -> Result<(), Waker> {
        if node.state() != LINKED {
            return Err(waker);
        }
        // SAFETY: the lock is held; the node is in this list or in none, because no
        // other links it.
        let old = self.locked(|list, _| unsafe { list.rearm(&node, waker) })?;
        drop(old);
        Ok(())
    }

    /// Takes a node out, if it is in.
    pub(super) fn unlink(&self, node: Pin<&Node<M>>) {
        if node.state() == LINKED {
            // SAFETY: the lock is held; the node is in this list or, if it
            // was notified meanwhile, in none.
            let waker = self.locked(|list, _| unsafe { list.unlink(&node) });
            contained(|| drop(waker));
        }
    }
}
