//! What may cross threads, be cloned or be moved while pinned: the table of
//! every public type.

use nexus_async_rt::cancel::{
    CancelledFut, CancelledOwnedFut, DropGuard, RunUntilCancelledFut, RunUntilCancelledOwnedFut,
};
use nexus_async_rt::channel::{
    ByteReceiver, ByteRecvFut, ByteSendFut, ByteSender, ClaimError, ClaimFut, Commit, Local, Mpsc,
    ReadClaim, Receiver, RecvError, RecvFut, RecvMutFut, SendError, SendFut, SendMutFut, Sender,
    Spsc, TryClaimError, TryRecvError, TrySendError, WriteClaim, local, mpsc, mpsc_bytes, spsc,
    spsc_bytes,
};
use nexus_async_rt::net::{
    AsyncFd, AsyncRead, AsyncWrite, Interest, OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReadyGuard,
    ReuniteError, Stream, Tcp, TcpListener, TcpSocket, TcpStream, UdpSocket, Unix, UnixDatagram,
    UnixListener, UnixStream, WouldBlock, WriteHalf, tcp, unix,
};
#[cfg(target_os = "linux")]
use nexus_async_rt::net::{Datagram, RecvBatch};
use nexus_async_rt::runtime::{
    Metrics, QuiesceTimeout, RunUntilShutdown, ShutdownSignal, SlabClaim,
};
use nexus_async_rt::task::OutcomeFut;
use nexus_async_rt::time::{
    Advance, After, Backoff, BackoffBuilder, ClockHold, Elapsed, Exhausted, Interval,
    MissedTickBehavior, Sleep, TickFut, Timeout, Unconstrained, WaitFut, YieldNow,
};
use nexus_async_rt::{
    AbortHandle, BoundedByteSlab, ByteSlab, CancellationToken, JoinError, JoinHandle, Runtime,
    RuntimeBuilder, ShutdownHandle, WorldCtx,
};
use static_assertions::{assert_impl_all, assert_not_impl_any, assert_type_eq_all};
use std::cell::Cell;
use std::error::Error;
use std::fmt::Debug;
use std::future::Ready;
use std::hash::Hash;
use std::net as std_net;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net as std_unix;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

/// `Send`, not `Sync`: what a typed channel between threads may carry.
type OneAtATime = Cell<u8>;
/// Neither: what only a local channel may carry.
type Tied = Rc<u8>;

// The names of each module are the generic handles.
assert_type_eq_all!(local::Sender<u8>, Sender<u8, Local>);
assert_type_eq_all!(spsc::Sender<u8>, Sender<u8, Spsc>);
assert_type_eq_all!(mpsc::Sender<u8>, Sender<u8, Mpsc>);
assert_type_eq_all!(local::Receiver<u8>, Receiver<u8, Local>);
assert_type_eq_all!(spsc::Receiver<u8>, Receiver<u8, Spsc>);
assert_type_eq_all!(mpsc::Receiver<u8>, Receiver<u8, Mpsc>);
assert_type_eq_all!(spsc_bytes::Sender, ByteSender<Spsc>);
assert_type_eq_all!(mpsc_bytes::Sender, ByteSender<Mpsc>);
assert_type_eq_all!(spsc_bytes::Receiver, ByteReceiver<Spsc>);
assert_type_eq_all!(mpsc_bytes::Receiver, ByteReceiver<Mpsc>);
assert_type_eq_all!(spsc_bytes::WriteClaim<'static>, WriteClaim<'static, Spsc>);
assert_type_eq_all!(mpsc_bytes::WriteClaim<'static>, WriteClaim<'static, Mpsc>);
assert_type_eq_all!(spsc_bytes::ReadClaim<'static>, ReadClaim<'static, Spsc>);
assert_type_eq_all!(mpsc_bytes::ReadClaim<'static>, ReadClaim<'static, Mpsc>);
assert_type_eq_all!(spsc_bytes::ClaimFut<'static>, ClaimFut<'static, Spsc>);
assert_type_eq_all!(mpsc_bytes::ClaimFut<'static>, ClaimFut<'static, Mpsc>);
assert_type_eq_all!(spsc_bytes::SendFut<'static>, ByteSendFut<'static, Spsc>);
assert_type_eq_all!(mpsc_bytes::SendFut<'static>, ByteSendFut<'static, Mpsc>);
assert_type_eq_all!(spsc_bytes::RecvFut<'static>, ByteRecvFut<'static, Spsc>);
assert_type_eq_all!(mpsc_bytes::RecvFut<'static>, ByteRecvFut<'static, Mpsc>);

// local: one thread; the sender may be cloned.
assert_impl_all!(local::Sender<Tied>: Clone, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(local::Receiver<Tied>: Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(local::Sender<u8>: Send, Sync);
assert_not_impl_any!(local::Receiver<u8>: Send, Sync, Clone);

// spsc, with U13 below.
assert_impl_all!(spsc::Sender<OneAtATime>: Send, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(spsc::Receiver<OneAtATime>: Send, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(spsc::Sender<u8>: Clone);
assert_not_impl_any!(spsc::Receiver<u8>: Clone);
assert_not_impl_any!(spsc::Sender<Tied>: Send, Sync);
assert_not_impl_any!(spsc::Receiver<Tied>: Send, Sync);

// mpsc, with U13 below.
assert_impl_all!(mpsc::Sender<OneAtATime>: Send, Sync, Clone, Unpin, UnwindSafe, Debug);
assert_impl_all!(mpsc::Receiver<OneAtATime>: Send, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(mpsc::Receiver<u8>: Clone);
assert_not_impl_any!(mpsc::Sender<Tied>: Send, Sync);
assert_not_impl_any!(mpsc::Receiver<Tied>: Send, Sync);

// The byte kinds, with U13 below.
assert_impl_all!(spsc_bytes::Sender: Send, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(spsc_bytes::Receiver: Send, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(mpsc_bytes::Sender: Send, Clone, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(mpsc_bytes::Receiver: Send, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(spsc_bytes::Sender: Clone);
assert_not_impl_any!(spsc_bytes::Receiver: Clone);
assert_not_impl_any!(mpsc_bytes::Receiver: Clone);

/// An end that one thread at a time may use is not shared.
#[test]
fn u13_an_end_for_one_thread_is_not_sync() {
    assert_not_impl_any!(spsc::Sender<u8>: Sync);
    assert_not_impl_any!(spsc::Receiver<u8>: Sync);
    assert_not_impl_any!(mpsc::Receiver<u8>: Sync);
    assert_not_impl_any!(spsc_bytes::Sender: Sync);
    assert_not_impl_any!(spsc_bytes::Receiver: Sync);
    assert_not_impl_any!(mpsc_bytes::Sender: Sync);
    assert_not_impl_any!(mpsc_bytes::Receiver: Sync);
}

// Futures of `&self`: `Send` where the handle is `Sync`. All are `!Unpin`.
assert_impl_all!(SendFut<'static, OneAtATime, Mpsc>: Send, Debug);
assert_not_impl_any!(SendFut<'static, u8, Mpsc>: Unpin, Clone);
assert_not_impl_any!(SendFut<'static, Tied, Mpsc>: Send);
assert_not_impl_any!(SendFut<'static, u8, Spsc>: Send, Sync, Unpin);
assert_not_impl_any!(SendFut<'static, u8, Local>: Send, Sync, Unpin);
assert_not_impl_any!(RecvFut<'static, u8, Mpsc>: Send, Sync, Unpin);
assert_not_impl_any!(RecvFut<'static, u8, Spsc>: Send, Sync, Unpin);
assert_not_impl_any!(RecvFut<'static, u8, Local>: Send, Sync, Unpin);

// Futures of `&mut self`: `Send` if the value is.
assert_impl_all!(SendMutFut<'static, OneAtATime, Spsc>: Send, Debug);
assert_impl_all!(SendMutFut<'static, OneAtATime, Mpsc>: Send, Debug);
assert_impl_all!(RecvMutFut<'static, OneAtATime, Spsc>: Send, Debug);
assert_impl_all!(RecvMutFut<'static, OneAtATime, Mpsc>: Send, Debug);
assert_not_impl_any!(SendMutFut<'static, Tied, Spsc>: Send, Unpin);
assert_not_impl_any!(SendMutFut<'static, Tied, Mpsc>: Send, Unpin);
assert_not_impl_any!(SendMutFut<'static, u8, Local>: Send, Unpin);
assert_not_impl_any!(RecvMutFut<'static, Tied, Spsc>: Send, Unpin);
assert_not_impl_any!(RecvMutFut<'static, Tied, Mpsc>: Send, Unpin);
assert_not_impl_any!(RecvMutFut<'static, u8, Local>: Send, Unpin);
assert_impl_all!(ClaimFut<'static, Spsc>: Send, Debug);
assert_impl_all!(ClaimFut<'static, Mpsc>: Send, Debug);
assert_impl_all!(ByteSendFut<'static, Spsc>: Send, Debug);
assert_impl_all!(ByteSendFut<'static, Mpsc>: Send, Debug);
assert_impl_all!(ByteRecvFut<'static, Spsc>: Send, Debug);
assert_impl_all!(ByteRecvFut<'static, Mpsc>: Send, Debug);
assert_not_impl_any!(ClaimFut<'static, Mpsc>: Sync, Unpin, Clone);
assert_not_impl_any!(ByteSendFut<'static, Mpsc>: Sync, Unpin, Clone);
assert_not_impl_any!(ByteRecvFut<'static, Mpsc>: Sync, Unpin, Clone);

// Claims: they may move with the handle they borrow, and are not shared.
assert_impl_all!(WriteClaim<'static, Spsc>: Send, Unpin, Debug);
assert_impl_all!(WriteClaim<'static, Mpsc>: Send, Unpin, Debug);
assert_impl_all!(ReadClaim<'static, Spsc>: Send, Unpin, Debug);
assert_impl_all!(ReadClaim<'static, Mpsc>: Send, Unpin, Debug);
assert_not_impl_any!(WriteClaim<'static, Mpsc>: Sync, Clone);
assert_not_impl_any!(ReadClaim<'static, Mpsc>: Sync, Clone);

// Errors follow what they hold, and print without its help.
assert_impl_all!(SendError<u8>: Send, Sync, Clone, Copy, Unpin, Error, PartialEq);
assert_impl_all!(TrySendError<u8>: Send, Sync, Clone, Copy, Unpin, Error, PartialEq);
assert_impl_all!(SendError<Tied>: Error);
assert_impl_all!(TrySendError<Tied>: Error);
assert_not_impl_any!(SendError<Tied>: Send, Sync);
assert_not_impl_any!(TrySendError<Tied>: Send, Sync);
assert_impl_all!(RecvError: Send, Sync, Clone, Copy, Unpin, Error, PartialEq);
assert_impl_all!(TryRecvError: Send, Sync, Clone, Copy, Unpin, Error, PartialEq);
assert_impl_all!(ClaimError: Send, Sync, Clone, Copy, Unpin, Error, PartialEq);
assert_impl_all!(TryClaimError: Send, Sync, Clone, Copy, Unpin, Error, PartialEq);

// The runtime and what belongs to its thread.
assert_impl_all!(Runtime<'static>: Unpin, Debug);
assert_impl_all!(RuntimeBuilder<'static>: Unpin, Debug);
assert_not_impl_any!(RuntimeBuilder<'static>: Send, Sync, Clone);
assert_impl_all!(JoinHandle<Tied>: Unpin, UnwindSafe, RefUnwindSafe, Debug, Future);
assert_not_impl_any!(JoinHandle<u8>: Send, Sync, Clone);
assert_impl_all!(OutcomeFut<'static, Tied>: Unpin, RefUnwindSafe, Debug, Future);
assert_not_impl_any!(OutcomeFut<'static, u8>: Send, Sync, Clone);
assert_impl_all!(AbortHandle: Unpin, Clone, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(AbortHandle: Send, Sync);
assert_impl_all!(JoinError: Send, Sync, Unpin, Clone, UnwindSafe, RefUnwindSafe, Error, PartialEq);
assert_impl_all!(SlabClaim: Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(SlabClaim: Send, Sync, Clone);
assert_impl_all!(WorldCtx: Clone, Copy, Debug);
assert_impl_all!(Metrics: Send, Sync, Clone, Debug);
assert_impl_all!(ByteSlab<256>: Unpin, Debug);
assert_not_impl_any!(ByteSlab<256>: Send, Sync, Clone);
assert_impl_all!(BoundedByteSlab<256>: Unpin, Debug);
assert_not_impl_any!(BoundedByteSlab<256>: Send, Sync, Clone);
assert_impl_all!(Sleep: Future, Debug);
assert_not_impl_any!(Sleep: Send, Sync, Unpin, Clone);

/// What reaches the World stays on its thread. That the World outlives the
/// runtime is a matter of lifetimes, shown where `Runtime` is documented.
#[test]
fn u12_what_reaches_the_world_does_not_leave_its_thread() {
    assert_not_impl_any!(Runtime<'static>: Send, Sync, Clone);
    assert_not_impl_any!(WorldCtx: Send, Sync);
}

// Time: what waits stays, what is counted on goes anywhere.
assert_impl_all!(Timeout<Sleep>: Future, Debug);
assert_not_impl_any!(Timeout<std::future::Ready<u8>>: Send, Sync, Unpin, Clone);
assert_impl_all!(After<Sleep>: Future, Debug);
assert_not_impl_any!(After<std::future::Ready<u8>>: Send, Sync, Unpin, Clone);
assert_impl_all!(TickFut<'static>: Future, Debug);
assert_not_impl_any!(TickFut<'static>: Send, Sync, Unpin, Clone);
assert_impl_all!(WaitFut<'static, Tied>: Future, Debug);
assert_not_impl_any!(WaitFut<'static, u8>: Send, Sync, Unpin, Clone);
assert_impl_all!(Advance: Future, Debug);
assert_not_impl_any!(Advance: Send, Sync, Unpin, Clone);
assert_impl_all!(Interval: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(Interval: Clone);
assert_impl_all!(MissedTickBehavior: Send, Sync, Copy, Default, PartialEq, Debug);
assert_impl_all!(Backoff: Send, Unpin, UnwindSafe, Clone, Debug);
assert_impl_all!(BackoffBuilder: Send, Sync, Unpin, Clone, Debug);
assert_impl_all!(ClockHold: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(ClockHold: Clone);
assert_impl_all!(Elapsed: Send, Sync, Copy, PartialEq, Error);
assert_impl_all!(Exhausted<std::fmt::Error>: Send, Sync, Copy, PartialEq, Error);
assert_not_impl_any!(Exhausted<Tied>: Send, Sync);
assert_impl_all!(YieldNow: Future, Send, Sync, Unpin, Debug);
assert_not_impl_any!(YieldNow: Clone);
// As what is inside.
assert_impl_all!(Unconstrained<Ready<u8>>: Future, Send, Sync, Unpin, Debug);
assert_not_impl_any!(Unconstrained<Ready<OneAtATime>>: Sync, Clone);
assert_not_impl_any!(Unconstrained<Ready<Tied>>: Send, Sync);
assert_not_impl_any!(Unconstrained<Sleep>: Send, Sync, Unpin);

// Cancellation and shutdown: any thread, any executor.
assert_impl_all!(CancellationToken: Eq, Hash, Send, Sync, Clone, Default, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(DropGuard: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(DropGuard: Clone);
assert_impl_all!(CancelledFut<'static>: Future<Output = ()>, Send, Sync, Debug);
assert_impl_all!(CancelledOwnedFut: Future<Output = ()>, Send, Sync, Debug);
assert_impl_all!(RunUntilCancelledFut<'static, Ready<OneAtATime>>: Future, Send, Debug);
assert_not_impl_any!(CancelledFut<'static>: Unpin, Clone);
assert_not_impl_any!(CancelledOwnedFut: Unpin, Clone);
assert_not_impl_any!(RunUntilCancelledFut<'static, Ready<Tied>>: Send, Unpin, Clone);
assert_impl_all!(RunUntilCancelledOwnedFut<Ready<OneAtATime>>: Future, Send, Debug);
assert_not_impl_any!(RunUntilCancelledOwnedFut<Ready<Tied>>: Send, Unpin, Clone);
assert_impl_all!(ShutdownHandle: Send, Sync, Clone, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(RunUntilShutdown<Ready<OneAtATime>>: Future, Send, Debug);
assert_not_impl_any!(RunUntilShutdown<Ready<Tied>>: Send, Unpin, Clone);
assert_impl_all!(ShutdownSignal: Future<Output = ()>, Send, Sync, Debug);
assert_not_impl_any!(ShutdownSignal: Unpin, Clone);
assert_impl_all!(QuiesceTimeout: Send, Sync, Clone, Unpin, Error, PartialEq);

/// A future of an async block over exclusive handles is `Send + 'static`: what
/// an executor that moves tasks between threads asks for.
#[test]
fn tasks_over_exclusive_handles_may_migrate() {
    fn may_migrate<F: Future + Send + 'static>(task: F) {
        drop(task);
    }
    let (mut tx, mut rx) = spsc::channel::<OneAtATime>(1);
    may_migrate(async move { tx.send_mut(Cell::new(1)).await.is_ok() });
    may_migrate(async move { rx.recv_mut().await.is_ok() });
    let (mut tx, mut rx) = mpsc::channel::<OneAtATime>(1);
    let shared = tx.clone();
    may_migrate(async move { shared.send(Cell::new(1)).await.is_ok() });
    may_migrate(async move { tx.send_mut(Cell::new(1)).await.is_ok() });
    may_migrate(async move { rx.recv_mut().await.is_ok() });
    let (mut tx, mut rx) = spsc_bytes::channel(64);
    may_migrate(async move { tx.claim(8).await.map(WriteClaim::commit).is_ok() });
    may_migrate(async move { rx.recv().await.is_ok() });
    let (mut tx, mut rx) = mpsc_bytes::channel(64);
    may_migrate(async move { tx.send(b"message").await.is_ok() });
    may_migrate(async move { rx.recv().await.is_ok() });
}

// Sockets: one thread; moved as one likes, because what waits lies elsewhere.
assert_type_eq_all!(TcpStream, Stream<Tcp>);
assert_type_eq_all!(UnixStream, Stream<Unix>);
assert_type_eq_all!(tcp::ReadHalf<'static>, ReadHalf<'static, Tcp>);
assert_type_eq_all!(tcp::WriteHalf<'static>, WriteHalf<'static, Tcp>);
assert_type_eq_all!(tcp::OwnedReadHalf, OwnedReadHalf<Tcp>);
assert_type_eq_all!(tcp::OwnedWriteHalf, OwnedWriteHalf<Tcp>);
assert_type_eq_all!(tcp::ReuniteError, ReuniteError<Tcp>);
assert_type_eq_all!(unix::ReadHalf<'static>, ReadHalf<'static, Unix>);
assert_type_eq_all!(unix::WriteHalf<'static>, WriteHalf<'static, Unix>);
assert_type_eq_all!(unix::OwnedReadHalf, OwnedReadHalf<Unix>);
assert_type_eq_all!(unix::OwnedWriteHalf, OwnedWriteHalf<Unix>);
assert_type_eq_all!(unix::ReuniteError, ReuniteError<Unix>);
assert_impl_all!(TcpStream: AsyncRead, AsyncWrite, AsFd, AsRawFd, Unpin, Debug);
assert_impl_all!(UnixStream: AsyncRead, AsyncWrite, AsFd, AsRawFd, Unpin, Debug);
assert_impl_all!(ReadHalf<'static, Tcp>: AsyncRead, Unpin, Debug);
assert_impl_all!(WriteHalf<'static, Tcp>: AsyncWrite, Unpin, Debug);
assert_impl_all!(OwnedReadHalf<Tcp>: AsyncRead, Unpin, Debug);
assert_impl_all!(OwnedWriteHalf<Unix>: AsyncWrite, Unpin, Debug);
assert_impl_all!(ReuniteError<Tcp>: Error, Debug);
assert_impl_all!(TcpListener: AsFd, AsRawFd, Unpin, Debug);
assert_impl_all!(TcpSocket: AsFd, AsRawFd, Unpin, Debug);
assert_impl_all!(UdpSocket: AsFd, AsRawFd, Unpin, Debug);
assert_impl_all!(UnixListener: AsFd, AsRawFd, Unpin, Debug);
assert_impl_all!(UnixDatagram: AsFd, AsRawFd, Unpin, Debug);
assert_impl_all!(AsyncFd<OwnedFd>: AsFd, Unpin, Debug);
assert_impl_all!(ReadyGuard<'static, OwnedFd>: Unpin, Debug);
assert_impl_all!(Interest: Copy, Eq, Send, Sync, Debug);
assert_impl_all!(WouldBlock: Error, Copy, Eq, Send, Sync);
assert_impl_all!(TcpStream: TryFrom<std_net::TcpStream>, Into<std_net::TcpStream>);
assert_impl_all!(TcpSocket: TryFrom<std_net::TcpStream>, Into<std_net::TcpStream>);
assert_impl_all!(TcpListener: TryFrom<std_net::TcpListener>, Into<std_net::TcpListener>);
assert_impl_all!(UdpSocket: TryFrom<std_net::UdpSocket>, Into<std_net::UdpSocket>);
assert_impl_all!(UnixStream: TryFrom<std_unix::UnixStream>, Into<std_unix::UnixStream>);
assert_impl_all!(UnixListener: TryFrom<std_unix::UnixListener>, Into<std_unix::UnixListener>);
assert_impl_all!(UnixDatagram: TryFrom<std_unix::UnixDatagram>, Into<std_unix::UnixDatagram>);
assert_not_impl_any!(TcpStream: Send, Sync, Clone);
assert_not_impl_any!(UnixStream: Send, Sync, Clone);
assert_not_impl_any!(ReadHalf<'static, Tcp>: Send, Sync, AsyncWrite);
assert_not_impl_any!(WriteHalf<'static, Tcp>: Send, Sync, AsyncRead);
assert_not_impl_any!(OwnedReadHalf<Tcp>: Send, Sync, Clone, AsyncWrite);
assert_not_impl_any!(OwnedWriteHalf<Tcp>: Send, Sync, Clone, AsyncRead);
assert_not_impl_any!(TcpListener: Send, Sync, Clone);
assert_not_impl_any!(TcpSocket: Send, Sync, Clone);
assert_not_impl_any!(UdpSocket: Send, Sync, Clone);
#[cfg(target_os = "linux")]
assert_impl_all!(RecvBatch: Send, Sync, Unpin, Debug);
#[cfg(target_os = "linux")]
assert_impl_all!(Datagram<'_>: Send, Sync, Copy, Debug);
assert_not_impl_any!(UnixListener: Send, Sync, Clone);
assert_not_impl_any!(UnixDatagram: Send, Sync, Clone);
assert_not_impl_any!(AsyncFd<OwnedFd>: Send, Sync, Clone);
assert_not_impl_any!(ReadyGuard<'static, OwnedFd>: Send, Sync);

/// The bridge to tokio.
#[cfg(feature = "tokio-compat")]
mod tokio_compat {
    use super::{Cell, Debug, Error, Tied, assert_impl_all, assert_not_impl_any};
    use nexus_async_rt::tokio_compat::{
        InstallTokioError, TokioJoinError, TokioJoinHandle, WithTokio,
    };
    use std::future::{Pending, Ready};
    use std::marker::PhantomPinned;

    // As what is inside.
    type Made<T> = fn() -> Ready<T>;
    assert_impl_all!(WithTokio<Made<u8>, Ready<u8>>: Future, Send, Unpin, Debug);
    assert_impl_all!(WithTokio<Made<Tied>, Ready<Tied>>: Future, Debug);
    assert_not_impl_any!(WithTokio<Made<Tied>, Ready<Tied>>: Send);
    assert_not_impl_any!(WithTokio<Made<u8>, PhantomPinned>: Unpin);
    assert_not_impl_any!(WithTokio<Made<u8>, Pending<u8>>: Clone);

    // A handle may leave its thread with its output.
    assert_impl_all!(TokioJoinHandle<Cell<u8>>: Future, Send, Sync, Unpin, Debug);
    assert_not_impl_any!(TokioJoinHandle<Tied>: Send, Sync, Clone);
    assert_impl_all!(TokioJoinError: Send, Sync, Unpin, Error);
    assert_impl_all!(InstallTokioError: Send, Sync, Clone, Copy, Unpin, Error, PartialEq);
}

/// What a caught panic may have passed through, by value and by reference: a row
/// for every public type. Foreign code never runs in the middle of a change, so
/// what belongs to this crate alone is whole afterwards.
mod unwinding {
    use super::*;
    use std::collections::BTreeSet;

    /// Neither by value nor by reference: what may hold what a panic left behind.
    type Torn = &'static mut Cell<u8>;

    macro_rules! both {
        ($($of:ty),+ $(,)?) => { $(assert_impl_all!($of: UnwindSafe, RefUnwindSafe);)+ };
    }
    macro_rules! not_by_value {
        ($($of:ty),+ $(,)?) => { $(assert_not_impl_any!($of: UnwindSafe);)+ };
    }
    macro_rules! neither {
        ($($of:ty),+ $(,)?) => { $(assert_not_impl_any!($of: UnwindSafe, RefUnwindSafe);)+ };
    }

    // Handles: whatever they carry is on its way to somebody else.
    both!(Sender<Torn, Local>, Sender<Torn, Spsc>, Sender<Torn, Mpsc>);
    both!(Receiver<Torn, Local>, Receiver<Torn, Spsc>, Receiver<Torn, Mpsc>);
    both!(
        ByteSender<Spsc>,
        ByteSender<Mpsc>,
        ByteReceiver<Spsc>,
        ByteReceiver<Mpsc>
    );
    both!(Local, Spsc, Mpsc, Tcp, Unix);
    both!(
        CancellationToken,
        DropGuard,
        ShutdownHandle,
        ClockHold,
        JoinHandle<Torn>
    );
    both!(ByteSlab<256>, BoundedByteSlab<256>, SlabClaim, Metrics);
    both!(AbortHandle, JoinError, Commit);
    not_by_value!(OutcomeFut<'static, Torn>);

    // Futures that borrow nothing exclusively. Of values and futures: as they are.
    both!(RecvFut<'static, Torn, Local>, RecvFut<'static, Torn, Spsc>);
    both!(RecvFut<'static, Torn, Mpsc>, SendFut<'static, u8, Local>);
    both!(SendFut<'static, u8, Spsc>, SendFut<'static, u8, Mpsc>);
    both!(
        CancelledFut<'static>,
        CancelledOwnedFut,
        ShutdownSignal,
        YieldNow
    );
    both!(
        Sleep,
        Advance,
        Timeout<Sleep>,
        After<Sleep>,
        Unconstrained<Sleep>
    );
    both!(
        RunUntilCancelledFut<'static, Sleep>,
        RunUntilCancelledOwnedFut<Sleep>,
        RunUntilShutdown<Sleep>
    );
    both!(
        WaitFut<'static, u8>,
        Interval,
        MissedTickBehavior,
        Backoff,
        BackoffBuilder
    );
    neither!(SendFut<'static, Torn, Mpsc>, WaitFut<'static, Torn>);
    neither!(
        Timeout<Ready<Torn>>,
        After<Ready<Torn>>,
        Unconstrained<Ready<Torn>>
    );
    neither!(RunUntilCancelledFut<'static, Ready<Torn>>);
    neither!(RunUntilCancelledOwnedFut<Ready<Torn>>);
    neither!(RunUntilShutdown<Ready<Torn>>);

    // Exclusive borrows: by the rule of `std`, what they lead to outlives the
    // panic and may have been left half way by their user.
    not_by_value!(SendMutFut<'static, u8, Spsc>, RecvMutFut<'static, u8, Spsc>);
    not_by_value!(ClaimFut<'static, Spsc>, ByteSendFut<'static, Spsc>);
    not_by_value!(ByteRecvFut<'static, Spsc>, WriteClaim<'static, Spsc>);
    not_by_value!(ReadClaim<'static, Spsc>, TickFut<'static>);

    // The World is the user's, and a handler may have left it half way.
    not_by_value!(Runtime<'static>, RuntimeBuilder<'static>);
    // The token gives no access by itself.
    both!(WorldCtx);

    #[cfg(target_os = "linux")]
    both!(RecvBatch, Datagram<'static>);
    // Sockets. A descriptor of the user's: as it is.
    both!(
        TcpStream,
        TcpListener,
        TcpSocket,
        UdpSocket,
        UnixStream,
        UnixListener
    );
    both!(
        UnixDatagram,
        ReadHalf<'static, Tcp>,
        WriteHalf<'static, Tcp>
    );
    both!(
        OwnedReadHalf<Tcp>,
        OwnedWriteHalf<Tcp>,
        ReuniteError<Tcp>,
        Interest
    );
    both!(Stream<Tcp>, Stream<Unix>);
    both!(AsyncFd<OwnedFd>, ReadyGuard<'static, OwnedFd>);
    neither!(AsyncFd<Held>, ReadyGuard<'static, Held>);

    // Errors: as what they give back.
    both!(
        SendError<u8>,
        TrySendError<u8>,
        RecvError,
        TryRecvError,
        ClaimError
    );
    both!(
        TryClaimError,
        Elapsed,
        Exhausted<u8>,
        QuiesceTimeout,
        WouldBlock
    );
    neither!(SendError<Torn>, TrySendError<Torn>, Exhausted<Torn>);

    #[cfg(feature = "tokio-compat")]
    mod tokio_compat {
        use super::*;
        use nexus_async_rt::tokio_compat::{
            InstallTokioError, TokioJoinError, TokioJoinHandle, WithTokio,
        };

        both!(TokioJoinHandle<Torn>, InstallTokioError);
        // It carries what a panic carried.
        neither!(TokioJoinError);
        both!(WithTokio<fn() -> Sleep, Sleep>);
        neither!(WithTokio<fn() -> Ready<Torn>, Ready<Torn>>);
    }

    /// A descriptor with something beside it.
    struct Held(OwnedFd, Torn);

    impl AsFd for Held {
        fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
            let _ = &self.1;
            self.0.as_fd()
        }
    }

    /// Traits that are exported: they have no row.
    fn is_trait(name: &str) -> bool {
        let names = [
            "AsyncRead",
            "AsyncWrite",
            "Kind",
            "CrossThread",
            "ManyProducers",
            "Family",
        ];
        names.contains(&name)
    }

    /// The types that `file`, the face of a room, exports.
    fn exported(file: &str) -> BTreeSet<String> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let uses = text.split("\npub use ").skip(1);
        let names = uses.flat_map(|rest| {
            let list = rest.split(';').next().unwrap();
            list.split(|c: char| !c.is_alphanumeric() && c != '_')
        });
        names
            .filter(|name| {
                name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
            })
            .filter(|name| !is_trait(name))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_public_type_has_a_row() {
        let text = include_str!("auto_traits.rs");
        let rows: BTreeSet<_> = ["both!(", "not_by_value!(", "neither!("]
            .iter()
            .flat_map(|row| text.split(row).skip(1))
            .filter_map(|rest| rest.split(");").next())
            .flat_map(|row| row.split(|c: char| !c.is_alphanumeric() && c != '_'))
            .collect();
        let mut all = BTreeSet::from(["CancellationToken".to_owned(), "Runtime".to_owned()]);
        for face in [
            "lib",
            "cancel/mod",
            "channel/mod",
            "net/mod",
            "runtime/mod",
            "task/mod",
            "time/mod",
        ] {
            all.append(&mut exported(&format!("src/{face}.rs")));
        }
        assert!(all.len() > 60, "only {} types are exported", all.len());
        let missing: Vec<_> = all
            .iter()
            .filter(|name| !rows.contains(name.as_str()))
            .collect();
        assert!(missing.is_empty(), "no row for {missing:?}");
    }
}
