//! `nexus-gateway publish`: the arguments of a feed that is played to others.

use super::time::waiting_time;
use super::{PasswordConfig, RhythmConfig, SourceConfig, at_most};
use crate::endpoint::Endpoint;
use clap::Args;
use nexus_itch::session::SessionName;
use nexus_itch::soup::User;
use std::time::Duration;

/// UDP is not held back by a receiver that is slow: at this rate most are not.
const UDP_RATE: u64 = 100_000;

const EXAMPLES: &str = "\
Examples:
  nexus-gateway publish --listen 0.0.0.0:9000
      a generated session over TCP, as fast as each subscriber takes it
  nexus-gateway publish --listen 0.0.0.0:9000 --input feed.itch50 --rate 50000
      a recorded one, message N no sooner than N / 50,000 seconds after the start
  nexus-gateway publish --listen 0.0.0.0:9000 --udp 239.1.1.1:9001
      over TCP, and by multicast; what is lost is asked for at port 9000

Ends with SIGINT, SIGTERM or SIGHUP, or as --linger says; exit code 0, or
another with an error on stderr: see nexus-gateway --help.";

/// The arguments of `nexus-gateway publish`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct PublishConfig {
    /// Take subscribers (TCP) and requests (UDP) here, HOST:PORT; port 0 takes
    /// a free one, which is printed
    #[arg(long, value_name = "ADDR")]
    pub listen: Endpoint,

    /// Send MoldUDP64 packets there too, HOST:PORT; a receiver or a multicast
    /// group, through the interface of --listen. May be given several times
    #[arg(long, value_name = "ADDR")]
    pub udp: Vec<Endpoint>,

    /// What is played.
    #[command(flatten)]
    pub source: SourceConfig,

    /// Messages a second [default: as fast as they are taken; 100,000 with
    /// --udp]
    #[arg(long, value_name = "N", value_parser = at_most(1, 100_000_000))]
    pub rate: Option<u64>,

    /// What the session is called: up to 10 printable characters
    #[arg(long, value_name = "NAME", default_value = "NEXUS")]
    pub session: SessionName,

    /// Who may log in: up to 6 letters and digits
    #[arg(long, value_name = "NAME", default_value = "")]
    pub user: User,

    /// And with which password.
    #[command(flatten)]
    pub password: PasswordConfig,

    /// End so long after the last message was sent and nobody is connected or asks
    /// any more: 5s [default: stay]
    #[arg(long, value_name = "TIME", value_parser = waiting_time(Duration::ZERO))]
    pub linger: Option<Duration>,

    /// Run the loop on this core
    #[arg(long, value_name = "CORE")]
    pub pin: Option<usize>,

    /// To test receivers: lose so many of 100 UDP packets on purpose, answers
    /// included
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = at_most(0, 90),
          requires = "udp")]
    pub loss: u64,

    /// Which packets are lost
    #[arg(long, value_name = "N", default_value_t = 1, requires = "udp")]
    pub loss_seed: u64,

    /// How often peers hear of each other.
    #[command(flatten)]
    pub rhythm: RhythmConfig,
}

impl PublishConfig {
    /// Messages a second, if they are not sent as fast as they are taken.
    pub fn rate(&self) -> Option<u64> {
        match self.udp.is_empty() {
            true => self.rate,
            false => Some(self.rate.unwrap_or(UDP_RATE)),
        }
    }
}
