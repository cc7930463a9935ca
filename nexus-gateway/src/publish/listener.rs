//! Takes connections, a task for each.

use super::broadcast::Broadcast;
use super::counts::count;
use super::subscriber;
use nexus_async_rt::net::{TcpListener, TcpStream};
use nexus_async_rt::{sleep, spawn_boxed};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tracing::{info, warn};

/// Connections at a time: each costs some 60 kB here, and as much in the
/// kernel.
const MOST_CONNECTED: usize = 1024;

/// After the system refused a connection, for want of descriptors or memory,
/// it is given so long to recover.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections for ever.
pub(super) async fn accept(listener: TcpListener, broadcast: Rc<Broadcast>) {
    let mut complained = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                complained = false;
                take(stream, peer, &broadcast);
            }
            Err(error) => {
                // Once for a row of them: it may go on for long.
                if !complained {
                    warn!("cannot take a connection: {error}");
                    complained = true;
                }
                sleep(PAUSE).await;
            }
        }
    }
}

fn take(stream: TcpStream, peer: SocketAddr, broadcast: &Rc<Broadcast>) {
    let counts = broadcast.counts();
    count(&counts.connections);
    if broadcast.connected() >= MOST_CONNECTED {
        count(&counts.dropped);
        warn!("subscriber {peer}: refused, {MOST_CONNECTED} are connected, the limit");
        return;
    }
    let broadcast = broadcast.attend();
    drop(spawn_boxed(async move {
        let counts = broadcast.counts();
        match subscriber::serve(&stream, peer, &broadcast).await {
            Ok(parting) => info!("subscriber {peer}: {parting}"),
            Err(fault) => {
                count(&counts.dropped);
                warn!("subscriber {peer}: dropped, {fault}");
            }
        }
    }));
}
