//! Wakers that panic or call back when a socket wakes them.

use crate::net::tcp::{connected, waiting};
use crate::support::with_runtime;
use futures_lite::future::poll_once;
use nexus_async_rt::net::{AsyncFd, AsyncRead, AsyncWrite, Interest, TcpStream, UnixStream};
use nexus_async_rt::{JoinHandle, sleep};
use nexus_testkit::{panic_of, scaled};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{ErrorKind, PipeReader, PipeWriter, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

/// What a waker does when it is woken, given itself.
type Deed = Box<dyn FnMut(&Waker)>;

/// The data of a waker that stays on its thread.
struct Hostile {
    deed: RefCell<Option<Deed>>,
    woken: Cell<usize>,
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, release);

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: made by `Rc::into_raw` of this type, and alive.
    unsafe { Rc::increment_strong_count(data.cast::<Hostile>()) };
    RawWaker::new(data, &TABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: as above; the reference is given away, to the waker made of it.
    let (hostile, this) = unsafe { (&*data.cast::<Hostile>(), Waker::new(data, &TABLE)) };
    hostile.woken.set(hostile.woken.get() + 1);
    let deed = hostile.deed.take();
    if let Some(mut deed) = deed {
        deed(&this);
        *hostile.deed.borrow_mut() = Some(deed);
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: as above, with a reference of its own.
    unsafe {
        Rc::increment_strong_count(data.cast::<Hostile>());
        wake(data);
    }
}

unsafe fn release(data: *const ()) {
    // SAFETY: as above.
    drop(unsafe { Rc::from_raw(data.cast::<Hostile>()) });
}

fn hostile(deed: impl FnMut(&Waker) + 'static) -> (Rc<Hostile>, Waker) {
    let hostile = Rc::new(Hostile {
        deed: RefCell::new(Some(Box::new(deed))),
        woken: Cell::new(0),
    });
    let data = Rc::into_raw(hostile.clone()).cast();
    // SAFETY: the table keeps the contract on one thread, which nobody leaves.
    (hostile, unsafe { Waker::new(data, &TABLE) })
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_asleep() {
    with_runtime(|rt| {
        let (here, there) = rt.block_on(connected());
        let there = Rc::new(there);
        let (_, bomb) = hostile(|_| panic!("wake exploded"));
        let mut cx = Context::from_waker(&bomb);
        let mut buf = [0; 1];
        let mut first = Box::pin(there.read(&mut buf));
        let mut tasks = Vec::new();
        rt.block_on(async {
            assert!(
                poll_fn(|_| Poll::Ready(first.as_mut().poll(&mut cx)))
                    .await
                    .is_pending()
            );
            for _ in 0..2 {
                let there = there.clone();
                tasks.push(waiting(async move { there.read(&mut [0; 1]).await }).await);
            }
        });
        here.try_write(b"ab").unwrap();
        let message = panic_of(|| rt.block_on(sleep(Duration::from_secs(1))));
        assert_eq!(message, "wake exploded");
        drop(first);
        rt.block_on(async {
            for task in tasks {
                assert_eq!(task.await.unwrap(), 1);
            }
        });
    });
}

/// A stream without room to write, and two tasks that wait for it, behind a
/// future that is polled with `waker`.
async fn full_stream(
    waker: &Waker,
) -> (
    UnixStream,
    Rc<UnixStream>,
    impl Future<Output = std::io::Result<usize>>,
    Vec<JoinHandle<std::io::Result<usize>>>,
) {
    let (here, there) = UnixStream::pair().unwrap();
    while here.try_write(&[0; 4096]).is_ok() {}
    let here = Rc::new(here);
    let same = here.clone();
    let mut first = Box::pin(async move { same.write(&[1]).await });
    let mut cx = Context::from_waker(waker);
    let polled = poll_fn(|_| Poll::Ready(first.as_mut().poll(&mut cx))).await;
    assert!(polled.is_pending());
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let same = here.clone();
        tasks.push(waiting(async move { same.write(&[1]).await }).await);
    }
    (there, here, first, tasks)
}

#[test]
fn a_waker_that_panics_at_a_shutdown_keeps_nobody_else_asleep() {
    with_runtime(|rt| {
        let (_, bomb) = hostile(|_| panic!("wake exploded"));
        let (_there, here, first, tasks) = rt.block_on(full_stream(&bomb));
        let message = panic_of(|| rt.block_on(async { here.shutdown(Shutdown::Write) }));
        assert_eq!(message, "wake exploded");
        rt.block_on(async {
            for task in tasks {
                let broken = task.await.unwrap_err();
                assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
            }
            assert!(first.await.is_err());
        });
    });
}

/// The half that writes is dropped by a panic; a waker that panics as well does
/// not end the process.
#[test]
fn a_former_waker_that_shuts_the_stream_down_as_it_is_replaced() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, _there) = UnixStream::pair().unwrap();
            while here.try_write(&[0; 4096]).is_ok() {}
            let (read, mut write) = here.into_split();
            let guard = OnDrop(move || read.as_ref().shutdown(Shutdown::Write).unwrap());
            let (_, former) = hostile(move |_| _ = &guard);
            let mut poll = |waker: &Waker| {
                let mut cx = Context::from_waker(waker);
                Pin::new(&mut write).poll_write(&mut cx, &[1])
            };
            assert!(poll(&former).is_pending());
            // The stream has the last one, and gives it up for the next caller's.
            drop(former);
            let Poll::Ready(Err(error)) = poll(Waker::noop()) else {
                panic!("nobody tells of the shutdown any more")
            };
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        });
    });
}

#[test]
fn a_waker_that_panics_while_a_half_is_dropped_by_a_panic() {
    with_runtime(|rt| {
        let (deed, bomb) = hostile(|_| panic!("wake exploded"));
        let (here, _there) = UnixStream::pair().unwrap();
        let (read, write) = here.into_split();
        while read.as_ref().try_write(&[0; 4096]).is_ok() {}
        let mut first = Box::pin(async { read.as_ref().write(&[1]).await });
        let mut cx = Context::from_waker(&bomb);
        rt.block_on(async { assert!(first.as_mut().poll(&mut cx).is_pending()) });
        let message = panic_of(|| {
            let _write = write;
            panic!("first");
        });
        assert_eq!(message, "first");
        assert_eq!(deed.woken.get(), 1);
        assert!(rt.block_on(first).is_err());
    });
}

#[test]
fn a_waker_that_polls_in_place_is_woken_once_an_event() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (here, there) = connected().await;
            let there = Rc::new(there);
            let reads = there.clone();
            let reading = async move { reads.read(&mut [0; 1]).await };
            let inline = Rc::new(RefCell::new(Box::pin(reading)));
            let (polled, reads) = (inline.clone(), there.clone());
            // Takes nothing: another one has read it all when this is polled.
            let (deed, waker) = hostile(move |this| {
                while reads.try_read(&mut [0; 8]).is_ok() {}
                let mut cx = Context::from_waker(this);
                assert!(polled.borrow_mut().as_mut().poll(&mut cx).is_pending());
            });
            let mut cx = Context::from_waker(&waker);
            assert!(inline.borrow_mut().as_mut().poll(&mut cx).is_pending());
            // One behind it, which must be woken all the same.
            let behind = waiting(async move { there.readable().await }).await;
            here.try_write(b"x").unwrap();
            while deed.woken.get() == 0 {
                sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(deed.woken.get(), 1);
            assert!(!behind.is_finished(), "it was read by the other");
            // Now it does nothing any more.
            drop(deed.deed.take());
            here.try_write(b"y").unwrap();
            behind.await.unwrap();
        });
    });
}

/// A descriptor that took another's place while an event for that was on its
/// way.
struct Newcomer {
    reader: AsyncFd<PipeReader>,
    /// Keeps it from its end.
    _writer: PipeWriter,
}

thread_local! {
    static LEAVING: RefCell<Vec<TcpStream>> = const { RefCell::new(Vec::new()) };
    static COMING: RefCell<Vec<Newcomer>> = const { RefCell::new(Vec::new()) };
}

/// Of two events that came with one look, the first one's waker drops both
/// sockets and gives their places away.
#[test]
fn an_event_for_who_is_gone_is_not_the_next_ones() {
    with_runtime(|rt| {
        rt.block_on(async {
            for _ in 0..scaled(20) {
                let (a1, a2) = connected().await;
                let (b1, b2) = connected().await;
                let (_hostile, waker) = hostile(|_| {
                    for stream in LEAVING.take() {
                        drop(stream);
                        let (reader, writer) = std::io::pipe().unwrap();
                        let reader = AsyncFd::with_interest(reader, Interest::Readable).unwrap();
                        let newcomer = Newcomer {
                            reader,
                            _writer: writer,
                        };
                        COMING.with_borrow_mut(|coming| coming.push(newcomer));
                    }
                });
                let mut cx = Context::from_waker(&waker);
                for mut stream in [a2, b2] {
                    let reading = Pin::new(&mut stream).poll_read(&mut cx, &mut [0; 1]);
                    assert!(reading.is_pending());
                    LEAVING.with_borrow_mut(|leaving| leaving.push(stream));
                }
                a1.try_write(b"x").unwrap();
                b1.try_write(b"x").unwrap();
                while COMING.with_borrow(Vec::is_empty) {
                    sleep(Duration::from_millis(1)).await;
                }
                let coming = COMING.take();
                assert_eq!(coming.len(), 2);
                for newcomer in &coming {
                    assert!(poll_once(newcomer.reader.readable()).await.is_none());
                }
            }
        });
    });
}

/// The waker of a `poll_` method gives the place away to a descriptor that is
/// waited for at once, on the same side or on the other one, for which the
/// event was, too. It was not the newcomer's.
#[test]
fn an_event_for_who_is_gone_wakes_no_newcomer() {
    with_runtime(|rt| {
        rt.block_on(async {
            for side in [Interest::Readable, Interest::Writable] {
                let (here, there) = connected().await;
                let (reader, writer) = std::io::pipe().unwrap();
                fill_pipe(&writer);
                let (newcomer, of_newcomer) = hostile(|_| {});
                let coming = Rc::new(RefCell::new(None));
                let (leaving, place) = (Rc::new(RefCell::new(None)), coming.clone());
                let ends = [OwnedFd::from(reader), OwnedFd::from(writer)];
                let (stream, mut pipe) = (leaving.clone(), Some(ends));
                let (gone, waker) = hostile(move |_| {
                    drop(stream.take());
                    let [reader, writer] = pipe.take().expect("woken once");
                    let mut waits: Pin<Box<dyn Future<Output = ()>>> = match side {
                        Interest::Readable => {
                            // Nothing is in it.
                            let (empty, writer) = std::io::pipe().unwrap();
                            let fd = AsyncFd::with_interest(empty, side).unwrap();
                            Box::pin(async move { drop((fd.readable().await, &writer)) })
                        }
                        _ => {
                            let fd = AsyncFd::with_interest(writer, side).unwrap();
                            Box::pin(async move { drop((fd.writable().await, &reader)) })
                        }
                    };
                    let mut cx = Context::from_waker(&of_newcomer);
                    assert!(waits.as_mut().poll(&mut cx).is_pending());
                    *place.borrow_mut() = Some(waits);
                });
                let mut stream: TcpStream = there;
                let mut cx = Context::from_waker(&waker);
                // Registered here: one event will tell of both sides.
                let reading = Pin::new(&mut stream).poll_read(&mut cx, &mut [0; 1]);
                assert!(reading.is_pending());
                *leaving.borrow_mut() = Some(stream);
                here.try_write(b"x").unwrap();
                while gone.woken.get() == 0 {
                    sleep(Duration::from_millis(1)).await;
                }
                assert!(coming.take().is_some());
                assert_eq!(newcomer.woken.get(), 0, "{side:?}");
            }
        });
    });
}

fn fill_pipe(mut writer: &PipeWriter) {
    rustix::io::ioctl_fionbio(writer, true).unwrap();
    while writer.write(&[0; 4096]).is_ok() {}
}
