//! What the OS refused while a runtime was being made.

use std::error::Error;
use std::fmt;
use std::io;

/// The error of the OS, and what it was asked for.
#[derive(Debug)]
struct Refused {
    what: &'static str,
    error: io::Error,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, error } = self;
        write!(f, "the OS refused the runtime its {what}: {error}")
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// Names `what` in an error, which keeps its kind and becomes the source.
pub(crate) fn refused(what: &'static str) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), Refused { what, error })
}
