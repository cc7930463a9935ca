//! A TCP server that echoes, with a hundred clients: a task a connection, its
//! two halves in one copy loop, and an end that reaches everybody.

use futures_lite::io;
use nexus_async_rt::net::{TcpListener, TcpStream};
use nexus_async_rt::{JoinHandle, Runtime, spawn_boxed};
use nexus_rt::WorldBuilder;
use std::net::{Shutdown, SocketAddr};

const CLIENTS: usize = 100;
const ROUNDS: usize = 10;

/// Echoes until the client has ended its side; how many bytes.
async fn serve(stream: TcpStream) -> io::Result<u64> {
    stream.set_nodelay(true)?;
    let (mut read, mut write) = stream.into_split();
    // Dropping the half that writes ends the stream for the client.
    io::copy(&mut read, &mut write).await
}

async fn accept_all(listener: TcpListener) -> io::Result<u64> {
    let mut served: Vec<JoinHandle<io::Result<u64>>> = Vec::new();
    for _ in 0..CLIENTS {
        let (stream, _) = listener.accept().await?;
        served.push(spawn_boxed(serve(stream)));
    }
    let mut bytes = 0;
    for connection in served {
        bytes += connection.await?;
    }
    Ok(bytes)
}

async fn talk(addr: SocketAddr, number: usize) -> io::Result<()> {
    let stream = TcpStream::connect(addr).await?;
    for round in 0..ROUNDS {
        let line = format!("client {number:>3}, round {round}");
        stream.write_all(line.as_bytes()).await?;
        let mut echo = vec![0; line.len()];
        stream.read_exact(&mut echo).await?;
        assert_eq!(echo, line.as_bytes());
    }
    stream.shutdown(Shutdown::Write)?;
    assert_eq!(stream.read(&mut [0]).await?, 0, "the server ends as well");
    Ok(())
}

async fn run() -> io::Result<u64> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let addr = listener.local_addr()?;
    let server = spawn_boxed(accept_all(listener));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| spawn_boxed(talk(addr, number)))
        .collect();
    for client in clients {
        client.await?;
    }
    server.await
}

pub fn main() {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::new(&mut world);
    let bytes = rt.block_on(run()).expect("the loopback works");
    assert_eq!(
        bytes,
        (CLIENTS * ROUNDS * "client 000, round 0".len()) as u64
    );
    println!("{bytes} bytes came back to {CLIENTS} clients");
}
