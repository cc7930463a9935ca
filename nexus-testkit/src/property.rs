//! Properties of random inputs, which a seed repeats.

use crate::scale::scaled;
use crate::seed::{NAME, seed};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// For the macros of proptest: `cases` at the everyday scale. What it prints is shown
/// when the test fails, and a soak adds up the cases.
///
/// # Panics
/// If the scale or the seed is not an integer.
#[must_use]
pub fn config(cases: usize) -> Config {
    let (cases, seed) = (scaled(cases), seed());
    println!("{NAME}={seed}\ncases: {cases}");
    Config {
        rng_seed: RngSeed::Fixed(seed),
        ..Config::with_cases(count(cases))
    }
}

fn count(cases: usize) -> u32 {
    u32::try_from(cases).unwrap_or(u32::MAX)
}

/// Tries `cases` inputs.
///
/// # Panics
/// If `test` panics for one of them, with the smallest such input that was found, and
/// the seed.
pub fn property<S: Strategy>(cases: usize, input: S, test: impl Fn(S::Value)) {
    let seed = seed();
    let config = Config {
        cases: count(cases),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panic_of;
    use std::cell::RefCell;

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
}
