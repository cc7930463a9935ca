//! Typed channels between threads, 1024 messages of `u64`.

use crate::harness::{Line, Side};
use crate::peers::channels::{AsyncChannel, CrossfireMpsc, CrossfireSpsc, Flume, Kanal, Tachyonix};
use crate::peers::rings::{Crossbeam, Disruptor, Ringbuf, Rtrb};
use crate::peers::{ours, published, tokio};
use crate::workload::typed::{one_producer, producers, spinning};

type Ours = ours::Boxed;
type Published = published::Boxed;
type Tokio = tokio::Tokio;

const ROOM: usize = 1024;

fn spsc() -> Vec<Side> {
    vec![
        Side::new("ours", |ops| one_producer::<Ours, ours::Spsc>(ops, ROOM)),
        Side::published("published 0.7.0", |ops| {
            one_producer::<Published, published::Spsc>(ops, ROOM)
        }),
        Side::new("tokio mpsc", |ops| {
            one_producer::<Tokio, tokio::Mpsc>(ops, ROOM)
        }),
        Side::new("tachyonix", |ops| {
            one_producer::<Ours, Tachyonix>(ops, ROOM)
        }),
        Side::new("crossfire", |ops| {
            one_producer::<Ours, CrossfireSpsc>(ops, ROOM)
        }),
        Side::new("kanal", |ops| one_producer::<Ours, Kanal>(ops, ROOM)),
        Side::new("limit: rtrb, spinning", |ops| {
            one_producer::<Ours, Rtrb>(ops, ROOM)
        }),
    ]
}

fn mpsc_one() -> Vec<Side> {
    vec![
        Side::new("ours", |ops| producers::<Ours, ours::Mpsc>(ops, ROOM, 1)),
        Side::published("published 0.7.0", |ops| {
            producers::<Published, published::Mpsc>(ops, ROOM, 1)
        }),
        Side::new("tokio mpsc", |ops| {
            producers::<Tokio, tokio::Mpsc>(ops, ROOM, 1)
        }),
        Side::new("tachyonix", |ops| {
            producers::<Ours, Tachyonix>(ops, ROOM, 1)
        }),
        Side::new("crossfire", |ops| {
            producers::<Ours, CrossfireMpsc>(ops, ROOM, 1)
        }),
        Side::new("kanal", |ops| producers::<Ours, Kanal>(ops, ROOM, 1)),
        Side::new("async-channel", |ops| {
            producers::<Ours, AsyncChannel>(ops, ROOM, 1)
        }),
        Side::new("flume", |ops| producers::<Ours, Flume>(ops, ROOM, 1)),
    ]
}

fn mpsc_four() -> Vec<Side> {
    vec![
        Side::new("ours", |ops| producers::<Ours, ours::Mpsc>(ops, ROOM, 4)),
        Side::published("published 0.7.0", |ops| {
            producers::<Published, published::Mpsc>(ops, ROOM, 4)
        }),
        Side::new("tokio mpsc", |ops| {
            producers::<Tokio, tokio::Mpsc>(ops, ROOM, 4)
        }),
        Side::new("tachyonix", |ops| {
            producers::<Ours, Tachyonix>(ops, ROOM, 4)
        }),
        Side::new("crossfire", |ops| {
            producers::<Ours, CrossfireMpsc>(ops, ROOM, 4)
        }),
        Side::new("kanal", |ops| producers::<Ours, Kanal>(ops, ROOM, 4)),
    ]
}

fn spsc_spinning() -> Vec<Side> {
    vec![
        Side::new("ours", |ops| spinning::<Ours, ours::Spsc>(ops, ROOM)),
        Side::published("published 0.7.0", |ops| {
            spinning::<Published, published::Spsc>(ops, ROOM)
        }),
        Side::new("tokio mpsc", |ops| {
            spinning::<Tokio, tokio::Mpsc>(ops, ROOM)
        }),
        Side::new("rtrb", |ops| spinning::<Ours, Rtrb>(ops, ROOM)),
        Side::new("ringbuf", |ops| spinning::<Ours, Ringbuf>(ops, ROOM)),
        Side::new("disruptor", |ops| spinning::<Ours, Disruptor>(ops, ROOM)),
        Side::new("crossbeam-channel", |ops| {
            spinning::<Ours, Crossbeam>(ops, ROOM)
        }),
    ]
}

/// The lines of this workload.
pub(super) fn lines() -> Vec<Line> {
    vec![
        Line::two_cores("spsc, awaited", spsc()),
        Line::two_cores("spsc, spinning", spsc_spinning()),
        Line::two_cores("mpsc, awaited, 1 producer", mpsc_one()),
        Line::two_cores("mpsc, awaited, 4 producers", mpsc_four()),
    ]
}
