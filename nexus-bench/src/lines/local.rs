//! A channel inside one thread.

use crate::harness::{Line, Side};
use crate::peers::channels::{Kanal, Unsync};
use crate::peers::{limit::Deque, ours, published, tokio};
use crate::workload::typed::{between_tasks, try_both};

type Ours = ours::Boxed;
type Published = published::Boxed;
type Tokio = tokio::Tokio;

/// The lines of this workload.
pub(super) fn lines() -> Vec<Line> {
    vec![
        Line::one_thread(
            "local, try",
            vec![
                Side::new("ours", try_both::<Ours, ours::Local>),
                Side::published("published 0.7.0", try_both::<Published, published::Local>),
                Side::new("tokio mpsc", try_both::<Tokio, tokio::Mpsc>),
                Side::new("kanal", try_both::<Ours, Kanal>),
                Side::new("limit: VecDeque", try_both::<Ours, Deque>),
            ],
        ),
        Line::one_thread(
            "local, awaited, capacity 64",
            vec![
                Side::new("ours", |ops| between_tasks::<Ours, ours::Local>(ops, 64)),
                Side::published("published 0.7.0", |ops| {
                    between_tasks::<Published, published::Local>(ops, 64)
                }),
                Side::new("tokio mpsc", |ops| {
                    between_tasks::<Tokio, tokio::Mpsc>(ops, 64)
                }),
                Side::new("unsync", |ops| between_tasks::<Ours, Unsync>(ops, 64)),
                Side::new("kanal", |ops| between_tasks::<Ours, Kanal>(ops, 64)),
            ],
        ),
        Line::one_thread(
            "local, awaited, capacity 2",
            vec![
                Side::new("ours", |ops| between_tasks::<Ours, ours::Local>(ops, 2)),
                Side::published("published 0.7.0", |ops| {
                    between_tasks::<Published, published::Local>(ops, 2)
                }),
                Side::new("tokio mpsc", |ops| {
                    between_tasks::<Tokio, tokio::Mpsc>(ops, 2)
                }),
                Side::new("unsync", |ops| between_tasks::<Ours, Unsync>(ops, 2)),
                Side::new("kanal", |ops| between_tasks::<Ours, Kanal>(ops, 2)),
            ],
        ),
    ]
}
