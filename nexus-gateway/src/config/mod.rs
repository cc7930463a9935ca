//! The command line.
//!
//! Each command has the name of its module. Without one the program replays. The names
//! `feed` and `run`, which `publish` and `receive` had before, still do.

mod log;
mod password;
mod publish;
mod receive;
mod replay;
mod source;
mod udp_line;

pub use log::{LogConfig, LogFormat};
pub use password::PasswordConfig;
pub use publish::PublishConfig;
pub use receive::{OnArchiveError, ReceiveConfig};
pub use replay::ReplayConfig;
pub use source::SourceConfig;
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
    #[arg(long, global = true)]
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
        let password = match &mut config.command {
            Some(Command::Receive(run)) if run.udp.len() > MOST_LINES => {
                let found = run.udp.len();
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
}

impl Command {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Replay(_) => "replay",
            Command::Publish(_) => "publish",
            Command::Receive(_) => "receive",
            Command::Verify(_) => "verify",
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
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Config, String> {
        let words = std::iter::once("nexus-gateway").chain(line.split_whitespace());
        Config::read(words.map(OsString::from)).map_err(|e| e.to_string())
    }

    #[test]
    fn the_declaration_is_consistent() {
        Config::command().debug_assert();
    }

    #[test]
    fn nothing_given_means_a_million_messages() {
        let config = parse("").unwrap();
        assert_eq!(
            (
                config.replay.source.messages,
                config.replay.source.repeat,
                config.replay.source.seed
            ),
            (1_000_000, 1, 1)
        );
        assert_eq!((config.replay.rate, config.replay.sync_ms), (None, 100));
        assert_eq!(
            (config.replay.source.input, config.replay.archive),
            (None, None)
        );
        assert_eq!(config.command, None);
    }

    #[test]
    fn what_every_command_takes_may_stand_before_it_and_behind_it() {
        for line in [
            "-v --json --log json receive --connect h:1",
            "receive --connect h:1 -v --json --log json",
        ] {
            let config = parse(line).unwrap();
            assert!(config.json);
            assert_eq!(
                (config.log.log, config.log.level()),
                (LogFormat::Json, tracing::Level::DEBUG)
            );
        }
        assert!(!parse("-q").unwrap().log.shows_progress());
        assert_eq!(parse("-vv").unwrap().log.level(), tracing::Level::TRACE);
    }

    fn command(line: &str) -> Command {
        parse(line).unwrap().command.unwrap()
    }

    #[test]
    fn commands_have_arguments_of_their_own() {
        assert_eq!(
            command("replay"),
            Command::Replay(parse("").unwrap().replay)
        );
        let Command::Publish(feed) = command("feed --listen 127.0.0.1:0") else {
            panic!("another command");
        };
        assert_eq!((feed.rate(), feed.linger()), (None, None));
        assert_eq!((feed.loss, feed.source.messages), (0, 1_000_000));
        assert_eq!(feed.rhythm.rhythm(), Rhythm::default());
        let line = "publish --listen [::1]:9 --udp 239.1.1.1:7 --udp localhost:8 --session X1 \
                    --input f --repeat 2 --linger 3 --loss 1";
        let Command::Publish(feed) = command(line) else {
            panic!("another command");
        };
        assert_eq!(feed.udp.len(), 2);
        assert_eq!(feed.rate(), Some(100_000), "UDP has no backpressure");
        assert_eq!(feed.linger(), Some(Duration::from_secs(3)));

        let line = "receive --connect exchange:9000 --udp 0.0.0.0:7 --session X1 --archive a";
        let Command::Receive(run) = command(line) else {
            panic!("another command");
        };
        assert_eq!(
            (run.services()[0].to_string(), run.sync_ms),
            ("exchange:9000".to_string(), 100)
        );
        assert_eq!((run.udp.len(), run.gap_wait), (1, Duration::from_millis(5)));
        assert_eq!(run.give_up(), Duration::from_secs(60));
    }

    #[test]
    fn errors_name_the_value_and_the_limit() {
        for (line, parts) in [
            ("--messages 21", ["'21'", "22..=50000000"]),
            ("--messages many", ["'many'", "--messages"]),
            ("--repeat 0", ["'0'", "1..=1000000"]),
            ("--rate 0", ["'0'", "1..=100000000"]),
            ("--rate -5", ["'-5'", ""]),
            ("--sync 60001", ["'60001'", "1..=60000"]),
            ("--input f --seed 3", ["'--input <FILE>'", "'--seed <N>'"]),
            ("--speed", ["'--speed'", ""]),
            ("file", ["'file'", ""]),
            ("publish", ["--listen <ADDR>", ""]),
            ("receive", ["--connect <ADDR>", ""]),
            ("receive --connect host", ["'host'", "HOST:PORT"]),
            ("receive --connect host:x", ["'host:x'", "0 to 65535"]),
            ("receive --connect :1", ["':1'", "HOST:PORT"]),
            (
                "receive --connect h:1 --session 2026-11-27x",
                ["2026-11-27x", "1 to 10 printable"],
            ),
            (
                "receive --connect h:1 --user sevenxx",
                ["'sevenxx'", "at most 6"],
            ),
            ("receive --connect h:1 --give-up 0", ["'0'", "1..=86400"]),
            ("publish --listen h:1 --loss 91", ["'91'", "0..=90"]),
            ("publish --listen h:1 --loss 1", ["--udp <ADDR>", ""]),
            (
                "receive --connect h:1 --udp h:2 --user x",
                ["--user", "--udp <LINE>"],
            ),
            (
                "receive --connect h:1 --udp h:2 --udp h:3 --udp h:4",
                ["3 times", "the limit is 2"],
            ),
            (
                "receive --connect h:1 --udp h:2,port=3",
                ["'port=3'", "interface=NAME"],
            ),
            (
                "receive --connect h:1 --udp h:2,source=x",
                ["source 'x'", "no address"],
            ),
            ("receive --request h:1", ["--udp", ""]),
            (
                "receive --connect h:1 --udp h:2 --gap-wait 5",
                ["'5'", "--gap-wait"],
            ),
            ("--rate 5 publish --listen h:1", ["--rate", "'publish'"]),
            ("--input f replay", ["--input <FILE>", "'replay'"]),
            ("-q -v", ["--quiet", "--verbose"]),
            ("--log xml", ["'xml'", "text, json"]),
        ] {
            let error = parse(line).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{line}: {error}");
            }
        }
    }

    #[test]
    fn help_explains_every_flag_and_gives_examples() {
        let help = Config::command().render_long_help().to_string();
        for flag in [
            "--input",
            "--repeat",
            "--messages",
            "--seed",
            "--rate",
            "--archive",
            "--sync",
        ] {
            assert!(help.contains(flag), "{flag}");
        }
        assert!(help.contains("Examples:") && help.contains("Exit code"));
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for (name, flags) in [
            (
                "publish",
                &[
                    "--listen",
                    "--udp",
                    "--rate",
                    "--session",
                    "--linger",
                    "--loss",
                ][..],
            ),
            (
                "receive",
                &["--connect", "--udp", "--archive", "--session", "--give-up"],
            ),
        ] {
            let mut command = Config::command();
            command.build();
            let command = command.find_subcommand_mut(name).unwrap();
            let help = command.render_long_help().to_string();
            for flag in flags {
                assert!(help.contains(flag), "{flag}");
            }
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
            assert!(help.contains("Examples:") && !help.contains("silence-ms"));
        }
    }
}
