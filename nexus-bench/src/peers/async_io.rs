//! smol's `LocalExecutor` over the reactor of `async-io`, for its timers.

use super::smol::{Smol, on_executor};
use super::{Clock, Executor};
use async_executor::Task;
use async_io::Timer;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The same tasks as [`Smol`].
#[derive(Debug)]
pub struct AsyncIo;

impl Executor for AsyncIo {
    type Join<T: 'static> = Task<T>;

    fn block_on<F: Future + 'static>(future: F) -> F::Output {
        async_io::block_on(on_executor(future))
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Smol::spawn(future)
    }
}

/// A timer that does not say when it fired.
#[derive(Debug)]
pub struct Sleep(Timer);

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}

impl Clock for AsyncIo {
    type Sleep = Sleep;

    fn sleep(duration: Duration) -> Sleep {
        Sleep(Timer::after(duration))
    }
}
