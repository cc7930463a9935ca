//! What can be wrong with a feed that is received.

use super::resume::ResumeError;
use super::tcp::TcpFault;
use crate::archive::{ArchiveError, FolderError};
use crate::endpoint::Endpoint;
use nexus_itch::mold;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why the program ends with exit code 1.
#[derive(Debug)]
pub enum ReceiverError {
    /// The folder of the archive cannot be used.
    Folder(FolderError),
    /// The archive fails, or does not verify.
    Archive(ArchiveError),
    /// The archive cannot be gone on with.
    Resume(ResumeError),
    /// The feed is lost for good. What came was archived, and the tables were
    /// printed.
    Link(LinkError),
    /// The system has no thread to give.
    Thread(io::Error),
    /// The tables cannot be written.
    Output(io::Error),
    /// A thread panicked.
    Defect(&'static str),
}

/// Why a feed is lost for good.
#[derive(Debug)]
pub enum LinkError {
    /// An address cannot be used.
    Address {
        /// What it was for.
        action: &'static str,
        /// Which.
        endpoint: Endpoint,
        /// What the system says.
        error: io::Error,
    },
    /// The peer refused, or is another than the one wanted.
    Refused(Box<TcpFault>),
    /// The feed could not be reached for too long.
    GaveUp {
        /// How long it was tried.
        limit: Duration,
        /// What was wrong the last time.
        last: Box<TcpFault>,
    },
    /// No packet came for too long.
    Silent {
        /// How long that was.
        limit: Duration,
        /// Where they should have come.
        local: Endpoint,
    },
    /// Packets were lost, and nobody sends them again.
    Packets(mold::ClientFault),
    /// The archive takes no more; it says why.
    Archive,
}

impl fmt::Display for ReceiverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReceiverError::Folder(error) => error.fmt(f),
            ReceiverError::Archive(error) => error.fmt(f),
            ReceiverError::Resume(error) => error.fmt(f),
            ReceiverError::Link(error) => error.fmt(f),
            ReceiverError::Thread(error) => write!(f, "cannot start a thread: {error}"),
            ReceiverError::Output(error) => write!(f, "cannot write the tables: {error}"),
            ReceiverError::Defect(what) => write!(f, "defect: {what}"),
        }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Address {
                action,
                endpoint,
                error,
            } => write!(f, "cannot {action} {endpoint}: {error}"),
            LinkError::Refused(fault) => fault.fmt(f),
            LinkError::GaveUp { limit, last } => {
                write!(
                    f,
                    "gave up after {limit:?}, the limit; the last error was: {last}"
                )
            }
            LinkError::Silent { limit, local } => {
                write!(f, "no packet came to {local} for {limit:?}, the limit")
            }
            LinkError::Packets(fault) => fault.fmt(f),
            LinkError::Archive => write!(f, "the archive takes no more"),
        }
    }
}

impl std::error::Error for ReceiverError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReceiverError::Folder(error) => Some(error),
            ReceiverError::Archive(error) => Some(error),
            ReceiverError::Resume(error) => Some(error),
            ReceiverError::Link(error) => Some(error),
            ReceiverError::Thread(error) | ReceiverError::Output(error) => Some(error),
            ReceiverError::Defect(_) => None,
        }
    }
}

impl std::error::Error for LinkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LinkError::Address { error, .. } => Some(error),
            LinkError::Refused(fault) | LinkError::GaveUp { last: fault, .. } => Some(&**fault),
            LinkError::Packets(fault) => Some(fault),
            LinkError::Silent { .. } | LinkError::Archive => None,
        }
    }
}

impl From<FolderError> for ReceiverError {
    fn from(error: FolderError) -> Self {
        ReceiverError::Folder(error)
    }
}

impl From<ArchiveError> for ReceiverError {
    fn from(error: ArchiveError) -> Self {
        ReceiverError::Archive(error)
    }
}

impl From<ResumeError> for ReceiverError {
    fn from(error: ResumeError) -> Self {
        ReceiverError::Resume(error)
    }
}
