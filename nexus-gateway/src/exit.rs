//! Exit codes: what a script is told.

use std::error::Error;
use std::process::ExitCode;

/// Why the program ends, in so far as a script acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// None of the others.
    Other = 1,
    /// The command line.
    Usage = 2,
    /// An input that cannot be played, or not to its end.
    BadInput = 3,
    /// The feed was lost, or a gap was not filled.
    FeedLost = 4,
    /// An archive that cannot be written, or is damaged.
    Archive = 5,
    /// The login was refused.
    LoginRefused = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An error that ends the program.
pub trait Fatal: Error {
    /// What it is to a script.
    fn exit(&self) -> Exit;
}
