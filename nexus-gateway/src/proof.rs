//! How hard the tests try, and where they begin.

use proptest::test_runner::{Config, RngSeed};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// The scale of all counts: `NEXUS_PROOF`, 1 (quick) where it is not set.
pub(crate) fn scale() -> u32 {
    match std::env::var("NEXUS_PROOF") {
        Ok(value) => value.parse().expect("NEXUS_PROOF is a whole number"),
        Err(_) => 1,
    }
}

/// The variable that fixes what is drawn. proptest reads it, too.
const SEED: &str = "PROPTEST_RNG_SEED";

/// What random tests begin with: what [`SEED`] says, or drawn once.
fn seed() -> u64 {
    static DRAWN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    match std::env::var(SEED) {
        Ok(value) => value
            .parse()
            .unwrap_or_else(|_| panic!("{SEED} is a whole number, got {value:?}")),
        Err(_) => *DRAWN,
    }
}

/// Property tests: `cases` at scale 1. What they print is shown when they fail,
/// and a soak adds up the cases.
pub(crate) fn cases(cases: u32) -> Config {
    let (cases, seed) = (cases.saturating_mul(scale()), seed());
    println!("{SEED}={seed}\ncases: {cases}");
    Config {
        rng_seed: RngSeed::Fixed(seed),
        ..Config::with_cases(cases)
    }
}
