//! How much stack a future takes on its way into the runtime.

use nexus_async_rt::{ByteSlab, Runtime, claim_slab, spawn_boxed, spawn_slab, yield_now};
use nexus_rt::WorldBuilder;
use std::hint::black_box;
use std::process::Command;

const SIZE: usize = 1 << 20;

/// What everything else takes, with room.
const SLACK: usize = 192 << 10;

/// The future itself, which is the caller's, and what is copied of it.
const STACK: usize = if cfg!(debug_assertions) {
    3 * SIZE
} else {
    SIZE + SIZE / 10
} + SLACK;

const VARIABLE: &str = "NEXUS_STACK_CASE";

/// A future of more than [`SIZE`] bytes, on the stack of nobody before it is made.
async fn large() -> usize {
    let held = [1u8; SIZE];
    yield_now().await;
    black_box(&held).len()
}

/// Runs `root` in a runtime that is made here.
fn with_slab<T>(f: impl FnOnce(&mut Runtime<'_>) -> T) -> T {
    let mut world = WorldBuilder::new().build();
    let mut rt = Runtime::builder(&mut world)
        .slab_unbounded(ByteSlab::<{ SIZE + 4096 }>::with_chunk_capacity(1))
        .build();
    f(&mut rt)
}

type Case = fn();

const CASES: &[(&str, Case)] = &[
    ("the root", || {
        assert_eq!(with_slab(|rt| rt.block_on(large())), SIZE);
    }),
    ("the root, busy", || {
        assert_eq!(with_slab(|rt| rt.block_on_busy(large())), SIZE);
    }),
    ("spawn_boxed", || {
        let root = async { spawn_boxed(large()).await };
        assert_eq!(with_slab(|rt| rt.block_on(root)), SIZE);
    }),
    ("spawn_slab", || {
        let root = async { spawn_slab(large()).await };
        assert_eq!(with_slab(|rt| rt.block_on(root)), SIZE);
    }),
    ("SlabClaim::spawn", || {
        let root = async { claim_slab().spawn(large()).await };
        assert_eq!(with_slab(|rt| rt.block_on(root)), SIZE);
    }),
    ("Runtime::spawn_boxed", || {
        let spawned = |rt: &mut Runtime<'_>| {
            let task = rt.spawn_boxed(large());
            rt.block_on(task)
        };
        assert_eq!(with_slab(spawned), SIZE);
    }),
    ("Runtime::spawn_slab", || {
        let spawned = |rt: &mut Runtime<'_>| {
            let task = rt.spawn_slab(large());
            rt.block_on(task)
        };
        assert_eq!(with_slab(spawned), SIZE);
    }),
];

#[test]
#[ignore = "is run by the test below, once for each case"]
fn one_case() {
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| CASES[0].0.into());
    let (_, case) = CASES.iter().find(|(name, _)| *name == wanted).unwrap();
    let thread = std::thread::Builder::new().stack_size(STACK);
    thread.spawn(case).unwrap().join().unwrap();
}

#[test]
fn a_future_is_copied_at_most_twice() {
    each_case_has_enough();
}

#[test]
#[ignore = "the same in a release build, where there is no copy"]
fn stress_a_future_is_not_copied() {
    each_case_has_enough();
}

#[track_caller]
fn each_case_has_enough() {
    let failed: Vec<_> = CASES
        .iter()
        .filter_map(|(name, _)| {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "runtime::stack::one_case", "--ignored"])
                .env(VARIABLE, name)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            (!output.status.success()).then_some((name, said))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
