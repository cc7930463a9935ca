//! The bridge on a tokio runtime of the program's, from before its first use
//! until after its end. A binary of its own, one test: there is one such
//! runtime for the process.

#[path = "it/support.rs"]
mod support;

use nexus_async_rt::tokio_compat::{install_tokio, spawn_on_tokio, with_tokio};
use nexus_async_rt::{Runtime, spawn_boxed, yield_now};
use nexus_testkit::panic_of;
use std::future::pending;
use std::thread;
use std::time::Duration;
use support::with_runtime;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};

const MS: Duration = Duration::from_millis(1);

fn is_used(rt: &mut Runtime<'_>, id: tokio::runtime::Id) {
    rt.block_on(async {
        let here = with_tokio(|| async {
            tokio::time::sleep(MS).await;
            Handle::current().id()
        });
        assert_eq!(here.await, id);
        let there = spawn_on_tokio(async {
            let name = thread::current().name().map(str::to_owned);
            (Handle::current().id(), name)
        });
        assert_eq!(there.await.unwrap(), (id, Some("installed".into())));
    });
}

/// What waits when tokio ends is told so, and what comes later, too.
fn is_shut_down(rt: &mut Runtime<'_>, tokio: tokio::runtime::Runtime) {
    let mut there = spawn_on_tokio(pending::<()>());
    let listener = rt
        .block_on(with_tokio(|| TcpListener::bind("127.0.0.1:0")))
        .unwrap();
    let (socket, timer) = rt.block_on(async {
        let socket = spawn_boxed(with_tokio(async move || {
            listener.accept().await.map(|_| ())
        }));
        let timer = spawn_boxed(with_tokio(|| tokio::time::sleep(Duration::from_secs(3600))));
        yield_now().await;
        (socket, timer)
    });
    let ends = thread::spawn(move || {
        thread::sleep(20 * MS);
        tokio.shutdown_timeout(Duration::from_secs(5));
    });

    let message = panic_of(|| rt.block_on(timer));
    assert!(message.contains("shutdown"), "{message}");
    let error = rt.block_on(socket).unwrap_err();
    assert!(error.to_string().contains("shutdown"), "{error}");
    assert!(rt.block_on(&mut there).unwrap_err().is_cancelled());
    ends.join().unwrap();

    assert!(
        rt.block_on(spawn_on_tokio(async {}))
            .unwrap_err()
            .is_cancelled()
    );
    let late = panic_of(|| rt.block_on(with_tokio(|| tokio::time::sleep(MS))));
    assert!(late.contains("shutdown"), "{late}");
    let late = rt.block_on(with_tokio(|| TcpStream::connect("127.0.0.1:1")));
    let late = late.unwrap_err().to_string();
    assert!(late.contains("shutdown"), "{late}");
    // What needs no driver of tokio's goes on.
    assert_eq!(rt.block_on(with_tokio(|| async { 5 })), 5);
}

#[test]
fn the_programs_own_runtime_is_used_and_its_end_is_seen() {
    let build = || {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("installed")
            .enable_all()
            .build()
            .unwrap()
    };
    let (tokio, other) = (build(), build());
    assert_eq!(install_tokio(tokio.handle().clone()), Ok(()));
    assert!(install_tokio(other.handle().clone()).is_err());
    assert!(install_tokio(tokio.handle().clone()).is_err());
    with_runtime(|rt| {
        is_used(rt, tokio.handle().id());
        is_shut_down(rt, tokio);
    });
}
