//! Many connections at once: what comes back is what was sent, whichever side
//! ends first. A failure names the seed.

use crate::net::tcp::{connected, listen};
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use nexus_async_rt::net::{TcpStream, UnixStream};
use nexus_async_rt::{Runtime, sleep, spawn_boxed, yield_now};
use nexus_rt::WorldBuilder;
use nexus_testkit::seed::seeded;
use nexus_testkit::{scaled, within};
use std::cell::Cell;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

/// Numbers that a seed repeats (xorshift).
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }

    /// Now and then lets the others run, or time pass.
    async fn dawdle(&mut self) {
        match self.below(16) {
            0 => sleep(Duration::from_micros(self.below(500) as u64)).await,
            1..4 => yield_now().await,
            _ => {}
        }
    }
}

/// Writes `bytes` in pieces of any length.
async fn write_pieces(write: &mut (impl AsyncWrite + Unpin), bytes: &[u8], dice: &mut Dice) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let len = (1 + dice.below(8192)).min(rest.len());
        write.write_all(&rest[..len]).await.unwrap();
        rest = &rest[len..];
        dice.dawdle().await;
    }
    write.close().await.unwrap();
}

/// Reads to the end, in pieces of any length.
async fn read_pieces(read: &mut (impl AsyncRead + Unpin), dice: &mut Dice) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = [0; 8192];
    loop {
        let len = 1 + dice.below(buf.len());
        match read.read(&mut buf[..len]).await.unwrap() {
            0 => return all,
            len => all.extend_from_slice(&buf[..len]),
        }
        dice.dawdle().await;
    }
}

/// Both ends send what they like, each in two tasks, and end when they like.
async fn talk<R, W>(seed: u64, halves: [(R, W); 2])
where
    R: AsyncRead + Unpin + 'static,
    W: AsyncWrite + Unpin + 'static,
{
    let mut dice = Dice::new(seed);
    let texts: [Vec<u8>; 2] = std::array::from_fn(|_| {
        let len = dice.below(200_000);
        dice.bytes(len)
    });
    let mut readers = Vec::new();
    for (end, (mut read, mut write)) in halves.into_iter().enumerate() {
        let text = texts[end].clone();
        let mut writing = Dice::new(seed.wrapping_add(1000 + end as u64));
        spawn_boxed(async move { write_pieces(&mut write, &text, &mut writing).await });
        let mut reading = Dice::new(seed.wrapping_add(2000 + end as u64));
        readers.push(spawn_boxed(async move {
            read_pieces(&mut read, &mut reading).await
        }));
    }
    for (end, reader) in readers.into_iter().enumerate() {
        let heard = reader.await;
        assert!(heard == texts[1 - end], "seed {seed}, end {end}");
    }
}

/// Runs `f` with the first of its seeds, as long as the scale asks for.
fn watched(f: impl FnOnce(u64)) {
    let limit = Duration::from_secs(scaled(120) as u64);
    seeded(|first| within(limit, || f(first)));
}

#[test]
fn many_connections_with_halves_that_end_when_they_like() {
    watched(|first| {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        for round in 0..scaled(1) as u64 {
            rt.block_on(async {
                let mut talks = Vec::new();
                for number in round * 40..round * 40 + 40 {
                    let seed = first.wrapping_add(number);
                    talks.push(spawn_boxed(async move {
                        if seed % 2 == 0 {
                            let (here, there) = connected().await;
                            talk(seed, [here.into_split(), there.into_split()]).await;
                        } else {
                            let (here, there) = UnixStream::pair().unwrap();
                            talk(seed, [here.into_split(), there.into_split()]).await;
                        }
                    }));
                }
                for talk in talks {
                    talk.await;
                }
            });
            assert_eq!(rt.task_count(), 0);
        }
    });
}

#[test]
fn echoes_for_clients_that_leave_in_the_middle() {
    watched(|first| {
        let mut world = WorldBuilder::new().build();
        let mut rt = Runtime::new(&mut world);
        rt.block_on(async {
            let (listener, addr) = listen();
            let open = Rc::new(Cell::new(0_usize));
            let counted = open.clone();
            let server = spawn_boxed(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    counted.set(counted.get() + 1);
                    let counted = counted.clone();
                    spawn_boxed(async move {
                        let (mut read, mut write) = stream.into_split();
                        // Ends with the stream, or with an error if it is reset.
                        let _ = futures_lite::io::copy(&mut read, &mut write).await;
                        counted.set(counted.get() - 1);
                    });
                }
            });
            // So many at once, because descriptors are limited.
            const CLIENTS: u64 = 200;
            for round in 0..scaled(1) as u64 {
                let clients: Vec<_> = (round * CLIENTS..(round + 1) * CLIENTS)
                    .map(|number| spawn_boxed(leaver(first.wrapping_add(number), addr)))
                    .collect();
                for client in clients {
                    client.await;
                }
                // Every server task sees its end.
                while open.get() > 0 {
                    sleep(Duration::from_millis(1)).await;
                }
            }
            server.abort();
        });
        assert_eq!(rt.task_count(), 0);
    });
}

/// Sends and checks for a while, then ends in one of several ways.
async fn leaver(seed: u64, addr: std::net::SocketAddr) {
    let mut dice = Dice::new(seed);
    let stream = TcpStream::connect(addr).await.unwrap();
    for _ in 0..dice.below(20) {
        let len = 1 + dice.below(3000);
        let text = dice.bytes(len);
        stream.write_all(&text).await.unwrap();
        let mut back = vec![0; len];
        stream.read_exact(&mut back).await.unwrap();
        assert!(back == text, "seed {seed}");
        dice.dawdle().await;
    }
    match dice.below(4) {
        0 => stream.set_linger(Some(Duration::ZERO)).unwrap(),
        1 => stream.shutdown(Shutdown::Write).unwrap(),
        2 => drop(stream.try_write(&[1; 4096])),
        _ => {
            stream.shutdown(Shutdown::Both).unwrap();
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        }
    }
}
