//! smol's `LocalExecutor`, and `async-io` for sockets.

use super::{ECHO_BUFFER, Echo, Executor, serve_with};
use async_executor::{LocalExecutor, Task};
use async_io::Async;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::cell::Cell;
use std::{io, net};

/// Its tasks.
#[derive(Debug)]
pub struct Smol;

thread_local! {
    /// The executor that the thread runs. Leaked: a bench process runs one.
    static CURRENT: Cell<Option<&'static LocalExecutor<'static>>> = const { Cell::new(None) };
}

/// `future` on an executor of its own, which is from now on this thread's.
pub(super) fn on_executor<F: Future + 'static>(future: F) -> impl Future<Output = F::Output> {
    let executor: &LocalExecutor<'_> = Box::leak(Box::default());
    CURRENT.set(Some(executor));
    executor.run(future)
}

impl Executor for Smol {
    type Join<T: 'static> = Task<T>;

    fn block_on<F: Future + 'static>(future: F) -> F::Output {
        futures_lite::future::block_on(on_executor(future))
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        CURRENT
            .get()
            .unwrap_or_else(|| panic!("`spawn` outside `block_on`"))
            .spawn(future)
    }
}

/// The same, driven by the thread that watches the sockets.
#[derive(Debug)]
pub struct SmolIo;

impl Executor for SmolIo {
    type Join<T: 'static> = Task<T>;

    fn block_on<F: Future + 'static>(future: F) -> F::Output {
        let executor: &LocalExecutor<'_> = Box::leak(Box::default());
        CURRENT.set(Some(executor));
        async_io::block_on(executor.run(future))
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Smol::spawn(future)
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

impl Echo for SmolIo {
    fn serve(connections: Vec<net::TcpStream>) -> u64 {
        serve_with::<Self, _>(connections, echo)
    }
}
