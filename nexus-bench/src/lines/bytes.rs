//! Byte channels between threads.

use crate::harness::{Line, Side};
use crate::peers::channels::Thingbuf;
use crate::peers::rings::{Bbqueue, RtrbBytes};
use crate::peers::{ours, published, tokio};
use crate::workload::bytes::{awaited, spinning};

type Ours = ours::Boxed;
type Published = published::Boxed;
type Tokio = tokio::Tokio;

const LARGE: usize = 1 << 20;
const SMALL: usize = 64 << 10;

/// Two threads that spin: of one kind and length.
macro_rules! both_spin {
    ($kind:ident, $len:literal) => {
        vec![
            Side::new("ours", |ops| {
                spinning::<Ours, ours::$kind>(ops, LARGE, $len)
            }),
            Side::published("published 0.7.0", |ops| {
                spinning::<Published, published::$kind>(ops, LARGE, $len)
            }),
            Side::new("tokio mpsc of Vec", |ops| {
                spinning::<Tokio, tokio::Vecs>(ops, LARGE, $len)
            }),
            Side::new("thingbuf of Vec", |ops| {
                spinning::<Ours, Thingbuf>(ops, LARGE, $len)
            }),
            Side::new("rtrb chunks", |ops| {
                spinning::<Ours, RtrbBytes>(ops, LARGE, $len)
            }),
            Side::new("bbqueue", |ops| spinning::<Ours, Bbqueue>(ops, LARGE, $len)),
        ]
    };
}

/// A thread that spins, and a task that awaits.
macro_rules! one_awaits {
    ($kind:ident, $len:literal) => {
        vec![
            Side::new("ours", |ops| awaited::<Ours, ours::$kind>(ops, SMALL, $len)),
            Side::published("published 0.7.0", |ops| {
                awaited::<Published, published::$kind>(ops, SMALL, $len)
            }),
            Side::new("tokio mpsc of Vec", |ops| {
                awaited::<Tokio, tokio::Vecs>(ops, SMALL, $len)
            }),
            Side::new("thingbuf of Vec", |ops| {
                awaited::<Ours, Thingbuf>(ops, SMALL, $len)
            }),
        ]
    };
}

/// The lines of this workload.
pub(super) fn lines() -> Vec<Line> {
    vec![
        Line::two_cores("spsc_bytes, spinning, 64 B", both_spin!(SpscBytes, 64)),
        Line::two_cores("mpsc_bytes, spinning, 64 B", both_spin!(MpscBytes, 64)),
        Line::two_cores("spsc_bytes, spinning, 1500 B", both_spin!(SpscBytes, 1500)),
        Line::two_cores("mpsc_bytes, spinning, 1500 B", both_spin!(MpscBytes, 1500)),
        Line::two_cores("spsc_bytes, awaited, 64 B", one_awaits!(SpscBytes, 64)),
        Line::two_cores("mpsc_bytes, awaited, 64 B", one_awaits!(MpscBytes, 64)),
        Line::two_cores("spsc_bytes, awaited, 1500 B", one_awaits!(SpscBytes, 1500)),
        Line::two_cores("mpsc_bytes, awaited, 1500 B", one_awaits!(MpscBytes, 1500)),
    ]
}
