//! This project.

use super::nexus::{bytes, executor, lends, typed};
use super::{Clock, ECHO_BUFFER, Echo, Limit, serve_with};
use nexus_async_rt::channel::{TrySendError, local, mpsc, mpsc_bytes, spsc, spsc_bytes};
use nexus_async_rt::net::TcpStream;
use nexus_async_rt::time::{Sleep, event_time, sleep_until, timeout_at};
use nexus_async_rt::{
    ByteSlab, JoinHandle, Runtime, WorldCtx, sleep, spawn_boxed, spawn_slab, timeout,
};
use nexus_rt::WorldBuilder;
use std::time::Duration;
use std::{io, net};

fn block_on<F: Future + 'static>(future: F) -> F::Output {
    block_on_spinning_for(Duration::ZERO, future)
}

/// For longer than it takes to be woken by the OS.
fn block_on_spinning<F: Future + 'static>(future: F) -> F::Output {
    block_on_spinning_for(Duration::from_micros(100), future)
}

fn block_on_busy<F: Future + 'static>(future: F) -> F::Output {
    let mut world = WorldBuilder::new().build();
    Runtime::new(&mut world).block_on_busy(future)
}

fn block_on_spinning_for<F: Future + 'static>(spin: Duration, future: F) -> F::Output {
    let mut world = WorldBuilder::new().build();
    Runtime::builder(&mut world)
        .slab_unbounded(ByteSlab::<256>::with_chunk_capacity(1024))
        .spin(spin)
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
executor!(
    /// Tasks in boxes, of a runtime that spins for 100 µs.
    Spinning, JoinHandle, block_on_spinning, spawn_boxed
);
executor!(
    /// Tasks in boxes, of a runtime that never parks.
    Busy, JoinHandle, block_on_busy, spawn_boxed
);
executor!(
    /// Timers that count from the turn of the loop.
    FromTurn, JoinHandle, block_on, spawn_boxed
);

lends!(Boxed, Runtime, WorldCtx);

impl Clock for Boxed {
    type Sleep = Sleep;

    fn sleep(duration: Duration) -> Sleep {
        sleep(duration)
    }
}

impl Clock for Spinning {
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

impl Clock for FromTurn {
    type Sleep = Sleep;

    fn sleep(duration: Duration) -> Sleep {
        sleep_until(event_time() + duration)
    }
}

impl Limit for FromTurn {
    fn timeout<F: Future>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        timeout_at(event_time() + duration, future)
    }
}

async fn echo(socket: net::TcpStream) -> io::Result<u64> {
    let stream = TcpStream::from_std(socket)?;
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
