//! The name of a session: ten bytes, the same in both protocols.

use std::fmt;
use std::str::FromStr;

/// The bytes of a name.
pub const NAME_LEN: usize = 10;

/// A session's name: letters and digits, padded with spaces on the right.
///
/// ```
/// use nexus_itch::session::SessionName;
///
/// let name: SessionName = "DAY1".parse().unwrap();
/// assert_eq!(name.to_bytes(), *b"DAY1      ");
/// assert_eq!(name.to_string(), "DAY1");
/// assert!("a name too long".parse::<SessionName>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionName([u8; NAME_LEN]);

/// Why a text names no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadName(String);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' names no session: 1 to {NAME_LEN} letters and digits do",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for BadName {}

impl SessionName {
    /// All spaces: whichever session there is.
    pub const ANY: Self = Self([b' '; NAME_LEN]);

    /// A name as it was received. Spaces on the left are no part of it: some
    /// systems pad there.
    pub fn from_bytes(bytes: [u8; NAME_LEN]) -> Self {
        let mut name = [b' '; NAME_LEN];
        let inner = bytes.trim_ascii();
        name[..inner.len()].copy_from_slice(inner);
        Self(name)
    }

    /// The name as it is sent.
    pub fn to_bytes(self) -> [u8; NAME_LEN] {
        self.0
    }

    /// Whether this asks for `offered`: by its name, or by none.
    pub fn asks_for(self, offered: Self) -> bool {
        self == Self::ANY || self == offered
    }
}

impl FromStr for SessionName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if text.is_empty() || text.len() > NAME_LEN || !plain {
            return Err(BadName(text.to_string()));
        }
        let mut name = [b' '; NAME_LEN];
        name[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(name))
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.trim_ascii_end().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_and_digits() {
        let name: SessionName = "0123456789".parse().unwrap();
        assert_eq!(name.to_bytes(), *b"0123456789");
        for wrong in ["", "01234567890", "two words", "tab\t", "é"] {
            let error = wrong.parse::<SessionName>().unwrap_err().to_string();
            assert!(error.contains("1 to 10 letters"), "{error}");
        }
    }

    #[test]
    fn padding_on_either_side_is_no_part_of_a_name() {
        let name: SessionName = "X7".parse().unwrap();
        assert_eq!(SessionName::from_bytes(*b"        X7"), name);
        assert_eq!(SessionName::from_bytes(name.to_bytes()), name);
        assert_eq!(SessionName::from_bytes(*b"          "), SessionName::ANY);
        assert!(SessionName::ANY.asks_for(name) && name.asks_for(name));
        assert!(!name.asks_for(SessionName::ANY));
        assert_eq!(SessionName([0x1b; NAME_LEN]).to_string().len(), 40);
    }
}
