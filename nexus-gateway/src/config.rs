//! The command line.

use crate::feed::MIN_MESSAGES;
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use std::path::PathBuf;

/// The longest generated session: 1.7 GB of memory.
const MOST_MESSAGES: u64 = 50_000_000;

/// The messages of a session where none is asked for.
const MESSAGES: u64 = 1_000_000;

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

Exit code: 0, or 1 with an error on stderr. A damaged input is archived up to
the damage, shown, and then reported with its byte offset.";

/// Takes an ITCH 5.0 feed over two redundant lines, keeps order books and
/// archives every message.
///
/// The feed is played twice: unpaced, for the rate that the machine sustains,
/// then paced, for the latency from feed to book. Each message is timed from
/// the moment at which the schedule meant to send it, so that a stall counts
/// for all that it delayed. Tables go to stdout, progress to stderr.
#[derive(Clone, Debug, Parser, PartialEq, Eq)]
#[command(name = "nexus-gateway", version, after_help = EXAMPLES)]
pub struct Config {
    /// Play this file: BinaryFILE framing (a big-endian u16 length, then the
    /// message) [default: a generated session]
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

    /// Messages a second in the paced run [default: half of what the unpaced
    /// run sustained]
    #[arg(long, value_name = "N", value_parser = at_most(1, 100_000_000))]
    pub rate: Option<u64>,

    /// Keep the archives in this folder, unpaced.itch50 and paced.itch50; what
    /// is there is appended to [default: a temporary folder, removed at the
    /// end]
    #[arg(long, value_name = "DIR")]
    pub archive: Option<PathBuf>,

    /// Renew the archive's .sync file every so many milliseconds, up to 60,000
    #[arg(long = "sync", value_name = "MS", default_value_t = 100, value_parser = at_most(1, 60_000))]
    pub sync_ms: u64,
}

fn at_most(least: u64, most: u64) -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(least..=most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Config, String> {
        let words = std::iter::once("nexus-gateway").chain(line.split_whitespace());
        Config::try_parse_from(words).map_err(|e| e.to_string())
    }

    #[test]
    fn the_declaration_is_consistent() {
        Config::command().debug_assert();
    }

    #[test]
    fn nothing_given_means_a_million_messages() {
        let config = parse("").unwrap();
        assert_eq!(
            (config.messages, config.repeat, config.seed),
            (1_000_000, 1, 1)
        );
        assert_eq!((config.rate, config.sync_ms), (None, 100));
        assert_eq!((config.input, config.archive), (None, None));
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
    }
}
