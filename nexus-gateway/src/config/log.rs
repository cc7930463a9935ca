//! What is said on stderr: the arguments that every command has.

use clap::{Args, ValueEnum};
use tracing::Level;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Time, level and a sentence.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is said on stderr.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// Say nothing on stderr but errors: no progress, no log lines
    #[arg(
        long,
        short,
        help_heading = "Output",
        global = true,
        conflicts_with = "verbose"
    )]
    pub quiet: bool,

    /// Say more on stderr: what is asked for, and what a server says
    #[arg(long, short, help_heading = "Output", global = true)]
    pub verbose: bool,

    /// How log lines look: text, or json, one object a line, without progress
    #[arg(
        long,
        help_heading = "Output",
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    pub log: LogFormat,
}

impl LogConfig {
    /// The least level that is said.
    pub fn level(&self) -> Level {
        match (self.quiet, self.verbose) {
            (true, _) => Level::ERROR,
            (false, false) => Level::INFO,
            (false, true) => Level::DEBUG,
        }
    }

    /// Whether progress may be shown.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && self.log == LogFormat::Text
    }
}
