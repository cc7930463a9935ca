//! A folder for archives, a feed, and what its archive should be.

use crate::process::{Process, Ran, until};
use nexus_gateway::archive::verify;
use nexus_gateway::feed::{SessionPlan, session};
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use tempfile::TempDir;

/// Shortened: peers hear of each other every 50 ms, and are gone after a
/// second. Less would not do on a machine with other work.
pub const QUICK: &str = "--heartbeat-ms 50 --silence-ms 1000";

/// A folder, and a feed of some length.
pub struct Bench {
    folder: TempDir,
    plan: SessionPlan,
}

impl Bench {
    pub fn new(messages: u64) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            plan: SessionPlan { messages, seed: 3 },
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the feed.
    pub fn feed(&self, more: &str) -> (Process, SocketAddr) {
        Process::feed(&self.played(more))
    }

    /// The arguments that name the feed.
    pub fn played(&self, more: &str) -> String {
        let SessionPlan { messages, seed } = self.plan;
        format!("--messages {messages} --seed {seed} {more}")
    }

    /// Starts a gateway that archives here.
    pub fn run(&self, connect: SocketAddr, more: &str) -> Process {
        let archive = self.path("archive").display().to_string();
        Process::start(&format!(
            "receive --connect {connect} --archive {archive} {more}"
        ))
    }

    pub fn archive(&self) -> PathBuf {
        self.path("archive").join("received.itch50")
    }

    /// What the archive is.
    pub fn archived(&self) -> Vec<u8> {
        fs::read(self.archive()).unwrap()
    }

    /// Waits until something is archived.
    pub fn some(&self) {
        until("an archive", || {
            fs::metadata(self.archive()).is_ok_and(|file| file.len() > 0)
        });
    }

    /// What the archive should be.
    pub fn expected(&self) -> Vec<u8> {
        session(self.plan)
    }

    /// The gateway must have archived the feed, byte for byte.
    pub fn complete(&self, ran: Ran) -> Ran {
        let ran = ran.good();
        ran.shows("the session is over, and complete");
        assert!(self.archived() == self.expected(), "{}", ran.stderr);
        let found = verify(&self.archive()).unwrap();
        assert_eq!(found.records, self.plan.messages);
        ran.shows(&format!("CRC-32C {:08x}, verified", found.crc));
        ran.shows("  0 messages named an unknown order\n");
        ran
    }

    /// The gateway must have archived the beginning of the feed; returns how
    /// many messages.
    pub fn partial(&self, ran: &Ran) -> u64 {
        assert!(self.expected().starts_with(&self.archived()), "{ran:?}");
        verify(&self.archive()).unwrap().records
    }
}

/// A port of the loopback that nobody uses just now.
pub fn free_udp() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}
