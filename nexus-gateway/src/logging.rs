//! Log lines on stderr, each with time and level.
//!
//! A thread of its own writes them: a terminal that is slow to take one holds up nobody
//! else. If it takes nothing at all, lines are dropped and counted.

use crate::config::{LogConfig, LogFormat};
use crate::progress::bars;
use std::io::{self, Write};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

/// Lines that wait for the writer; more are dropped.
const MOST_WAITING: usize = 4096;

/// Writes log lines while it lives.
#[derive(Debug)]
pub struct Logging {
    format: LogFormat,
    dropped: ErrorCounter,
    writer: WorkerGuard,
}

impl Logging {
    /// Takes the log lines of the process from now on.
    ///
    /// # Panics
    ///
    /// If the process logs already, or the system has no thread to give.
    pub fn start(config: &LogConfig) -> Self {
        if !config.shows_progress() {
            bars().set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        let builder = NonBlockingBuilder::default()
            .thread_name("log")
            .buffered_lines_limit(MOST_WAITING);
        let (lines, writer) = builder.finish(AboveBars);
        let dropped = lines.error_counter();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(config.level())
            .with_target(false)
            .with_ansi(false)
            .with_writer(lines);
        match config.log {
            LogFormat::Text => subscriber.init(),
            LogFormat::Json => subscriber.json().flatten_event(true).init(),
        }
        Self {
            format: config.log,
            dropped,
            writer,
        }
    }

    /// Writes what is left, and then `error`, as the last line.
    pub fn end(self, error: Option<&dyn std::error::Error>) {
        let dropped = self.dropped.dropped_lines();
        if dropped > 0 {
            tracing::warn!("{dropped} log lines were dropped: stderr took none");
        }
        if let (LogFormat::Json, Some(error)) = (self.format, error) {
            tracing::error!("{error}");
        }
        drop(self.writer);
        if let (LogFormat::Text, Some(error)) = (self.format, error) {
            // Where stderr takes it not, the exit code has to do.
            let _ = writeln!(io::stderr(), "error: {error}");
        }
    }
}

/// Stderr, above the progress bars.
struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        bars().suspend(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
