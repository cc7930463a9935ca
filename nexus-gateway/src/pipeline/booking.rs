//! The task behind both lines: arbitrates, and applies each first copy to the
//! books in the World.

use super::line::Packet;
use super::{Timing, WINDOW};
use crate::arbiter::{Arbiter, ArbiterCounts};
use crate::latency::{Latencies, Percentiles};
use crate::progress::Counter;
use nexus_async_rt::channel::mpsc;
use nexus_async_rt::with_world;
use nexus_itch::itch::Message;
use nexus_rt::Handler;

/// What the task came to.
#[derive(Debug)]
pub(super) struct Booked {
    pub(super) arbitration: ArbiterCounts,
    pub(super) first_copies: [u64; 2],
    /// Of a paced run only.
    pub(super) latency: Option<Percentiles>,
    /// When it was over, in nanoseconds of the run's clock.
    pub(super) ended: u64,
}

/// Books what comes from both lines until both are gone.
pub(super) async fn book(
    from: mpsc::Receiver<Packet>,
    mut handler: impl Handler<Message>,
    Timing { clock, pace }: Timing,
    progress: Counter,
) -> Booked {
    let mut arbiter = Arbiter::new(WINDOW);
    let mut latencies = Latencies::new();
    let mut first_copies = [0; 2];
    let mut apply = |sequence, packet: Packet| {
        with_world(|world| handler.run(world, packet.message));
        if pace.is_some() {
            latencies.record(clock.now().saturating_sub(packet.meant));
        }
        first_copies[packet.line.index()] += 1;
        progress.set(sequence);
    };
    while let Ok(packet) = from.recv().await {
        arbiter.offer(packet.sequence, packet, &mut apply);
    }
    arbiter.finish(&mut apply);
    Booked {
        arbitration: arbiter.counts(),
        first_copies,
        latency: latencies.percentiles(),
        ended: clock.now(),
    }
}
