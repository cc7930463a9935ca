//! A network between a gateway and its feed that loses, doubles, delays and
//! cuts packets and requests, as its seed says.

use nexus_gateway::feed::Random;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

/// In a hundred datagrams, how many are lost, doubled, overtaken, cut short,
/// and preceded by rubbish.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub lost: u64,
    pub doubled: u64,
    pub overtaken: u64,
    pub cut: u64,
    pub rubbish: u64,
}

/// After so long without a datagram, the test is over.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// Where the relay listens.
#[derive(Clone, Copy, Debug)]
pub struct UdpRelay {
    /// For the packets of the feed.
    pub packets: SocketAddr,
    /// For the requests of the gateway, and the answers to them.
    pub requests: SocketAddr,
}

/// Sockets that a relay will use: the feed and the gateway want to know them
/// before the relay can know both.
pub struct Sockets {
    packets: UdpSocket,
    requests: UdpSocket,
}

impl Sockets {
    pub fn bind() -> (Self, UdpRelay) {
        let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (packets, requests) = (bind(), bind());
        let relay = UdpRelay {
            packets: packets.local_addr().unwrap(),
            requests: requests.local_addr().unwrap(),
        };
        (Self { packets, requests }, relay)
    }

    /// Passes packets on from now on, until nobody has sent any for a while.
    pub fn start(self, feed: SocketAddr, gateway: SocketAddr, faults: Faults, seed: u64) {
        pass_on(self.packets, Disturbed::new(faults, seed), move |_| gateway);
        let disturbed = Disturbed::new(faults, seed.wrapping_add(1));
        // Answers go to the one that asked last.
        let mut asked = gateway;
        pass_on(self.requests, disturbed, move |from| {
            if from == feed {
                return asked;
            }
            asked = from;
            feed
        });
    }
}

fn pass_on(
    socket: UdpSocket,
    mut disturbed: Disturbed,
    mut to: impl FnMut(SocketAddr) -> SocketAddr + Send + 'static,
) {
    socket.set_read_timeout(Some(FORGOTTEN)).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((n, from)) = socket.recv_from(&mut buffer) {
            disturbed.pass(&socket, &buffer[..n], to(from));
        }
    });
}

struct Disturbed {
    faults: Faults,
    random: Random,
    /// A datagram that the next one overtakes.
    held: Option<(Vec<u8>, SocketAddr)>,
}

impl Disturbed {
    fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            random: Random::new(seed),
            held: None,
        }
    }

    fn strikes(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn pass(&mut self, socket: &UdpSocket, datagram: &[u8], to: SocketAddr) {
        // What cannot be sent is lost, as in any network.
        let send = |bytes: &[u8], to| drop(socket.send_to(bytes, to));
        if self.strikes(self.faults.rubbish) {
            let rubbish: Vec<u8> = (0..40).map(|_| self.random.next() as u8).collect();
            send(&rubbish, to);
        }
        if self.strikes(self.faults.lost) {
            return;
        }
        if self.strikes(self.faults.cut) {
            let cut = self.random.below(datagram.len() as u64) as usize;
            send(&datagram[..cut], to);
            return;
        }
        if self.held.is_none() && self.strikes(self.faults.overtaken) {
            self.held = Some((datagram.to_vec(), to));
            return;
        }
        send(datagram, to);
        if self.strikes(self.faults.doubled) {
            send(datagram, to);
        }
        if let Some((late, to)) = self.held.take() {
            send(&late, to);
        }
    }
}
