//! Cache lines of its own.

/// Keeps its content on cache lines of its own. 128 bytes, because adjacent
/// lines are prefetched in pairs on current x86-64 machines.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct CachePadded<T>(pub(crate) T);

impl<T> std::ops::Deref for CachePadded<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
