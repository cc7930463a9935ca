//! HTTP/1.1 with hyper on our sockets: as server, asked by curl and by a plain
//! socket, and as client.

use crate::hyper_io::HyperIo;
use crate::web::{large, serve};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use nexus_async_rt::channel::spsc;
use nexus_async_rt::net::TcpStream;
use nexus_async_rt::spawn_boxed;
use nexus_interop::block_on;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{self, SocketAddr};
use std::process::{Command, Stdio};
use std::thread;

/// Runs `client` on a thread while this runtime serves; what it returns.
async fn while_serving<R: Send + 'static>(client: impl FnOnce() -> R + Send + 'static) -> R {
    let (tx, rx) = spsc::channel(1);
    let thread = thread::spawn(move || {
        // A client that panics drops its end.
        assert!(tx.try_send(client()).is_ok());
    });
    let result = rx.recv().await;
    match thread.join() {
        Ok(()) => result.expect("the client has sent"),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Status line, and the body by its length.
fn response(from: &mut impl BufRead) -> (String, Vec<u8>) {
    let mut status = String::new();
    from.read_line(&mut status).unwrap();
    let mut length = 0;
    loop {
        let mut header = String::new();
        from.read_line(&mut header).unwrap();
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).unwrap();
    (status.trim().to_owned(), body)
}

#[test]
fn a_plain_socket_asks_three_times_on_one_connection() {
    block_on(async {
        let (address, seen, server) = serve().unwrap();
        while_serving(move || {
            let stream = net::TcpStream::connect(address).unwrap();
            let mut to = &stream;
            let mut from = BufReader::new(&stream);
            to.write_all(b"GET /hello HTTP/1.1\r\nHost: here\r\n\r\n")
                .unwrap();
            assert_eq!(
                response(&mut from),
                ("HTTP/1.1 200 OK".into(), b"hello".to_vec())
            );
            // A head in two pieces, a body in chunks.
            to.write_all(b"POST /echo HTTP/1.1\r\nHost: he").unwrap();
            thread::sleep(std::time::Duration::from_millis(2));
            to.write_all(b"re\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n")
                .unwrap();
            to.write_all(b"5\r\n five\r\n0\r\n\r\n").unwrap();
            assert_eq!(
                response(&mut from),
                ("HTTP/1.1 200 OK".into(), b"four five".to_vec())
            );
            to.write_all(b"GET /nothing HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
                .unwrap();
            assert_eq!(response(&mut from).0, "HTTP/1.1 404 Not Found");
            assert_eq!(from.read(&mut [0]).unwrap(), 0);
        })
        .await;
        assert_eq!((seen.connections.get(), seen.requests.get()), (1, 3));
        server.abort();
    });
}

#[test]
fn a_client_that_reads_slowly_holds_back_the_server() {
    block_on(async {
        let (address, _, server) = serve().unwrap();
        let received = while_serving(move || {
            let mut stream = net::TcpStream::connect(address).unwrap();
            stream
                .write_all(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
                .unwrap();
            thread::sleep(std::time::Duration::from_millis(20));
            response(&mut BufReader::new(stream)).1
        })
        .await;
        assert!(received == large(), "{} bytes", received.len());
        server.abort();
    });
}

#[test]
fn rubbish_ends_one_connection_and_no_other() {
    block_on(async {
        let (address, seen, server) = serve().unwrap();
        while_serving(move || {
            let mut rude = net::TcpStream::connect(address).unwrap();
            rude.write_all(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
                .unwrap();
            let mut rest = Vec::new();
            // Answered with 400 or reset, and over.
            let _ = rude.read_to_end(&mut rest);
            drop(net::TcpStream::connect(address).unwrap());
            let mut polite = net::TcpStream::connect(address).unwrap();
            polite
                .write_all(b"GET /hello HTTP/1.1\r\nHost: here\r\n\r\n")
                .unwrap();
            assert_eq!(response(&mut BufReader::new(polite)).1, b"hello");
        })
        .await;
        assert_eq!((seen.connections.get(), seen.requests.get()), (3, 1));
        server.abort();
    });
}

fn curl(arguments: &[&str], address: SocketAddr, path: &str, input: &[u8]) -> Option<Vec<u8>> {
    let curl = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--noproxy", "*"])
        .args(["--max-time", "30"])
        .args(arguments)
        .arg(format!("http://{address}{path}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut curl = match curl {
        Ok(curl) => curl,
        Err(error) => {
            eprintln!("SKIPPED: curl cannot be started: {error}");
            return None;
        }
    };
    curl.stdin.take().unwrap().write_all(input).unwrap();
    let output = curl.wait_with_output().unwrap();
    assert!(output.status.success(), "curl: {}", output.status);
    Some(output.stdout)
}

#[test]
fn curl_is_answered() {
    block_on(async {
        let (address, seen, server) = serve().unwrap();
        let ran = while_serving(move || {
            let Some(hello) = curl(&[], address, "/hello", b"") else {
                return false;
            };
            assert_eq!(hello, b"hello");
            let echo = curl(&["--data-binary", "@-"], address, "/echo", large());
            assert!(echo.is_some_and(|echo| echo == large()));
            let got = curl(&[], address, "/large", b"");
            assert!(got.is_some_and(|got| got == large()));
            true
        })
        .await;
        if ran {
            assert_eq!(seen.requests.get(), 3);
        }
        server.abort();
    });
}

/// A server on a thread that answers two requests of one connection.
fn plain_server() -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut from = BufReader::new(&stream);
        let mut requests = Vec::new();
        for answer in [
            "Content-Length: 3\r\n\r\none",
            "Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n",
        ] {
            let (request, body) = response(&mut from);
            requests.push(format!("{request} {}", String::from_utf8(body).unwrap()));
            write!(&stream, "HTTP/1.1 200 OK\r\n{answer}").unwrap();
        }
        requests
    });
    (address, server)
}

#[test]
fn hypers_client_asks_a_server_on_a_thread() {
    block_on(async {
        let (address, server) = plain_server();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut client, connection) = http1::handshake(HyperIo(stream)).await.unwrap();
        let connection = spawn_boxed(connection);
        for (path, body, answer) in [("/a", "first", "one"), ("/b", "", "two")] {
            let request = Request::post(path)
                .header("host", "there")
                .body(Full::new(Bytes::from_static(body.as_bytes())))
                .unwrap();
            client.ready().await.unwrap();
            let response = client.send_request(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let body = response.into_body().collect().await.unwrap();
            assert_eq!(body.to_bytes(), answer);
        }
        drop(client);
        connection.await.unwrap();
        let requests = server.join().unwrap();
        assert_eq!(requests, ["POST /a HTTP/1.1 first", "POST /b HTTP/1.1 "]);
    });
}

#[test]
fn client_and_server_on_one_thread() {
    block_on(async {
        let (address, seen, server) = serve().unwrap();
        let clients: Vec<_> = (0..20)
            .map(|_| {
                spawn_boxed(async move {
                    let stream = TcpStream::connect(address).await.unwrap();
                    let (mut client, connection) = http1::handshake(HyperIo(stream)).await.unwrap();
                    let connection = spawn_boxed(connection);
                    for _ in 0..10 {
                        let request = Request::get("/hello")
                            .header("host", "here")
                            .body(Empty::<Bytes>::new())
                            .unwrap();
                        client.ready().await.unwrap();
                        let response = client.send_request(request).await.unwrap();
                        let body = response.into_body().collect().await.unwrap();
                        assert_eq!(body.to_bytes(), "hello");
                    }
                    drop(client);
                    connection.await.unwrap();
                })
            })
            .collect();
        for client in clients {
            client.await;
        }
        assert_eq!((seen.connections.get(), seen.requests.get()), (20, 200));
        server.abort();
    });
}
