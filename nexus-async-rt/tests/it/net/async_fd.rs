//! Descriptors of any kind.

use crate::net::tcp::waiting;
use crate::support::with_runtime;
use futures_lite::future::poll_once;
use nexus_async_rt::net::{AsyncFd, Interest, WouldBlock};
use nexus_async_rt::sleep;
use nexus_testkit::panic_of;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

fn pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    for end in [reader.as_fd(), writer.as_fd()] {
        rustix::io::ioctl_fionbio(end, true).unwrap();
    }
    (reader, writer)
}

/// Reads once, waiting as long as need be.
async fn read(fd: &AsyncFd<PipeReader>, buf: &mut [u8]) -> usize {
    loop {
        let mut ready = fd.readable().await.unwrap();
        if let Ok(read) = ready.try_io(|mut pipe| pipe.read(buf)) {
            return read.unwrap();
        }
    }
}

#[test]
fn a_pipe_is_read_when_it_is_readable() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (reader, mut writer) = pipe();
            let reader = AsyncFd::with_interest(reader, Interest::Readable).unwrap();
            let reading = waiting(async move {
                let mut buf = [0; 8];
                let len = read(&reader, &mut buf).await;
                (reader, buf[..len].to_vec())
            })
            .await;
            writer.write_all(b"abc").unwrap();
            let (reader, heard) = reading.await;
            assert_eq!(heard, b"abc");
            let end = waiting(async move { read(&reader, &mut [0; 8]).await }).await;
            drop(writer);
            assert_eq!(end.await, 0, "the end");
        });
    });
}

#[test]
fn a_pipe_is_written_when_there_is_room() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (mut reader, mut writer) = pipe();
            let mut filled = 0;
            while let Ok(written) = writer.write(&[7; 4096]) {
                filled += written;
            }
            let writer = AsyncFd::with_interest(writer, Interest::Writable).unwrap();
            let writing = waiting(async move {
                loop {
                    let mut ready = writer.writable().await.unwrap();
                    if let Ok(written) = ready.try_io(|mut pipe| pipe.write(b"abc")) {
                        return written.unwrap();
                    }
                }
            })
            .await;
            let mut buf = vec![0; filled];
            reader.read_exact(&mut buf).unwrap();
            assert_eq!(writing.await, 3);
        });
    });
}

#[test]
fn ready_stays_ready_until_somebody_says_otherwise() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (reader, mut writer) = pipe();
            let reader = AsyncFd::new(reader).unwrap();
            writer.write_all(b"x").unwrap();
            let _unused = reader.readable().await.unwrap();
            let mut again = reader.readable().await.unwrap();
            assert_eq!(
                again
                    .try_io(|mut pipe| pipe.read(&mut [0; 8]))
                    .unwrap()
                    .unwrap(),
                1
            );
            let mut third = reader.readable().await.unwrap();
            let blocked = third.try_io(|mut pipe| pipe.read(&mut [0; 8]));
            assert_eq!(blocked.unwrap_err(), WouldBlock);
            assert!(poll_once(reader.readable()).await.is_none());
            assert_eq!(WouldBlock.to_string(), "the operation would block");
        });
    });
}

#[test]
fn an_old_guard_does_not_clear_a_newer_event() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (reader, mut writer) = pipe();
            let reader = AsyncFd::new(reader).unwrap();
            writer.write_all(b"x").unwrap();
            let mut old = reader.readable().await.unwrap();
            writer.write_all(b"y").unwrap();
            // The event for it is heard here.
            sleep(Duration::from_millis(2)).await;
            old.clear_ready();
            let mut new = reader.readable().await.unwrap();
            old.clear_ready();
            new.clear_ready();
            assert!(poll_once(reader.readable()).await.is_none());
            writer.write_all(b"z").unwrap();
            reader.readable().await.unwrap().clear_ready();
        });
    });
}

#[test]
fn any_number_of_tasks_wait_for_one_descriptor() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (reader, mut writer) = pipe();
            let reader = Rc::new(AsyncFd::new(reader).unwrap());
            let mut tasks = Vec::new();
            for _ in 0..5 {
                let reader = reader.clone();
                tasks.push(waiting(async move { read(&reader, &mut [0; 1]).await }).await);
            }
            writer.write_all(b"12345").unwrap();
            for task in tasks {
                assert_eq!(task.await, 1);
            }
        });
    });
}

#[test]
fn what_the_os_cannot_watch_is_refused_at_once() {
    with_runtime(|rt| {
        rt.block_on(async {
            let regular = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
            let refused = AsyncFd::new(regular).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
            let (_other, socket) = UnixStream::pair().unwrap();
            let first = AsyncFd::new(&socket).unwrap();
            let second = AsyncFd::new(&socket).unwrap_err();
            assert_eq!(second.kind(), ErrorKind::AlreadyExists);
            drop(first);
            drop(AsyncFd::new(&socket).unwrap());
        });
    });
}

#[test]
fn a_side_that_is_not_watched_is_an_error() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (reader, writer) = pipe();
            let reader = AsyncFd::with_interest(reader, Interest::Readable).unwrap();
            let error = reader.writable().await.unwrap_err();
            assert!(error.to_string().contains("watched as Readable"), "{error}");
            let writer = AsyncFd::with_interest(writer, Interest::Writable).unwrap();
            let error = writer.readable().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        });
    });
}

#[test]
fn needs_a_runtime_and_gives_the_descriptor_back() {
    let (reader, _writer) = pipe();
    let reader = OwnedFd::from(reader);
    let message = panic_of(|| AsyncFd::new(&reader));
    assert!(
        message.contains("`AsyncFd::new` was called outside a runtime"),
        "{message}"
    );
    with_runtime(|rt| {
        rt.block_on(async {
            let fd = AsyncFd::new(reader).unwrap();
            assert!(poll_once(fd.readable()).await.is_none());
            assert!(format!("{fd:?}").contains("OwnedFd"));
            // Free to be watched anew.
            let fd = AsyncFd::new(fd.into_inner()).unwrap();
            assert!(fd.get_ref().as_fd().try_clone_to_owned().is_ok());
        });
    });
}
