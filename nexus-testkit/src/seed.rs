//! The one seed that all random tests draw from.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable that fixes it. proptest reads it, too.
pub const NAME: &str = "PROPTEST_RNG_SEED";

/// The seed of this process: what [`NAME`] says, or drawn once.
///
/// # Panics
/// If [`NAME`] is not an integer.
#[must_use]
pub fn seed() -> u64 {
    // 0 is none.
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    if let Ok(text) = std::env::var(NAME) {
        return text
            .parse()
            .unwrap_or_else(|_| panic!("{NAME} must be an integer, got {text:?}"));
    }
    let own = RandomState::new().hash_one(0) | 1;
    // Ordering: only the number counts.
    let first = DRAWN.compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed);
    first.map_or_else(|first| first, |_| own)
}

/// The [seed](seed()), printed: the output of a test that fails shows it.
///
/// # Panics
/// As [`seed`](seed()).
#[must_use]
pub fn printed() -> u64 {
    let seed = seed();
    println!("{NAME}={seed}");
    seed
}

/// Says on the way to an abort why, and the seed. Not by `eprintln`, which would
/// keep it for a test that ends.
pub fn last_words(why: &str) {
    let _ = writeln!(std::io::stderr(), "{why}; {NAME}={}", seed());
}

/// Runs `f` with the seed, which is printed if it panics.
///
/// # Panics
/// With the panic of `f`.
pub fn seeded<R>(f: impl FnOnce(u64) -> R) -> R {
    struct Named(u64);
    impl Drop for Named {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("repeat with {NAME}={}", self.0);
            }
        }
    }
    let named = Named(seed());
    f(named.0)
}
