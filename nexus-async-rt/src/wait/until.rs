//! A future that another one may end.

use std::pin::Pin;
use std::task::{Context, Poll};

/// `future` until `end` completes, which is polled first. `!Unpin` if either is.
pub(crate) struct Until<E, F> {
    end: E,
    future: F,
}

impl<E, F> Until<E, F> {
    pub(crate) fn new(end: E, future: F) -> Self {
        Self { end, future }
    }

    pub(crate) fn end(&self) -> &E {
        &self.end
    }
}

impl<E: Future<Output = ()>, F: Future> Future for Until<E, F> {
    /// `None`: it was ended.
    type Output = Option<F::Output>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: both fields are pinned with the whole: nothing moves them out, and
        // there is no `Drop` and no `Unpin` of our own.
        let (end, future) = unsafe {
            let this = self.get_unchecked_mut();
            (
                Pin::new_unchecked(&mut this.end),
                Pin::new_unchecked(&mut this.future),
            )
        };
        if end.poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        future.poll(cx).map(Some)
    }
}
