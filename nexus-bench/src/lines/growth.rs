//! How costs grow: each line beside the next is a curve.

use crate::harness::{Line, Side};
use crate::peers::ours;
use crate::workload::growth::{channels, sockets, tasks};
use crate::workload::{bytes, typed};

type Ours = ours::Boxed;

/// A line for each value. `$run` takes the operations and the value.
macro_rules! curve {
    ($line:path, $name:literal, $run:expr, [$($value:literal),* $(,)?]) => {
        [$($line(
            concat!($name, ", ", stringify!($value)),
            vec![Side::new("ours", |ops| $run(ops, $value))],
        )),*]
    };
}

/// A ring of 4 MiB holds the longest message four times.
const RING: usize = 4 << 20;
const ROOM: usize = 1024;

/// The lines of this workload. Timers beside others are lines of `timers`.
pub(super) fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(curve!(
        Line::one_thread,
        "tasks that run in turn",
        tasks,
        [1, 100, 10_000, 1_000_000]
    ));
    lines.extend(curve!(
        Line::one_thread,
        "channels, one message each in turn",
        channels,
        [1, 100, 10_000, 100_000]
    ));
    lines.extend(curve!(
        Line::one_thread,
        "datagram round trip, idle sockets beside it",
        sockets,
        [0, 100, 10_000]
    ));
    lines.extend(curve!(
        Line::one_thread,
        "local awaited, capacity",
        typed::between_tasks::<Ours, ours::Local>,
        [1, 16, 256, 4_096, 65_536]
    ));
    lines.extend(curve!(
        Line::two_cores,
        "spsc awaited, capacity",
        typed::one_producer::<Ours, ours::Spsc>,
        [1, 16, 256, 4_096, 65_536]
    ));
    lines.extend(curve!(
        Line::two_cores,
        "mpsc awaited, producers",
        |ops, count| typed::producers::<Ours, ours::Mpsc>(ops, ROOM, count),
        [1, 4, 16, 64]
    ));
    lines.extend(curve!(
        Line::two_cores,
        "spsc_bytes awaited, bytes a message",
        |ops, len| bytes::awaited::<Ours, ours::SpscBytes>(ops, RING, len),
        [16, 256, 4_096, 65_536, 1_048_576]
    ));
    lines
}
