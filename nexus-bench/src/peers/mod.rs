//! What a workload asks of a peer, and one adapter a peer.
//!
//! A peer's channel that belongs to no executor is received from on ours: then
//! the channels are compared, not the executors.

pub mod async_io;
pub mod channels;
pub mod limit;
pub mod monoio;
mod nexus;
pub mod ours;
pub mod published;
pub mod rings;
pub mod smol;
pub mod tokio;

use nexus_rt::World;
use std::fmt::Debug;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

/// An executor of one thread, by one of its ways to spawn.
pub trait Executor: 'static {
    /// What a spawned task is awaited by.
    type Join<T: 'static>: Future<Output = T> + 'static;

    /// Makes a runtime with the defaults of its builder and drives `future` on
    /// it; parks when idle.
    fn block_on<F: Future + 'static>(future: F) -> F::Output;

    /// Spawns on the runtime that the caller runs in.
    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static;
}

/// An executor that lends a World to its tasks.
pub trait Lend: Executor {
    /// What stands for the World in a task.
    type Ctx: 'static;

    /// As [`Executor::block_on`], with a World of the caller's.
    fn block_on_with<F: Future + 'static>(world: &mut World, future: F) -> F::Output;

    /// That of the runtime that the caller runs in.
    fn ctx() -> Self::Ctx;

    /// Lends the World.
    fn with_world<R>(ctx: &Self::Ctx, f: impl FnOnce(&mut World) -> R) -> R;
}

/// An executor that has timers.
pub trait Clock: Executor {
    /// A timer.
    type Sleep: Future<Output = ()> + 'static;

    /// Completes after `duration`.
    fn sleep(duration: Duration) -> Self::Sleep;
}

/// An executor that puts a limit on how long a future may take.
pub trait Limit: Clock {
    /// The output of `future`; none if `duration` was over first. The peer's own
    /// future, be its output an `Option` or a `Result`.
    fn timeout<F: Future>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = impl IntoIterator<Item = F::Output>>;
}

/// A server that echoes over TCP.
pub trait Echo: 'static {
    /// Sends back on each connection what comes there, all at once, until the
    /// last one has ended; how many bytes. The sockets block as yet.
    fn serve(connections: Vec<TcpStream>) -> u64;
}

/// [`Echo::serve`] with a task a connection.
fn serve_with<E, F>(connections: Vec<TcpStream>, echo: impl Fn(TcpStream) -> F + 'static) -> u64
where
    E: Executor,
    F: Future<Output = io::Result<u64>> + 'static,
{
    E::block_on(async move {
        let tasks: Vec<_> = connections
            .into_iter()
            .map(|connection| E::spawn(echo(connection)))
            .collect();
        let mut bytes = 0;
        for task in tasks {
            bytes += task
                .await
                .unwrap_or_else(|error| panic!("a connection broke: {error}"));
        }
        bytes
    })
}

/// Bytes that an echo reads at most at once.
const ECHO_BUFFER: usize = 1024;

/// A bounded channel of `u64` with a receiver that awaits.
pub trait Channel: 'static {
    /// The sending end.
    type Sender: 'static;
    /// The receiving end.
    type Receiver: 'static;

    /// Room for `capacity` messages. Called inside a runtime.
    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver);

    /// `false`: full.
    fn try_send(tx: &mut Self::Sender, message: u64) -> bool;

    /// The next message; none when all senders are gone. The peer's own future
    /// is returned, be its output an `Option` or a `Result`, so that nothing of
    /// ours is in the way.
    fn recv(rx: &mut Self::Receiver) -> impl Future<Output = impl IntoIterator<Item = u64>>;
}

/// A channel that can be received from without waiting.
pub trait TryRecv: Channel {
    /// `None`: empty.
    fn try_recv(rx: &mut Self::Receiver) -> Option<u64>;
}

/// A channel with a sender that awaits too.
pub trait AsyncSend: Channel {
    /// Waits for room; an error if the receiver is gone. The peer's own future.
    fn send(tx: &mut Self::Sender, message: u64) -> impl Future<Output = Result<(), impl Debug>>;
}

/// A bounded channel of byte messages.
pub trait Bytes: 'static {
    /// The sending end.
    type Sender: Send + 'static;
    /// The receiving end.
    type Receiver: Send + 'static;

    /// Room for about `capacity` bytes in messages of `len`. Called inside a
    /// runtime.
    fn channel(capacity: usize, len: usize) -> (Self::Sender, Self::Receiver);

    /// Copies `message` in. `false`: full.
    fn try_send(tx: &mut Self::Sender, message: &[u8]) -> bool;

    /// Shows `read` the next message. `false`: empty.
    fn try_recv(rx: &mut Self::Receiver, read: impl FnOnce(&[u8])) -> bool;
}

/// Bytes with a receiver that awaits.
pub trait AwaitBytes: Bytes {
    /// Shows `read` the next message. `false`: the sender is gone.
    fn recv(rx: &mut Self::Receiver, read: impl FnOnce(&[u8])) -> impl Future<Output = bool>;
}
