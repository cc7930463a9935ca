//! One subscriber: its login, then the feed from where it asked for.

use super::broadcast::Broadcast;
use super::counts::count;
use crate::race::{Either, race};
use nexus_async_rt::net::TcpStream;
use nexus_async_rt::time::sleep_until;
use nexus_async_rt::{now, timeout, yield_now};
use nexus_itch::binary_file::FrameError;
use nexus_itch::soup::{Packet, Server, ServerFault, SoupError, Splitter};
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;
use tracing::info;

/// What is written at a time.
const BATCH: usize = 32 * 1024;

/// What is read at a time; subscribers send logins and heartbeats.
const REQUESTS: usize = 4 * 1024;

/// How a connection ended in order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parting {
    /// It was sent everything.
    Finished,
    /// It logged out, or closed.
    Left {
        /// The message that it would have been sent next.
        next: u64,
    },
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Parting::Finished => write!(f, "has everything"),
            Parting::Left { next } => write!(f, "left before message {next}"),
        }
    }
}

/// Why a connection was dropped.
#[derive(Debug)]
pub(super) enum SubscriberFault {
    Protocol(ServerFault),
    Rubbish(SoupError),
    Stuck(Duration),
    Io(io::Error),
    Feed(FrameError),
}

impl fmt::Display for SubscriberFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubscriberFault::Protocol(fault) => fault.fmt(f),
            SubscriberFault::Rubbish(error) => error.fmt(f),
            SubscriberFault::Stuck(limit) => {
                write!(f, "it took nothing for {limit:?}, the limit")
            }
            SubscriberFault::Io(error) => error.fmt(f),
            SubscriberFault::Feed(error) => error.fmt(f),
        }
    }
}

impl From<ServerFault> for SubscriberFault {
    fn from(fault: ServerFault) -> Self {
        SubscriberFault::Protocol(fault)
    }
}

impl From<SoupError> for SubscriberFault {
    fn from(error: SoupError) -> Self {
        SubscriberFault::Rubbish(error)
    }
}

impl From<io::Error> for SubscriberFault {
    fn from(error: io::Error) -> Self {
        SubscriberFault::Io(error)
    }
}

impl From<FrameError> for SubscriberFault {
    fn from(error: FrameError) -> Self {
        SubscriberFault::Feed(error)
    }
}

/// One connection, and what both of its directions know.
struct Subscriber<'a> {
    stream: &'a TcpStream,
    broadcast: &'a Broadcast,
    server: RefCell<Server>,
}

/// Serves one connection to its end.
pub(super) async fn serve(
    stream: &TcpStream,
    peer: SocketAddr,
    broadcast: &Broadcast,
) -> Result<Parting, SubscriberFault> {
    // Without it a heartbeat may wait for an acknowledgement; where it is
    // refused, that is all.
    let _ = stream.set_nodelay(true);
    let server = Server::new(broadcast.door(), broadcast.rhythm(), now());
    let subscriber = Subscriber {
        stream,
        broadcast,
        server: RefCell::new(server),
    };
    let mut splitter = Splitter::new(REQUESTS);
    let Some(start) = subscriber.admit(&mut splitter).await? else {
        return Ok(Parting::Left { next: 1 });
    };
    count(&broadcast.counts().logins);
    info!("subscriber {peer}: logged in, from message {start}");
    let next = RefCell::new(start);
    let listening = subscriber.listen(&mut splitter);
    match race(subscriber.send(&next), listening).await {
        Either::First(Err(fault)) | Either::Second(Err(fault)) => Err(fault),
        Either::First(Ok(())) => Ok(Parting::Finished),
        Either::Second(Ok(())) if *next.borrow() > broadcast.messages() => Ok(Parting::Finished),
        Either::Second(Ok(())) => Ok(Parting::Left {
            next: *next.borrow(),
        }),
    }
}

impl Subscriber<'_> {
    /// Waits for the login and answers it. `None` if the client goes instead.
    async fn admit(&self, splitter: &mut Splitter) -> Result<Option<u64>, SubscriberFault> {
        loop {
            while let Some(packet) = splitter.next()? {
                let mut out = Vec::new();
                let latest = self.broadcast.latest(now());
                let taken = self
                    .server
                    .borrow_mut()
                    .take(packet, latest, now(), &mut out);
                if !out.is_empty() {
                    self.write(&out).await?;
                }
                match taken {
                    Ok(Some(start)) => return Ok(Some(start)),
                    Ok(None) if self.server.borrow().is_over() => return Ok(None),
                    Ok(None) => {}
                    Err(fault) => {
                        self.part(splitter).await;
                        return Err(fault.into());
                    }
                }
            }
            let silent_at = self.server.borrow_mut().tick(now(), &mut Vec::new())?;
            let read = self.stream.read(splitter.space());
            match race(read, sleep_until(silent_at)).await {
                Either::First(Ok(0)) => return Ok(None),
                Either::First(Ok(n)) => splitter.fill(n),
                Either::First(Err(error)) => return Err(error.into()),
                Either::Second(()) => {}
            }
        }
    }

    /// Takes heartbeats until the client logs out or closes.
    async fn listen(&self, splitter: &mut Splitter) -> Result<(), SubscriberFault> {
        loop {
            while let Some(packet) = splitter.next()? {
                let mut server = self.server.borrow_mut();
                server.take(packet, 0, now(), &mut Vec::new())?;
                if server.is_over() {
                    return Ok(());
                }
            }
            match self.stream.read(splitter.space()).await? {
                0 => return Ok(()),
                n => splitter.fill(n),
            }
        }
    }

    /// Sends the feed from `next` on, heartbeats in between, and the end; and
    /// then waits for the client to close.
    async fn send(&self, next: &RefCell<u64>) -> Result<(), SubscriberFault> {
        let broadcast = self.broadcast;
        let mut at = *next.borrow();
        let mut player = broadcast.play_from(at)?;
        let mut out = Vec::with_capacity(BATCH + 1024);
        while at <= broadcast.messages() {
            let latest = broadcast.latest(now());
            while at <= latest && out.len() < BATCH {
                let Some((_, message)) = player.next()? else {
                    break;
                };
                Packet::Sequenced(message).encode(&mut out);
                at += 1;
            }
            if !out.is_empty() {
                self.server.borrow_mut().sent(now());
            }
            let tick = self.server.borrow_mut().tick(now(), &mut out)?;
            if out.is_empty() {
                let due = broadcast.due(at, now()).unwrap_or(tick);
                sleep_until(due.min(tick)).await;
                continue;
            }
            self.write(&out).await?;
            out.clear();
            *next.borrow_mut() = at;
            // The others' turn, though there may be room for more.
            yield_now().await;
        }
        Packet::EndOfSession.encode(&mut out);
        self.write(&out).await?;
        count(&broadcast.counts().finished);
        self.stream.shutdown(Shutdown::Write)?;
        // Closed while heartbeats lie unread, the connection would be reset,
        // and what is still on its way lost.
        sleep_until(now() + broadcast.rhythm().silence).await;
        Ok(())
    }

    /// Writes all of `bytes`. A client may be slow, but not stand still.
    async fn write(&self, bytes: &[u8]) -> Result<(), SubscriberFault> {
        let limit = self.broadcast.rhythm().silence;
        let mut written = 0;
        while written < bytes.len() {
            let write = self.stream.write(&bytes[written..]);
            match timeout(limit, write).await {
                Ok(n) => written += n?,
                Err(_) => return Err(SubscriberFault::Stuck(limit)),
            }
        }
        Ok(())
    }

    /// Lets the last that was written arrive before the connection is closed.
    async fn part(&self, splitter: &mut Splitter) {
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let closed = async {
            loop {
                splitter.reset();
                match self.stream.read(splitter.space()).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        // A peer that does not close is not waited for any longer.
        let _ = timeout(Duration::from_secs(1), closed).await;
    }
}
