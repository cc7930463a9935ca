//! `nexus-gateway verify`: what of archives is sure, and what is not. Writes nothing.

use crate::archive::{ArchiveError, Certainty, Inspection, inspect};
use crate::exit::{Exit, Fatal};
use crate::report::{Printer, count, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why archives are not all sure.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The folder cannot be read.
    #[error("cannot read {path}: {1}", path = .0.display())]
    Folder(PathBuf, io::Error),
    /// There is nothing to check.
    #[error("{} holds no archive: no file of it ends in .itch50", .0.display())]
    Nothing(PathBuf),
    /// Some are damaged.
    #[error("{damaged} of {all} archives are damaged")]
    Damaged {
        /// How many.
        damaged: usize,
        /// Of how many.
        all: usize,
    },
    /// The tables cannot be written.
    #[error("cannot write the tables: {0}")]
    Output(io::Error),
}

impl Fatal for VerifyError {
    fn exit(&self) -> Exit {
        match self {
            VerifyError::Folder(..) | VerifyError::Nothing(_) => Exit::BadInput,
            VerifyError::Damaged { .. } => Exit::Archive,
            VerifyError::Output(_) => Exit::Other,
        }
    }
}

/// Checks the archives at `path`, a folder or one archive.
///
/// # Errors
///
/// See [`VerifyError`]. Each archive is shown first.
pub fn main(path: &Path, report: &mut Printer<impl Write>) -> Result<(), VerifyError> {
    let archives = archives(path)?;
    let mut damaged = 0;
    for archive in &archives {
        let found = inspect(archive);
        damaged += usize::from(found.is_err());
        report
            .push(
                "archives",
                || said(archive, &found),
                || json::verified(archive, &found),
            )
            .map_err(VerifyError::Output)?;
    }
    match (damaged, archives.len()) {
        (0, _) => Ok(()),
        (damaged, all) => Err(VerifyError::Damaged { damaged, all }),
    }
}

fn archives(path: &Path) -> Result<Vec<PathBuf>, VerifyError> {
    let fail = |error| VerifyError::Folder(path.to_path_buf(), error);
    if !std::fs::metadata(path).map_err(fail)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(fail)? {
        let file = entry.map_err(fail)?.path();
        if file.extension().is_some_and(|end| end == "itch50") {
            found.push(file);
        }
    }
    found.sort();
    match found.is_empty() {
        true => Err(VerifyError::Nothing(path.to_path_buf())),
        false => Ok(found),
    }
}

fn said(archive: &Path, found: &Result<Inspection, ArchiveError>) -> String {
    let found = match found {
        Ok(found) => found,
        Err(error) => return format!("DAMAGED  {error}"),
    };
    let state = found.certainty().word().to_uppercase();
    let shown = archive.display();
    let whole = format!(
        "{} records, {} bytes",
        count(found.records),
        count(found.whole)
    );
    let Some(synced) = found.synced.as_ref() else {
        return format!("{state:<8} {shown}: {whole}; no sync file says what was on disk");
    };
    let session = synced.session.map_or(String::new(), |session| {
        format!(", session {session}, from message {}", count(synced.first))
    });
    match found.certainty() {
        Certainty::Sure => format!(
            "{state:<8} {shown}: {whole}, CRC-32C {:08x}{session}",
            synced.crc
        ),
        _ => format!(
            "{state:<8} {shown}: {whole}{session}; {} bytes are synced, {} whole behind them, \
             {} torn",
            count(synced.length),
            count(found.whole - synced.length),
            count(found.torn)
        ),
    }
}
