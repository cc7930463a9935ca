//! `nexus-gateway replay`: plays a feed through the gateway itself, once as fast as it
//! goes and once paced; their tables, and what can go wrong.

mod line;
mod merge;
mod run;

pub use merge::Merged;
pub use run::{Plan, RunError, run};

use crate::archive::{ArchiveError, Folder, FolderError, verify};
use crate::config::{BooksConfig, Only, ReplayConfig};
use crate::exit::{Exit, Fatal};
use crate::feed::{Feed, FeedError, Schedule};
use crate::latency::Percentiles;
use crate::noise;
use crate::outcome::{Archived, Coverage, Outcome};
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
        path.display(), report::numbers(first)
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
    let folder = match config.no_archive {
        true => None,
        false => Some(Folder::open(config.archive.as_deref())?),
    };
    let program = Program {
        feed: &feed,
        folder: folder.as_ref(),
        pin: config.pin,
        sync: config.sync,
        stop: &stop,
        shown: &config.books,
    };
    if let Some(found) = feed.capture() {
        report
            .show("capture", || capture::text(found), || capture::json(found))
            .map_err(ProgramError::Output)?;
    }
    play(config, &program, fault.is_some(), report)?;
    if let (Some(path), Some(fault)) = (&config.source.input, fault) {
        return Err(ProgramError::Damaged(path.clone(), fault));
    }
    complete(config.source.input.as_ref(), &feed)
}

/// Plays the feed as often as it is wanted; one that is damaged, once.
fn play(
    config: &ReplayConfig,
    program: &Program<'_>,
    damaged: bool,
    report: &mut Printer<impl Write>,
) -> Result<(), ProgramError> {
    let mut rate = config.rate;
    if config.only != Some(Only::Paced) {
        let unpaced = program.run("unpaced", None)?;
        program
            .show_messages(&unpaced, report)
            .and_then(|()| program.show("unpaced", &unpaced, None, report))
            .map_err(ProgramError::Output)?;
        rate.get_or_insert(unpaced.rate() / 2);
        if damaged || config.only.is_some() || program.stop.is_asked() {
            return show_stop(program.stop, report);
        }
    }
    let schedule = Schedule::new(rate.expect("the command line gives one"));
    let noise = noise::measure(LISTEN);
    let paced = program.run("paced", Some(schedule))?;
    if config.only.is_some() {
        program
            .show_messages(&paced, report)
            .map_err(ProgramError::Output)?;
    }
    program
        .show("paced", &paced, Some((&schedule, noise)), report)
        .map_err(ProgramError::Output)?;
    show_stop(program.stop, report)
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

/// Says so if a signal came.
fn show_stop(stop: &Stop, report: &mut Printer<impl Write>) -> Result<(), ProgramError> {
    if stop.is_asked() {
        report.ended_by_signal();
        let text = "Stopped by a signal; what was played until then is above.\n";
        report.note(text).map_err(ProgramError::Output)?;
    }
    Ok(())
}

/// What both runs have in common.
struct Program<'a> {
    feed: &'a Feed,
    /// None if nothing is archived.
    folder: Option<&'a Folder>,
    pin: Option<usize>,
    sync: Duration,
    stop: &'a Stop,
    shown: &'a BooksConfig,
}

impl Program<'_> {
    /// One run, and the proof that its archive is the feed, if there is one.
    fn run(&self, name: &'static str, schedule: Option<Schedule>) -> Result<Outcome, ProgramError> {
        let path = self
            .folder
            .map(|folder| folder.path().join(format!("{name}.itch50")));
        let outcome = run(&Plan {
            name,
            feed: self.feed,
            archive: path.as_deref(),
            pin: self.pin,
            sync: self.sync,
            schedule,
            stop: self.stop,
        })?;
        let Some(archived) = &outcome.archived else {
            return Ok(outcome);
        };
        verify(&archived.path)?;
        let end = outcome.tally.total() + 1;
        match self.difference(archived) {
            Ok(None) => Ok(outcome),
            // It was stopped there.
            Ok(Some(sequence)) if self.stop.is_asked() && sequence == end => Ok(outcome),
            Ok(Some(sequence)) => Err(ProgramError::Differs {
                path: archived.path.clone(),
                sequence,
            }),
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

    /// Of which messages the books are made.
    fn coverage(&self) -> Coverage {
        self.feed
            .capture()
            .map_or(Coverage::WHOLE, |capture| Coverage {
                first: capture.numbers().start,
                missing: capture.lost().0,
            })
    }

    /// Messages by type, and the books.
    fn show_messages(&self, outcome: &Outcome, report: &mut Printer<impl Write>) -> io::Result<()> {
        let (tally, books) = (&outcome.tally, &outcome.books);
        report.show(
            "messages",
            || report::messages(tally),
            || json::messages(tally),
        )?;
        report.show(
            "books",
            || report::books(books, self.shown, self.coverage()),
            || json::books(books, self.shown, self.coverage()),
        )
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
        let kept = self.folder.is_some_and(Folder::is_kept);
        let text = || {
            let mut text = report::rate(name, outcome, schedule);
            if let Some((_, noise)) = paced {
                let latency = report::latency(outcome, noise);
                text.push_str(&format!("\n{latency}"));
            }
            if let Some(archived) = &outcome.archived {
                let archived = report::archive(name, archived, kept);
                text.push_str(&format!("\n{archived}"));
            }
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
