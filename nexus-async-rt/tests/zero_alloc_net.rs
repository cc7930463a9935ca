//! What sockets do not allocate: after a warm-up each path runs under a counting
//! allocator. A binary of its own, one test.

mod counting;

use counting::{assert_free, count_this_thread};
use futures_lite::future::{poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use nexus_async_rt::net::{AsyncFd, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use nexus_async_rt::{ByteSlab, Runtime, spawn_slab};
use nexus_rt::WorldBuilder;
use std::time::Duration;

const ROUNDS: usize = 1000;

async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr().unwrap();
    let (there, here) = zip(listener.accept(), TcpStream::connect(addr)).await;
    (here.unwrap(), there.unwrap().0)
}

async fn tcp() {
    let (mut here, there) = connected().await;
    let server = spawn_slab(async move {
        let mut buf = [0; 64];
        loop {
            match there.read(&mut buf).await.unwrap() {
                0 => return,
                len => assert_eq!(there.write(&buf[..len]).await.unwrap(), len),
            }
        }
    });
    assert_free("TCP, through the traits", async || {
        for _ in 0..ROUNDS {
            AsyncWriteExt::write_all(&mut here, b"ping").await.unwrap();
            let mut buf = [0; 4];
            AsyncReadExt::read_exact(&mut here, &mut buf).await.unwrap();
        }
    })
    .await;
    assert_free("TCP, all bytes", async || {
        for _ in 0..ROUNDS {
            here.write_all(b"ping").await.unwrap();
            here.read_exact(&mut [0; 4]).await.unwrap();
        }
    })
    .await;
    assert_free("TCP, through the methods", async || {
        for _ in 0..ROUNDS {
            here.write(b"p").await.unwrap();
            here.readable().await.unwrap();
            let _ = here.try_read(&mut [0; 0]);
            assert_eq!(here.peek(&mut [0; 4]).await.unwrap(), 1);
            assert_eq!(here.read(&mut [0; 4]).await.unwrap(), 1);
        }
    })
    .await;
    assert_free("TCP, waits that are dropped", async || {
        for _ in 0..ROUNDS {
            assert!(
                poll_once(TcpStream::read(&here, &mut [0; 4]))
                    .await
                    .is_none()
            );
            assert!(poll_once(here.read_exact(&mut [0; 4])).await.is_none());
        }
    })
    .await;
    drop(here);
    server.await;
}

async fn connections() {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr().unwrap();
    assert_free("TCP, connect, accept, wait, close", async || {
        for _ in 0..100 {
            let (there, here) = zip(listener.accept(), TcpStream::connect(addr)).await;
            let (here, (there, _)) = (here.unwrap(), there.unwrap());
            assert!(poll_once(here.read(&mut [0; 1])).await.is_none());
            there.set_linger(Some(Duration::ZERO)).unwrap();
            assert!(poll_once(there.read(&mut [0; 1])).await.is_none());
        }
    })
    .await;
}

async fn udp() {
    let bind = || UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (here, there) = (bind(), bind());
    let addr = there.local_addr().unwrap();
    here.connect(addr).unwrap();
    let server = spawn_slab(async move {
        let mut buf = [0; 64];
        loop {
            let (len, from) = there.recv_from(&mut buf).await.unwrap();
            if len == 0 {
                return;
            }
            there.send_to(&buf[..len], from).await.unwrap();
        }
    });
    assert_free("UDP", async || {
        for _ in 0..ROUNDS {
            here.send(b"ping").await.unwrap();
            assert_eq!(here.recv(&mut [0; 64]).await.unwrap(), 4);
        }
    })
    .await;
    here.send(b"").await.unwrap();
    server.await;
}

#[cfg(target_os = "linux")]
async fn udp_batch() {
    use nexus_async_rt::net::RecvBatch;
    use std::io::IoSlice;

    let bind = || UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (here, there) = (bind(), bind());
    here.connect(there.local_addr().unwrap()).unwrap();
    let mut batch = RecvBatch::new(8, 64);
    assert!(poll_once(there.recv_batch(&mut batch)).await.is_none());
    assert_free("UDP in batches", async || {
        for _ in 0..ROUNDS {
            let sent = [IoSlice::new(b"ping"), IoSlice::new(b"pong")];
            assert_eq!(here.send_batch(&sent).await.unwrap(), 2);
            assert_eq!(there.recv_batch(&mut batch).await.unwrap(), 2);
            assert!(batch.iter().all(|datagram| datagram.bytes.len() == 4));
        }
    })
    .await;
}

async fn others() {
    let (here, there) = UnixStream::pair().unwrap();
    assert_free("Unix streams", async || {
        for _ in 0..ROUNDS {
            let (read, written) = zip(there.read(&mut [0; 4]), here.write(b"ping")).await;
            assert_eq!(read.unwrap(), written.unwrap());
        }
    })
    .await;
    let (here, there) = UnixDatagram::pair().unwrap();
    assert_free("Unix datagrams", async || {
        for _ in 0..ROUNDS {
            let (read, written) = zip(there.recv(&mut [0; 4]), here.send(b"ping")).await;
            assert_eq!(read.unwrap(), written.unwrap());
        }
    })
    .await;
    let path = std::env::temp_dir().join(format!("nexus-zero-{}", std::process::id()));
    let bound = UnixDatagram::bind(&path).unwrap();
    assert_free("Unix datagrams to a full queue", async || {
        for _ in 0..10 {
            let mut sent = 0;
            while poll_once(here.send_to(b"ping", &path)).await.is_some() {
                sent += 1;
            }
            for _ in 0..sent {
                assert_eq!(bound.recv(&mut [0; 4]).await.unwrap(), 4);
            }
        }
    })
    .await;
    std::fs::remove_file(&path).unwrap();
    let fd = AsyncFd::new(there.into_std()).unwrap();
    assert_free("any descriptor", async || {
        for _ in 0..ROUNDS {
            let (ready, written) = zip(fd.readable(), here.send(b"ping")).await;
            written.unwrap();
            let read = ready.unwrap().try_io(|socket| socket.recv(&mut [0; 4]));
            assert_eq!(read.unwrap().unwrap(), 4);
            let _ = fd
                .readable()
                .await
                .unwrap()
                .try_io(|socket| socket.recv(&mut [0; 4]));
        }
    })
    .await;
}

#[test]
fn nothing_is_allocated_after_the_warm_up() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::builder(&mut world)
        .slab_unbounded(ByteSlab::<1024>::with_chunk_capacity(16))
        .build();
    count_this_thread();
    rt.block_on(async {
        tcp().await;
        connections().await;
        udp().await;
        #[cfg(target_os = "linux")]
        udp_batch().await;
        others().await;
    });
}
