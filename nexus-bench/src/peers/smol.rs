//! smol's `LocalExecutor`.

use super::Executor;
use async_executor::{LocalExecutor, Task};
use std::cell::Cell;

/// Its tasks.
#[derive(Debug)]
pub struct Smol;

thread_local! {
    /// The executor that the thread runs. Leaked: a bench process runs one.
    static CURRENT: Cell<Option<&'static LocalExecutor<'static>>> = const { Cell::new(None) };
}

/// `future` on an executor of its own, which is from now on this thread's.
pub(super) fn on_executor<F: Future + 'static>(future: F) -> impl Future<Output = F::Output> {
    let executor: &LocalExecutor<'_> = Box::leak(Box::default());
    CURRENT.set(Some(executor));
    executor.run(future)
}

impl Executor for Smol {
    type Join<T: 'static> = Task<T>;

    fn block_on<F: Future + 'static>(future: F) -> F::Output {
        futures_lite::future::block_on(on_executor(future))
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        CURRENT
            .get()
            .unwrap_or_else(|| panic!("`spawn` outside `block_on`"))
            .spawn(future)
    }
}
