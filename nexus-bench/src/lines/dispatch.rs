//! Polling tasks that wake themselves, and dispatching handlers from one.

use crate::harness::{Line, Side};
use crate::peers::{monoio::Monoio, ours, published, smol::Smol, tokio::Tokio};
use crate::workload::dispatch::{by_hand, by_ref, by_value};
use crate::workload::world::{lent, owned};

/// The lines of this workload.
pub(super) fn lines() -> Vec<Line> {
    vec![
        Line::one_thread(
            "dispatch, 1 task",
            vec![
                Side::new("ours", |ops| by_ref::<ours::Boxed>(ops, 1)),
                Side::published("published 0.7.0", |ops| by_ref::<published::Boxed>(ops, 1)),
                Side::new("tokio LocalSet", |ops| by_ref::<Tokio>(ops, 1)),
                Side::new("monoio", |ops| by_ref::<Monoio>(ops, 1)),
                Side::new("smol LocalExecutor", |ops| by_ref::<Smol>(ops, 1)),
                Side::new("limit: by hand", |ops| by_hand(ops, 1)),
            ],
        ),
        Line::one_thread(
            "dispatch, 64 tasks",
            vec![
                Side::new("ours", |ops| by_ref::<ours::Boxed>(ops, 64)),
                Side::new("ours, slab", |ops| by_ref::<ours::Slab>(ops, 64)),
                Side::published("published 0.7.0", |ops| by_ref::<published::Boxed>(ops, 64)),
                Side::new("tokio LocalSet", |ops| by_ref::<Tokio>(ops, 64)),
                Side::new("monoio", |ops| by_ref::<Monoio>(ops, 64)),
                Side::new("smol LocalExecutor", |ops| by_ref::<Smol>(ops, 64)),
                Side::new("limit: by hand", |ops| by_hand(ops, 64)),
            ],
        ),
        Line::one_thread(
            "clone and wake by value, 64 tasks",
            vec![
                Side::new("ours", |ops| by_value::<ours::Boxed>(ops, 64)),
                Side::published("published 0.7.0", |ops| {
                    by_value::<published::Boxed>(ops, 64)
                }),
                Side::new("tokio LocalSet", |ops| by_value::<Tokio>(ops, 64)),
                Side::new("monoio", |ops| by_value::<Monoio>(ops, 64)),
            ],
        ),
        Line::one_thread(
            "handler of the World, from a task",
            vec![
                Side::new("ours", lent::<ours::Boxed>),
                Side::published("published 0.7.0", lent::<published::Boxed>),
                Side::new("limit: without a runtime", owned),
            ],
        ),
    ]
}
