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

use crate::archive::{Archive, Folder, inspect, verify};
use crate::archiver;
use crate::book::Books;
use crate::config::{OnArchiveError, ReceiveConfig, UdpLine};
use crate::outcome::Archived;
use crate::progress::Progress;
use crate::report::{self, Printer, json};
use crate::sink::{self, Sink};
use crate::tally::Tally;
use crate::world;
use delivery::Delivery;
use nexus_async_rt::Runtime;
use nexus_async_rt::channel::spsc_bytes;
use nexus_async_rt::net::resolve;
use resume::Resume;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
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
    /// From the first message that came to the last.
    pub elapsed: Duration,
    /// What the link saw.
    pub link: LinkCounts,
}

impl Received {
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
    let folder = Folder::open(config.archive.as_deref())?;
    let path = folder.path().join("received.itch50");
    let mut archive = Archive::open(&path)?;
    let resume = Resume::open(&mut archive, &path, config.session, config.adopt)?;
    let mut world = world::build();
    let mut handler = world::handler(&world);
    resume::replay(&path, archive.found(), &mut world, &mut handler)?;

    let progress = Progress::start("received", None).map_err(ReceiverError::Thread)?;
    let (to_archive, raw) = sink::to_archive();
    let sync = Duration::from_millis(config.sync_ms);
    let archiver = start(path.clone(), archive, sync, raw)?;
    let mut runtime = Runtime::builder(&mut world)
        .signal_handlers(true)
        .sighup_handler(true)
        .build();
    let sink = Sink::new(resume.next, handler, to_archive, progress.counter())
        .without_archive_if_it_fails(config.on_archive_error == OnArchiveError::Books);
    let received = runtime.block_on(receive(config, Delivery::new(sink, resume)));
    drop(runtime);
    drop(progress);

    let panicked = |_| ReceiverError::Defect("the archive's thread panicked");
    let archived = archiver.join().map_err(panicked)?;
    let archived = archived.and_then(|archived: Archived| {
        verify(&path)?;
        Ok(archived)
    });
    let (books, tally) = world::take(&mut world);
    show(report, &received, &books, &tally, &config.udp).map_err(ReceiverError::Output)?;
    if let Ok(End::Stopped) = received.end {
        report.ended_by_signal();
    }
    match archived {
        Ok(archived) => {
            let kept = folder.is_kept();
            report
                .show(
                    "archive",
                    || report::archive("received", &archived, kept),
                    || json::archive(&archived, kept),
                )
                .map_err(ReceiverError::Output)?;
        }
        Err(error) => {
            let found = inspect(&path).map(|found| found.records);
            report
                .show(
                    "broken_archive",
                    || tables::broken_archive(&path, &received, found.as_ref()),
                    || json::broken_archive(&path, found.as_ref()),
                )
                .map_err(ReceiverError::Output)?;
            return Err(error.into());
        }
    }
    received.end.map(|_| ()).map_err(ReceiverError::Link)
}

fn start(
    path: PathBuf,
    archive: Archive,
    sync: Duration,
    raw: spsc_bytes::Receiver,
) -> Result<JoinHandle<Result<Archived, crate::archive::ArchiveError>>, ReceiverError> {
    thread::Builder::new()
        .name("archive".to_string())
        .spawn(move || archiver::archive(archive, path, sync, true, raw))
        .map_err(ReceiverError::Thread)
}

async fn receive<H>(config: &ReceiveConfig, mut delivery: Delivery<H>) -> Received
where
    H: nexus_rt::Handler<crate::world::Arrival>,
{
    let first = delivery.next();
    let mut link = LinkCounts::default();
    let end = match config.udp.is_empty() {
        false => udp::receive(config, &mut delivery, &mut link).await,
        true => tcp::receive(config, &mut delivery, &mut link).await,
    };
    Received {
        end,
        first,
        next: delivery.next(),
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
    lines: &[UdpLine],
) -> io::Result<()> {
    report.show(
        "messages",
        || report::messages(tally),
        || json::messages(tally),
    )?;
    report.show("books", || report::books(books), || json::books(books))?;
    report.show(
        "received",
        || tables::received(received, lines),
        || json::received(received, lines),
    )
}
