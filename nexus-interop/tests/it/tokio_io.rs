//! What is written against tokio's I/O traits, on our sockets, without a tokio
//! runtime.

use crate::web::{answer_with, large};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use nexus_async_rt::net::{TcpListener, TcpStream, UnixStream};
use nexus_async_rt::spawn_boxed;
use nexus_interop::block_on;
use std::io::{self, Read, Write};
use std::net::{self, SocketAddr};
use std::thread;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn lines_of_a_client_on_a_thread() {
    block_on(async {
        let (listener, address) = listener();
        let client = thread::spawn(move || {
            let mut stream = net::TcpStream::connect(address).unwrap();
            stream.write_all(b"first\nsecond\r\nthi").unwrap();
            thread::sleep(std::time::Duration::from_millis(1));
            stream.write_all(b"rd").unwrap();
            stream.shutdown(net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut lines = (&mut stream).lines();
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            seen.push(line);
        }
        assert_eq!(seen, ["first", "second", "third"]);
        stream.write_all(b"three lines").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(client.join().unwrap(), "three lines");
    });
}

/// A relay between a network and a socket pair, as a proxy has it.
#[test]
fn copy_bidirectional_relays_both_ways() {
    block_on(async {
        let (listener, address) = listener();
        let (mut inside, mut outside) = UnixStream::pair().unwrap();
        let relay = spawn_boxed(async move {
            let (mut stream, _) = listener.accept().await?;
            copy_bidirectional(&mut stream, &mut outside).await
        });
        let client = thread::spawn(move || {
            let stream = net::TcpStream::connect(address)?;
            let mut reads = stream.try_clone()?;
            let writer = thread::spawn(move || {
                (&stream).write_all(large())?;
                stream.shutdown(net::Shutdown::Write)
            });
            let mut answer = Vec::new();
            reads.read_to_end(&mut answer)?;
            writer.join().unwrap()?;
            io::Result::Ok(answer)
        });
        let mut asked = Vec::new();
        // The traits' own: the stream's methods have the same names.
        AsyncReadExt::read_to_end(&mut inside, &mut asked)
            .await
            .unwrap();
        assert!(asked == large());
        AsyncWriteExt::write_all(&mut inside, b"received")
            .await
            .unwrap();
        inside.shutdown(net::Shutdown::Write).unwrap();
        // First what needs this thread, then the other thread's end.
        assert_eq!(relay.await.unwrap(), (large().len() as u64, 8));
        assert_eq!(client.join().unwrap().unwrap(), b"received");
    });
}

#[test]
fn hyper_over_hyper_utils_own_adapter() {
    block_on(async {
        let (listener, address) = listener();
        let server = spawn_boxed(async move {
            let (stream, _) = listener.accept().await.unwrap();
            answer_with(TokioIo::new(stream)).await
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = spawn_boxed(connection);
        let request = Request::get("/large")
            .header("host", "here")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap();
        assert!(body.to_bytes() == large());
        drop(client);
        connection.await.unwrap();
        assert_eq!(server.await.unwrap(), 1);
    });
}
