//! What can be wrong with a feed that is received.

use super::resume::ResumeError;
use super::tcp::TcpFault;
use crate::archive::{ArchiveError, FolderError};
use crate::endpoint::Endpoint;
use crate::exit::{Exit, Fatal};
use nexus_itch::mold::Unanswered;
use std::io;
use std::time::Duration;

/// Why a gateway ends with an error.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    /// The folder of the archive cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The archive fails, or does not verify.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The archive cannot be continued.
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// The feed is lost for good. What came was archived, and the tables were
    /// printed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The loop cannot be made, or pinned to its core.
    #[error("cannot make the loop: {0}")]
    Runtime(io::Error),
    /// The system has no thread to give.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// The tables cannot be written.
    #[error("cannot write the tables: {0}")]
    Output(io::Error),
    /// A thread panicked.
    #[error("defect: {0}")]
    Defect(&'static str),
}

/// Why a feed is lost for good.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
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
    /// The peer refused, or is another than the one wanted.
    #[error(transparent)]
    Refused(Box<TcpFault>),
    /// The feed could not be reached for too long.
    #[error("gave up after {limit:?}, the limit; the last error was: {last}")]
    GaveUp {
        /// How long it was tried.
        limit: Duration,
        /// What was wrong the last time.
        last: Box<TcpFault>,
    },
    /// No packet came for too long.
    #[error("no packet came to {local} for {limit:?}, the limit")]
    Silent {
        /// How long that was.
        limit: Duration,
        /// Where they should have come.
        local: Endpoint,
    },
    /// Messages were lost, and nobody sends them again.
    #[error(transparent)]
    Missing(Unanswered),
    /// Messages were lost and passed over; the rest came.
    #[error("{0} messages were lost and passed over: the books are incomplete")]
    Skipped(u64),
    /// The archive takes no more; it says why.
    #[error("the archive takes no more")]
    Archive,
}

impl Fatal for ReceiverError {
    fn exit(&self) -> Exit {
        match self {
            ReceiverError::Folder(_) | ReceiverError::Archive(_) | ReceiverError::Resume(_) => {
                Exit::Archive
            }
            ReceiverError::Link(error) => match error {
                LinkError::Address { .. } => Exit::Other,
                LinkError::Refused(fault) if fault.is_refusal() => Exit::LoginRefused,
                LinkError::Archive => Exit::Archive,
                LinkError::Refused(_)
                | LinkError::GaveUp { .. }
                | LinkError::Silent { .. }
                | LinkError::Missing(_)
                | LinkError::Skipped(_) => Exit::FeedLost,
            },
            ReceiverError::Runtime(_)
            | ReceiverError::Thread(_)
            | ReceiverError::Output(_)
            | ReceiverError::Defect(_) => Exit::Other,
        }
    }
}
