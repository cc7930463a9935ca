//! A future that runs here, inside tokio's context.

use super::background::{enter_to_drop, tokio};
use crate::runtime::{try_hold_clock, with_timers};
use crate::thread;
use crate::timer::ClockHold;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs a future that needs tokio on this thread, in this task: inside tokio's
/// context, while tokio's own thread waits for its timers and sockets.
///
/// `make` is called with the first poll, also inside the context. Neither it
/// nor the future need be `Send` or `'static`.
///
/// The context is that of the bridge's tokio runtime, also where the thread is
/// in another one: a current-thread runtime that waits for this thread could
/// not drive anything. After each poll the thread is where it was before. To
/// nest one `with_tokio` in another is legal and changes nothing.
///
/// While it waits, a [paused](crate::time::pause) clock is held: what tokio's thread
/// is about to hand over is work that the runtime waits for. A future that has
/// been polled and is then left alone, neither polled nor dropped, holds it too.
///
/// # Panics
/// - When polled outside a runtime of this crate, or after it completed.
/// - If tokio's thread cannot be started.
/// - If a guard of tokio's `Handle::enter` is held over an await inside: such
///   guards nest, with each other and with the polls.
/// - With what panics inside.
///
/// # Cancel safety
/// That of the future inside: dropping this drops it, in tokio's context and
/// on this thread. What it spawned on tokio runs on.
///
/// # Cost
/// Two changes of a thread-local and of a reference count a poll, no
/// allocation. The waker is the task's own. What tokio's timers and sockets
/// wake comes from another thread: microseconds, not nanoseconds.
///
/// # Example
/// ```
/// use nexus_async_rt::RuntimeBuilder;
/// use nexus_async_rt::tokio_compat::with_tokio;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio::net::{TcpListener, TcpStream};
///
/// let mut rt = RuntimeBuilder::new().build();
/// let echoed = rt.block_on(with_tokio(|| async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     tokio::spawn(async move {
///         let (mut peer, _) = listener.accept().await?;
///         let (mut from, mut to) = peer.split();
///         tokio::io::copy(&mut from, &mut to).await
///     });
///     let mut stream = TcpStream::connect(address).await?;
///     stream.write_all(b"ping").await?;
///     let mut echo = [0; 4];
///     stream.read_exact(&mut echo).await?;
///     std::io::Result::Ok(echo)
/// }));
/// assert_eq!(&echoed.unwrap(), b"ping");
/// ```
pub fn with_tokio<F, Fut>(make: F) -> WithTokio<F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    WithTokio {
        state: Stage::Unmade(make),
        hold: None,
    }
}

/// The future of [`with_tokio`]: `Send` and `Unpin` if what is inside is.
#[must_use = "futures do nothing unless awaited"]
pub struct WithTokio<F, Fut> {
    state: Stage<F, Fut>,
    /// From the first `Pending` to the end: the clock of the runtime that polled
    /// last does not jump meanwhile.
    hold: Option<ClockHold>,
}

enum Stage<F, Fut> {
    Unmade(F),
    /// Pinned as soon as it is here.
    Running(Fut),
    /// Returned, or its maker panicked.
    Over,
}

impl<F, Fut> Future for WithTokio<F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Fut::Output> {
        with_timers("with_tokio", |_| ());
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        let _tokio = tokio().enter();
        // SAFETY: what is pinned, a running future, is not moved, because it is
        // only polled and dropped in place: below, and by `drop`.
        let Self { state, hold } = unsafe { self.get_unchecked_mut() };
        if matches!(state, Stage::Unmade(_))
            && let Stage::Unmade(make) = mem::replace(state, Stage::Over)
        {
            *state = Stage::Running(make());
        }
        let Stage::Running(future) = state else {
            panic!("the future of `with_tokio` was polled after it was over");
        };
        // SAFETY: pinned with its owner, as above.
        let Poll::Ready(output) = unsafe { Pin::new_unchecked(future) }.poll(cx) else {
            // Of the runtime that polls now.
            *hold = try_hold_clock();
            return Poll::Pending;
        };
        *hold = None;
        *state = Stage::Over;
        thread::completed();
        Poll::Ready(output)
    }
}

impl<F, Fut> Drop for WithTokio<F, Fut> {
    fn drop(&mut self) {
        let _tokio = enter_to_drop();
        self.state = Stage::Over;
    }
}

impl<F, Fut> fmt::Debug for WithTokio<F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WithTokio")
            .field(&match self.state {
                Stage::Unmade(_) => "unmade",
                Stage::Running(_) => "running",
                Stage::Over => "over",
            })
            .finish()
    }
}
