//! `nexus-gateway receive`: the arguments of a gateway that receives its feed.

use super::time::{sync_time, waiting_time};
use super::{BooksConfig, PasswordConfig, RhythmConfig, Start, UdpLine};
use crate::endpoint::Endpoint;
use clap::{Args, ValueEnum};
use nexus_itch::heartbeat::Rhythm;
use nexus_itch::session::SessionName;
use nexus_itch::soup::User;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  nexus-gateway receive --connect exchange:9000 --archive archive
      over TCP; the archive is kept, and continued the next time
  nexus-gateway receive --connect exchange:9000 --udp 239.1.1.1:9001
      by multicast; what is lost is asked for at exchange:9000, UDP
  nexus-gateway receive --request exchange:9000 \\
        --udp 239.1.1.1:9001,interface=eth1 --udp 239.1.1.2:9001,interface=eth2
      over two redundant lines: of each message the first copy counts

SIGINT, SIGTERM and SIGHUP end it in order: what has come is booked and
archived, the tables are printed, and the exit code is 0. A second signal ends
it at once. Exit code 4 if the feed is lost for good, 5 if the archive fails, 7
if the login is refused; all are in nexus-gateway --help.";

/// What to do when the archive cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnArchiveError {
    /// End, with the tables and the error.
    Stop,
    /// Go on with the books alone; the error ends the program all the same.
    Books,
}

/// What to do when a message was lost, and nobody sends it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnGap {
    /// End, with the tables and the messages that are missing.
    Stop,
    /// Go on with the books, which are incomplete then; the error ends the program all the
    /// same.
    Skip,
}

/// The arguments of `nexus-gateway receive`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct ReceiveConfig {
    /// Log in there, HOST:PORT; with --udp: ask there for what is lost
    #[arg(long, value_name = "ADDR", required_unless_present = "request")]
    pub connect: Option<Endpoint>,

    /// Take MoldUDP64 packets at HOST:PORT instead of logging in; a multicast
    /// group is joined. ",interface=NAME" behind it selects the interface, by its
    /// name or its address; ",source=ADDR" accepts packets of that sender only.
    /// Give it twice for two redundant lines
    #[arg(long, value_name = "LINE")]
    pub udp: Vec<UdpLine>,

    /// Ask HOST:PORT for lost messages. May be given several times: a server that
    /// does not answer is followed by the next [default: --connect]
    #[arg(long, value_name = "ADDR", requires = "udp")]
    pub request: Vec<Endpoint>,

    /// How long a message that one line has lost may still come over the other,
    /// before it is asked for: 5ms, 200us
    #[arg(long, value_name = "TIME", default_value = "5ms", requires = "udp",
          value_parser = humantime::parse_duration)]
    pub gap_wait: Duration,

    /// Bytes that the kernel holds of each line
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20, requires = "udp")]
    pub recv_buffer: usize,

    /// The session wanted: up to 10 printable characters [default: the one that is played; the archive's, if
    /// there is one]
    #[arg(long, value_name = "NAME")]
    pub session: Option<SessionName>,

    /// Take an archive that lost its .sync file for one of --session
    #[arg(long, requires = "session", requires = "archive")]
    pub adopt: bool,

    /// The user of the login: up to 6 letters and digits
    #[arg(long, value_name = "NAME", default_value = "", conflicts_with = "udp")]
    pub user: User,

    /// The password of the login, over TCP.
    #[command(flatten)]
    pub password: PasswordConfig,

    /// Log in again and again while the server has no such session, up to --give-up
    #[arg(long, conflicts_with = "udp")]
    pub wait: bool,

    /// Keep the archive in this folder, received.itch50; what is there is the
    /// beginning of the session, and is continued [default: a temporary
    /// folder, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub archive: Option<PathBuf>,

    /// Begin with this message, or with the next one that comes, `now`. Of an archive with
    /// messages it has to be the next one. The books are incomplete [default: the first
    /// of the session, or the next one of the archive]
    #[arg(long, value_name = "N|now")]
    pub from: Option<Start>,

    /// Archive nothing
    #[arg(long, conflicts_with_all = ["archive", "on_archive_error", "sync"])]
    pub no_archive: bool,

    /// What to do about a message that was lost and that nobody sends again: stop, or skip
    /// it and go on with the books
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnGap::Stop, requires = "udp",
          requires_if("skip", "no_archive"))]
    pub on_gap: OnGap,

    /// What to do when the archive cannot be written: stop, or go on with the books
    /// alone
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnArchiveError::Stop)]
    pub on_archive_error: OnArchiveError,

    /// Renew the archive's .sync file so often, up to once a minute: 100ms, 2s
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = sync_time())]
    pub sync: Duration,

    /// Give up when no message has come for so long, in which the feed could not be
    /// reached: 60s, 5m
    #[arg(long, value_name = "TIME", default_value = "1m",
          value_parser = waiting_time(Duration::from_secs(1)))]
    pub give_up: Duration,

    /// Run the loop on this core
    #[arg(long, value_name = "CORE")]
    pub pin: Option<usize>,

    /// What is shown of the books.
    #[command(flatten)]
    pub books: BooksConfig,

    /// How often peers hear of each other.
    #[command(flatten)]
    pub rhythm: RhythmConfig,
}

impl ReceiveConfig {
    /// Where lost messages are asked for.
    pub fn services(&self) -> Vec<&Endpoint> {
        match self.request.is_empty() {
            true => self.connect.iter().collect(),
            false => self.request.iter().collect(),
        }
    }

    /// Heartbeats, and how long a peer may be silent: not longer than `--give-up`.
    pub fn rhythm(&self) -> Rhythm {
        let rhythm = self.rhythm.rhythm();
        Rhythm {
            silence: rhythm.silence.min(self.give_up),
            ..rhythm
        }
    }
}
