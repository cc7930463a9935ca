//! Timers.

use nexus_bench::harness::{Line, Side, run};
use nexus_bench::peers::{monoio::Monoio, ours, published, tokio::Tokio};
use nexus_bench::workload::timers::{churn, lateness};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(&[
        Line::one_thread(
            "timer made, polled, dropped",
            vec![
                Side::new("ours", |ops| churn::<ours::Boxed>(ops, 0)),
                Side::new("ours, sleep_until", |ops| churn::<ours::FromTurn>(ops, 0)),
                Side::published("published 0.7.0", |ops| churn::<published::Boxed>(ops, 0)),
                Side::new("tokio", |ops| churn::<Tokio>(ops, 0)),
                Side::new("monoio", |ops| churn::<Monoio>(ops, 0)),
            ],
        ),
        Line::one_thread(
            "the same beside 10,000",
            vec![
                Side::new("ours", |ops| churn::<ours::Boxed>(ops, 10_000)),
                Side::new("ours, sleep_until", |ops| {
                    churn::<ours::FromTurn>(ops, 10_000)
                }),
                Side::published("published 0.7.0", |ops| {
                    churn::<published::Boxed>(ops, 10_000)
                }),
                Side::new("tokio", |ops| churn::<Tokio>(ops, 10_000)),
                Side::new("monoio", |ops| churn::<Monoio>(ops, 10_000)),
            ],
        ),
        Line::one_thread(
            "sleep of 1 ms, late by",
            vec![
                Side::new("ours", lateness::<ours::Boxed>),
                Side::published("published 0.7.0", lateness::<published::Boxed>),
                Side::new("tokio", lateness::<Tokio>),
                Side::new("monoio", lateness::<Monoio>),
            ],
        ),
    ])
}
