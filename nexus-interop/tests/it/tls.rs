//! TLS with `rustls` on our sockets, as server and as client, the other side
//! blocking on a thread.

use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures_rustls::{TlsAcceptor, TlsConnector};
use nexus_async_rt::net::{TcpListener, TcpStream};
use nexus_interop::block_on;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use std::io::{self, Read, Write};
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::thread;

const NAME: &str = "gateway.test";

/// A server that is called [`NAME`], and clients that trust it.
fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

fn name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).unwrap()
}

/// More than one record and more than the socket's buffers.
fn payload() -> Vec<u8> {
    (0..2 << 20).map(|n: u32| (n % 253) as u8).collect()
}

/// Sends the payload, says that this was all, and returns what comes back.
fn ask(mut stream: StreamOwned<ClientConnection, net::TcpStream>) -> io::Result<Vec<u8>> {
    let mut echo = Vec::new();
    for part in payload().chunks(64 << 10) {
        stream.write_all(part)?;
        let mut back = vec![0; part.len()];
        stream.read_exact(&mut back)?;
        echo.extend(back);
    }
    stream.conn.send_close_notify();
    stream.flush()?;
    assert_eq!(stream.read(&mut [0])?, 0);
    Ok(echo)
}

#[test]
fn a_server_here_and_a_client_on_a_thread() {
    let (server, client) = configs();
    block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let client = thread::spawn(move || {
            let connection = ClientConnection::new(client, name(NAME)).unwrap();
            let stream = net::TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            ask(StreamOwned::new(connection, stream))
        });
        let (stream, _) = listener.accept().await.unwrap();
        let stream = TlsAcceptor::from(server).accept(stream).await.unwrap();
        let (mut from, mut to) = stream.split();
        let copied = futures::io::copy(&mut from, &mut to).await.unwrap();
        to.close().await.unwrap();
        assert_eq!(copied, payload().len() as u64);
        let echo = client.join().unwrap().unwrap();
        assert!(echo == payload());
    });
}

/// Sends back what comes until the peer says that this was all.
fn echo(mut stream: StreamOwned<ServerConnection, net::TcpStream>) -> io::Result<usize> {
    let mut buffer = vec![0; 32 << 10];
    let mut echoed = 0;
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            stream.conn.send_close_notify();
            stream.flush()?;
            return Ok(echoed);
        }
        stream.write_all(&buffer[..read])?;
        echoed += read;
    }
}

#[test]
fn a_client_here_and_a_server_on_a_thread() {
    let (server, client) = configs();
    block_on(async {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let connection = ServerConnection::new(server).unwrap();
            echo(StreamOwned::new(connection, listener.accept().unwrap().0))
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let connector = TlsConnector::from(client);
        let stream = connector.connect(name(NAME), stream).await.unwrap();
        // Both directions at once.
        let (mut from, mut to) = stream.split();
        let sent = payload();
        let mut received = Vec::new();
        let (wrote, read) = futures::join!(
            async {
                to.write_all(&sent).await?;
                to.close().await
            },
            from.read_to_end(&mut received),
        );
        wrote.unwrap();
        read.unwrap();
        assert!(received == sent);
        assert_eq!(server.join().unwrap().unwrap(), sent.len());
    });
}

#[test]
fn both_sides_here() {
    let (server, client) = configs();
    block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let (served, asked) = futures::join!(
            async {
                let (stream, _) = listener.accept().await?;
                let mut stream = TlsAcceptor::from(server).accept(stream).await?;
                let mut question = [0; 8];
                stream.read_exact(&mut question).await?;
                stream.write_all(b"answer").await?;
                stream.close().await?;
                io::Result::Ok(question)
            },
            async {
                let stream = TcpStream::connect(address).await?;
                let mut stream = TlsConnector::from(client)
                    .connect(name(NAME), stream)
                    .await?;
                stream.write_all(b"question").await?;
                stream.flush().await?;
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await?;
                io::Result::Ok(answer)
            },
        );
        assert_eq!(&served.unwrap(), b"question");
        assert_eq!(asked.unwrap(), b"answer");
    });
}

#[test]
fn a_server_of_another_name_is_refused_and_learns_it() {
    let (server, client) = configs();
    block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let (served, asked) = futures::join!(
            async {
                let (stream, _) = listener.accept().await?;
                TlsAcceptor::from(server).accept(stream).await.map(|_| ())
            },
            async {
                let stream = TcpStream::connect(address).await?;
                let connector = TlsConnector::from(client);
                connector
                    .connect(name("other.test"), stream)
                    .await
                    .map(|_| ())
            },
        );
        let refused = asked.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{refused}");
        assert!(refused.to_string().contains("certificate"), "{refused}");
        let told = served.unwrap_err();
        assert!(told.to_string().contains("alert"), "{told}");
    });
}
