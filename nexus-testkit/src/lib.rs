//! What the tests of the workspace share. Not published.
//!
//! | module | for |
//! |---|---|
//! | [`scale`] | how much random and concurrent tests do: `NEXUS_PROOF` |
//! | [`seed`] | where random tests begin: `PROPTEST_RNG_SEED` |
//! | [`property`] | properties of random inputs, from that seed |
//! | [`watchdog`] | a hang becomes a failure |
//! | [`panics`] | the message of a panic |
//! | [`hand`] | futures polled by hand, and wakers that misbehave |
//! | [`handoff`] | values between threads that ThreadSanitizer can follow |
//!
//! It knows no runtime and no channel, so every crate can use it.

#![warn(missing_docs)]

pub mod hand;
pub mod handoff;
pub mod panics;
pub mod property;
pub mod scale;
pub mod seed;
pub mod watchdog;

pub use panics::panic_of;
pub use scale::scaled;
pub use seed::seeded;
pub use watchdog::within;
