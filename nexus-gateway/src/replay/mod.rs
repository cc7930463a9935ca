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
use crate::noise;
use crate::outcome::{Archived, Outcome};
use crate::report;
use crate::stop::Stop;
use nexus_itch::binary_file::{FrameError, FrameReader};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

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

/// Does what `config` says and writes the tables to `out`.
///
/// # Errors
///
/// See [`ProgramError`].
pub fn main(config: &ReplayConfig, out: &mut impl Write) -> Result<(), ProgramError> {
    let stop = Stop::on_signals().map_err(ProgramError::Signals)?;
    let mut feed = config.source.open().map_err(ProgramError::Feed)?;
    let fault = feed.take_fault();
    if let (Some(path), Some(unknown)) = (&config.source.input, feed.unknown()) {
        eprintln!("input {}: {unknown}", path.display());
    }
    let folder = Folder::open(config.archive.as_deref())?;
    let program = Program {
        feed: &feed,
        folder: &folder,
        sync: Duration::from_millis(config.sync_ms),
        stop: &stop,
    };
    let unpaced = program.run("unpaced", None)?;
    write(out, &report::messages(&unpaced.tally))?;
    write(out, &report::books(&unpaced.books))?;
    write(out, &report::rate("Unpaced", &unpaced, None))?;
    write(out, &program.archived("unpaced", &unpaced))?;
    if let (Some(path), Some(fault)) = (&config.source.input, fault) {
        return Err(ProgramError::Damaged(path.clone(), fault));
    }

    if stopped(&stop, out)? {
        return Ok(());
    }
    let rate = config.rate.unwrap_or(unpaced.rate() / 2);
    let schedule = Schedule::new(rate);
    let noise = noise::measure(LISTEN);
    let paced = program.run("paced", Some(schedule))?;
    write(out, &report::rate("Paced", &paced, Some(&schedule)))?;
    write(out, &report::latency(&paced, noise))?;
    write(out, &program.archived("paced", &paced))?;
    stopped(&stop, out)?;
    Ok(())
}

/// Says so if a signal came.
fn stopped(stop: &Stop, out: &mut impl Write) -> Result<bool, ProgramError> {
    if stop.is_asked() {
        write(
            out,
            "Stopped by a signal; what was played until then is above.",
        )?;
    }
    Ok(stop.is_asked())
}

/// Writes one block of the report, and shows it.
fn write(out: &mut impl Write, block: &str) -> Result<(), ProgramError> {
    writeln!(out, "{block}")
        .and_then(|()| out.flush())
        .map_err(ProgramError::Output)
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

    fn archived(&self, name: &str, outcome: &Outcome) -> String {
        report::archive(name, &outcome.archived, self.folder.is_kept())
    }
}
