//! A network between a gateway and its feed that fails: connections are cut,
//! reset, stalled, and trickle, after as many bytes as the seed says.

use nexus_gateway::feed::Random;
use rustix::net::connect_unspec;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It is closed in both directions.
    Cut,
    /// It is reset.
    Reset,
    /// Nothing comes any more, and nobody closes it.
    Stall,
    /// Its bytes come one by one, and then it is closed.
    Trickle,
}

impl Fault {
    fn draw(random: &mut Random) -> Self {
        match random.below(4) {
            0 => Fault::Cut,
            1 => Fault::Reset,
            2 => Fault::Stall,
            _ => Fault::Trickle,
        }
    }
}

/// Passes connections on to a feed; the first ones fail. No new ones are taken
/// once it is dropped.
pub struct TcpRelay {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    connections: AtomicUsize,
    ended: AtomicBool,
}

impl TcpRelay {
    /// To `feed`; `faulty` connections fail, each after less than `most` bytes.
    pub fn start(feed: SocketAddr, seed: u64, faulty: usize, most: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            let mut random = Random::new(seed);
            for (i, stream) in listener.incoming().enumerate() {
                // Ordering: Relaxed; the connection that brings it comes after.
                if theirs.ended.load(Ordering::Relaxed) {
                    return;
                }
                // Ordering: Relaxed; a count that is read after the fact.
                theirs.connections.fetch_add(1, Ordering::Relaxed);
                let Ok(server) = TcpStream::connect(feed) else {
                    continue;
                };
                let fault = (i < faulty).then(|| {
                    let after = random.below(most);
                    (Fault::draw(&mut random), after)
                });
                pass(stream.unwrap(), server, fault);
            }
        });
        Self { address, shared }
    }

    pub fn connections(&self) -> usize {
        // Ordering: Relaxed; see `start`.
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for TcpRelay {
    fn drop(&mut self) {
        // Ordering: Relaxed; see `start`.
        self.shared.ended.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

fn pass(client: TcpStream, server: TcpStream, fault: Option<(Fault, u64)>) {
    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || copy(from, to, None));
    thread::spawn(move || copy(server, client, fault));
}

/// Copies bytes until one side is done, or the fault strikes.
fn copy(mut from: TcpStream, mut to: TcpStream, fault: Option<(Fault, u64)>) {
    let mut left = fault.map_or(u64::MAX, |(_, after)| after);
    let mut buffer = [0; 8 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let passed = usize::try_from(left).unwrap_or(n).min(n);
        left -= passed as u64;
        if to.write_all(&buffer[..passed]).is_err() {
            break;
        }
        if passed < n {
            match fault.expect("nothing else ends the bytes").0 {
                Fault::Cut => break,
                Fault::Reset => {
                    // Disconnected in the midst of it, a socket resets; where
                    // the system does not, it is a cut.
                    let _ = connect_unspec(&to);
                    break;
                }
                Fault::Stall => {
                    thread::sleep(Duration::from_secs(2));
                    break;
                }
                Fault::Trickle => {
                    let mut rest = buffer[passed..n].chunks(1);
                    let _ = rest.try_for_each(|byte| to.write_all(byte));
                    break;
                }
            }
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
