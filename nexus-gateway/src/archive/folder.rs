//! The folder that archives are in: one that is kept, or one for this run.

use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where archives are.
#[derive(Debug)]
pub struct Folder(Place);

#[derive(Debug)]
enum Place {
    Kept(PathBuf),
    /// Removed when it is dropped.
    Temporary(TempDir),
}

/// A folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use archive folder {}: {error}", path.display())]
pub struct FolderError {
    path: PathBuf,
    error: io::Error,
}

impl Folder {
    /// The folder at `kept`, which is made if need be; without one, a temporary
    /// folder, removed at the end.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn open(kept: Option<&Path>) -> Result<Self, FolderError> {
        let place = match kept {
            Some(path) => std::fs::create_dir_all(path)
                .map(|()| Place::Kept(path.to_path_buf()))
                .map_err(|error| (path.to_path_buf(), error)),
            None => tempfile::Builder::new()
                .prefix("nexus-gateway-")
                .tempdir()
                .map(Place::Temporary)
                .map_err(|error| (std::env::temp_dir(), error)),
        };
        place
            .map(Folder)
            .map_err(|(path, error)| FolderError { path, error })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Place::Kept(path) => path,
            Place::Temporary(folder) => folder.path(),
        }
    }

    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        matches!(self.0, Place::Kept(_))
    }
}
