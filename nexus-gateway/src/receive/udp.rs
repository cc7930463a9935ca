//! A feed over UDP: puts packets in order, and asks again for those lost.

use super::counts::LinkCounts;
use super::delivery::Delivery;
use super::error::LinkError;
use super::{End, addresses};
use crate::config::RunConfig;
use crate::endpoint::Endpoint;
use crate::race::{Either, race};
use crate::world::Arrival;
use nexus_async_rt::net::UdpSocket;
use nexus_async_rt::time::sleep_until;
use nexus_async_rt::{now, shutdown_signal};
use nexus_itch::heartbeat::Rhythm;
use nexus_itch::mold::{Client, ClientFault, Packet, Patience};
use nexus_rt::Handler;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

/// The longest datagram that UDP has.
const LONGEST: usize = 64 * 1024;

/// Datagrams taken between two looks at what is due.
const BATCH: usize = 64;

/// What the kernel holds for us, if it lets us: tens of milliseconds.
const KERNEL_BYTES: usize = 4 * 1024 * 1024;

/// Complaints about datagrams that are printed; more are only counted.
const MOST_COMPLAINTS: u64 = 20;

/// Receives the feed until it ends, or a signal comes.
pub(super) async fn receive<H: Handler<Arrival>>(
    config: &RunConfig,
    local: &Endpoint,
    delivery: &mut Delivery<H>,
    link: &mut LinkCounts,
) -> Result<End, LinkError> {
    let setting_up = set_up(config, local);
    let (socket, service) = match race(shutdown_signal(), setting_up).await {
        Either::First(()) => return Ok(End::Stopped),
        Either::Second(ready) => ready?,
    };
    let patience = Patience {
        give_up: config.give_up(),
        ..Patience::default()
    };
    let rhythm = config.rhythm.rhythm();
    let rhythm = Rhythm {
        silence: rhythm.silence.min(config.give_up()),
        ..rhythm
    };
    let client = Client::new(delivery.session(), delivery.next(), patience, rhythm, now());
    let mut reception = Reception {
        config,
        local,
        socket,
        service,
        client,
        buffer: vec![0; LONGEST].into_boxed_slice(),
        heard: now(),
    };
    let end = reception.run(delivery, link).await;
    link.mold = reception.client.counts();
    end
}

async fn set_up(
    config: &RunConfig,
    local: &Endpoint,
) -> Result<(UdpSocket, SocketAddr), LinkError> {
    let fail = |action, endpoint: &Endpoint| {
        let endpoint = endpoint.clone();
        move |error| LinkError::Address {
            action,
            endpoint,
            error,
        }
    };
    let found = addresses(&config.connect).await;
    let service = found.map_err(fail("find", &config.connect))?[0];
    let address = addresses(local).await.map_err(fail("find", local))?[0];
    let socket = bind(address, service).map_err(fail("receive at", local))?;
    // Where it is refused, more is lost and asked for again.
    let _ = socket.set_recv_buffer_size(KERNEL_BYTES);
    Ok((socket, service))
}

/// Binds `local`. A multicast group is joined through the interface that leads
/// to `service`.
fn bind(local: SocketAddr, service: SocketAddr) -> io::Result<UdpSocket> {
    if !local.ip().is_multicast() {
        return UdpSocket::bind(local);
    }
    let socket = UdpSocket::bind_shared(local)?;
    match local.ip() {
        IpAddr::V4(group) => socket.join_multicast_v4(group, interface(service)?)?,
        IpAddr::V6(group) => socket.join_multicast_v6(group, 0)?,
    }
    Ok(socket)
}

/// Our address on the way to `service`; any, if that is no IPv4 address.
fn interface(service: SocketAddr) -> io::Result<Ipv4Addr> {
    if service.is_ipv6() {
        return Ok(Ipv4Addr::UNSPECIFIED);
    }
    let probe = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // Sends nothing: it asks which way it would be.
    probe.connect(service)?;
    match probe.local_addr()?.ip() {
        IpAddr::V4(ours) => Ok(ours),
        IpAddr::V6(_) => Ok(Ipv4Addr::UNSPECIFIED),
    }
}

struct Reception<'a> {
    config: &'a RunConfig,
    local: &'a Endpoint,
    socket: UdpSocket,
    /// Where to ask for what was lost.
    service: SocketAddr,
    client: Client,
    buffer: Box<[u8]>,
    /// When the last packet of the session came.
    heard: Instant,
}

impl Reception<'_> {
    async fn run<H: Handler<Arrival>>(
        &mut self,
        delivery: &mut Delivery<H>,
        link: &mut LinkCounts,
    ) -> Result<End, LinkError> {
        loop {
            self.take(link);
            if let Some(session) = self.client.session() {
                delivery.begin(session).await?;
            }
            while let Some((sequence, raw)) = self.client.pop() {
                delivery.deliver(sequence, raw.bytes()).await?;
            }
            if self.client.is_complete() {
                return Ok(End::Complete);
            }
            // Before time counts: what came meanwhile is taken first.
            self.take(link);
            self.ask().await?;
            let woken = race(self.socket.readable(), sleep_until(self.client.deadline()));
            match race(shutdown_signal(), woken).await {
                Either::First(()) => return Ok(End::Stopped),
                Either::Second(_) => {}
            }
        }
    }

    /// Takes what lies ready, up to a limit.
    fn take(&mut self, link: &mut LinkCounts) {
        for _ in 0..BATCH {
            // Other errors than that there is nothing are of packets sent
            // before, and of no more use.
            let Ok((n, peer)) = self.socket.try_recv_from(&mut self.buffer) else {
                return;
            };
            let now = now();
            match Packet::decode(&self.buffer[..n]) {
                Ok(packet) => {
                    let before = self.client.counts().foreign;
                    self.client.take(&packet, now);
                    if self.client.counts().foreign == before {
                        self.heard = now;
                    }
                }
                Err(error) => {
                    link.malformed += 1;
                    match link.malformed {
                        ..MOST_COMPLAINTS => eprintln!("datagram from {peer} dropped: {error}"),
                        MOST_COMPLAINTS => eprintln!(
                            "datagram from {peer} dropped: {error}; more are only counted"
                        ),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Asks for what is missing.
    async fn ask(&mut self) -> Result<(), LinkError> {
        loop {
            match self.client.poll(now()) {
                Ok(None) => return Ok(()),
                Ok(Some(request)) => {
                    // One that cannot be sent is lost, as any other may be.
                    let _ = self.socket.send_to(&request.encode(), self.service).await;
                }
                Err(ClientFault::Silent(silent)) => {
                    let limit = self.config.give_up();
                    if now() >= self.heard + limit {
                        let local = self.local.clone();
                        return Err(LinkError::Silent { limit, local });
                    }
                    eprintln!("{}: {silent}", self.local);
                    self.client.listen(now());
                }
                Err(fault) => return Err(LinkError::Packets(fault)),
            }
        }
    }
}
