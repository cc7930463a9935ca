//! A feed over TCP: connects, logs in, and does so again where it was cut off.

use super::counts::LinkCounts;
use super::delivery::Delivery;
use super::error::LinkError;
use super::{End, addresses};
use crate::config::ReceiveConfig;
use crate::endpoint::Endpoint;
use crate::race::{Either, race};
use crate::world::Arrival;
use nexus_async_rt::net::TcpStream;
use nexus_async_rt::time::{Backoff, sleep_until};
use nexus_async_rt::{now, shutdown_signal, timeout};
use nexus_itch::foreign::shown;
use nexus_itch::soup::{Client, ClientFault, Login, Rejection, SoupError, Splitter, Taken};
use nexus_rt::Handler;
use std::cell::{Cell, RefCell};
use std::io;
use std::time::Duration;
use tracing::{debug, info, warn};

/// What is read at a time: some two thousand messages.
const READ_BYTES: usize = 64 * 1024;

/// The first pause before a connection is tried again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What is shown of a text of the server.
const MOST_SAID: usize = 200;

/// A logout is worth waiting for so long.
const GOODBYE: Duration = Duration::from_millis(200);

/// Why a connection was lost, or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TcpFault {
    /// It could not be made.
    #[error("cannot connect to {0}: {1}")]
    Connect(Endpoint, io::Error),
    /// It broke.
    #[error("connection to {0} lost: {1}")]
    Io(Endpoint, io::Error),
    /// The peer closed it before the session was over.
    #[error(
        "{peer} closed the connection before the end of the session, \
         {pending} bytes into a packet"
    )]
    Closed {
        /// The peer.
        peer: Endpoint,
        /// Bytes of a packet that was not whole.
        pending: usize,
    },
    /// What came is no packet.
    #[error("{0} dropped, {1}")]
    Rubbish(Endpoint, SoupError),
    /// What came is none that a server sends then.
    #[error("{0} dropped, {1}")]
    Protocol(Endpoint, ClientFault),
}

impl TcpFault {
    /// Whether the server took no login: of this user, or for this session.
    pub(super) fn is_refusal(&self) -> bool {
        use ClientFault::{Rejected, Session};
        matches!(self, TcpFault::Protocol(_, Rejected(_) | Session { .. }))
    }

    /// Whether it is of no use to try again. With `wait`, a session may yet begin.
    fn is_final(&self, wait: bool) -> bool {
        match self {
            TcpFault::Protocol(_, ClientFault::Rejected(Rejection::NoSession)) => !wait,
            TcpFault::Protocol(_, fault) => fault.is_final(),
            _ => false,
        }
    }
}

/// Why a connection ended.
enum Ended {
    /// Another may do better, or not: see [`TcpFault::is_final`].
    Fault(TcpFault),
    /// No other will.
    Link(LinkError),
}

impl From<LinkError> for Ended {
    fn from(error: LinkError) -> Self {
        Ended::Link(error)
    }
}

/// Receives the feed until it ends, or a signal comes.
pub(super) async fn receive<H: Handler<Arrival>>(
    config: &ReceiveConfig,
    delivery: &mut Delivery<H>,
    link: &mut LinkCounts,
) -> Result<End, LinkError> {
    let peer = config.connect.as_ref();
    let peer = peer.expect("the command line demands it where there is no --udp");
    let login = Login {
        user: config.user,
        password: config.password.get(),
        session: delivery.session(),
        sequence: delivery.next(),
    };
    let rhythm = config.rhythm();
    let mut session = Session {
        peer,
        silence: rhythm.silence,
        client: RefCell::new(Client::new(login, rhythm)),
        splitter: Splitter::new(READ_BYTES),
        busy: Cell::new(false),
    };
    let mut backoff = patience(config);
    loop {
        let (begun, next, accepted) = (now(), delivery.next(), link.connections);
        let fault = match session.connect(delivery, link).await {
            Ok(end) => return Ok(end),
            Err(Ended::Link(error)) => return Err(error),
            Err(Ended::Fault(fault)) if fault.is_final(config.wait) => {
                return Err(LinkError::Refused(Box::new(fault)));
            }
            Err(Ended::Fault(fault)) => fault,
        };
        link.failures += 1;
        warn!("{fault}");
        // A connection that was of use begins the patience anew: one that
        // brought a message, or on which the server was heard for a while.
        let heard = link.connections > accepted && now() - begun > 2 * rhythm.silence;
        if delivery.next() > next || heard {
            backoff = patience(config);
        }
        match race(shutdown_signal(), backoff.wait(fault)).await {
            Either::First(()) => return Ok(End::Stopped),
            Either::Second(Ok(())) => {}
            Either::Second(Err(exhausted)) => {
                return Err(LinkError::GaveUp {
                    limit: config.give_up,
                    last: Box::new(exhausted.into_inner()),
                });
            }
        }
    }
}

fn patience(config: &ReceiveConfig) -> Backoff {
    Backoff::builder()
        .initial(FIRST_PAUSE)
        .max_delay(LONGEST_PAUSE)
        .jitter(0.25)
        .deadline(now() + config.give_up)
        .build()
}

/// One session, over any number of connections.
struct Session<'a> {
    peer: &'a Endpoint,
    silence: Duration,
    client: RefCell<Client>,
    splitter: Splitter,
    /// Whether what came is being delivered: nobody listens then, and the
    /// server's silence does not count.
    busy: Cell<bool>,
}

impl Session<'_> {
    /// One connection, to its end.
    async fn connect<H: Handler<Arrival>>(
        &mut self,
        delivery: &mut Delivery<H>,
        link: &mut LinkCounts,
    ) -> Result<End, Ended> {
        let peer = self.peer;
        let stream = match race(shutdown_signal(), open(peer, self.silence)).await {
            Either::First(()) => return Ok(End::Stopped),
            Either::Second(opened) => {
                opened.map_err(|error| Ended::Fault(TcpFault::Connect(peer.clone(), error)))?
            }
        };
        let mut out = Vec::new();
        self.client.borrow_mut().connect(now(), &mut out);
        self.splitter.reset();
        self.busy.set(false);
        let beating = beat(&stream, peer, &self.client, &self.busy, out);
        let mut reading = Reading {
            stream: &stream,
            peer,
            client: &self.client,
            splitter: &mut self.splitter,
            busy: &self.busy,
        };
        let end = match race(reading.run(delivery, link), beating).await {
            Either::First(result) => result?,
            Either::Second(fault) => return Err(Ended::Fault(fault)),
        };
        let mut goodbye = Vec::new();
        self.client.borrow().disconnect(&mut goodbye);
        // A server that does not take it notices that the connection is closed.
        let _ = timeout(GOODBYE, write(&stream, &goodbye)).await;
        Ok(end)
    }
}

/// The direction from the server.
struct Reading<'a> {
    stream: &'a TcpStream,
    peer: &'a Endpoint,
    client: &'a RefCell<Client>,
    splitter: &'a mut Splitter,
    busy: &'a Cell<bool>,
}

impl Reading<'_> {
    async fn run<H: Handler<Arrival>>(
        &mut self,
        delivery: &mut Delivery<H>,
        link: &mut LinkCounts,
    ) -> Result<End, Ended> {
        let peer = self.peer;
        let broken = |error| Ended::Fault(TcpFault::Io(peer.clone(), error));
        loop {
            self.busy.set(true);
            if self.deliver(delivery, link).await? {
                return Ok(End::Complete);
            }
            self.busy.set(false);
            let read = self.stream.read(self.splitter.space());
            match race(shutdown_signal(), read).await {
                Either::First(()) => return Ok(End::Stopped),
                Either::Second(Ok(0)) => {
                    return Err(Ended::Fault(TcpFault::Closed {
                        peer: peer.clone(),
                        pending: self.splitter.pending(),
                    }));
                }
                Either::Second(read) => self.splitter.fill(read.map_err(broken)?),
            }
        }
    }

    /// Delivers what is there. Returns whether the session is over.
    async fn deliver<H: Handler<Arrival>>(
        &mut self,
        delivery: &mut Delivery<H>,
        link: &mut LinkCounts,
    ) -> Result<bool, Ended> {
        let rubbish = |error| Ended::Fault(TcpFault::Rubbish(self.peer.clone(), error));
        let refuse = |fault| Ended::Fault(TcpFault::Protocol(self.peer.clone(), fault));
        let came = now();
        while let Some(packet) = self.splitter.next().map_err(rubbish)? {
            let taken = self.client.borrow_mut().take(packet, came);
            match taken.map_err(refuse)? {
                Taken::Message { sequence, message } => {
                    delivery.deliver(sequence, message).await?;
                }
                Taken::Accepted => {
                    link.connections += 1;
                    let (session, next) = {
                        let client = self.client.borrow();
                        (client.session(), client.next())
                    };
                    if let Some(session) = session {
                        info!(
                            "logged in at {}: session {session}, from message {next}",
                            self.peer
                        );
                        delivery.begin(session, next).await?;
                    }
                }
                Taken::Ended => return Ok(true),
                Taken::Debug(text) => {
                    let text = shown(&text[..text.len().min(MOST_SAID)]);
                    debug!("{} says: {text}", self.peer);
                }
                Taken::Nothing => {}
            }
        }
        Ok(false)
    }
}

/// The direction to the server: the login, then heartbeats. Ends with what is
/// wrong with it, or with a server that is silent.
async fn beat(
    stream: &TcpStream,
    peer: &Endpoint,
    client: &RefCell<Client>,
    busy: &Cell<bool>,
    mut out: Vec<u8>,
) -> TcpFault {
    loop {
        if let Err(error) = write(stream, &out).await {
            return TcpFault::Io(peer.clone(), error);
        }
        out.clear();
        let tick = {
            let mut client = client.borrow_mut();
            if busy.get() {
                client.listen(now());
            }
            client.tick(now(), &mut out)
        };
        match tick {
            Ok(due) if out.is_empty() => sleep_until(due).await,
            Ok(_) => {}
            Err(fault) => return TcpFault::Protocol(peer.clone(), fault),
        }
    }
}

/// Connects to the first of the peer's addresses that answers.
async fn open(peer: &Endpoint, limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses(peer).await? {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it a heartbeat may wait for an acknowledgement; where
                // it is refused, that is all.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => {
                let text = format!("no answer in {limit:?}, the limit");
                last = io::Error::new(io::ErrorKind::TimedOut, text);
            }
        }
    }
    Err(last)
}

async fn write(stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = stream.write(rest).await?;
        rest = &rest[written..];
    }
    Ok(())
}
