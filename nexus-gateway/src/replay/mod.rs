//! `nexus-gateway replay`: plays a feed through the gateway itself, once as fast as it
//! goes and once paced; their tables, and what can go wrong.

mod line;
mod merge;
mod run;

pub use merge::Merged;
pub use run::{Plan, RunError, run};

use crate::archive::{ArchiveError, Folder, FolderError, verify};
use crate::config::ReplayConfig;
use crate::exit::{Exit, Fatal};
use crate::feed::{Feed, FeedError, Schedule};
use crate::latency::Percentiles;
use crate::noise;
use crate::outcome::{Archived, Outcome};
use crate::report::{self, Printer, capture, json};
use crate::stop::Stop;
use nexus_itch::binary_file::{FrameError, FrameReader};
use serde_json::Value;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;
use tracing::warn;

/// How long the machine's own noise is listened to.
const LISTEN: Duration = Duration::from_millis(500);

/// Why a replay ends with an error.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// There is nothing to play.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The input could be played up to a point only; it was, and the tables
    /// were printed.
    #[error("input {path}: {1}; what lies before it was played and archived", path = .0.display())]
    Damaged(PathBuf, FrameError),
    /// The input is a capture without some of the messages. The others were played, and
    /// the tables were printed.
    #[error(
        "input {}: {lost} messages are on no line, the first is {}",
        path.display(), capture::shown(first)
    )]
    Incomplete {
        /// The capture.
        path: PathBuf,
        /// How many.
        lost: u64,
        /// The first of them.
        first: Range<u64>,
    },
    /// The folder of the archives cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// An archive does not verify.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// An archive is whole, and yet not what was played.
    #[error("archive {}: differs from the feed in message {sequence}", path.display())]
    Differs {
        /// The archive.
        path: PathBuf,
        /// The first message that differs.
        sequence: u64,
    },
    /// The tables cannot be written.
    #[error("cannot write the tables: {0}")]
    Output(io::Error),
    /// No handlers can be set.
    #[error("cannot handle signals: {0}")]
    Signals(io::Error),
}

impl Fatal for ProgramError {
    fn exit(&self) -> Exit {
        match self {
            ProgramError::Feed(_) | ProgramError::Damaged(..) => Exit::BadInput,
            ProgramError::Run(RunError::Feed(_)) => Exit::BadInput,
            ProgramError::Incomplete { .. } => Exit::FeedLost,
            ProgramError::Folder(_) | ProgramError::Archive(_) | ProgramError::Differs { .. } => {
                Exit::Archive
            }
            ProgramError::Run(RunError::Archive(_)) => Exit::Archive,
            ProgramError::Run(_) | ProgramError::Output(_) | ProgramError::Signals(_) => {
                Exit::Other
            }
        }
    }
}

/// Does what `config` says and shows it by `report`.
///
/// # Errors
///
/// See [`ProgramError`].
pub fn main(config: &ReplayConfig, report: &mut Printer<impl Write>) -> Result<(), ProgramError> {
    // Until the input is there, a signal ends the program at once: nothing is begun.
    let mut feed = config
        .source
        .open(&config.lines)
        .map_err(ProgramError::Feed)?;
    let stop = Stop::on_signals().map_err(ProgramError::Signals)?;
    let fault = feed.take_fault();
    if let (Some(path), Some(unknown)) = (&config.source.input, feed.unknown()) {
        warn!("input {}: {unknown}", path.display());
    }
    let folder = Folder::open(config.archive.as_deref())?;
    let program = Program {
        feed: &feed,
        folder: &folder,
        sync: Duration::from_millis(config.sync_ms),
        stop: &stop,
    };
    if let Some(found) = feed.capture() {
        report
            .show("capture", || capture::text(found), || capture::json(found))
            .map_err(ProgramError::Output)?;
    }
    let unpaced = program.run("unpaced", None)?;
    show_messages(report, &unpaced).map_err(ProgramError::Output)?;
    program
        .show("unpaced", &unpaced, None, report)
        .map_err(ProgramError::Output)?;
    if let (Some(path), Some(fault)) = (&config.source.input, fault) {
        return Err(ProgramError::Damaged(path.clone(), fault));
    }

    if show_stop(&stop, report).map_err(ProgramError::Output)? {
        return Ok(());
    }
    let rate = config.rate.unwrap_or(unpaced.rate() / 2);
    let schedule = Schedule::new(rate);
    let noise = noise::measure(LISTEN);
    let paced = program.run("paced", Some(schedule))?;
    program
        .show("paced", &paced, Some((&schedule, noise)), report)
        .and_then(|()| show_stop(&stop, report))
        .map_err(ProgramError::Output)?;
    complete(config.source.input.as_ref(), &feed)
}

/// Whether a capture had all messages.
fn complete(input: Option<&PathBuf>, feed: &Feed) -> Result<(), ProgramError> {
    if let (Some(path), Some(capture)) = (input, feed.capture())
        && let (lost, [first, ..]) = capture.lost()
    {
        return Err(ProgramError::Incomplete {
            path: path.clone(),
            lost,
            first: first.clone(),
        });
    }
    Ok(())
}

fn show_messages(report: &mut Printer<impl Write>, outcome: &Outcome) -> io::Result<()> {
    let (tally, books) = (&outcome.tally, &outcome.books);
    report.show(
        "messages",
        || report::messages(tally),
        || json::messages(tally),
    )?;
    report.show("books", || report::books(books), || json::books(books))
}

/// Says so if a signal came.
fn show_stop(stop: &Stop, report: &mut Printer<impl Write>) -> io::Result<bool> {
    let is_asked = stop.is_asked();
    if is_asked {
        report.ended_by_signal();
        report.note("Stopped by a signal; what was played until then is above.\n")?;
    }
    Ok(is_asked)
}

/// What both runs have in common.
struct Program<'a> {
    feed: &'a Feed,
    folder: &'a Folder,
    sync: Duration,
    stop: &'a Stop,
}

impl Program<'_> {
    /// One run, and the proof that its archive is the feed.
    fn run(&self, name: &'static str, schedule: Option<Schedule>) -> Result<Outcome, ProgramError> {
        let path = self.folder.path().join(format!("{name}.itch50"));
        let outcome = run(&Plan {
            name,
            feed: self.feed,
            archive: &path,
            sync: self.sync,
            schedule,
            stop: self.stop,
        })?;
        verify(&path)?;
        let end = outcome.tally.total() + 1;
        match self.difference(&outcome.archived) {
            Ok(None) => Ok(outcome),
            // It was stopped there.
            Ok(Some(sequence)) if self.stop.is_asked() && sequence == end => Ok(outcome),
            Ok(Some(sequence)) => Err(ProgramError::Differs { path, sequence }),
            Err(error) => Err(ProgramError::Run(RunError::Feed(error))),
        }
    }

    /// The first message in which the archive is not the feed.
    fn difference(&self, archived: &Archived) -> Result<Option<u64>, FrameError> {
        let mut file = File::open(&archived.path)?;
        file.seek(SeekFrom::Start(archived.found.whole))?;
        let frames = FrameReader::new(file).empty_messages_below(archived.synced.length);
        self.feed.first_difference(&mut { frames })
    }

    /// What a run came to: its rate, its latency beside the machine's noise if it was
    /// paced, and its archive.
    fn show(
        &self,
        name: &str,
        outcome: &Outcome,
        paced: Option<(&Schedule, Option<Percentiles>)>,
        report: &mut Printer<impl Write>,
    ) -> io::Result<()> {
        let schedule = paced.map(|(schedule, _)| schedule);
        let kept = self.folder.is_kept();
        let text = || {
            let mut text = report::rate(name, outcome, schedule);
            if let Some((_, noise)) = paced {
                let latency = report::latency(outcome, noise);
                text.push_str(&format!("\n{latency}"));
            }
            text.push_str(&format!(
                "\n{}",
                report::archive(name, &outcome.archived, kept)
            ));
            text
        };
        report.push("runs", text, || {
            let mut run = json::run(name, outcome, schedule, kept);
            run["noise"] = paced
                .and_then(|(_, noise)| noise)
                .map_or(Value::Null, json::percentiles);
            run
        })
    }
}
