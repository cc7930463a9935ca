//! One run: two lines, one sequencer, one archive.
//!
//! ```text
//! thread      the root                           thread
//! feed A ──spsc_bytes──┐              ┌─ World (order books)
//!                      ├─▶ sequencer ─▶ sink
//! feed B ──spsc_bytes──┘              └──spsc_bytes──▶ archive writer
//! ```
//!
//! - Nothing is lost: a thread that finds a channel full waits.
//! - It always ends: a part that stops drops its ends of the channels, and
//!   those beside it stop for want of them. The archive's error is the cause
//!   then, and is the one reported.
//! - What merges the lines shares one thread and one runtime with the World. The
//!   runtime parks when there is nothing to do.

use super::line::{self, Pace};
use super::merge::{Booked, merge};
use crate::archive::{Archive, ArchiveError};
use crate::archiver;
use crate::clock::{Clock, sleep_exactly};
use crate::feed::{Feed, Line, Schedule};
use crate::latency::Latencies;
use crate::outcome::Outcome;
use crate::progress::{Counter, Progress};
use crate::sink::Sink;
use crate::stop::Stop;
use crate::world;
use nexus_async_rt::Runtime;
use nexus_async_rt::channel::spsc_bytes;
use nexus_itch::binary_file::FrameError;
use nexus_rt::World;
use rustix::thread::{sched_getaffinity, sched_setaffinity};
use std::io;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tracing::debug;

/// A line holds some four thousand messages.
const LINE_BYTES: usize = 256 * 1024;

/// Between the threads' start and the first message of a paced run.
const RUN_UP: Duration = Duration::from_millis(20);

/// How long the runtime of a paced run looks for the next packet before it
/// parks: the lag of a line, but not the whole time between packets.
const SPIN: Duration = Duration::from_micros(60);

/// How one run goes.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// What it is called while it runs.
    pub name: &'static str,
    /// What is played.
    pub feed: &'a Feed,
    /// Where it is archived, if it is.
    pub archive: Option<&'a Path>,
    /// The core that the loop runs on, if it is to be one.
    pub pin: Option<usize>,
    /// How often the sync file is renewed.
    pub sync: Duration,
    /// How fast it is played; as fast as it is taken, if there is none.
    pub schedule: Option<Schedule>,
    /// Whether it is to end before the feed does.
    pub stop: &'a Stop,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The archive takes no more.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The feed cannot be read any more.
    #[error("the input changed while it was played: {0}")]
    Feed(FrameError),
    /// The loop cannot be made, or pinned to its core.
    #[error("cannot make the loop: {0}")]
    Runtime(io::Error),
    /// The system has no thread to give.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// A thread panicked, or a task stopped for no reason of its own.
    #[error("defect: {0}")]
    Defect(&'static str),
}

impl From<FrameError> for RunError {
    fn from(error: FrameError) -> Self {
        RunError::Feed(error)
    }
}

type FeedThread = JoinHandle<Result<Latencies, FrameError>>;

/// Plays the feed once through everything.
///
/// # Errors
///
/// If the archive fails, the feed changes, or a thread cannot be started.
pub fn run(plan: &Plan<'_>) -> Result<Outcome, RunError> {
    let archive = plan.archive.map(Archive::open).transpose()?;
    debug!("the {} run begins", plan.name);
    let progress =
        Progress::start(plan.name, Some(plan.feed.messages())).map_err(RunError::Thread)?;
    let archiving = plan.archive.zip(archive);
    let archiving =
        archiving.map(|(path, archive)| archiver::start(archive, path, plan.sync, false));
    let archiving = archiving.transpose().map_err(RunError::Thread)?;
    let (to_archive, archiver) = archiving.unzip();

    let mut world = world::build();
    let run_up = plan.schedule.map_or(Duration::ZERO, |_| RUN_UP);
    let clock = Clock::starting_in(run_up);
    let pace = plan.schedule.map(|schedule| Pace { schedule, clock });
    let (feed_a, records_a) = start_line(Line::A, plan, pace)?;
    let (feed_b, records_b) = start_line(Line::B, plan, pace)?;
    let lines = [(Line::A, records_a), (Line::B, records_b)];
    let timing = Timing { clock, pace };
    let unpinned = plan.pin.and_then(|_| sched_getaffinity(None).ok());
    let booked = play(
        &mut world,
        lines,
        to_archive,
        timing,
        progress.counter(),
        plan.pin,
    );
    // Threads of the next run would share the core.
    if let Some(everywhere) = unpinned {
        let _ = sched_setaffinity(None, &everywhere);
    }
    drop(progress);

    let archived = archiver
        .map(|archiver| join(archiver, "the archive's thread panicked"))
        .transpose()?
        .transpose()?;
    let mut lateness = join(feed_a, "the thread of feed A panicked")??;
    lateness.add(&join(feed_b, "the thread of feed B panicked")??);
    let booked = booked?;
    let (books, tally) = world::take(&mut world);
    Ok(Outcome {
        elapsed: Duration::from_nanos(booked.ended),
        books,
        tally,
        merged: booked.merged,
        latency: booked.latency,
        lateness: lateness.percentiles(),
        archived,
    })
}

/// The clock of a run, and the pace that it keeps, if any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) clock: Clock,
    pub(super) pace: Option<Pace>,
}

/// Takes what both lines bring until they end.
fn play(
    world: &mut World,
    lines: [(Line, spsc_bytes::Receiver); 2],
    to_archive: Option<spsc_bytes::Sender>,
    timing: Timing,
    progress: Counter,
    pin: Option<usize>,
) -> Result<Booked, RunError> {
    let sink = Sink::new(1, world::handler(world), to_archive, progress);
    let spin = timing.pace.map_or(Duration::ZERO, |_| SPIN);
    let mut builder = Runtime::builder(world).spin(spin);
    if let Some(core) = pin {
        builder = builder.pin(core);
    }
    let mut runtime = builder.try_build().map_err(RunError::Runtime)?;
    let merged = runtime.block_on(merge(lines, sink, timing));
    merged.map_err(|stopped| RunError::Defect(stopped.reason()))
}

/// Starts a feed's thread; returns it, and where its line ends.
fn start_line(
    line: Line,
    plan: &Plan<'_>,
    pace: Option<Pace>,
) -> Result<(FeedThread, spsc_bytes::Receiver), RunError> {
    let (to_line, records) = spsc_bytes::channel(LINE_BYTES);
    let player = plan.feed.play().map_err(FrameError::from)?;
    let stop = plan.stop.clone();
    let thread = start(line.name(), move || {
        sleep_exactly();
        line::feed(line, player, to_line, pace, &stop)
    })?;
    Ok((thread, records))
}

fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, RunError> {
    let builder = thread::Builder::new().name(name.to_string());
    builder.spawn(work).map_err(RunError::Thread)
}

fn join<T>(thread: JoinHandle<T>, panicked: &'static str) -> Result<T, RunError> {
    thread.join().map_err(|_| RunError::Defect(panicked))
}
