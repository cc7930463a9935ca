//! Spawning tasks and joining them.

use crate::harness::{Line, Side};
use crate::peers::{monoio::Monoio, ours, published, smol::Smol, tokio::Tokio};
use crate::workload::spawn::{by_hand, one_by_one, thousand};

/// The lines of this workload.
pub(super) fn lines() -> Vec<Line> {
    vec![
        Line::one_thread(
            "spawn and join, slab, one by one",
            vec![
                Side::new("ours", one_by_one::<ours::Slab>),
                Side::published("published 0.7.0", one_by_one::<published::Slab>),
                Side::new("tokio LocalSet", one_by_one::<Tokio>),
                Side::new("monoio", one_by_one::<Monoio>),
            ],
        ),
        Line::one_thread(
            "spawn and join, boxed, one by one",
            vec![
                Side::new("ours", one_by_one::<ours::Boxed>),
                Side::published("published 0.7.0", one_by_one::<published::Boxed>),
                Side::new("tokio LocalSet", one_by_one::<Tokio>),
                Side::new("monoio", one_by_one::<Monoio>),
                Side::new("smol LocalExecutor", one_by_one::<Smol>),
                Side::new("limit: by hand", by_hand),
            ],
        ),
        Line::one_thread(
            "spawn and join, slab, 1000",
            vec![
                Side::new("ours", thousand::<ours::Slab>),
                Side::published("published 0.7.0", thousand::<published::Slab>),
                Side::new("tokio LocalSet", thousand::<Tokio>),
                Side::new("monoio", thousand::<Monoio>),
            ],
        ),
        Line::one_thread(
            "spawn and join, boxed, 1000",
            vec![
                Side::new("ours", thousand::<ours::Boxed>),
                Side::published("published 0.7.0", thousand::<published::Boxed>),
                Side::new("tokio LocalSet", thousand::<Tokio>),
                Side::new("monoio", thousand::<Monoio>),
                Side::new("smol LocalExecutor", thousand::<Smol>),
            ],
        ),
    ]
}
