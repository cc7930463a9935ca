//! What is played: the arguments that the program and its feed share.

use super::at_most;
use crate::feed::{Feed, FeedError, MIN_MESSAGES, SessionPlan};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The longest generated session: 1.7 GB of memory.
const MOST_MESSAGES: u64 = 50_000_000;

/// The messages of a session where none is asked for.
const MESSAGES: u64 = 1_000_000;

/// What is played.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// Play this file, or - for standard input: BinaryFILE framing (a big-endian u16
    /// length, then the message), or a capture with packets of MoldUDP64 (pcap,
    /// pcapng); plain, or packed with gzip or zstd. What it is, its first bytes say
    /// [default: a generated session]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["messages", "seed"])]
    pub input: Option<PathBuf>,

    /// Play it N times over; timestamps move on from pass to pass (their 48
    /// bits wrap after 78 hours)
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_most(1, 1_000_000))]
    pub repeat: u64,

    /// Messages of the generated session, from 22 to 50,000,000
    #[arg(long, value_name = "N", default_value_t = MESSAGES,
          value_parser = at_most(MIN_MESSAGES, MOST_MESSAGES))]
    pub messages: u64,

    /// Which generated session: the same seed gives the same bytes for ever
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

impl SourceConfig {
    /// Opens the input, or makes the session. Of a capture the packets to `lines` are
    /// taken, or those of its only feed.
    ///
    /// # Errors
    ///
    /// If there is nothing to play.
    pub fn open(&self, lines: &[SocketAddr]) -> Result<Feed, FeedError> {
        let plan = SessionPlan {
            messages: self.messages,
            seed: self.seed,
        };
        match &self.input {
            Some(path) => Feed::open(path, lines, self.repeat),
            None => Ok(Feed::generate(plan, self.repeat)),
        }
    }
}
