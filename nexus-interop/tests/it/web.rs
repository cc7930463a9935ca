//! An HTTP/1.1 server of hyper's on our sockets, which several tests ask.

use crate::hyper_io::HyperIo;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use nexus_async_rt::net::TcpListener;
use nexus_async_rt::{JoinHandle, spawn_boxed};
use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::OnceLock;

/// What the server has seen.
#[derive(Default)]
pub struct Seen {
    pub connections: Cell<usize>,
    pub requests: Cell<usize>,
}

async fn answer(
    seen: Rc<Seen>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    seen.requests.set(seen.requests.get() + 1);
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/hello") => (StatusCode::OK, Bytes::from_static(b"hello")),
        (&Method::GET, "/large") => (StatusCode::OK, Bytes::from_static(large())),
        (&Method::POST, "/echo") => {
            let body = request.into_body().collect().await?;
            (StatusCode::OK, body.to_bytes())
        }
        _ => (StatusCode::NOT_FOUND, Bytes::new()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

/// More than the buffers of a socket hold.
pub fn large() -> &'static [u8] {
    static LARGE: OnceLock<Vec<u8>> = OnceLock::new();
    LARGE.get_or_init(|| (0..4 << 20).map(|n: u32| (n % 251) as u8).collect())
}

/// Serves one connection to its end; how many requests it had.
pub async fn answer_with<S: Read + Write + Unpin>(stream: S) -> Result<usize, hyper::Error> {
    let seen = Rc::new(Seen::default());
    let service = service_fn(|request| answer(seen.clone(), request));
    http1::Builder::new()
        .serve_connection(stream, service)
        .await?;
    Ok(seen.requests.get())
}

/// Serves until it is aborted; nothing of it leaves this thread.
pub fn serve() -> io::Result<(SocketAddr, Rc<Seen>, JoinHandle<Infallible>)> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = listener.local_addr()?;
    let seen = Rc::new(Seen::default());
    let counted = seen.clone();
    let server = spawn_boxed(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("loopback is there");
            counted.connections.set(counted.connections.get() + 1);
            let seen = counted.clone();
            spawn_boxed(async move {
                let service = service_fn(|request| answer(seen.clone(), request));
                let connection = http1::Builder::new().serve_connection(HyperIo(stream), service);
                // A client that goes is no failure of the server.
                let _ = connection.await;
            });
        }
    });
    Ok((address, seen, server))
}
