//! The command line.
//!
//! Each command has the name of its module. Without one the program replays. The names
//! `feed` and `run`, which `publish` and `receive` had before, still do.

mod books;
mod log;
pub mod pages;
mod password;
mod publish;
mod receive;
mod replay;
mod source;
mod start;
mod time;
mod udp_line;

pub use books::BooksConfig;
pub use log::{LogConfig, LogFormat};
pub use pages::{CompletionsConfig, ManConfig};
pub use password::PasswordConfig;
pub use publish::PublishConfig;
pub use receive::{OnArchiveError, OnGap, ReceiveConfig};
pub use replay::{Only, ReplayConfig};
pub use source::SourceConfig;
pub use start::Start;
pub use udp_line::{BadLine, UdpLine};

use clap::builder::RangedU64ValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use nexus_itch::heartbeat::Rhythm;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  nexus-gateway
      a million generated messages, once unpaced and once paced
  nexus-gateway --messages 20000 --seed 7
      a shorter session, and another one
  nexus-gateway --input feed.itch50 --archive archive
      a recorded session; the archives are kept
  nexus-gateway --input feed.itch50 --repeat 100 --rate 50000
      the same a hundred times over, the paced run at 50,000 messages a second
  nexus-gateway publish --listen 127.0.0.1:9000
  nexus-gateway receive --connect 127.0.0.1:9000
      the same feed from one process to another
  nexus-gateway verify archive
      whether the archives are what their sync files say
  nexus-gateway verify archive --json
      the same for a program; every command takes --json

Exit code: 0 complete, or ended by a signal; 1 another error; 2 usage; 3 bad
input; 4 the feed was lost, or a gap was not filled; 5 an archive cannot be
written, or is damaged; 7 the login was refused. The error is the last line of
stderr. A damaged input is archived up to the damage, shown, and then reported
with its byte offset.";

/// Takes an ITCH 5.0 feed over two redundant lines, keeps order books and
/// archives every message.
///
/// Without a command, the feed is played twice: unpaced, for the rate that the
/// machine sustains, then paced, for the latency from feed to book. Each
/// message is timed from the moment at which the schedule meant to send it, so
/// that a stall counts for all that it delayed. Tables go to stdout, progress
/// to stderr. With a command, feed and gateway are two processes.
#[derive(Clone, Debug, Parser, PartialEq, Eq)]
#[command(name = "nexus-gateway", version, after_help = EXAMPLES, max_term_width = 80)]
pub struct Config {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Show the report as JSON, one object a line, in place of tables
    #[arg(long, help_heading = "Output", global = true)]
    pub json: bool,

    /// What is said on stderr.
    #[command(flatten)]
    pub log: LogConfig,

    /// What `replay` takes, which is what no command does.
    #[command(flatten)]
    pub replay: ReplayConfig,
}

impl Config {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or what `--help` and `--version` print.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches_from(words)?;
        let mut config = Self::from_arg_matches(&matches)?;
        let refuse = |kind, text: &str| Err(Self::command().error(kind, text));
        if let Some(command) = &config.command
            && let Some(flag) = flag_of_replay(&matches)
        {
            let text = format!(
                "{flag} cannot stand before a command: give it behind '{}'",
                command.name()
            );
            return refuse(ErrorKind::ArgumentConflict, &text);
        }
        let lines = match &config.command {
            Some(Command::Receive(run)) => run.udp.len(),
            Some(Command::Replay(replay)) => replay.lines.len(),
            _ => config.replay.lines.len(),
        };
        let password = match &mut config.command {
            _ if lines > MOST_LINES => {
                let found = lines;
                let text = format!("--udp was given {found} times, the limit is {MOST_LINES}");
                return refuse(ErrorKind::TooManyValues, &text);
            }
            Some(Command::Receive(run)) if !run.udp.is_empty() && run.password.is_given() => {
                let text = "--password is for a login over TCP: it cannot be used with --udp";
                return refuse(ErrorKind::ArgumentConflict, text);
            }
            Some(Command::Receive(run)) => &mut run.password,
            Some(Command::Publish(feed)) => &mut feed.password,
            _ => return Ok(config),
        };
        match password.resolve(password::of_environment().as_deref()) {
            Ok(()) => Ok(config),
            Err(text) => refuse(ErrorKind::ValueValidation, &text),
        }
    }
}

/// What was given of the flags that `replay` has, in front of a command.
fn flag_of_replay(matches: &ArgMatches) -> Option<String> {
    let mut command = Config::command();
    command.build();
    let mut flags = command.get_arguments().filter(|flag| !flag.is_global_set());
    let given = |flag: &&Arg| {
        let source = matches.try_contains_id(flag.get_id().as_str());
        source.is_ok()
            && matches.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    flags.find(given).map(|flag| format!("'{flag}'"))
}

/// How many redundant lines a gateway takes.
pub const MOST_LINES: usize = 2;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Plays a feed through the gateway itself, unpaced and paced: what no command
    /// does, too.
    Replay(ReplayConfig),
    /// Plays a feed to subscribers: over TCP in SoupBinTCP, and over UDP as
    /// MoldUDP64.
    ///
    /// Any number of subscribers, up to 1,024 at a time, log in at --listen and name
    /// the message that they want next. At the same address, UDP, lost messages of
    /// the packets that go to --udp are asked for again.
    #[command(alias = "feed")]
    Publish(PublishConfig),
    /// Receives a feed over TCP in SoupBinTCP, or over UDP as MoldUDP64, keeps
    /// order books and archives every message.
    ///
    /// A lost connection is made again and continues at the next message wanted.
    /// Lost packets are requested again. The archive is therefore the feed, byte
    /// for byte, whatever the network does.
    #[command(alias = "run")]
    Receive(ReceiveConfig),
    /// Checks archives and their sync files, and says what is sure; writes nothing.
    Verify(VerifyConfig),
    /// Prints completions for a shell.
    Completions(CompletionsConfig),
    /// Prints a page of the manual, of the program or of a command.
    Man(ManConfig),
}

impl Command {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Replay(_) => "replay",
            Command::Publish(_) => "publish",
            Command::Receive(_) => "receive",
            Command::Verify(_) => "verify",
            Command::Completions(_) => "completions",
            Command::Man(_) => "man",
        }
    }
}

/// The arguments of `nexus-gateway verify`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct VerifyConfig {
    /// The folder of the archives, or one archive
    #[arg(value_name = "DIR")]
    pub path: PathBuf,
}

/// How often peers hear of each other. Hidden: the protocols fix it, and tests
/// do not wait for fifteen seconds.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RhythmConfig {
    /// Send a heartbeat after so many milliseconds without a message
    #[arg(long, value_name = "MS", default_value_t = 1_000, hide = true,
          value_parser = at_most(1, 60_000))]
    pub heartbeat_ms: u64,

    /// Take a peer for gone that was silent for so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 15_000, hide = true,
          value_parser = at_most(1, 3_600_000))]
    pub silence_ms: u64,
}

impl RhythmConfig {
    /// The rhythm that is asked for.
    pub fn rhythm(&self) -> Rhythm {
        Rhythm {
            heartbeat: Duration::from_millis(self.heartbeat_ms),
            silence: Duration::from_millis(self.silence_ms),
        }
    }
}

fn at_most(least: u64, most: u64) -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(least..=most)
}

#[cfg(test)]
mod tests;
