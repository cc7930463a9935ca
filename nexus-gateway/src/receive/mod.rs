//! `nexus-gateway receive`: receives a feed over TCP or UDP.
//!
//! ```text
//!             the root                             thread
//! TCP ◀─▶ session, resumed ─────┐         ┌─ World (order books)
//!                  or           ├──▶ sink ─┤
//! UDP ◀─▶ sequencer, requests ──┘         └──spsc_bytes──▶ archive writer
//! ```
//!
//! - Each message goes through the sink once and in order, whatever the
//!   network does: to the archive and to the books, or to neither.
//! - A task that finds the archive's channel full waits. Over TCP the sender
//!   waits with it; over UDP the kernel drops what it has no room for, and it
//!   is asked for again.
//! - A signal ends the reading, between two messages. What was read is archived
//!   and synced before the program ends.

mod archiving;
mod counts;
mod delivery;
mod error;
mod lines;
mod resume;
mod sockets;
mod tables;
mod tcp;
mod udp;

pub use counts::LinkCounts;
pub use error::{LinkError, ReceiverError};
pub use lines::LineStats;

use crate::archive::inspect;
use crate::book::Books;
use crate::config::{OnArchiveError, ReceiveConfig};
use crate::outcome::Coverage;
use crate::progress::Progress;
use crate::report::{self, Printer, json};
use crate::service;
use crate::sink::Sink;
use crate::tally::Tally;
use crate::world;
use archiving::{Archiving, Ended};
use delivery::Delivery;
use nexus_async_rt::Runtime;
use nexus_async_rt::net::resolve;
use resume::Resume;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// How a feed ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The session is over, and each of its messages is there.
    Complete,
    /// A signal came.
    Stopped,
}

/// What came over the network.
#[derive(Debug)]
pub struct Received {
    /// How it ended.
    pub end: Result<End, LinkError>,
    /// The first message that was wanted.
    pub first: u64,
    /// The message that is wanted next.
    pub next: u64,
    /// Of which messages the books are made.
    pub books: Coverage,
    /// From the first message that came to the last.
    pub elapsed: Duration,
    /// What the link saw.
    pub link: LinkCounts,
}

impl Received {
    /// How many messages came.
    pub fn messages(&self) -> u64 {
        self.next - self.first - self.books.missing
    }

    /// How it ended, in a word.
    pub fn ending(&self) -> &'static str {
        match &self.end {
            Ok(End::Complete) => "complete",
            Ok(End::Stopped) => "stopped",
            Err(_) => "lost",
        }
    }
}

/// Receives the feed that `config` names, and shows it by `report`.
///
/// # Errors
///
/// See [`ReceiverError`]. What came is shown first, where there is
/// something to show.
pub fn main(config: &ReceiveConfig, report: &mut Printer<impl Write>) -> Result<(), ReceiverError> {
    let mut world = world::build();
    let mut handler = world::handler(&world);
    let (archiving, resume, to_archive) = match config.no_archive {
        true => (None, Resume::anew(config.session, config.from), None),
        false => {
            let (archiving, resume, sender) = Archiving::start(config, &mut world, &mut handler)?;
            (Some(archiving), resume, Some(sender))
        }
    };
    let progress = Progress::start("received", None).map_err(ReceiverError::Thread)?;
    let mut builder = Runtime::builder(&mut world)
        .signal_handlers(true)
        .sighup_handler(true);
    // The threads are there: none of them shares the core.
    if let Some(core) = config.pin {
        builder = builder.pin(core);
    }
    let mut runtime = builder.try_build().map_err(ReceiverError::Runtime)?;
    let sink = Sink::new(resume.next, handler, to_archive, progress.counter())
        .without_archive_if_it_fails(config.on_archive_error == OnArchiveError::Books);
    let received = runtime.block_on(receive(config, Delivery::new(sink, resume)));
    service::stopping();
    drop(runtime);
    drop(progress);

    let ended = archiving.map(Archiving::end).transpose()?;
    let (books, tally) = world::take(&mut world);
    show(report, &received, &books, &tally, config).map_err(ReceiverError::Output)?;
    if let Ok(End::Stopped) = received.end {
        report.ended_by_signal();
    }
    if let Some(ended) = ended {
        show_archive(report, &received, ended)?;
    }
    received.end.map(|_| ()).map_err(ReceiverError::Link)
}

/// Shows what was archived; or what can be read back, and returns what went wrong.
fn show_archive(
    report: &mut Printer<impl Write>,
    received: &Received,
    ended: Ended,
) -> Result<(), ReceiverError> {
    let error = match ended.archived {
        Ok(archived) => {
            let kept = ended.folder.is_kept();
            return report
                .show(
                    "archive",
                    || report::archive("received", &archived, kept),
                    || json::archive(&archived, kept),
                )
                .map_err(ReceiverError::Output);
        }
        Err(error) => error,
    };
    let found = inspect(&ended.path).map(|found| found.records);
    report
        .show(
            "broken_archive",
            || tables::broken_archive(&ended.path, received, found.as_ref()),
            || json::broken_archive(&ended.path, found.as_ref()),
        )
        .map_err(ReceiverError::Output)?;
    Err(error.into())
}

async fn receive<H>(config: &ReceiveConfig, mut delivery: Delivery<H>) -> Received
where
    H: nexus_rt::Handler<crate::world::Arrival>,
{
    let wanted = delivery.next();
    let mut link = LinkCounts::default();
    let end = match config.udp.is_empty() {
        false => udp::receive(config, &mut delivery, &mut link).await,
        true => tcp::receive(config, &mut delivery, &mut link).await,
    };
    let end = match (end, delivery.skipped()) {
        (Ok(End::Complete), skipped @ 1..) => Err(LinkError::Skipped(skipped)),
        (end, _) => end,
    };
    let first = match wanted {
        0 => delivery.first(),
        wanted => wanted,
    };
    Received {
        end,
        first,
        next: delivery.next(),
        books: Coverage {
            first: delivery.first(),
            missing: delivery.skipped(),
        },
        elapsed: delivery.elapsed(),
        link,
    }
}

/// Looks up an endpoint. Never returns none.
async fn addresses(endpoint: &crate::endpoint::Endpoint) -> io::Result<Vec<SocketAddr>> {
    let found = resolve(endpoint.host(), endpoint.port()).await?;
    match found.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "it has no address")),
        false => Ok(found),
    }
}

/// Shows what came, and the books at the end.
fn show(
    report: &mut Printer<impl Write>,
    received: &Received,
    books: &Books,
    tally: &Tally,
    config: &ReceiveConfig,
) -> io::Result<()> {
    let lines = &config.udp;
    report.show(
        "messages",
        || report::messages(tally),
        || json::messages(tally),
    )?;
    let shown = &config.books;
    report.show(
        "books",
        || report::books(books, shown, received.books),
        || json::books(books, shown, received.books),
    )?;
    report.show(
        "received",
        || tables::received(received, lines),
        || json::received(received, lines),
    )
}
