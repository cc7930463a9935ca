//! The name of a session: ten bytes, the same in both protocols.

use crate::foreign::shown;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// The bytes of a name.
pub const NAME_LEN: usize = 10;

/// A session's name, its ten bytes as they were received.
///
/// Systems pad names on either side, with blanks or NULs. So names are compared without
/// the padding, and kept and sent back with it. A name of nothing but padding is a name
/// like any other; a client that asks for no session in particular sends one, too.
///
/// ```
/// use nexus_itch::session::SessionName;
///
/// let name: SessionName = "2026-11-27".parse().unwrap();
/// assert_eq!(name.to_string(), "2026-11-27");
/// let (left, right) = (*b"     DAY 1", *b"DAY 1\0\0\0\0\0");
/// assert_eq!(SessionName::from_bytes(left), SessionName::from_bytes(right));
/// assert_eq!(SessionName::from_bytes(right).to_bytes(), right);
/// assert!("a name too long".parse::<SessionName>().is_err());
/// ```
#[derive(Clone, Copy)]
pub struct SessionName([u8; NAME_LEN]);

/// Why a text names no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadName(String);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' names no session: it takes 1 to {NAME_LEN} printable characters of ASCII",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for BadName {}

impl SessionName {
    /// A name as it was received.
    pub const fn from_bytes(bytes: [u8; NAME_LEN]) -> Self {
        Self(bytes)
    }

    /// The ten bytes as they were received.
    pub const fn to_bytes(self) -> [u8; NAME_LEN] {
        self.0
    }

    /// The name padded with blanks on the left.
    pub fn left_padded(self) -> [u8; NAME_LEN] {
        let name = self.trimmed();
        let mut padded = [b' '; NAME_LEN];
        padded[NAME_LEN - name.len()..].copy_from_slice(name);
        padded
    }

    /// The name without padding.
    pub fn trimmed(&self) -> &[u8] {
        trimmed(&self.0)
    }

    /// The name, if there is more than padding.
    pub fn named(self) -> Option<Self> {
        (!self.trimmed().is_empty()).then_some(self)
    }
}

/// What is left of a field without blanks and NULs at its ends.
pub(crate) fn trimmed(field: &[u8]) -> &[u8] {
    let padding = |byte: &u8| matches!(byte, b' ' | 0);
    let begin = field.iter().position(|byte| !padding(byte));
    let end = field.iter().rposition(|byte| !padding(byte));
    match (begin, end) {
        (Some(begin), Some(end)) => &field[begin..=end],
        _ => &[],
    }
}

impl PartialEq for SessionName {
    fn eq(&self, other: &Self) -> bool {
        self.trimmed() == other.trimmed()
    }
}

impl Eq for SessionName {}

impl Hash for SessionName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.trimmed().hash(state);
    }
}

impl FromStr for SessionName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if text.len() > NAME_LEN || !printable || trimmed(text.as_bytes()).is_empty() {
            return Err(BadName(text.to_string()));
        }
        let mut name = [b' '; NAME_LEN];
        name[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(name))
    }
}

/// Without padding, and with every byte that is not printable escaped.
impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.trimmed() {
            [] => write!(f, "(blank)"),
            name => write!(f, "{}", shown(name)),
        }
    }
}

impl fmt::Debug for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionName({})", shown(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_printed_names_a_session() {
        for name in [
            "0123456789",
            "2026-11-25",
            "DAY 1",
            "../../etc",
            "a.b.>*",
            "<script>",
        ] {
            let parsed: SessionName = name.parse().unwrap();
            assert_eq!(parsed.to_string(), name);
            assert_eq!(parsed.to_bytes()[..name.len()], *name.as_bytes());
        }
        for wrong in ["", "   ", "01234567890", "tab\t", "é", "\u{1b}[31m"] {
            let error = wrong.parse::<SessionName>().unwrap_err().to_string();
            assert!(error.contains("1 to 10 printable"), "{error}");
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn padding_on_either_side_is_kept_and_is_no_part_of_a_name() {
        let name: SessionName = "X7".parse().unwrap();
        for bytes in [*b"        X7", *b"\0\0\0X7\0\0\0\0\0", *b"X7      \0\0"] {
            let padded = SessionName::from_bytes(bytes);
            assert_eq!((padded, padded.to_bytes()), (name, bytes));
            assert_eq!(padded.left_padded(), *b"        X7");
        }
        assert_ne!(SessionName::from_bytes(*b"X 7       "), name);
        let blank = SessionName::from_bytes([0; NAME_LEN]);
        assert_eq!(blank, SessionName::from_bytes(*b"          "));
        assert_eq!((blank.named(), name.named()), (None, Some(name)));
        assert_eq!(blank.to_string(), "(blank)");
    }

    #[test]
    fn no_name_reaches_a_terminal_as_it_is() {
        for bytes in [
            *b"../../etc/",
            *b"a.b.>*\x1b[3m",
            [0x1b; NAME_LEN],
            *b"<script>\n\r",
        ] {
            let name = SessionName::from_bytes(bytes);
            let shown = format!("{name} {name:?}");
            assert!(
                shown.bytes().all(|byte| matches!(byte, b' '..=b'~')),
                "{shown}"
            );
        }
    }
}
