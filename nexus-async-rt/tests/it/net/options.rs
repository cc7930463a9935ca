//! What sockets are set to, and what they are made of.

use crate::net::tcp::{any, listen};
use crate::net::unix::Place;
use crate::support::with_runtime;
use futures_lite::future::poll_once;
use nexus_async_rt::net::{
    TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
};
use std::net as std_net;
use std::os::unix::net as std_unix;
use std::time::Duration;

/// Each option of a socket that is not connected yet is seen there, and by the
/// stream that it becomes.
#[test]
fn options_set_before_the_connection_are_those_of_the_stream() {
    with_runtime(|rt| {
        rt.block_on(async {
            let (_listener, addr) = listen();
            let socket = TcpSocket::new_v4().unwrap();
            let (idle, linger) = (Duration::from_secs(40), Duration::from_secs(3));
            assert_eq!(socket.keepalive().unwrap(), None);
            socket.set_keepalive(Some(idle)).unwrap();
            assert_eq!(socket.keepalive().unwrap(), Some(idle));
            assert_eq!(socket.linger().unwrap(), None);
            socket.set_linger(Some(linger)).unwrap();
            assert_eq!(socket.linger().unwrap(), Some(linger));
            socket.set_tos_v4(0x10).unwrap();
            assert_eq!(socket.tos_v4().unwrap(), 0x10);
            socket.set_reuse_address(true).unwrap();
            assert!(socket.reuse_address().unwrap());
            socket.set_nodelay(true).unwrap();
            assert!(socket.nodelay().unwrap());
            let stream = socket.connect(addr).await.unwrap();
            assert_eq!(stream.keepalive().unwrap(), Some(idle));
            assert_eq!(stream.linger().unwrap(), Some(linger));
            stream.set_linger(None).unwrap();
            assert_eq!(stream.linger().unwrap(), None);
            assert_eq!(stream.tos_v4().unwrap(), 0x10);
            stream.set_tos_v4(0x08).unwrap();
            assert_eq!(stream.tos_v4().unwrap(), 0x08);
            assert!(stream.nodelay().unwrap());
            // Where the machine has no IPv6 there is nothing to set.
            if let Ok(socket) = TcpSocket::new_v6() {
                socket.set_tclass_v6(0x20).unwrap();
                assert_eq!(socket.tclass_v6().unwrap(), 0x20);
            }
        });
    });
}

/// The conversions are `from_std` and `into_std`.
#[test]
fn sockets_convert_to_those_of_std_and_back() {
    let place = Place::new("convert");
    with_runtime(|rt| {
        rt.block_on(async {
            let listener = std_net::TcpListener::bind(any()).unwrap();
            let addr = listener.local_addr().unwrap();
            let listener = TcpListener::try_from(listener).unwrap();
            // Not blocking from now on.
            assert!(poll_once(listener.accept()).await.is_none());
            let stream = std_net::TcpStream::connect(addr).unwrap();
            let stream = TcpStream::try_from(stream).unwrap();
            assert!(poll_once(stream.read(&mut [0; 1])).await.is_none());
            let stream = std_net::TcpStream::from(stream);
            assert_eq!(stream.peer_addr().unwrap(), addr);
            let listener = std_net::TcpListener::from(listener);
            assert_eq!(listener.local_addr().unwrap(), addr);

            let socket = std_net::TcpStream::from(TcpSocket::new_v4().unwrap());
            let socket = TcpSocket::try_from(socket).unwrap();
            drop(socket.connect(addr).await.unwrap());

            let socket = UdpSocket::try_from(std_net::UdpSocket::bind(any()).unwrap()).unwrap();
            assert!(poll_once(socket.recv(&mut [0; 1])).await.is_none());
            assert!(std_net::UdpSocket::from(socket).local_addr().is_ok());

            let (here, _there) = std_unix::UnixStream::pair().unwrap();
            let here = UnixStream::try_from(here).unwrap();
            assert!(poll_once(here.read(&mut [0; 1])).await.is_none());
            assert!(std_unix::UnixStream::from(here).peer_addr().is_ok());
            let (here, _there) = std_unix::UnixDatagram::pair().unwrap();
            let here = UnixDatagram::try_from(here).unwrap();
            assert!(poll_once(here.recv(&mut [0; 1])).await.is_none());
            assert!(std_unix::UnixDatagram::from(here).peer_addr().is_ok());
            let listener = std_unix::UnixListener::bind(&place.0).unwrap();
            let listener = UnixListener::try_from(listener).unwrap();
            assert!(poll_once(listener.accept()).await.is_none());
            assert!(std_unix::UnixListener::from(listener).local_addr().is_ok());
        });
    });
}
