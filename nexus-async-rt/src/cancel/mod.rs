//! Cancellation: telling tasks and threads that their work is no longer wanted.
//!
//! A [`CancellationToken`] is a flag that is set once, in a tree of such flags.
//! A worker asks it ([`is_cancelled`]), waits for it ([`cancelled`]), or lets it drop
//! a future when it is set ([`run_until_cancelled`]). The code that ends the work sets
//! it ([`cancel`]), or leaves that to the end of a scope ([`drop_guard`]).
//!
//! It knows no runtime: every token and every future of it may be used on any
//! thread and awaited on any executor.
//!
//! # A session and its requests
//!
//! ```
//! use futures_lite::future::{block_on, zip};
//! use nexus_async_rt::CancellationToken;
//! use std::future::pending;
//!
//! block_on(async {
//!     let session = CancellationToken::new();
//!     let [first, second] = [session.child(), session.child()];
//!
//!     let request = first.run_until_cancelled(pending::<u8>());
//!     // One request is given up; the session goes on, and the other request.
//!     let (reply, ()) = zip(request, async { first.cancel() }).await;
//!     assert_eq!(reply, None);
//!     assert!(!session.is_cancelled() && !second.is_cancelled());
//!
//!     // The session ends from another thread, and all that belongs to it.
//!     let ends = session.clone();
//!     let thread = std::thread::spawn(move || ends.cancel());
//!     second.cancelled().await;
//!     assert!(session.is_cancelled());
//!     thread.join().unwrap();
//! });
//! ```
//!
//! # Cleaning up
//!
//! Dropping a future is the end of it: there is nowhere left to await. Work that
//! has to say goodbye waits for the token beside its own events and leaves by
//! itself:
//!
//! ```
//! use futures_lite::future::{block_on, zip};
//! use nexus_async_rt::CancellationToken;
//! use nexus_async_rt::channel::local;
//!
//! let token = CancellationToken::new();
//! let (orders, inbox) = local::channel::<u32>(4);
//! let worker = async {
//!     let mut sum = 0;
//!     while let Some(Ok(order)) = token.run_until_cancelled(inbox.recv()).await {
//!         sum += order;
//!     }
//!     // Cancelled. What was accepted is still worked off.
//!     inbox.close();
//!     while let Ok(order) = inbox.recv().await {
//!         sum += order;
//!     }
//!     sum
//! };
//! let sender = async {
//!     orders.send(1).await.unwrap();
//!     orders.send(2).await.unwrap();
//!     token.cancel();
//! };
//! let (sum, ()) = block_on(zip(worker, sender));
//! assert_eq!(sum, 3);
//! ```
//!
//! # What holds
//!
//! - Cancelling a token cancels all that descend from it, and nothing else.
//! - A thread that sees a token cancelled sees all that descend from it cancelled,
//!   and what the canceller did before.
//! - A token may go before its children: these stay its parent's.
//! - What went away leaves nothing behind, and nothing here calls itself: the
//!   depth of a tree costs no stack.
//! - A waker that panics keeps nobody else asleep.
//!
//! [`is_cancelled`]: CancellationToken::is_cancelled
//! [`cancelled`]: CancellationToken::cancelled
//! [`run_until_cancelled`]: CancellationToken::run_until_cancelled
//! [`cancel`]: CancellationToken::cancel
//! [`drop_guard`]: CancellationToken::drop_guard

mod fut;
mod guard;
mod tree;

pub use fut::{CancelledFut, CancelledOwnedFut, RunUntilCancelledFut, RunUntilCancelledOwnedFut};
pub use guard::DropGuard;

use std::fmt;
use std::hash::{Hash, Hasher};
use tree::Handle;

/// A flag that is set once, and that sets those of its children.
///
/// Made by [`new`](CancellationToken::new), or from another token by
/// [`child`](CancellationToken::child). A clone is the same token. It may be
/// used on any thread, with any executor or none. The [module](self) tells how.
///
/// # Cost
/// A token is one block of about 170 bytes on the heap, a tree a small one
/// more. Asking is one load. Cloning and waiting allocate nothing. A tree has
/// one lock. It is taken when a token is made, when the last of its clones goes,
/// and to cancel: in that case until every descendant was visited.
///
/// # Example
/// ```
/// use nexus_async_rt::CancellationToken;
///
/// let parent = CancellationToken::new();
/// let child = parent.child();
/// parent.cancel();
/// assert!(child.is_cancelled());
/// ```
#[derive(Clone)]
pub struct CancellationToken {
    handle: Handle,
}

impl CancellationToken {
    /// A token without a parent.
    #[must_use]
    pub fn new() -> Self {
        Self {
            handle: Handle::new(),
        }
    }

    /// A token that is cancelled with this one, or alone. If this one is
    /// cancelled, so is the child.
    #[doc(alias = "child_token")]
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            handle: self.handle.child(),
        }
    }

    /// Cancels this token and all that descend from it, once and for all; then
    /// wakes everything that waits for any of them. Returns when that is done,
    /// unless another call is at it: then when all are cancelled.
    ///
    /// # Panics
    /// If a waker panics: after all others were woken.
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// Whether it is cancelled.
    #[inline]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.handle.latch().is_set()
    }

    /// Completes when the token is cancelled.
    ///
    /// # Cancel safety
    /// Dropping it takes its waker out.
    #[inline]
    pub fn cancelled(&self) -> CancelledFut<'_> {
        CancelledFut::new(self)
    }

    /// As [`cancelled`](CancellationToken::cancelled), but borrows nothing: it
    /// holds the token.
    #[inline]
    pub fn cancelled_owned(self) -> CancelledOwnedFut {
        CancelledOwnedFut::new(self)
    }

    /// Runs `future` to its end, or to the cancellation: then `None`, and it is
    /// not polled again. It is dropped with what is returned here.
    ///
    /// The token is looked at first. So `None` if it is cancelled already,
    /// even if `future` could complete.
    #[inline]
    pub fn run_until_cancelled<F: Future>(&self, future: F) -> RunUntilCancelledFut<'_, F> {
        RunUntilCancelledFut::new(self, future)
    }

    /// As [`run_until_cancelled`](CancellationToken::run_until_cancelled), but
    /// borrows nothing: it holds the token. For a task to be spawned.
    ///
    /// # Example
    /// ```
    /// use async_executor::LocalExecutor;
    /// use nexus_async_rt::CancellationToken;
    /// use std::future::pending;
    ///
    /// let token = CancellationToken::new();
    /// let executor = LocalExecutor::new();
    /// let task = executor.spawn(token.clone().run_until_cancelled_owned(pending::<u8>()));
    /// token.cancel();
    /// assert_eq!(futures_lite::future::block_on(executor.run(task)), None);
    /// ```
    #[inline]
    pub fn run_until_cancelled_owned<F: Future>(self, future: F) -> RunUntilCancelledOwnedFut<F> {
        RunUntilCancelledOwnedFut::new(self, future)
    }

    /// Cancels the token when what is returned is dropped.
    pub fn drop_guard(self) -> DropGuard {
        DropGuard::new(self)
    }
}

impl Default for CancellationToken {
    /// As [`new`](CancellationToken::new).
    fn default() -> Self {
        Self::new()
    }
}

/// By identity: a clone is equal, a child is not. What is cancelled does not
/// matter, so a token may be a key (`clippy::mutable_key_type` cannot know).
///
/// # Example
/// ```
/// use nexus_async_rt::CancellationToken;
/// use std::collections::HashMap;
///
/// let session = CancellationToken::new();
/// let request = session.child();
/// let mut names = HashMap::from([(session.clone(), "session"), (request, "request")]);
/// session.cancel();
/// assert_eq!(names.remove(&session), Some("session"));
/// assert!(!names.contains_key(&session.child()));
/// ```
impl PartialEq for CancellationToken {
    fn eq(&self, other: &Self) -> bool {
        self.handle.id() == other.handle.id()
    }
}

impl Eq for CancellationToken {}

impl Hash for CancellationToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.handle.id().hash(state);
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken")
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
