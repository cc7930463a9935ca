//! Going on where an archive ends: from which message, and of which session.
//!
//! Beside the archive, a file holds the name of its session: so that no other
//! is appended to it. It is written before the first message is.

use super::session_file;
use crate::archive::Inspection;
use crate::world::Arrival;
use nexus_itch::binary_file::{FrameError, FrameReader};
use nexus_itch::itch::decode;
use nexus_itch::session::SessionName;
use nexus_rt::{Handler, World};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Where to go on.
#[derive(Clone, Debug)]
pub(super) struct Resume {
    archive: PathBuf,
    /// The session, or any.
    pub(super) session: SessionName,
    /// The first message that is not archived.
    pub(super) next: u64,
    /// Whether the session's name is on disk.
    kept: bool,
}

/// An archive cannot be gone on with.
#[derive(Debug)]
pub enum ResumeError {
    /// It holds another session.
    Session {
        /// The archive.
        archive: PathBuf,
        /// What it holds.
        held: SessionName,
        /// What is wanted.
        wanted: SessionName,
    },
    /// The file with its session's name cannot be used.
    File(PathBuf, io::Error),
    /// It cannot be read back.
    Replay(PathBuf, FrameError),
}

impl fmt::Display for ResumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResumeError::Session {
                archive,
                held,
                wanted,
            } => write!(
                f,
                "archive {}: it holds session {held}, {wanted} is wanted",
                archive.display()
            ),
            ResumeError::File(path, error) => {
                write!(f, "cannot use session file {}: {error}", path.display())
            }
            ResumeError::Replay(path, error) => {
                write!(
                    f,
                    "archive {}: cannot read it back: {error}",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for ResumeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ResumeError::Session { .. } => None,
            ResumeError::File(_, error) => Some(error),
            ResumeError::Replay(_, error) => Some(error),
        }
    }
}

impl Resume {
    /// For the archive at `archive`, which holds `records`.
    pub(super) fn open(
        archive: &Path,
        records: u64,
        wanted: Option<SessionName>,
    ) -> Result<Self, ResumeError> {
        let held = match records {
            0 => None,
            _ => read(archive)?,
        };
        if let (Some(held), Some(wanted)) = (held, wanted)
            && held != wanted
        {
            return Err(ResumeError::Session {
                archive: archive.to_path_buf(),
                held,
                wanted,
            });
        }
        Ok(Self {
            archive: archive.to_path_buf(),
            session: held.or(wanted).unwrap_or(SessionName::ANY),
            next: records + 1,
            kept: held.is_some(),
        })
    }

    /// Keeps the session's name, now that it is known.
    pub(super) fn keep(&mut self, session: SessionName) -> Result<(), ResumeError> {
        if !self.kept {
            let path = session_file(&self.archive);
            std::fs::write(&path, format!("{session}\n"))
                .map_err(|error| ResumeError::File(path, error))?;
            self.session = session;
            self.kept = true;
        }
        Ok(())
    }
}

/// The name that is kept beside `archive`, if there is one.
fn read(archive: &Path) -> Result<Option<SessionName>, ResumeError> {
    let path = session_file(archive);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ResumeError::File(path, error)),
    };
    match text.trim_ascii().parse() {
        Ok(name) => Ok(Some(name)),
        Err(error) => {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            Err(ResumeError::File(path, error))
        }
    }
}

/// Books what is archived: the books go on, too.
pub(super) fn replay(
    path: &Path,
    found: &Inspection,
    world: &mut World,
    handler: &mut impl Handler<Arrival>,
) -> Result<(), ResumeError> {
    let fail = |error| ResumeError::Replay(path.to_path_buf(), error);
    let file = File::open(path).map_err(|error| fail(error.into()))?;
    let mut frames = FrameReader::new(file.take(found.whole)).empty_messages_below(found.whole);
    while let Some(raw) = frames.next().map_err(fail)? {
        handler.run(world, decode(raw));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_session_is_not_appended() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("received.itch50");
        let name = |text: &str| Some(text.parse::<SessionName>().unwrap());
        let mut resume = Resume::open(&archive, 0, None).unwrap();
        assert_eq!((resume.session, resume.next), (SessionName::ANY, 1));
        resume.keep(name("D1").unwrap()).unwrap();
        assert_eq!(resume.session, name("D1").unwrap());

        let again = Resume::open(&archive, 7, None).unwrap();
        assert_eq!((again.session, again.next), (name("D1").unwrap(), 8));
        assert!(Resume::open(&archive, 7, name("D1")).is_ok());
        let error = Resume::open(&archive, 7, name("D2")).unwrap_err();
        let expected = format!(
            "archive {}: it holds session D1, D2 is wanted",
            archive.display()
        );
        assert_eq!(error.to_string(), expected);
        let empty = Resume::open(&archive, 0, name("D2")).unwrap();
        assert_eq!(empty.session, name("D2").unwrap());

        std::fs::write(session_file(&archive), "no name!").unwrap();
        let error = Resume::open(&archive, 7, None).unwrap_err().to_string();
        assert!(error.contains("'no name!' names no session"), "{error}");
        std::fs::remove_file(session_file(&archive)).unwrap();
        let unknown = Resume::open(&archive, 7, None).unwrap();
        assert_eq!(unknown.session, SessionName::ANY);
    }
}
