//! How hard the tests try.

/// The scale of all counts: `NEXUS_PROOF`, 1 (quick) where it is not set.
pub fn scale() -> u32 {
    match std::env::var("NEXUS_PROOF") {
        Ok(value) => value.parse().expect("NEXUS_PROOF is a whole number"),
        Err(_) => 1,
    }
}
