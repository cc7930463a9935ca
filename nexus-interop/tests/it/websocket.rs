//! WebSockets with `async-tungstenite` on our sockets, the other side blocking
//! on a thread.

use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{accept_async, client_async};
use futures::StreamExt;
use nexus_async_rt::net::{TcpListener, TcpStream};
use nexus_async_rt::spawn_boxed;
use nexus_interop::block_on;
use std::net::{self, SocketAddr};
use std::thread;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

/// Sends every text and every binary message back, until the peer closes.
async fn echo(stream: TcpStream) -> usize {
    let mut socket = accept_async(stream).await.unwrap();
    let mut echoed = 0;
    while let Some(message) = socket.next().await {
        let message = message.unwrap();
        if message.is_text() || message.is_binary() {
            socket.send(message).await.unwrap();
            echoed += 1;
        }
    }
    echoed
}

/// Talks to an echo server as any client would.
fn talk(address: SocketAddr) {
    let stream = net::TcpStream::connect(address).unwrap();
    let (mut socket, _) = tungstenite::client(format!("ws://{address}/"), stream).unwrap();
    for n in 0..50 {
        let message = Message::text(format!("message {n}"));
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message);
    }
    let large = Message::binary(vec![7; 1 << 20]);
    socket.send(large.clone()).unwrap();
    assert_eq!(socket.read().unwrap(), large);
    socket.send(Message::Ping("are you there".into())).unwrap();
    assert_eq!(
        socket.read().unwrap(),
        Message::Pong("are you there".into())
    );
    socket
        .close(Some(CloseFrame {
            code: CloseCode::Normal,
            reason: "done".into(),
        }))
        .unwrap();
    assert!(socket.read().unwrap().is_close());
    assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
}

#[test]
fn an_echo_server_and_clients_on_threads() {
    block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..4)
            .map(|_| thread::spawn(move || talk(address)))
            .collect();
        let mut servers = Vec::new();
        for _ in 0..clients.len() {
            let (stream, _) = listener.accept().await.unwrap();
            servers.push(spawn_boxed(echo(stream)));
        }
        for server in servers {
            assert_eq!(server.await, 51);
        }
        for client in clients {
            client.join().unwrap();
        }
    });
}

#[test]
fn our_client_and_a_server_on_a_thread() {
    block_on(async {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            let mut sum = 0;
            loop {
                match socket.read() {
                    Ok(Message::Text(text)) => sum += text.parse::<u32>().unwrap(),
                    Ok(_) => {}
                    Err(Error::ConnectionClosed) => return sum,
                    Err(error) => panic!("{error}"),
                }
                if sum == 4950 {
                    socket.send(Message::text("enough")).unwrap();
                    sum += 1;
                }
            }
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, response) = client_async(format!("ws://{address}/"), stream)
            .await
            .unwrap();
        assert_eq!(response.status(), 101);
        // The halves in two tasks.
        let (mut to, mut from) = socket.split();
        let writer = spawn_boxed(async move {
            for n in 0..100 {
                to.send(Message::text(n.to_string())).await.unwrap();
            }
            to
        });
        assert_eq!(from.next().await.unwrap().unwrap(), Message::text("enough"));
        let mut to = writer.await;
        to.close(None).await.unwrap();
        while let Some(message) = from.next().await {
            assert!(message.unwrap().is_close());
        }
        assert_eq!(server.join().unwrap(), 4951);
    });
}

#[test]
fn a_client_that_goes_without_a_word_is_an_error() {
    block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let client = thread::spawn(move || {
            let stream = net::TcpStream::connect(address).unwrap();
            tungstenite::client(format!("ws://{address}/"), stream).unwrap();
        });
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(stream).await.unwrap();
        assert!(matches!(socket.next().await, Some(Err(_))));
        client.join().unwrap();
    });
}
