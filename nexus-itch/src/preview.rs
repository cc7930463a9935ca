//! The first bytes of what could not be understood, for an error to show.

use crate::foreign::shown;
use std::fmt;

/// How many bytes are shown.
const SHOWN: usize = 20;

/// The beginning of some bytes, and how many there were.
///
/// ```
/// use nexus_itch::preview::Preview;
///
/// let shown = Preview::of(b"GET / HTTP/1.1").to_string();
/// assert_eq!(shown, r#"47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 "GET / HTTP/1.1""#);
/// let shown = Preview::of(b"a line that has more than twenty bytes").to_string();
/// assert!(shown.ends_with(r#""a line that has more".. (38 bytes)"#));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    first: [u8; SHOWN],
    len: usize,
}

impl Preview {
    /// Keeps the first bytes of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut first = [0; SHOWN];
        let kept = bytes.len().min(SHOWN);
        first[..kept].copy_from_slice(&bytes[..kept]);
        Self {
            first,
            len: bytes.len(),
        }
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.first[..self.len.min(SHOWN)];
        if first.is_empty() {
            return write!(f, "no bytes");
        }
        for byte in first {
            write!(f, "{byte:02x} ")?;
        }
        let text = shown(first);
        match self.len > SHOWN {
            true => write!(f, ".. \"{text}\".. ({} bytes)", self.len),
            false => write!(f, "\"{text}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ones_are_shown_whole_and_control_bytes_escaped() {
        assert_eq!(Preview::of(b"").to_string(), "no bytes");
        assert_eq!(
            Preview::of(b"\x1b[2J\"").to_string(),
            r#"1b 5b 32 4a 22 "\x1b[2J\"""#
        );
        let exactly = Preview::of(&[b'x'; SHOWN]).to_string();
        assert!(
            exactly.ends_with("78 \"xxxxxxxxxxxxxxxxxxxx\""),
            "{exactly}"
        );
    }
}
