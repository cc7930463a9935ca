//! A feed over UDP: puts the packets of all lines in order, and asks again for what
//! every line lost.

use super::End;
use super::counts::LinkCounts;
use super::delivery::Delivery;
use super::error::LinkError;
use super::lines::{Lines, letter};
use super::sockets::{self, Sockets, kernel_drops};
use crate::config::{OnGap, ReceiveConfig};
use crate::race::{Either, race};
use crate::report::numbers;
use crate::world::Arrival;
use nexus_async_rt::net::UdpSocket;
use nexus_async_rt::time::sleep_until;
use nexus_async_rt::{now, shutdown_signal};
use nexus_itch::mold::{Client, ClientFault, Origin, Packet, Patience};
use nexus_rt::Handler;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;
use tracing::{debug, info, warn};

/// The longest datagram that UDP has.
const LONGEST: usize = 64 * 1024;

/// Datagrams taken from one socket between two looks at what is due.
const BATCH: usize = 64;

/// Complaints about datagrams that are printed; more are only counted.
const MOST_COMPLAINTS: u64 = 20;

/// Ranges of missing messages that are named.
const MOST_MISSING: usize = 16;

/// A service that has not answered so many tries of a request gives way to the next.
const TRIES_A_SERVICE: u32 = 2;

/// Receives the feed until it ends, or a signal comes.
pub(super) async fn receive<H: Handler<Arrival>>(
    config: &ReceiveConfig,
    delivery: &mut Delivery<H>,
    link: &mut LinkCounts,
) -> Result<End, LinkError> {
    let sockets = match race(shutdown_signal(), sockets::open(config)).await {
        Either::First(()) => return Ok(End::Stopped),
        Either::Second(ready) => ready?,
    };
    let patience = Patience {
        give_up: config.give_up,
        gap: config.gap_wait,
        ..Patience::default()
    };
    let rhythm = config.rhythm();
    let lines = sockets.lines.len();
    let (session, next) = (delivery.session(), delivery.next());
    let mut reception = Reception {
        config,
        sockets,
        preferred: 0,
        client: Client::new(session, next, lines, patience, rhythm, now()),
        lines: Lines::new(lines),
        buffer: vec![0; LONGEST].into_boxed_slice(),
        heard: now(),
    };
    let end = reception.run(delivery, link).await;
    link.mold = reception.client.counts();
    if end.is_err() {
        link.missing = reception.client.missing(MOST_MISSING);
    }
    let drops = reception.sockets.lines.iter();
    for (stats, line) in reception.lines.stats.iter_mut().zip(drops) {
        stats.kernel_drops = kernel_drops(&line.socket);
    }
    link.lines = reception.lines.stats;
    end
}

struct Reception<'a> {
    config: &'a ReceiveConfig,
    sockets: Sockets,
    /// The service that answered last.
    preferred: usize,
    client: Client,
    lines: Lines,
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
            if let (Some(session), next @ 1..) = (self.client.session(), self.client.next()) {
                if delivery.session().is_none() {
                    info!("session {session}, from message {next}");
                }
                delivery.begin(session, next).await?;
            }
            while let Some((sequence, raw)) = self.client.pop() {
                delivery.deliver(sequence, raw.bytes()).await?;
            }
            if self.client.is_complete() {
                return Ok(End::Complete);
            }
            // Before time counts: what came meanwhile is taken first.
            self.take(link);
            self.watch_lines();
            self.ask(delivery).await?;
            let woken = race(self.readable(), sleep_until(self.client.deadline()));
            match race(shutdown_signal(), woken).await {
                Either::First(()) => return Ok(End::Stopped),
                Either::Second(_) => {}
            }
        }
    }

    /// Waits for a datagram on any socket.
    async fn readable(&self) {
        let sockets = &self.sockets;
        let first = sockets.lines[0].socket.readable();
        let requests = sockets.requests.readable();
        let either = race(first, requests);
        match sockets.lines.get(1) {
            Some(second) => drop(race(either, second.socket.readable()).await),
            None => drop(either.await),
        }
    }

    /// Takes what lies ready on every socket, up to a limit.
    fn take(&mut self, link: &mut LinkCounts) {
        for line in 0..self.sockets.lines.len() {
            for _ in 0..BATCH {
                let there = &self.sockets.lines[line];
                let Some((n, peer)) = next_datagram(&there.socket, &mut self.buffer) else {
                    break;
                };
                match there.source {
                    Some(source) if source != peer.ip() => link.strangers += 1,
                    _ => self.packet(n, peer, Origin::Line(line), link),
                }
            }
        }
        for _ in 0..BATCH {
            let found = next_datagram(&self.sockets.requests, &mut self.buffer);
            let Some((n, peer)) = found else {
                return;
            };
            let mut services = self.sockets.services.iter();
            match services.position(|&service| service == peer) {
                Some(service) => {
                    self.preferred = service;
                    self.packet(n, peer, Origin::Answer, link);
                }
                None => link.strangers += 1,
            }
        }
    }

    /// Takes the datagram in the buffer.
    fn packet(&mut self, n: usize, peer: SocketAddr, origin: Origin, link: &mut LinkCounts) {
        let now = now();
        let packet = match Packet::decode(&self.buffer[..n]) {
            Ok(packet) => packet,
            Err(error) => {
                link.malformed += 1;
                match link.malformed {
                    ..MOST_COMPLAINTS => warn!("datagram from {peer} dropped: {error}"),
                    MOST_COMPLAINTS => {
                        warn!("datagram from {peer} dropped: {error}; more are only counted");
                    }
                    _ => {}
                }
                return;
            }
        };
        let lines = &mut self.lines;
        let taken = self.client.take(&packet, origin, now, |sequence, placed| {
            if let Origin::Line(line) = origin {
                lines.copy(line, sequence, placed, now);
            }
        });
        if !taken {
            return;
        }
        self.heard = now;
        if let Origin::Line(line) = origin {
            lines.packet(line, n, packet.numbers(), now);
        }
    }

    /// Says which lines fell silent or came back.
    fn watch_lines(&mut self) {
        while let Some(change) = self.client.line_change(now()) {
            let (letter, endpoint) = (letter(change.line), &self.config.udp[change.line].endpoint);
            match change.up {
                true => info!("line {letter}, {endpoint}: back"),
                false => {
                    self.lines.stats[change.line].downs += 1;
                    warn!("line {letter}, {endpoint}: silent, not waited for");
                }
            }
        }
    }

    /// Asks for what is missing.
    async fn ask<H: Handler<Arrival>>(
        &mut self,
        delivery: &mut Delivery<H>,
    ) -> Result<(), LinkError> {
        loop {
            match self.client.poll(now()) {
                Ok(None) => return Ok(()),
                Ok(Some((request, tried))) => {
                    let services = &self.sockets.services;
                    let turn = self.preferred + (tried / TRIES_A_SERVICE) as usize;
                    let service = services[turn % services.len()];
                    // One that cannot be sent is lost, as any other may be.
                    debug!(
                        "asked {service} for {} messages from {}",
                        request.count, request.sequence
                    );
                    let bytes = request.encode();
                    let _ = self.sockets.requests.send_to(&bytes, service).await;
                }
                Err(ClientFault::Silent(silent)) => {
                    let (limit, local) = (self.config.give_up, &self.config.udp[0].endpoint);
                    if now() >= self.heard + limit {
                        let local = local.clone();
                        return Err(LinkError::Silent { limit, local });
                    }
                    warn!("{local}: {silent}");
                    self.client.listen(now());
                }
                Err(ClientFault::Unanswered(fault)) if self.config.on_gap == OnGap::Skip => {
                    let lost = self.client.skip(now());
                    warn!("{fault}: {} skipped", numbers(&lost));
                    delivery.skip(lost);
                    // What was held behind it is taken out before the next gap is looked at.
                    return Ok(());
                }
                Err(ClientFault::Unanswered(fault)) => return Err(LinkError::Missing(fault)),
            }
        }
    }
}

/// The next datagram that lies ready. Errors are of packets sent before, and of no more
/// use; the next datagram may be there all the same.
fn next_datagram(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    for _ in 0..BATCH {
        match socket.try_recv_from(buffer) {
            Ok(found) => return Some(found),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(_) => {}
        }
    }
    None
}
