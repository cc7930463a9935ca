//! The feed over UDP: packets at its pace, and answers to requests.

use super::allowance::{Allowances, BYTES_A_SECOND};
use super::broadcast::Broadcast;
use super::counts::count;
use super::loss::Loss;
use nexus_async_rt::net::UdpSocket;
use nexus_async_rt::time::sleep_until;
use nexus_async_rt::{now, sleep};
use nexus_itch::binary_file::FrameError;
use nexus_itch::mold::{Builder, HEADER_LEN, MAX_MESSAGE_LEN, Request};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tracing::warn;

/// After the system refused a datagram, it is given so long to recover.
const PAUSE: Duration = Duration::from_millis(10);

/// Complaints about requests that are printed; more are only counted.
const MOST_COMPLAINTS: u64 = 20;

/// Sends the feed to `receivers`, then its end, each second, for ever.
pub(super) async fn send(
    socket: &UdpSocket,
    receivers: &[SocketAddr],
    broadcast: &Broadcast,
    loss: &Loss,
) -> Result<Infallible, FrameError> {
    if receivers.is_empty() {
        return std::future::pending().await;
    }
    let heartbeat = broadcast.rhythm().heartbeat;
    let mut sender = Sender {
        socket,
        receivers,
        broadcast,
        loss,
        complained: false,
    };
    let mut builder = Builder::new(broadcast.door().session);
    let mut player = broadcast.play_from(1)?;
    let mut next = 1;
    let mut sent = now();
    loop {
        builder.begin(next);
        let latest = broadcast.latest(now());
        while next <= latest && builder.has_room() {
            let Some((_, message)) = player.next()? else {
                break;
            };
            if !builder.push(message) {
                sender.send(builder.datagram()).await;
                builder.begin(next);
                builder.push(message);
            }
            next += 1;
        }
        let over = next > broadcast.messages();
        if builder.count() == 0 {
            let beat = sent + heartbeat;
            let due = broadcast.due(next, now()).unwrap_or(beat);
            if now() < beat {
                sleep_until(due.min(beat)).await;
                continue;
            }
        }
        if builder.count() == 0 && over {
            builder.end(next);
        }
        sender.send(builder.datagram()).await;
        sent = now();
        if over && builder.count() > 0 {
            // At once, and then each second: it may be lost, too.
            builder.end(next);
            sender.send(builder.datagram()).await;
        }
    }
}

struct Sender<'a> {
    socket: &'a UdpSocket,
    receivers: &'a [SocketAddr],
    broadcast: &'a Broadcast,
    loss: &'a Loss,
    complained: bool,
}

impl Sender<'_> {
    /// Sends a datagram to all. One that the system does not take is lost, as
    /// any other may be.
    async fn send(&mut self, datagram: &[u8]) {
        let counts = self.broadcast.counts();
        for &receiver in self.receivers {
            if self.loss.strikes() {
                count(&counts.lost);
                continue;
            }
            match self.socket.send_to(datagram, receiver).await {
                Ok(_) => {
                    self.complained = false;
                    count(&counts.packets);
                }
                Err(error) => {
                    if !self.complained {
                        warn!("receiver {receiver}: cannot send: {error}");
                        self.complained = true;
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Answers requests for ever: each with one packet, of as many of the messages
/// as fit.
pub(super) async fn answer(
    socket: &UdpSocket,
    broadcast: &Broadcast,
    loss: &Loss,
) -> Result<Infallible, FrameError> {
    let counts = broadcast.counts();
    let mut builder = Builder::new(broadcast.door().session);
    let mut allowances = Allowances::default();
    // One byte more than a request has: what is longer is none.
    let mut buffer = [0; HEADER_LEN + 1];
    loop {
        let (request, peer) = match socket.recv_from(&mut buffer).await {
            Ok((n, peer)) => (read(&buffer[..n], broadcast), peer),
            Err(error) => {
                complain(broadcast, "requests", &error);
                sleep(PAUSE).await;
                continue;
            }
        };
        let request = match request {
            Ok(request) => request,
            Err(why) => {
                complain(broadcast, &peer.to_string(), &why);
                continue;
            }
        };
        broadcast.touch();
        build(&mut builder, request, broadcast)?;
        if !allowances.take(peer.ip(), builder.datagram().len(), now()) {
            let limit = BYTES_A_SECOND as u64;
            let why = format!("it was answered with {limit} bytes a second, the limit");
            complain(broadcast, &peer.to_string(), &why);
            continue;
        }
        if loss.strikes() {
            count(&counts.lost);
            continue;
        }
        match socket.send_to(builder.datagram(), peer).await {
            Ok(_) => count(&counts.answers),
            Err(error) => complain(broadcast, &peer.to_string(), &error),
        }
    }
}

/// Reads a request, and refuses one for what is not there: nothing is sent to a
/// peer that asks for nonsense.
fn read(datagram: &[u8], broadcast: &Broadcast) -> Result<Request, String> {
    let request = Request::decode(datagram).map_err(|error| error.to_string())?;
    let played = broadcast.door().session;
    if request.session != played {
        let asked = request.session;
        return Err(format!("asked for session {asked}, {played} is played"));
    }
    let latest = broadcast.latest(now());
    if request.sequence > latest {
        let asked = request.sequence;
        return Err(format!("asked for message {asked}, the latest is {latest}"));
    }
    Ok(request)
}

fn build(builder: &mut Builder, request: Request, broadcast: &Broadcast) -> Result<(), FrameError> {
    let last = broadcast.latest(now());
    let mut player = broadcast.play_from(request.sequence)?;
    builder.begin(request.sequence);
    let end = request.sequence + u64::from(request.count);
    for _ in request.sequence..end.min(last + 1) {
        match player.next()? {
            // A session that goes over TCP alone may have longer ones.
            Some((_, message)) if message.len() <= MAX_MESSAGE_LEN && builder.push(message) => {}
            _ => break,
        }
    }
    Ok(())
}

fn complain(broadcast: &Broadcast, peer: &str, why: &dyn std::fmt::Display) {
    let refused = &broadcast.counts().refused;
    count(refused);
    match refused.get() {
        ..MOST_COMPLAINTS => warn!("request by {peer}: refused, {why}"),
        MOST_COMPLAINTS => warn!("request by {peer}: refused, {why}; more are only counted"),
        _ => {}
    }
}
