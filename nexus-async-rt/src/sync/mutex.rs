//! The lock of the protocols.

use super::RawMutex;
#[cfg(nexus_tsan)]
use super::{AtomicBool, Ordering};

/// A lock for short sections that run no user code.
#[derive(Debug, Default)]
pub struct Mutex<T> {
    raw: RawMutex<T>,
    /// ThreadSanitizer does not see into the lock of the standard library: a
    /// flag that each holder hands to the next shows it the order.
    #[cfg(nexus_tsan)]
    handed: AtomicBool,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            raw: RawMutex::new(value),
            #[cfg(nexus_tsan)]
            handed: AtomicBool::new(false),
        }
    }

    /// Runs `f` on the value. Poison is ignored: `f` runs no user code, so a
    /// panic inside is a failed assertion of ours that already unwinds.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let mut value = self
            .raw
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Ordering: Acquire; pairs with the Release store below.
        #[cfg(nexus_tsan)]
        self.handed.load(Ordering::Acquire);
        let result = f(&mut value);
        // Ordering: Release; pairs with the next holder's Acquire load.
        #[cfg(nexus_tsan)]
        self.handed.store(true, Ordering::Release);
        result
    }
}
