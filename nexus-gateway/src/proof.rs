//! How hard the tests try.

use proptest::test_runner::Config;

/// The scale of all counts: `NEXUS_PROOF`, 1 (quick) where it is not set.
pub(crate) fn scale() -> u32 {
    match std::env::var("NEXUS_PROOF") {
        Ok(value) => value.parse().expect("NEXUS_PROOF is a whole number"),
        Err(_) => 1,
    }
}

/// Property tests: `cases` at scale 1.
pub(crate) fn cases(cases: u32) -> Config {
    Config::with_cases(cases.saturating_mul(scale()))
}
