//! monoio, on `io_uring` where there is one.

use super::{Clock, ECHO_BUFFER, Echo, Executor, Limit, serve_with};
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::TcpStream;
use monoio::task::JoinHandle;
use monoio::time::{Sleep, sleep, timeout};
use monoio::{FusionDriver, RuntimeBuilder};
use std::time::Duration;
use std::{io, net};

/// Its tasks.
#[derive(Debug)]
pub struct Monoio;

impl Executor for Monoio {
    type Join<T: 'static> = JoinHandle<T>;

    fn block_on<F: Future + 'static>(future: F) -> F::Output {
        RuntimeBuilder::<FusionDriver>::new()
            .enable_timer()
            .build()
            .unwrap_or_else(|error| panic!("monoio was refused: {error}"))
            .block_on(future)
    }

    fn spawn<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        monoio::spawn(future)
    }
}

impl Clock for Monoio {
    type Sleep = Sleep;

    fn sleep(duration: Duration) -> Sleep {
        sleep(duration)
    }
}

impl Limit for Monoio {
    fn timeout<F: Future>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        timeout(duration, future)
    }
}

/// With buffers that it owns while the kernel has them.
async fn echo(socket: net::TcpStream) -> io::Result<u64> {
    socket.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(socket)?;
    let mut buf = Vec::with_capacity(ECHO_BUFFER);
    let mut bytes = 0;
    loop {
        let (read, filled) = stream.read(buf).await;
        let len = read?;
        if len == 0 {
            return Ok(bytes);
        }
        let (written, back) = stream.write_all(filled).await;
        written?;
        bytes += len as u64;
        buf = back;
        buf.clear();
    }
}

impl Echo for Monoio {
    fn serve(connections: Vec<net::TcpStream>) -> u64 {
        serve_with::<Self, _>(connections, echo)
    }
}
