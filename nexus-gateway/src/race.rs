//! The first of two futures to complete.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Which of two was first, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The one named first.
    First(A),
    /// The other.
    Second(B),
}

/// Waits until `first` or `second` completes; the other is dropped. If both
/// are ready, `first` wins.
///
/// # Example
///
/// ```
/// use nexus_async_rt::Runtime;
/// use nexus_gateway::race::{Either, race};
/// use std::future::{pending, ready};
///
/// let mut world = nexus_rt::WorldBuilder::new().build();
/// let mut runtime = Runtime::new(&mut world);
/// let won = runtime.block_on(race(pending::<()>(), ready(7)));
/// assert_eq!(won, Either::Second(7));
/// let won = runtime.block_on(race(ready(1), ready(2)));
/// assert_eq!(won, Either::First(1));
/// ```
pub async fn race<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| match first.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Either::First(output)),
        Poll::Pending => second.as_mut().poll(cx).map(Either::Second),
    })
    .await
}
