//! The handle that waits for a task's output.

use super::header::Header;
use super::state::Ended;
use crate::thread;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::task::{Context, Poll};

/// A spawned task: a future of its output, and the means to end it.
///
/// Returned by `spawn_boxed`, `spawn_slab` and `SlabClaim::spawn`. It stays on
/// the runtime's thread; dropping it detaches the task, which runs on.
///
/// # Panics
/// Awaiting it panics when no output can come any more, and says where the
/// task was spawned: the output was taken before, the task panicked, or the
/// runtime is gone.
///
/// # Cancel safety
/// Await `&mut handle`: what is dropped then is a reference, and the handle can be
/// awaited again. Dropping the handle itself detaches the task.
///
/// # Example
/// ```
/// use nexus_async_rt::{Runtime, spawn_boxed};
/// use nexus_rt::WorldBuilder;
///
/// let mut world = WorldBuilder::new().build();
/// let mut rt = Runtime::new(&mut world);
/// let sum = rt.block_on(async {
///     let a = spawn_boxed(async { 1 });
///     let b = spawn_boxed(async { 2 });
///     a.await + b.await
/// });
/// assert_eq!(sum, 3);
/// ```
///
/// It does not leave its thread:
/// ```compile_fail,E0277
/// fn send<T: Send>(_: T) {}
/// fn check(handle: nexus_async_rt::JoinHandle<()>) {
///     send(handle);
/// }
/// ```
pub struct JoinHandle<T> {
    task: NonNull<Header>,
    /// Neither `Send` nor `Sync`: the task's plain fields are its owner's.
    output: PhantomData<(*const (), T)>,
}

impl<T> Unpin for JoinHandle<T> {}

// A task's state is in order wherever foreign code runs, and a task that panicked
// gives no output.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    /// - `task` has just been placed with its handle bit set, and its output is
    ///   of type `T`.
    pub(crate) unsafe fn new(task: NonNull<Header>) -> Self {
        Self {
            task,
            output: PhantomData,
        }
    }

    fn header(&self) -> &Header {
        // SAFETY: alive, because the handle bit keeps it until `drop`.
        unsafe { self.task.as_ref() }
    }

    /// Whether the task has ended, in whatever way.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.header().state.is_completed()
    }

    /// Ends the task; whether it was still running.
    ///
    /// The future is dropped before this returns, unless it is being polled
    /// further up the stack: then right after that.
    ///
    /// # Panics
    /// Hands on the panic of the future's destructor, unless the thread is
    /// unwinding already.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::{Runtime, spawn_boxed, yield_now};
    /// use nexus_rt::WorldBuilder;
    /// use std::rc::Rc;
    ///
    /// let mut world = WorldBuilder::new().build();
    /// let mut rt = Runtime::new(&mut world);
    /// rt.block_on(async {
    ///     let owned = Rc::new(());
    ///     let held = owned.clone();
    ///     let task = spawn_boxed(async move {
    ///         std::future::pending::<()>().await;
    ///         drop(held);
    ///     });
    ///     yield_now().await;
    ///     assert!(task.abort());
    ///     assert_eq!(Rc::strong_count(&owned), 1);
    /// });
    /// ```
    pub fn abort(self) -> bool {
        // SAFETY: alive, with a handle; this is the owning thread, because a
        // handle is not `Send`.
        unsafe { (self.header().vtable.abort)(self.task.as_ptr()) }
    }

    #[cold]
    fn refuse(&self) -> ! {
        let header = self.header();
        let reason = match header.state.ended() {
            Some(Ended::Panicked) => "it panicked",
            Some(Ended::Aborted) => "it was aborted",
            Some(Ended::Shutdown) => "its runtime was dropped before it ended",
            Some(Ended::Returned) | None => "its output has been taken already",
        };
        panic!(
            "no output can come from the task spawned at {}: {reason}",
            header.location
        );
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let header = self.header();
        if !header.state.is_completed() {
            register(header, cx);
            // The drop of a former waker is foreign code: it may have driven
            // the task to its end.
            if !header.state.is_completed() {
                return Poll::Pending;
            }
        }
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        if !header.state.take_output() {
            self.refuse();
        }
        thread::completed();
        // SAFETY: in the block, because the table is of this task; the output
        // is there and ours, because `take_output` said so; it is a `T`,
        // guaranteed by `JoinHandle::new`.
        let output = unsafe {
            ptr::read(
                self.task
                    .as_ptr()
                    .cast::<u8>()
                    .add(header.vtable.output_offset)
                    .cast::<T>(),
            )
        };
        Poll::Ready(output)
    }
}

/// Leaves the caller's waker. Foreign code (clone, drop) runs while the cell is
/// empty, so that it may do as it likes.
fn register(header: &Header, cx: &Context<'_>) {
    let old = header.joiner.take();
    if old.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
        header.joiner.set(old);
        return;
    }
    drop(old);
    let replaced = header.joiner.replace(Some(cx.waker().clone()));
    drop(replaced);
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        struct Release(NonNull<Header>);
        impl Drop for Release {
            fn drop(&mut self) {
                // SAFETY: alive until here, because its handle bit was set;
                // not touched afterwards.
                unsafe {
                    let header = self.0.as_ref();
                    header.state.drop_handle();
                    (header.vtable.release)(self.0.as_ptr());
                }
            }
        }
        // First declared, last dropped: also if a destructor panics below.
        let _release = Release(self.task);
        let header = self.header();
        let _joiner = header.joiner.take();
        if header.state.take_output() {
            // SAFETY: `take_output` said so; the owning thread, because a
            // handle is not `Send`.
            unsafe { (header.vtable.drop_output)(self.task.as_ptr()) };
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("spawned_at", &format_args!("{}", self.header().location))
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
