//! How much random and concurrent tests do.

/// The variable that scales their counts: an integer, 1 by default.
pub const NAME: &str = "NEXUS_PROOF";

/// What [`NAME`] says.
///
/// # Panics
/// If that is not a positive integer.
#[must_use]
pub fn scale() -> usize {
    let Ok(text) = std::env::var(NAME) else {
        return 1;
    };
    match text.parse() {
        Ok(scale) if scale > 0 => scale,
        _ => panic!("{NAME} must be a positive integer, got {text:?}"),
    }
}

/// `quick` at the everyday scale, more with [`NAME`].
///
/// # Panics
/// As [`scale`].
#[must_use]
pub fn scaled(quick: usize) -> usize {
    quick.saturating_mul(scale())
}
