//! The handle that waits for a task's output.

use super::abort::AbortHandle;
use super::header::Header;
use super::outcome::OutcomeFut;
use super::state::Ended;
use crate::thread;
use crate::unwind::{caught, hand_on, keep_first};
use std::fmt;
use std::marker::PhantomData;
use std::mem::needs_drop;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::task::{Context, Poll, Waker};

/// A spawned task: a future of its output, and the means to end it.
///
/// Returned by `spawn_boxed`, `spawn_slab` and `SlabClaim::spawn`. It stays on
/// the runtime's thread. Dropping it detaches the task, which runs on. If the task
/// has finished, dropping it drops the output. In a destructor that is part of
/// another task's end, the output is queued, as an [abort](JoinHandle::abort) is.
///
/// # Panics
/// - Awaiting it panics when no output can come any more, and says where the task
///   was spawned. That is so if the output was taken before, the task panicked or
///   was aborted, or the runtime is gone. [`outcome`](JoinHandle::outcome)
///   returns an error instead.
/// - Dropping it hands on the panic of the output's destructor, unless the thread
///   is unwinding already: then the panic is swallowed.
///
/// # Cancel safety
/// Await `&mut handle`: what is dropped then is a reference, and the handle can be
/// awaited again. Dropping the handle itself detaches the task.
///
/// # Example
/// ```
/// use nexus_async_rt::{RuntimeBuilder, spawn_boxed};
///
/// let mut rt = RuntimeBuilder::new().build();
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

// A panic leaves the task's state whole: foreign code runs with nothing open. The
// output can be reached by value alone.
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
        self.header().state.has_ended()
    }

    /// Ends the task. Returns whether it was still running.
    ///
    /// The future is dropped before this returns, with two exceptions:
    ///
    /// - The future is being polled further up the stack. It is dropped right after
    ///   that poll. If that poll returns the output, the abort has no effect.
    /// - The caller is a destructor that is part of another task's end: by an abort,
    ///   by a panic, by the drop of its output, or with the runtime. The abort is
    ///   queued. [`is_finished`](JoinHandle::is_finished) stays `false`, and the
    ///   future is dropped before the outermost of these calls returns. A destructor
    ///   that blocks until then, in an executor of its own, blocks for ever.
    ///
    /// Tasks that abort each other therefore need no stack for each other, however
    /// many there are. Values nested in values are dropped one inside the other, as
    /// everywhere in Rust.
    ///
    /// # Panics
    /// With the first panic of a destructor, when all that was queued is done. It is
    /// swallowed if the thread is unwinding already.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::{RuntimeBuilder, spawn_boxed, yield_now};
    /// use std::rc::Rc;
    ///
    /// let mut rt = RuntimeBuilder::new().build();
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

    /// A second handle that can abort the task while this one awaits it.
    ///
    /// # Example
    /// See [`AbortHandle`].
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle {
        // SAFETY: alive, because the handle bit keeps it; of this thread.
        unsafe { AbortHandle::new(self.task) }
    }

    /// Waits until the task ends, and returns its output, or the reason why there
    /// is none.
    ///
    /// # Errors
    /// If the task was aborted, panicked, or was dropped with its runtime. A second
    /// call returns the same error.
    ///
    /// # Panics
    /// If the output has been taken already, by this or by awaiting the handle.
    ///
    /// # Cancel safety
    /// The future borrows the handle. Dropping it loses nothing: a loop that
    /// selects over it calls `outcome` again.
    ///
    /// # Example
    /// ```
    /// use nexus_async_rt::{JoinError, RuntimeBuilder, spawn_boxed};
    ///
    /// let mut rt = RuntimeBuilder::new().build();
    /// rt.block_on(async {
    ///     assert_eq!(spawn_boxed(async { 7 }).outcome().await, Ok(7));
    ///
    ///     let mut task = spawn_boxed(std::future::pending::<()>());
    ///     task.abort_handle().abort();
    ///     let error = task.outcome().await.unwrap_err();
    ///     assert!(matches!(error, JoinError::Aborted { .. }));
    ///     assert_eq!(error.location().file(), file!());
    /// });
    /// ```
    pub fn outcome(&mut self) -> OutcomeFut<'_, T> {
        OutcomeFut::new(self)
    }

    /// The output, or how the task ended without one.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Ended>> {
        let header = self.header();
        if !header.state.has_ended() {
            register(header, cx);
            // The drop of a former waker is foreign code: it may have driven
            // the task to its end.
            if !header.state.has_ended() {
                return Poll::Pending;
            }
        }
        if !thread::may_complete(cx) {
            return Poll::Pending;
        }
        if !header.state.take_output() {
            return Poll::Ready(Err(header.state.ended().unwrap_or(Ended::Returned)));
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
        Poll::Ready(Ok(output))
    }

    /// Where the task was spawned.
    pub(super) fn location(&self) -> &'static Location<'static> {
        self.header().location
    }

    /// No output can come.
    #[cold]
    pub(super) fn refuse(&self, ended: Ended) -> ! {
        let reason = match ended {
            Ended::Panicked => "it panicked",
            Ended::Aborted => "it was aborted",
            Ended::Shutdown => "its runtime was dropped before it ended",
            Ended::Returned => "its output has been taken already",
        };
        panic!(
            "no output can come from the task spawned at {}: {reason}",
            self.location()
        );
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.poll_end(cx) {
            Poll::Ready(Ok(output)) => Poll::Ready(output),
            Poll::Ready(Err(ended)) => self.refuse(ended),
            Poll::Pending => Poll::Pending,
        }
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
        let header = self.header();
        let joiner = header.joiner.take();
        if joiner.is_some() || (needs_drop::<T>() && header.state.has_output()) {
            // SAFETY: alive, with this handle, which is of its thread and is not
            // used afterwards.
            return unsafe { drop_what_is_left(self.task.as_ptr(), joiner) };
        }
        header.state.drop_handle();
        // SAFETY: alive until here, because its handle bit was set; of its thread;
        // not touched afterwards.
        unsafe { (header.vtable.release)(self.task.as_ptr()) };
    }
}

/// Drops a handle with the waker that it has left and the output that nobody has
/// taken. Hands on the first panic.
///
/// # Safety
/// - `task` is alive and has a handle; this is its owning thread.
/// - Neither is used afterwards.
#[cold]
unsafe fn drop_what_is_left(task: *const Header, joiner: Option<Waker>) {
    let mut first = joiner.and_then(|joiner| caught(|| drop(joiner)));
    // SAFETY: alive, because the handle bit was set; not touched after `discard` or
    // `release`, of which each is called as its table's type says.
    unsafe {
        (*task).state.drop_handle();
        if (*task).state.begin_discard() {
            keep_first(&mut first, ((*task).vtable.discard)(task));
        } else {
            ((*task).vtable.release)(task);
        }
    }
    hand_on(first);
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("spawned_at", &format_args!("{}", self.header().location))
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
