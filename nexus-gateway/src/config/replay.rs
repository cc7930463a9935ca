//! `nexus-gateway replay`: the arguments of a feed that is played through the gateway
//! itself.

use super::time::sync_time;
use super::{BooksConfig, SourceConfig, at_most};
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Which run is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// As fast as it is taken.
    Unpaced,
    /// At a rate, for the latency.
    Paced,
}

/// The arguments of `nexus-gateway replay`, and of no command.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ReplayConfig {
    /// What is played.
    #[command(flatten)]
    pub source: SourceConfig,

    /// Of a capture: take the packets to this address. Give it twice for two redundant
    /// lines [default: the only feed that is in it]
    #[arg(long = "udp", value_name = "ADDR", requires = "input")]
    pub lines: Vec<SocketAddr>,

    /// Run the loop on this core
    #[arg(long, value_name = "CORE")]
    pub pin: Option<usize>,

    /// What is shown of the books.
    #[command(flatten)]
    pub books: BooksConfig,

    /// Messages a second in the paced run [default: half of what the unpaced
    /// run sustained]
    #[arg(long, value_name = "N", value_parser = at_most(1, 100_000_000),
          required_if_eq("only", "paced"))]
    pub rate: Option<u64>,

    /// Play once: unpaced, or paced at --rate [default: both, one after the other]
    #[arg(long, value_name = "WHICH", value_enum)]
    pub only: Option<Only>,

    /// Archive nothing
    #[arg(long, conflicts_with_all = ["archive", "sync"])]
    pub no_archive: bool,

    /// Keep the archives in this folder, unpaced.itch50 and paced.itch50; what
    /// is there is appended to [default: a temporary folder, removed at the
    /// end]
    #[arg(long, value_name = "DIR")]
    pub archive: Option<PathBuf>,

    /// Renew the archive's .sync file so often, up to once a minute: 100ms, 2s
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = sync_time())]
    pub sync: Duration,
}
