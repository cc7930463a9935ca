//! The future of one operation on a descriptor.

use super::source::Source;
use crate::reactor::{Side, Waiters};
use crate::thread;
use crate::wait::Waiter;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Attempts `operation` until it does not block; waits in the list of its side
/// meanwhile, and takes itself out when it completes or is dropped. `!Unpin`.
#[must_use = "futures do nothing unless awaited"]
pub(super) struct OpFut<'a, S: AsFd, F> {
    source: &'a Source<S>,
    name: &'static str,
    side: Side,
    operation: F,
    waiter: Waiter<Waiters>,
}

impl<'a, S: AsFd, F> OpFut<'a, S, F> {
    pub(super) fn new(source: &'a Source<S>, name: &'static str, side: Side, operation: F) -> Self {
        Self {
            source,
            name,
            side,
            operation,
            waiter: Waiter::new(),
        }
    }

    /// Stops waiting, if it ever did.
    ///
    /// # Safety
    /// - Pinned, if it was ever polled.
    unsafe fn leave(&mut self) {
        if let Some(watch) = self.source.watched() {
            // SAFETY: as the caller says. Nothing is handed on: an event wakes
            // every waiter.
            unsafe { self.waiter.leave(watch.waiters(self.side)) };
        }
    }
}

impl<S: AsFd, R, F: FnMut(&S) -> io::Result<R>> Future for OpFut<'_, S, F> {
    type Output = io::Result<R>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        // SAFETY: the waiter is pinned with the whole; nothing moves it out.
        let this = unsafe { self.get_unchecked_mut() };
        let (source, side) = (this.source, this.side);
        let operation = &mut this.operation;
        let result = match source.begin(this.name, side, &mut *operation) {
            ControlFlow::Break(result) => result,
            ControlFlow::Continue(watch) => {
                // SAFETY: as above.
                let waiter = unsafe { Pin::new_unchecked(&mut this.waiter) };
                let attempt = || watch.attempt(side, || operation(source.io()));
                ready!(waiter.poll(watch.waiters(side), cx, attempt))
            }
        };
        thread::completed();
        // SAFETY: pinned.
        unsafe { this.leave() };
        Poll::Ready(result)
    }
}

impl<S: AsFd, F> Drop for OpFut<'_, S, F> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: pinned if it was ever polled, guaranteed by `poll`'s receiver.
        unsafe { self.leave() };
    }
}
