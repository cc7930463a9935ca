//! `nexus-gateway publish`: plays a feed to others, over TCP and UDP.
//!
//! ```text
//!                  ┌─ task: subscriber 1 ── its own place in the feed ──▶ TCP
//! task: listener ──┼─ task: subscriber 2 ── its own place in the feed ──▶ TCP
//!                  └─ ..
//! the root ────────┬─ packets, at the feed's pace ──▶ UDP
//!                  └─ answers to requests         ◀─▶ UDP
//! ```
//!
//! - Nobody is sent anything out of a queue: each subscriber reads the feed at
//!   its own place. One that is slow holds back nobody, and costs the same
//!   memory as one that is not.
//! - One that takes nothing for as long as a peer may be silent is dropped, and
//!   so is one that sends anything but heartbeats.

mod allowance;
mod broadcast;
mod counts;
mod listener;
mod loss;
mod packets;
mod subscriber;

use crate::config::PublishConfig;
use crate::endpoint::Endpoint;
use crate::exit::{Exit, Fatal};
use crate::feed::{Feed, FeedError};
use crate::race::{Either, race};
use crate::report::Printer;
use crate::service;
use broadcast::Broadcast;
use loss::Loss;
use nexus_async_rt::net::{TcpListener, UdpSocket, resolve};
use nexus_async_rt::{Runtime, shutdown_signal, spawn_boxed};
use nexus_itch::binary_file::FrameError;
use nexus_itch::mold;
use nexus_itch::soup::{self, Door};
use nexus_rt::WorldBuilder;
use serde_json::json;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

/// Why a publisher ends with an error.
#[derive(Debug, thiserror::Error)]
pub enum PublisherError {
    /// There is nothing to play.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The input can be played up to a point only: nothing was.
    #[error("input {path}: {1}; nothing was sent", path = .0.display())]
    Damaged(PathBuf, FrameError),
    /// The input is a capture that lacks messages: subscribers would get others under their
    /// numbers, so nothing was sent.
    #[error("input {}: {lost} messages are on no line; nothing was sent", path.display())]
    Incomplete {
        /// The capture.
        path: PathBuf,
        /// How many.
        lost: u64,
    },
    /// A message is longer than its carrier can carry: nothing was sent.
    #[error(
        "input {}: it has a message of {found} bytes, {carrier} carries {limit} at most",
        path.display()
    )]
    TooLong {
        /// The input.
        path: PathBuf,
        /// The length of its longest message.
        found: usize,
        /// The longest that can be carried.
        limit: usize,
        /// By what.
        carrier: &'static str,
    },
    /// The input could be played and cannot any more.
    #[error("the input changed while it was played: {0}")]
    Changed(FrameError),
    /// An address cannot be used.
    #[error("cannot {action} {endpoint}: {error}")]
    Address {
        /// What it was for.
        action: &'static str,
        /// Which.
        endpoint: Endpoint,
        /// What the system says.
        error: io::Error,
    },
    /// The loop cannot be made, or pinned to its core.
    #[error("cannot make the loop: {0}")]
    Runtime(io::Error),
    /// Nothing can be written to stdout.
    #[error("cannot write to stdout: {0}")]
    Output(io::Error),
}

impl Fatal for PublisherError {
    fn exit(&self) -> Exit {
        match self {
            PublisherError::Feed(_)
            | PublisherError::Damaged(..)
            | PublisherError::TooLong { .. }
            | PublisherError::Changed(_) => Exit::BadInput,
            PublisherError::Incomplete { .. } => Exit::FeedLost,
            PublisherError::Address { .. }
            | PublisherError::Runtime(_)
            | PublisherError::Output(_) => Exit::Other,
        }
    }
}

/// Sockets are most of what happens here: they are looked at after so few turns
/// even while a hundred subscribers have something to do.
const SOCKETS_EVERY: u32 = 4;

/// Plays the feed that `config` names until it is stopped, or done.
///
/// # Errors
///
/// See [`PublisherError`].
pub fn main(
    config: &PublishConfig,
    report: &mut Printer<impl Write>,
) -> Result<(), PublisherError> {
    let mut feed = config.source.open(&[]).map_err(PublisherError::Feed)?;
    if let (Some(path), Some(fault)) = (&config.source.input, feed.take_fault()) {
        return Err(PublisherError::Damaged(path.clone(), fault));
    }
    if let (Some(path), Some(capture)) = (&config.source.input, feed.capture())
        && let (lost @ 1.., _) = capture.lost()
    {
        let path = path.clone();
        return Err(PublisherError::Incomplete { path, lost });
    }
    refuse_too_long(config, &feed)?;
    let mut world = WorldBuilder::new().build();
    let mut builder = Runtime::builder(&mut world)
        .signal_handlers(true)
        .sighup_handler(true)
        .event_interval(SOCKETS_EVERY);
    if let Some(core) = config.pin {
        builder = builder.pin(core);
    }
    let mut runtime = builder.try_build().map_err(PublisherError::Runtime)?;
    runtime.block_on(serve(config, feed, report))
}

/// Refuses a feed with a message that cannot be sent: receivers would wait for it.
fn refuse_too_long(config: &PublishConfig, feed: &Feed) -> Result<(), PublisherError> {
    let (carrier, limit) = match config.udp.is_empty() {
        true => ("SoupBinTCP", soup::MAX_MESSAGE_LEN),
        false => ("MoldUDP64", mold::MAX_MESSAGE_LEN),
    };
    match (&config.source.input, feed.longest()) {
        (Some(path), found) if found > limit => Err(PublisherError::TooLong {
            path: path.clone(),
            found,
            limit,
            carrier,
        }),
        _ => Ok(()),
    }
}

async fn serve(
    config: &PublishConfig,
    feed: Feed,
    report: &mut Printer<impl Write>,
) -> Result<(), PublisherError> {
    let (listener, socket, local) = listen(&config.listen).await?;
    let mut receivers = Vec::new();
    for endpoint in &config.udp {
        receivers.push(address(endpoint).await?);
    }
    send_through(local, &socket, &receivers);
    let door = Door {
        session: config.session,
        user: config.user,
        password: config.password.get(),
    };
    let broadcast = Broadcast::new(feed, config.rate(), door, config.rhythm.rhythm());
    let broadcast = Rc::new(broadcast);
    let messages = broadcast.messages();
    let session = config.session;
    report
        .event(
            "listening",
            || format!("listening on {local}: session {session}, {messages} messages"),
            || json!({ "address": local, "session": session.to_string(), "messages": messages }),
        )
        .map_err(PublisherError::Output)?;

    service::ready(&format!("session {session}, {messages} messages"));
    let accepting = spawn_boxed(listener::accept(listener, Rc::clone(&broadcast)));
    let loss = Loss::new(config.loss, config.loss_seed);
    let sending = packets::send(&socket, &receivers, &broadcast, &loss);
    let answering = packets::answer(&socket, &broadcast, &loss);
    let working = race(sending, answering);
    let ending = race(shutdown_signal(), broadcast.is_done(config.linger));
    let ended = match race(ending, working).await {
        Either::First(ended) => ended,
        Either::Second(Either::First(Err(error)) | Either::Second(Err(error))) => {
            return Err(PublisherError::Changed(error));
        }
        Either::Second(Either::First(Ok(never)) | Either::Second(Ok(never))) => match never {},
    };
    service::stopping();
    accepting.abort();
    let end = match ended {
        Either::First(()) => {
            report.ended_by_signal();
            "stopped"
        }
        Either::Second(()) => "done",
    };
    let counts = broadcast.counts();
    report
        .show(
            "published",
            || format!("{end}: {counts}"),
            || counts.json(end),
        )
        .map_err(PublisherError::Output)
}

/// Sends to groups through the interface of `local`.
fn send_through(local: SocketAddr, socket: &UdpSocket, receivers: &[SocketAddr]) {
    let mut receivers = receivers.iter();
    if let SocketAddr::V4(ours) = local
        && receivers.any(|receiver| receiver.ip().is_multicast())
        && !ours.ip().is_unspecified()
    {
        // Where it is refused, the system's routes decide.
        let _ = socket.set_multicast_if_v4(*ours.ip());
    }
}

/// How often a free port is looked for that is free for TCP and for UDP.
const PORTS_TRIED: u32 = 16;

/// Binds both sockets to one address.
async fn listen(
    endpoint: &Endpoint,
) -> Result<(TcpListener, UdpSocket, SocketAddr), PublisherError> {
    let fail = |error| PublisherError::Address {
        action: "listen on",
        endpoint: endpoint.clone(),
        error,
    };
    let wanted = address(endpoint).await?;
    let mut tried = 1;
    loop {
        let listener = TcpListener::bind(wanted).map_err(fail)?;
        let local = listener.local_addr().map_err(fail)?;
        match UdpSocket::bind(local) {
            Ok(socket) => return Ok((listener, socket, local)),
            Err(_) if wanted.port() == 0 && tried < PORTS_TRIED => tried += 1,
            Err(error) => return Err(fail(error)),
        }
    }
}

/// Looks up where `endpoint` is: the first of its addresses.
async fn address(endpoint: &Endpoint) -> Result<SocketAddr, PublisherError> {
    let found = resolve(endpoint.host(), endpoint.port()).await;
    let first = found.and_then(|all| {
        let none = || io::Error::new(io::ErrorKind::NotFound, "it has no address");
        all.into_iter().next().ok_or_else(none)
    });
    first.map_err(|error| PublisherError::Address {
        action: "find",
        endpoint: endpoint.clone(),
        error,
    })
}
