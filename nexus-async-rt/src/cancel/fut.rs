//! The futures of a token.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::CancellationToken;
use crate::wait::latch::{Holder, Latch, LatchFut};
use crate::wait::until::Until;

// SAFETY: the latch lies in the token's node, on the heap, which the token
// keeps there.
unsafe impl Holder for &CancellationToken {
    fn latch(&self) -> &Latch {
        self.handle.latch()
    }
}

// SAFETY: as above.
unsafe impl Holder for CancellationToken {
    fn latch(&self) -> &Latch {
        self.handle.latch()
    }
}

/// The future of [`CancellationToken::cancelled`]. `Send`, `!Unpin`.
#[must_use = "futures do nothing unless awaited"]
pub struct CancelledFut<'a> {
    latch: LatchFut<&'a CancellationToken>,
}

impl<'a> CancelledFut<'a> {
    pub(super) fn new(token: &'a CancellationToken) -> Self {
        Self {
            latch: LatchFut::new(token),
        }
    }
}

impl Future for CancelledFut<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: the field is pinned with the whole: nothing moves it out, and
        // there is no `Drop` and no `Unpin` of our own.
        unsafe { self.map_unchecked_mut(|this| &mut this.latch) }.poll(cx)
    }
}

impl fmt::Debug for CancelledFut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelledFut")
            .field("is_cancelled", &self.latch.is_set())
            .finish()
    }
}

/// The future of [`CancellationToken::cancelled_owned`]. `Send`, `!Unpin`.
#[must_use = "futures do nothing unless awaited"]
pub struct CancelledOwnedFut {
    latch: LatchFut<CancellationToken>,
}

impl CancelledOwnedFut {
    pub(super) fn new(token: CancellationToken) -> Self {
        Self {
            latch: LatchFut::new(token),
        }
    }
}

impl Future for CancelledOwnedFut {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: as in `CancelledFut`.
        unsafe { self.map_unchecked_mut(|this| &mut this.latch) }.poll(cx)
    }
}

impl fmt::Debug for CancelledOwnedFut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelledOwnedFut")
            .field("is_cancelled", &self.latch.is_set())
            .finish()
    }
}

/// The future of [`CancellationToken::run_until_cancelled`]. `!Unpin`; `Send`
/// if the future in it is.
#[must_use = "futures do nothing unless awaited"]
pub struct RunUntilCancelledFut<'a, F> {
    inner: Until<CancelledFut<'a>, F>,
}

/// The future of [`CancellationToken::run_until_cancelled_owned`]. `!Unpin`;
/// `Send` if the future in it is.
#[must_use = "futures do nothing unless awaited"]
pub struct RunUntilCancelledOwnedFut<F> {
    inner: Until<CancelledOwnedFut, F>,
}

impl<'a, F: Future> RunUntilCancelledFut<'a, F> {
    pub(super) fn new(token: &'a CancellationToken, future: F) -> Self {
        let cancelled = CancelledFut::new(token);
        Self {
            inner: Until::new(cancelled, future),
        }
    }
}

impl<F: Future> RunUntilCancelledOwnedFut<F> {
    pub(super) fn new(token: CancellationToken, future: F) -> Self {
        let cancelled = CancelledOwnedFut::new(token);
        Self {
            inner: Until::new(cancelled, future),
        }
    }
}

impl<F: Future> Future for RunUntilCancelledFut<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: as in `CancelledFut`.
        unsafe { self.map_unchecked_mut(|this| &mut this.inner) }.poll(cx)
    }
}

impl<F: Future> Future for RunUntilCancelledOwnedFut<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: as in `CancelledFut`.
        unsafe { self.map_unchecked_mut(|this| &mut this.inner) }.poll(cx)
    }
}

impl<F> fmt::Debug for RunUntilCancelledFut<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunUntilCancelledFut")
            .field("is_cancelled", &self.inner.end().latch.is_set())
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for RunUntilCancelledOwnedFut<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunUntilCancelledOwnedFut")
            .field("is_cancelled", &self.inner.end().latch.is_set())
            .finish_non_exhaustive()
    }
}
