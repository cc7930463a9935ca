//! `--from`: the message with which a receiver begins.

use std::str::FromStr;

/// The message that is wanted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The one with this number.
    At(u64),
    /// Whichever comes next.
    Now,
}

impl Start {
    /// Its number; 0 is whichever comes, as the protocols have it.
    pub fn number(self) -> u64 {
        match self {
            Start::At(number) => number,
            Start::Now => 0,
        }
    }
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("now", _) => Ok(Start::Now),
            (_, Ok(number @ 1..)) => Ok(Start::At(number)),
            _ => Err("the number of a message, from 1 on, or `now`".to_string()),
        }
    }
}
