//! The memory of the byte records. Knows no header and no atomic.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::record::{Geometry, Span};
#[cfg(all(test, nexus_loom))]
use crate::sync::UnsafeCell;

/// Bytes of a cache line.
const LINE: usize = 64;

/// The memory of the records, on cache lines of its own.
#[derive(Debug)]
pub(super) struct Payload {
    start: NonNull<u8>,
    layout: Layout,
    /// Stands for the bytes of each granule, so that a model sees which thread
    /// uses them.
    #[cfg(all(test, nexus_loom))]
    granules: Box<[UnsafeCell<()>]>,
}

impl Payload {
    pub(super) fn new(geometry: &Geometry) -> Self {
        let layout = Layout::from_size_align(geometry.capacity(), 64)
            .expect("Geometry limits the capacity to what can be addressed");
        // SAFETY: the size is not 0, guaranteed by `Geometry`.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout));
        let mut memory = NonNull::slice_from_raw_parts(start, layout.size());
        // SAFETY: allocated above, with that size; every byte is 0.
        unsafe { super::touch(memory.as_mut()) };
        Self {
            start,
            layout,
            #[cfg(all(test, nexus_loom))]
            granules: (0..geometry.granules())
                .map(|_| UnsafeCell::new(()))
                .collect(),
        }
    }

    #[inline(always)]
    pub(super) fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset < self.layout.size());
        // SAFETY: inside the allocation, because offsets are positions modulo
        // its size, guaranteed by `Geometry::offset`.
        unsafe { self.start.add(offset) }
    }

    /// Takes the lines of a span for this core, by writing to each of them.
    ///
    /// # Safety
    ///
    /// - The bytes of the span are this thread's alone.
    #[inline(always)]
    pub(super) unsafe fn take_lines(&self, geometry: &Geometry, span: Span) {
        self.assert_exclusive(geometry, span);
        let first = self.at(geometry.offset(span.position)).as_ptr();
        for offset in (0..span.len).step_by(LINE) {
            // SAFETY: inside the span, which is in one piece and this
            // thread's, guaranteed by this function's contract. Volatile, so
            // that it is not left out.
            unsafe { first.add(offset).write_volatile(0) };
        }
    }

    #[cfg(not(all(test, nexus_loom)))]
    #[inline(always)]
    pub(super) fn assert_exclusive(&self, _: &Geometry, _: Span) {}

    #[cfg(all(test, nexus_loom))]
    pub(super) fn assert_exclusive(&self, geometry: &Geometry, span: Span) {
        self.each(geometry, span, |granule| granule.with_mut(|_| ()));
    }

    #[cfg(all(test, nexus_loom))]
    fn each(&self, geometry: &Geometry, span: Span, visit: impl Fn(&UnsafeCell<()>)) {
        let first = geometry.index(span.position);
        let count = geometry.stride(span.len) as usize * self.granules.len() / self.layout.size();
        self.granules[first..first + count].iter().for_each(visit);
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout and not freed yet, guaranteed by
        // `new` and by ownership.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}
