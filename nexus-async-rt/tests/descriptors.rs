//! Descriptors: ten thousand that come and go, and none that is left. A binary of
//! its own, one test: their number and its limit are the process's.

use nexus_async_rt::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use nexus_async_rt::runtime::metrics;
use nexus_async_rt::{Runtime, sleep, spawn_boxed, yield_now};
use nexus_rt::WorldBuilder;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::future::poll_fn;
use std::io::Write;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// `EMFILE`, on every Unix.
const TOO_MANY: Option<i32> = Some(24);
const LIMIT: u64 = 128;

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Takes all descriptors that are left.
fn take_all() -> Vec<File> {
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), TOO_MANY);
                return files;
            }
        }
    }
}

/// Open descriptors of this process.
fn open() -> usize {
    std::fs::read_dir("/dev/fd").map_or(0, Iterator::count)
}

async fn many_connections() {
    const COUNT: u32 = 10_000;
    let listener = TcpListener::bind(any()).unwrap();
    let addr = listener.local_addr().unwrap();
    let before = open();
    let server = spawn_boxed(async move {
        for _ in 0..COUNT {
            let (stream, _) = listener.accept().await.unwrap();
            let mut buf = [0; 1];
            assert_eq!(stream.read(&mut buf).await.unwrap(), 1);
            assert_eq!(stream.write(&buf).await.unwrap(), 1);
            // The end, or the reset that follows it.
            let ended = stream.read(&mut buf).await;
            assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
        }
        listener
    });
    for round in 0..COUNT {
        let stream = TcpStream::connect(addr).await.unwrap();
        let sent = [round as u8];
        stream.write(&sent).await.unwrap();
        let mut buf = [0; 1];
        assert_eq!(stream.read(&mut buf).await.unwrap(), 1);
        assert_eq!(buf, sent);
        // No port of this machine is to linger.
        stream.shutdown(Shutdown::Write).unwrap();
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    }
    let listener = server.await;
    assert!(open() <= before + 2, "{before} before, {} after", open());
    drop(listener);
}

/// U24: a runtime that is dropped with wakes in its inbox leaves nothing open
/// once its last waker is gone, on whatever thread.
fn dropped_with_wakes_undrained() {
    let before = open();
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    let wakers = Rc::new(RefCell::new(Vec::new()));
    rt.block_on(async {
        for task in 0..8 {
            let wakers = wakers.clone();
            spawn_boxed(poll_fn(move |cx| {
                wakers
                    .borrow_mut()
                    .extend([cx.waker().clone(), cx.waker().clone()]);
                if task % 2 == 0 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }));
        }
        yield_now().await;
    });
    let mut wakers = wakers.take();
    assert_eq!(wakers.len(), 16);
    let left = wakers.split_off(7);
    std::thread::spawn(move || wakers.into_iter().for_each(Waker::wake))
        .join()
        .unwrap();
    drop(rt);
    assert!(open() > before, "the wakers keep the runtime's bell");
    std::thread::spawn(move || left.into_iter().for_each(Waker::wake))
        .join()
        .unwrap();
    assert_eq!(open(), before);
}

async fn none_left() {
    let listener = TcpListener::bind(any()).unwrap();
    let addr = listener.local_addr().unwrap();
    let client = std::net::TcpStream::connect(addr).unwrap();
    let mut files = take_all();
    for error in [
        listener.accept().await.map(drop).unwrap_err(),
        TcpStream::connect(addr).await.map(drop).unwrap_err(),
        TcpListener::bind(any()).map(drop).unwrap_err(),
        UdpSocket::bind(any()).map(drop).unwrap_err(),
        UnixStream::pair().map(drop).unwrap_err(),
    ] {
        assert_eq!(error.raw_os_error(), TOO_MANY, "{error}");
    }
    // A server that waits a little after such an error does not spin, timers
    // go on, and the connection is still there afterwards.
    let failures = Rc::new(Cell::new(0));
    let failed = failures.clone();
    let server = spawn_boxed(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(error) => {
                    assert_eq!(error.raw_os_error(), TOO_MANY);
                    failed.set(failed.get() + 1);
                    sleep(Duration::from_millis(5)).await;
                }
            }
        }
    });
    let polls = metrics().polls;
    sleep(Duration::from_millis(50)).await;
    let spent = metrics().polls - polls;
    assert!(failures.get() > 0 && spent <= 20, "{spent} polls");
    files.pop();
    let stream = server.await;
    drop(client);
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[test]
fn many_descriptors_and_none() {
    let done = Arc::new(AtomicBool::new(false));
    let ended = done.clone();
    let watchdog = std::thread::spawn(move || {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !ended.load(Ordering::Relaxed) {
            if Instant::now() > deadline {
                // Not by `eprintln`, which would keep it for a test that ends.
                let _ = writeln!(std::io::stderr(), "watchdog: the test has not ended");
                std::process::abort();
            }
            std::thread::park_timeout(Duration::from_secs(1));
        }
    });
    dropped_with_wakes_undrained();
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    rt.block_on(many_connections());
    drop(rt);
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(LIMIT);
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    rt.block_on(none_left());
    done.store(true, Ordering::Relaxed);
    watchdog.thread().unpark();
    watchdog.join().unwrap();
    // The runtime itself needs some.
    no_runtime();
}

/// With one descriptor more each time, until a runtime can be made: an error names
/// what was refused, and leaves nothing open.
fn no_runtime() {
    let mut world = WorldBuilder::new().build();
    let mut files = take_all();
    let mut missing = Vec::new();
    loop {
        let before = open_with_one_left(&mut files);
        let builder = Runtime::builder(&mut world).signal_handlers(true);
        let error = match builder.try_build() {
            Ok(runtime) => {
                drop(runtime);
                break;
            }
            Err(error) => error,
        };
        assert_eq!(open_with_one_left(&mut files), before, "{error}");
        let of_os = error.get_ref().and_then(|inner| inner.source()).unwrap();
        let of_os = of_os.downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(of_os.raw_os_error(), TOO_MANY);
        assert_eq!(error.kind(), of_os.kind());
        let message = error.to_string();
        let refused = message.strip_prefix("the OS refused the runtime its ");
        let (what, why) = refused.unwrap_or(&message).split_once(": ").unwrap();
        assert_eq!(why, of_os.to_string());
        if missing.last().is_none_or(|last| last != what) {
            missing.push(what.to_owned());
        }
        files.pop();
    }
    #[cfg(target_os = "linux")]
    assert_eq!(
        missing,
        [
            "poller",
            "wake-up descriptor",
            "timer",
            "second descriptor of its poller",
            "pipe for signals"
        ]
    );
    assert!(missing.len() >= 3, "{missing:?}");
    files.append(&mut take_all());
    // `build` panics with the same message.
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drop(Runtime::new(&mut world));
    }));
    drop(files);
    let message = *refused.unwrap_err().downcast::<String>().unwrap();
    assert!(
        message.starts_with("the OS refused the runtime its poller: "),
        "{message}"
    );
}

/// Open descriptors of this process, which takes one to see.
fn open_with_one_left(files: &mut Vec<File>) -> usize {
    let kept = files.len();
    files.truncate(kept - 1);
    let count = open();
    files.push(File::open("/dev/null").unwrap());
    count
}
