//! One line: what travels on it, and what sends.
//!
//! A packet's worth of header goes in front of each message, as a transport
//! such as MoldUDP64 would put it there. It is the sequence number, and the
//! moment at which the message was meant to be sent.

use crate::clock::Clock;
use crate::feed::{Line, Player, Schedule};
use crate::latency::Latencies;
use crate::stop::Stop;
use nexus_async_rt::channel::{self, TryClaimError, spsc_bytes};
use nexus_itch::binary_file::FrameError;
use std::thread;
use std::time::Duration;

/// Sequence number and moment, eight bytes each, little-endian.
const HEADER_LEN: usize = 16;

/// Messages held behind a gap.
pub(super) const WINDOW: usize = 1024;

/// A message as it travels, and what its header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) sequence: u64,
    /// When it was meant to be sent, in nanoseconds of the run's clock.
    pub(super) meant: u64,
    pub(super) raw: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes a record apart; `None` for one that [`send`] does not write.
    pub(super) fn open(record: &'a [u8]) -> Option<Self> {
        let (sequence, rest) = record.split_first_chunk()?;
        let (meant, raw) = rest.split_first_chunk()?;
        Some(Self {
            sequence: u64::from_le_bytes(*sequence),
            meant: u64::from_le_bytes(*meant),
            raw,
        })
    }
}

/// What a full line is given to drain.
const NAP: Duration = Duration::from_micros(200);

/// When a line sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) schedule: Schedule,
    pub(super) clock: Clock,
}

/// Sends the whole feed over `line`, when `pace` says or as fast as it is
/// taken, unless it is asked to stop. Waits while the line is full. Returns how late it was with the
/// packets that were meant to be on time.
pub(super) fn feed(
    line: Line,
    mut player: Player,
    mut to: spsc_bytes::Sender,
    pace: Option<Pace>,
    stop: &Stop,
) -> Result<Latencies, FrameError> {
    let mut lateness = Latencies::new();
    let mut meant = 0;
    let mut waited_for = None;
    while let Some((sequence, message)) = player.next()? {
        if stop.is_asked() {
            break;
        }
        if let Some(Pace { schedule, clock }) = &pace {
            meant = schedule.due(sequence);
            if waited_for != Some(meant) {
                waited_for = Some(meant);
                let lag = schedule.lag(sequence, line);
                let now = clock.wait_until(meant + lag);
                if lag == 0 {
                    lateness.record(now - meant);
                }
            }
        }
        if !send(&mut to, sequence, meant, message) {
            // Nobody listens any more: the end that stopped says why.
            break;
        }
    }
    Ok(lateness)
}

/// Sends one message; `false` if nobody listens any more.
///
/// A sender that finds its line full sleeps a little before it asks to be
/// woken. Woken at once, it would find room for one message, fill it, and wait
/// again: two switches of threads for each message.
fn send(to: &mut spsc_bytes::Sender, sequence: u64, meant: u64, message: &[u8]) -> bool {
    let len = HEADER_LEN + message.len();
    let write = |mut claim: channel::WriteClaim<'_, _>| {
        claim[..8].copy_from_slice(&sequence.to_le_bytes());
        claim[8..HEADER_LEN].copy_from_slice(&meant.to_le_bytes());
        claim[HEADER_LEN..].copy_from_slice(message);
        claim.commit();
    };
    match to.try_claim(len).map(write) {
        Ok(()) => return true,
        Err(TryClaimError::Full) => thread::sleep(NAP),
        Err(_) => return false,
    }
    to.blocking_claim(len).map(write).is_ok()
}
