//! Continues an archive: with which message, and of which session.
//!
//! The sync file beside an archive names its session. It is on disk before the first
//! message is appended, so no other session can be appended.

use crate::archive::{Archive, ArchiveError, Inspection};
use crate::config::Start;
use crate::world::Arrival;
use nexus_itch::binary_file::{FrameError, FrameReader};
use nexus_itch::itch::decode;
use nexus_itch::session::SessionName;
use nexus_rt::{Handler, World};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resume {
    /// The session, or any.
    pub(super) session: Option<SessionName>,
    /// The first message that the books are made of; 0 is whichever comes.
    pub(super) first: u64,
    /// The first message that is not archived; 0 is whichever comes.
    pub(super) next: u64,
    /// Whether the archive says which session it holds.
    pub(super) kept: bool,
}

/// An archive cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// It holds another session.
    #[error("archive {}: it holds session {held}, {wanted} is wanted", archive.display())]
    Session {
        /// The archive.
        archive: PathBuf,
        /// What it holds.
        held: SessionName,
        /// What is wanted.
        wanted: SessionName,
    },
    /// Nothing says which session it holds.
    #[error(
        "archive {}: no sync file says which session its {records} records belong to; \
         --session NAME with --adopt takes them for those of NAME",
        archive.display()
    )]
    Unnamed {
        /// The archive.
        archive: PathBuf,
        /// What it holds.
        records: u64,
    },
    /// It goes on with another message than the one that was asked for.
    #[error(
        "archive {}: it holds {records} records and goes on with message {next}, \
         --from {asked} would leave a hole in it",
        archive.display(), asked = match asked { Start::At(n) => n.to_string(), Start::Now => "now".into() }
    )]
    From {
        /// The archive.
        archive: PathBuf,
        /// What it holds.
        records: u64,
        /// The message that is next.
        next: u64,
        /// What was asked for.
        asked: Start,
    },
    /// Its sync file cannot be renewed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It cannot be read back.
    #[error("archive {path}: cannot read it back: {1}", path = .0.display())]
    Replay(PathBuf, FrameError),
}

impl Resume {
    /// Where nothing is archived.
    pub(super) fn anew(session: Option<SessionName>, from: Option<Start>) -> Self {
        let next = from.map_or(1, Start::number);
        Self {
            session,
            first: next,
            next,
            kept: false,
        }
    }

    /// For `archive`, at `path`. With `adopt`, an archive that does not say which session
    /// it holds is taken for one of the session wanted.
    pub(super) fn open(
        archive: &mut Archive,
        path: &Path,
        wanted: Option<SessionName>,
        adopt: bool,
        from: Option<Start>,
    ) -> Result<Self, ResumeError> {
        let records = archive.records();
        if records == 0 {
            return Ok(Self::anew(wanted, from));
        }
        let owned = || path.to_path_buf();
        let held = match (archive.session().or_else(|| legacy(path)), wanted) {
            (Some(held), Some(wanted)) if held != wanted => {
                let archive = owned();
                return Err(ResumeError::Session {
                    archive,
                    held,
                    wanted,
                });
            }
            (Some(held), _) => held,
            (None, Some(wanted)) if adopt => wanted,
            (None, _) => {
                let archive = owned();
                return Err(ResumeError::Unnamed { archive, records });
            }
        };
        if archive.session().is_none() {
            archive.begin(held, archive.first())?;
        }
        let next = archive.first() + records;
        if let Some(asked) = from
            && asked != Start::At(next)
        {
            return Err(ResumeError::From {
                archive: owned(),
                records,
                next,
                asked,
            });
        }
        Ok(Self {
            session: Some(held),
            first: archive.first(),
            next,
            kept: true,
        })
    }
}

/// The name that version 1 of the sync file left to a file of its own.
fn legacy(archive: &Path) -> Option<SessionName> {
    let text = std::fs::read_to_string(archive.with_extension("session")).ok()?;
    text.trim_ascii().parse().ok()
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

    fn name(text: &str) -> Option<SessionName> {
        Some(text.parse().unwrap())
    }

    /// An archive of some messages, closed.
    fn archive(path: &Path, session: Option<SessionName>) {
        let mut archive = Archive::open(path).unwrap();
        if let Some(session) = session {
            archive.begin(session, 1).unwrap();
        }
        for _ in 0..7 {
            archive.append(b"z").unwrap();
        }
        archive.sync().unwrap();
    }

    fn open(path: &Path, wanted: Option<SessionName>, adopt: bool) -> Result<Resume, String> {
        let mut archive = Archive::open(path).map_err(|error| error.to_string())?;
        let resume = Resume::open(&mut archive, path, wanted, adopt, None);
        resume.map_err(|error| error.to_string())
    }

    #[test]
    fn another_session_is_not_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("received.itch50");
        let nothing = open(&path, name("D1"), false).unwrap();
        assert_eq!(
            (nothing.session, nothing.next, nothing.kept),
            (name("D1"), 1, false)
        );

        archive(&path, name("D1"));
        for wanted in [None, name("D1"), name("  D1")] {
            let resume = open(&path, wanted, false).unwrap();
            assert_eq!(
                (resume.session, resume.next, resume.kept),
                (name("D1"), 8, true)
            );
        }
        let error = open(&path, name("D2"), true).unwrap_err();
        let shown = path.display();
        let expected = format!("archive {shown}: it holds session D1, D2 is wanted");
        assert_eq!(error, expected);
    }

    #[test]
    fn an_archive_that_lost_its_sync_file_is_refused_until_it_is_adopted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("received.itch50");
        let sync = folder.path().join("received.itch50.sync");
        archive(&path, name("D1"));
        let whole = std::fs::read(&sync).unwrap();
        std::fs::remove_file(&sync).unwrap();
        for (wanted, adopt) in [(None, false), (name("D1"), false), (None, true)] {
            let error = open(&path, wanted, adopt).unwrap_err();
            assert!(
                error.contains("which session its 7 records belong to"),
                "{error}"
            );
            assert!(error.contains("--session NAME with --adopt"), "{error}");
        }
        assert_eq!(open(&path, name("D9"), true).unwrap().next, 8);
        assert_eq!(open(&path, None, false).unwrap().session, name("D9"));

        // Torn in both slots.
        let torn: Vec<_> = whole.iter().map(|byte| byte ^ 1).collect();
        std::fs::write(&sync, torn).unwrap();
        let error = open(&path, None, false).unwrap_err();
        assert!(
            error.contains("its sync file is damaged. Remove it"),
            "{error}"
        );
    }

    #[test]
    fn an_archive_of_the_first_version_goes_on_with_its_session() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("received.itch50");
        archive(&path, None);
        std::fs::write(folder.path().join("received.session"), "DAY1\n").unwrap();
        assert_eq!(open(&path, None, false).unwrap().session, name("DAY1"));
        std::fs::remove_file(folder.path().join("received.session")).unwrap();
        assert_eq!(open(&path, None, false).unwrap().session, name("DAY1"));
    }
}
