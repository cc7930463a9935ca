//! Properties of random inputs, which a seed repeats.

use crate::seed::{NAME, seed};
use crate::watchdog::panic_of;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::cell::RefCell;

/// Tries `cases` inputs; a failure names the seed.
pub fn property<S: Strategy>(cases: usize, input: S, test: impl Fn(S::Value)) {
    let seed = seed();
    let config = Config {
        cases: cases as u32,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    let checked = TestRunner::new(config).run(&input, |input| {
        test(input);
        Ok(())
    });
    if let Err(failure) = checked {
        panic!("{failure}\n{NAME}={seed}");
    }
    // What a soak adds up.
    println!("cases: {cases}");
}

#[test]
fn a_seed_repeats_a_property() {
    let drawn = || {
        let drawn = RefCell::new(Vec::new());
        property(50, proptest::num::u64::ANY, |n| drawn.borrow_mut().push(n));
        drawn.into_inner()
    };
    let first = drawn();
    assert_eq!(first.len(), 50);
    assert_eq!(first, drawn());
}

#[test]
fn a_property_that_does_not_hold_names_the_seed() {
    let failure = panic_of(|| property(50, 0..100u64, |n| assert!(n > 99, "{n} is too small")));
    let seed = format!("{NAME}={}", seed());
    assert!(
        failure.contains("0 is too small") && failure.contains(&seed),
        "{failure}"
    );
}
