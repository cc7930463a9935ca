//! The handle that ends a task and does not wait for it.

use super::header::Header;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

/// Aborts a task, and does not wait for it.
///
/// Obtained from [`JoinHandle::abort_handle`](crate::JoinHandle::abort_handle). It
/// stays on the runtime's thread. It keeps the task's memory, as a waker does, but
/// neither the future nor the output: a task in a slab keeps its slot until the
/// last `AbortHandle` is dropped. Once the task or the runtime has ended, it does
/// nothing.
///
/// # Cost
/// A clone or a drop is a plain addition, without an atomic instruction, until the
/// task has ended.
///
/// # Example
/// ```
/// use nexus_async_rt::{JoinError, RuntimeBuilder, sleep, spawn_boxed};
/// use std::time::Duration;
///
/// let mut rt = RuntimeBuilder::new().build();
/// rt.block_on(async {
///     let mut task = spawn_boxed(sleep(Duration::MAX));
///     let stop = task.abort_handle();
///     spawn_boxed(async move { assert!(stop.abort()) });
///     assert!(matches!(task.outcome().await, Err(JoinError::Aborted { .. })));
///     assert!(!task.abort_handle().abort(), "it has ended");
/// });
/// ```
///
/// It does not leave its thread:
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// fn check(handle: nexus_async_rt::AbortHandle) {
///     send(handle);
/// }
/// ```
pub struct AbortHandle {
    task: NonNull<Header>,
    /// Neither `Send` nor `Sync`: the task's plain fields are its owner's.
    local: PhantomData<*const ()>,
}

// As for `JoinHandle`.
impl UnwindSafe for AbortHandle {}
impl RefUnwindSafe for AbortHandle {}

impl AbortHandle {
    /// # Safety
    /// - `task` is alive, and this is its owning thread.
    pub(super) unsafe fn new(task: NonNull<Header>) -> Self {
        // SAFETY: alive, as the caller says.
        unsafe { task.as_ref() }.state.clone_local();
        Self {
            task,
            local: PhantomData,
        }
    }

    fn header(&self) -> &Header {
        // SAFETY: alive, because this counts as a waker until `drop`.
        unsafe { self.task.as_ref() }
    }

    /// Ends the task, as [`JoinHandle::abort`](crate::JoinHandle::abort) does.
    /// Returns whether it was still running.
    ///
    /// # Panics
    /// As [`JoinHandle::abort`](crate::JoinHandle::abort).
    pub fn abort(&self) -> bool {
        // SAFETY: alive, because this counts as a waker; the owning thread, because
        // it is not `Send`.
        unsafe { (self.header().vtable.abort)(self.task.as_ptr()) }
    }

    /// Whether the task has ended, in whatever way.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.header().state.has_ended()
    }
}

impl Clone for AbortHandle {
    fn clone(&self) -> Self {
        // SAFETY: alive, because this counts as a waker; the owning thread.
        unsafe { Self::new(self.task) }
    }
}

impl Drop for AbortHandle {
    fn drop(&mut self) {
        // SAFETY: the waker that this counts as; the owning thread; not touched
        // afterwards.
        unsafe { (self.header().vtable.drop_waker)(self.task.as_ptr()) }
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("spawned_at", &format_args!("{}", self.header().location))
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
