//! smol's `LocalExecutor` over the reactor of `async-io`, for its timers and
//! sockets.

use super::smol::{Smol, on_executor};
use super::{Clock, ECHO_BUFFER, Echo, Executor, serve_with};
use async_executor::Task;
use async_io::{Async, Timer};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, net};

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

async fn echo(socket: net::TcpStream) -> io::Result<u64> {
    let mut stream = Async::new(socket)?;
    let mut buf = [0; ECHO_BUFFER];
    let mut bytes = 0;
    loop {
        let len = stream.read(&mut buf).await?;
        if len == 0 {
            return Ok(bytes);
        }
        stream.write_all(&buf[..len]).await?;
        bytes += len as u64;
    }
}

impl Echo for AsyncIo {
    fn serve(connections: Vec<net::TcpStream>) -> u64 {
        serve_with::<Self, _>(connections, echo)
    }
}
