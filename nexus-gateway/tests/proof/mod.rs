//! How hard the tests try, and where they begin.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// The scale of all counts: `NEXUS_PROOF`, 1 (quick) where it is not set.
pub fn scale() -> u32 {
    match std::env::var("NEXUS_PROOF") {
        Ok(value) => value.parse().expect("NEXUS_PROOF is a whole number"),
        Err(_) => 1,
    }
}

/// The variable that fixes what is drawn. proptest reads it, too.
pub const SEED: &str = "PROPTEST_RNG_SEED";

/// What random tests begin with: what [`SEED`] says, or drawn once. Printed, so
/// that a failure shows it.
pub fn seed() -> u64 {
    static DRAWN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    let seed = match std::env::var(SEED) {
        Ok(value) => value
            .parse()
            .unwrap_or_else(|_| panic!("{SEED} is a whole number, got {value:?}")),
        Err(_) => *DRAWN,
    };
    println!("{SEED}={seed}");
    seed
}
