//! Text of others, on its way to a terminal or a log.

use std::fmt;

/// Shows bytes that somebody else wrote: everything but printable ASCII is escaped, so
/// that no byte of theirs moves a cursor, sets a title or ends a line. Cost: none until it is
/// formatted.
///
/// Everything in this crate that shows such bytes shows them by this function.
///
/// ```
/// use nexus_itch::foreign::shown;
///
/// assert_eq!(shown(b"DAY 1\x1b[2J\n\xff").to_string(), r"DAY 1\x1b[2J\n\xff");
/// ```
pub fn shown(bytes: &[u8]) -> impl fmt::Display {
    bytes.escape_ascii()
}
