//! tokio: the current-thread runtime with a `LocalSet`, and `sync::mpsc`.

use super::{
    AsyncSend, AwaitBytes, Bytes, Channel, Clock, ECHO_BUFFER, Echo, Executor, Limit, TryRecv,
    serve_with,
};
use std::fmt::Debug;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Sleep, sleep, timeout};

/// Tasks of a `LocalSet`.
#[derive(Debug)]
pub struct Tokio;

/// A join that panics with its task.
#[derive(Debug)]
pub struct Join<T>(JoinHandle<T>);

impl<T> Future for Join<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|output| output.unwrap_or_else(|error| panic!("a task did not end: {error}")))
    }
}

impl Executor for Tokio {
    type Join<T: 'static> = Join<T>;

    fn block_on<F: Future + 'static>(future: F) -> F::Output {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap_or_else(|error| panic!("tokio was refused: {error}"));
        LocalSet::new().block_on(&runtime, future)
    }

    fn spawn<F>(future: F) -> Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Join(spawn_local(future))
    }
}

/// Tasks of a `LocalSet`, one of which is always ready: a spin loop around tokio.
#[derive(Debug)]
pub struct TokioSpinning;

impl Executor for TokioSpinning {
    type Join<T: 'static> = Join<T>;

    fn block_on<F: Future + 'static>(future: F) -> F::Output {
        Tokio::block_on(async {
            let spinning = spawn_local(std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
            let output = future.await;
            spinning.abort();
            output
        })
    }

    fn spawn<F>(future: F) -> Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Tokio::spawn(future)
    }
}

impl Clock for Tokio {
    type Sleep = Sleep;

    fn sleep(duration: Duration) -> Sleep {
        sleep(duration)
    }
}

impl Limit for Tokio {
    fn timeout<F: Future>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = impl IntoIterator<Item = F::Output>> {
        timeout(duration, future)
    }
}

/// Tasks of a `LocalSet`, where sockets are watched.
#[derive(Debug)]
pub struct TokioIo;

impl Executor for TokioIo {
    type Join<T: 'static> = Join<T>;

    fn block_on<F: Future + 'static>(future: F) -> F::Output {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap_or_else(|error| panic!("tokio was refused: {error}"));
        LocalSet::new().block_on(&runtime, future)
    }

    fn spawn<F>(future: F) -> Join<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Tokio::spawn(future)
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

impl Echo for TokioIo {
    fn serve(connections: Vec<net::TcpStream>) -> u64 {
        serve_with::<Self, _>(connections, echo)
    }
}

/// `sync::mpsc`.
#[derive(Debug)]
pub struct Mpsc;

fn sent<T>(result: Result<(), TrySendError<T>>) -> bool {
    match result {
        Ok(()) => true,
        Err(TrySendError::Full(_)) => false,
        Err(TrySendError::Closed(_)) => panic!("the receiver is gone"),
    }
}

impl Channel for Mpsc {
    type Sender = mpsc::Sender<u64>;
    type Receiver = mpsc::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        mpsc::channel(capacity)
    }

    fn try_send(tx: &mut Self::Sender, message: u64) -> bool {
        sent(tx.try_send(message))
    }

    fn recv(rx: &mut Self::Receiver) -> impl Future<Output = impl IntoIterator<Item = u64>> {
        rx.recv()
    }
}

impl TryRecv for Mpsc {
    fn try_recv(rx: &mut Self::Receiver) -> Option<u64> {
        rx.try_recv().ok()
    }
}

impl AsyncSend for Mpsc {
    fn send(tx: &mut Self::Sender, message: u64) -> impl Future<Output = Result<(), impl Debug>> {
        tx.send(message)
    }
}

/// `sync::mpsc` of a `Vec` a message.
#[derive(Debug)]
pub struct Vecs;

impl Bytes for Vecs {
    type Sender = mpsc::Sender<Vec<u8>>;
    type Receiver = mpsc::Receiver<Vec<u8>>;

    fn channel(capacity: usize, len: usize) -> (Self::Sender, Self::Receiver) {
        mpsc::channel((capacity / len).max(1))
    }

    fn try_send(tx: &mut Self::Sender, message: &[u8]) -> bool {
        // Without a place, no allocation in vain.
        match tx.try_reserve() {
            Ok(place) => {
                place.send(message.to_vec());
                true
            }
            Err(error) => sent(Err(error)),
        }
    }

    fn try_recv(rx: &mut Self::Receiver, read: impl FnOnce(&[u8])) -> bool {
        rx.try_recv().map(|message| read(&message)).is_ok()
    }
}

impl AwaitBytes for Vecs {
    async fn recv(rx: &mut Self::Receiver, read: impl FnOnce(&[u8])) -> bool {
        rx.recv().await.map(|message| read(&message)).is_some()
    }
}
