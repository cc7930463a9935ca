//! A feed over UDP multicast, heard by two subscribers of this machine, each of
//! which sees by the numbers whether it has missed anything.

use nexus_async_rt::net::UdpSocket;
use nexus_async_rt::{Runtime, sleep, spawn_boxed};
use nexus_rt::WorldBuilder;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 41, 41);
const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;
const TICKS: u64 = 1000;

/// Receives until the last tick; how many it heard and how many it missed.
async fn subscribe(socket: UdpSocket) -> io::Result<(u64, u64)> {
    let (mut heard, mut missed, mut next) = (0, 0, 0);
    let mut buf = [0; 8];
    while next < TICKS {
        socket.recv(&mut buf).await?;
        let number = u64::from_be_bytes(buf);
        missed += number - next;
        heard += 1;
        next = number + 1;
    }
    Ok((heard, missed))
}

/// Sends in bursts, as feeds do; the last tick more than once, because nobody
/// says what was lost.
async fn publish(group: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind(SocketAddr::from((LOOPBACK, 0)))?;
    socket.set_multicast_if_v4(LOOPBACK)?;
    for number in 0..TICKS {
        socket.send_to(&number.to_be_bytes(), group).await?;
        if number % 50 == 49 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    socket.send_to(&(TICKS - 1).to_be_bytes(), group).await?;
    Ok(())
}

async fn run() -> io::Result<[(u64, u64); 2]> {
    let any = Ipv4Addr::UNSPECIFIED;
    let first = UdpSocket::bind_shared(SocketAddr::from((any, 0)))?;
    let port = first.local_addr()?.port();
    let second = UdpSocket::bind_shared(SocketAddr::from((any, port)))?;
    for socket in [&first, &second] {
        socket.join_multicast_v4(GROUP, LOOPBACK)?;
    }
    let subscribers = [first, second].map(|socket| spawn_boxed(subscribe(socket)));
    publish(SocketAddr::from((GROUP, port))).await?;
    let [first, second] = subscribers;
    Ok([first.await?, second.await?])
}

pub fn main() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    match rt.block_on(run()) {
        Ok(counts) => {
            for (heard, missed) in counts {
                assert_eq!(heard + missed, TICKS);
                println!("{heard} ticks heard, {missed} missed");
            }
        }
        Err(error) => println!("no multicast over the loopback here: {error}"),
    }
}
