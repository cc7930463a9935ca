//! The task behind both lines: puts their messages in order, of each the first copy,
//! and hands them to the sink.

use super::line::{Packet, WINDOW};
use super::run::Timing;
use crate::feed::Line;
use crate::latency::{Latencies, Percentiles};
use crate::race::{Either, race};
use crate::sink::Sink;
use crate::world::Arrival;
use nexus_async_rt::channel::{TryRecvError, spsc_bytes};
use nexus_itch::sequencer::{Placed, Sequencer};
use nexus_rt::Handler;

/// Messages taken from one line before the other is looked at.
const TURN: usize = 64;

/// What the lines brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// First copies, by line.
    pub first_copies: [u64; 2],
    /// Second copies, dropped.
    pub duplicates: u64,
    /// Second copies with other bytes than the first.
    pub different: u64,
    /// Messages that came early and were held.
    pub held: u64,
}

/// What the task came to.
#[derive(Debug)]
pub(super) struct Booked {
    pub(super) merged: Merged,
    /// Of a paced run only.
    pub(super) latency: Option<Percentiles>,
    /// When it was over, in nanoseconds of the run's clock.
    pub(super) ended: u64,
}

/// Why the task stopped before its lines did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The archive takes no more.
    Archive,
    /// The record is none that the sender writes.
    Record,
    /// Neither line brought a message, and later ones came.
    Gap,
}

impl Stopped {
    /// The reason, where nobody else has one.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Stopped::Archive => "the archive stopped before the lines",
            Stopped::Record => "a line carried a record that was not sent",
            Stopped::Gap => "both lines lost a message",
        }
    }
}

/// When a message was meant to be sent, and by which line it came.
type Meta = (u64, Line);

/// Takes what comes from both lines until both are gone.
pub(super) async fn merge<H: Handler<Arrival>>(
    lines: [(Line, spsc_bytes::Receiver); 2],
    sink: Sink<H>,
    timing: Timing,
) -> Result<Booked, Stopped> {
    let mut merge = Merge {
        sequencer: Sequencer::new(sink.next(), WINDOW),
        sink,
        timing,
        latencies: Latencies::new(),
        merged: Merged::default(),
    };
    let [(a, mut from_a), (b, mut from_b)] = lines;
    loop {
        let (a_goes_on, some_a) = merge.drain(a, &mut from_a).await?;
        let (b_goes_on, some_b) = merge.drain(b, &mut from_b).await?;
        if some_a || some_b {
            continue;
        }
        match (a_goes_on, b_goes_on) {
            (false, false) => return merge.finish(),
            (true, false) => merge.wait(a, &mut from_a).await?,
            (false, true) => merge.wait(b, &mut from_b).await?,
            (true, true) => match race(from_a.recv(), from_b.recv()).await {
                Either::First(Ok(record)) => merge.take(a, &record).await?,
                Either::Second(Ok(record)) => merge.take(b, &record).await?,
                // The line is gone, as the next look finds.
                Either::First(Err(_)) | Either::Second(Err(_)) => {}
            },
        }
    }
}

struct Merge<H> {
    sequencer: Sequencer<Meta>,
    sink: Sink<H>,
    timing: Timing,
    latencies: Latencies,
    merged: Merged,
}

impl<H: Handler<Arrival>> Merge<H> {
    /// Takes what lies ready on a line. Returns whether more may come, and whether
    /// something came.
    async fn drain(
        &mut self,
        line: Line,
        from: &mut spsc_bytes::Receiver,
    ) -> Result<(bool, bool), Stopped> {
        for taken in 0..TURN {
            match from.try_recv() {
                Ok(record) => self.take(line, &record).await?,
                Err(TryRecvError::Empty) => return Ok((true, taken > 0)),
                Err(TryRecvError::Disconnected) => return Ok((false, taken > 0)),
            }
        }
        Ok((true, true))
    }

    /// Waits for a line that is left alone.
    async fn wait(&mut self, line: Line, from: &mut spsc_bytes::Receiver) -> Result<(), Stopped> {
        match from.recv().await {
            Ok(record) => self.take(line, &record).await,
            Err(_) => Ok(()),
        }
    }

    async fn take(&mut self, line: Line, record: &[u8]) -> Result<(), Stopped> {
        let packet = Packet::open(record).ok_or(Stopped::Record)?;
        let meta = (packet.meant, line);
        match self.sequencer.insert(packet.sequence, meta, packet.raw) {
            Placed::Next => {}
            Placed::Held => self.merged.held += 1,
            Placed::Duplicate => self.merged.duplicates += 1,
            Placed::Differs => {
                self.merged.duplicates += 1;
                self.merged.different += 1;
            }
            // The other line is as far behind as a whole window: what is missing
            // was lost.
            Placed::Beyond => return Err(Stopped::Gap),
        }
        while let Some((sequence, (meant, line), raw)) = self.sequencer.pop() {
            let delivered = self.sink.deliver(sequence, raw.bytes()).await;
            delivered.map_err(|_| Stopped::Archive)?;
            if self.timing.pace.is_some() {
                let now = self.timing.clock.now();
                self.latencies.record(now.saturating_sub(meant));
            }
            self.merged.first_copies[line.index()] += 1;
        }
        Ok(())
    }

    fn finish(self) -> Result<Booked, Stopped> {
        match self.sequencer.held() {
            0 => Ok(Booked {
                merged: self.merged,
                latency: self.latencies.percentiles(),
                ended: self.timing.clock.now(),
            }),
            _ => Err(Stopped::Gap),
        }
    }
}
