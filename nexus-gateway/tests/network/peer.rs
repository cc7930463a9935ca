//! A peer by hand: says what it is told, and reads what it is sent.

use crate::process::{LIMIT, until};
use nexus_itch::heartbeat::Rhythm;
use nexus_itch::soup::{Client, Login, Packet, Splitter, Taken};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// One end of a TCP connection, with reads that do not hang.
pub struct Peer(pub TcpStream);

impl Peer {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Waits for a connection to `listener`.
    pub fn accept(listener: &TcpListener) -> Self {
        listener.set_nonblocking(true).unwrap();
        let mut accepted = None;
        until("a connection", || {
            accepted = listener.accept().ok();
            accepted.is_some()
        });
        let (stream, _) = accepted.expect("it has come");
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self(stream)
    }

    pub fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    pub fn send(&mut self, packet: Packet<'_>) {
        let mut out = Vec::new();
        packet.encode(&mut out);
        self.say(&out);
    }

    /// Reads exactly `n` bytes.
    pub fn read(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads until the other side closes or resets; returns what came.
    pub fn read_out(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("after {} bytes: {error}", bytes.len()),
        }
        bytes
    }
}

/// A login for whatever is played, from message `sequence` on.
pub fn login(sequence: u64) -> Login {
    Login {
        user: Default::default(),
        password: Default::default(),
        session: None,
        sequence,
    }
}

/// Subscribes at `address` from message `first` on and returns each message of
/// the session in a BinaryFILE frame.
pub fn subscribe(address: SocketAddr, first: u64) -> Vec<u8> {
    let mut peer = Peer::connect(address);
    let rhythm = Rhythm {
        heartbeat: Duration::from_millis(50),
        ..Rhythm::default()
    };
    let mut client = Client::new(login(first), rhythm);
    let mut out = Vec::new();
    client.connect(Instant::now(), &mut out);
    peer.0.set_read_timeout(Some(rhythm.heartbeat)).unwrap();
    let mut splitter = Splitter::new(64 * 1024);
    let mut frames = Vec::new();
    let begun = Instant::now();
    loop {
        assert!(
            begun.elapsed() < LIMIT,
            "{} bytes in {LIMIT:?}",
            frames.len()
        );
        client.tick(Instant::now(), &mut out).unwrap();
        peer.say(&out);
        out.clear();
        match peer.0.read(splitter.space()) {
            Ok(0) => panic!("closed after {} bytes", frames.len()),
            Ok(n) => splitter.fill(n),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
        while let Some(packet) = splitter.next().unwrap() {
            match client.take(packet, Instant::now()).unwrap() {
                Taken::Message { message, .. } => {
                    frames.extend_from_slice(&(message.len() as u16).to_be_bytes());
                    frames.extend_from_slice(message);
                }
                Taken::Ended => return frames,
                _ => {}
            }
        }
    }
}
