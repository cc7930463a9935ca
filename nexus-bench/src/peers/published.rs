//! The published `nexus-async-rt` 0.7.0.

use super::nexus::{bytes, executor, lends, typed};
use super::{Clock, ECHO_BUFFER, Echo, Limit, serve_with};
use nexus_rt::WorldBuilder;
use nexus07::channel::{TrySendError, local, mpsc, mpsc_bytes, spsc, spsc_bytes};
use nexus07::{
    ByteSlab, JoinHandle, Runtime, Sleep, TcpStream, WorldCtx, sleep, spawn_boxed, spawn_slab,
    timeout,
};
use std::time::Duration;
use std::{io, net};

fn block_on<F: Future + 'static>(future: F) -> F::Output {
    let mut world = WorldBuilder::new().build();
    // SAFETY: the slab is used by one thread, because the runtime that it is
    // given to never leaves this function.
    let slab = unsafe { ByteSlab::<256>::with_chunk_capacity(1024) };
    Runtime::builder(&mut world)
        .slab_unbounded(slab)
        .build()
        .block_on(future)
}

executor!(
    /// Tasks in boxes.
    Boxed, JoinHandle, block_on, spawn_boxed
);
executor!(
    /// Tasks in the slab.
    Slab, JoinHandle, block_on, spawn_slab
);

lends!(Boxed, Runtime, WorldCtx);

impl Clock for Boxed {
    type Sleep = Sleep;

    fn sleep(duration: Duration) -> Sleep {
        sleep(duration)
    }
}

impl Limit for Boxed {
    fn timeout<F: Future>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        timeout(duration, future)
    }
}

async fn echo(socket: net::TcpStream) -> io::Result<u64> {
    socket.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(socket)?;
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

impl Echo for Boxed {
    fn serve(connections: Vec<net::TcpStream>) -> u64 {
        serve_with::<Self, _>(connections, echo)
    }
}

typed!(
    /// `channel::local`.
    Local, local
);
typed!(
    /// `channel::spsc`.
    Spsc, spsc
);
typed!(
    /// `channel::mpsc`.
    Mpsc, mpsc
);
bytes!(
    /// `channel::spsc_bytes`.
    SpscBytes, spsc_bytes
);
bytes!(
    /// `channel::mpsc_bytes`.
    MpscBytes, mpsc_bytes
);
